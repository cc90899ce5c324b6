/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Numbers for strings. The last test uses them all up. */
#include <glib.h>
#include <string.h>

#include "leash-intern-private.h"

static void
test_same_string_same_number (void)
{
  char copy[] = "interned";
  guint16 id = leash_intern ("interned");

  g_assert_cmpuint (leash_intern (copy), ==, id);
  g_assert_cmpuint (leash_intern_lookup (copy), ==, id);
  memset (copy, 'x', sizeof copy - 1);
  g_assert_cmpstr (leash_intern_get (id), ==, "interned");
  g_assert_cmpuint (leash_intern_lookup ("never interned"), ==, 0xffff);
  g_assert_cmpstr (leash_intern_get (leash_intern ("")), ==, "");
}

#define N_THREADS 4
#define N_STRINGS 500

static gpointer
intern_all (gpointer data)
{
  guint16 *ids = data;

  for (guint i = 0; i < N_STRINGS; i++)
    {
      g_autofree char *string = g_strdup_printf ("raced %u", i);

      ids[i] = leash_intern (string);
    }
  return NULL;
}

static void
test_race (void)
{
  guint16 ids[N_THREADS][N_STRINGS];
  GThread *threads[N_THREADS];

  for (int i = 0; i < N_THREADS; i++)
    threads[i] = g_thread_new ("interner", intern_all, ids[i]);
  for (int i = 0; i < N_THREADS; i++)
    g_thread_join (threads[i]);
  for (int i = 1; i < N_THREADS; i++)
    g_assert_cmpmem (ids[i], sizeof ids[i], ids[0], sizeof ids[0]);
}

static void
test_too_many (void)
{
  guint16 known = leash_intern ("known before");

  for (guint i = 0; i < 70000; i++)
    {
      char string[16];

      g_snprintf (string, sizeof string, "many %u", i);
      leash_intern (string);
    }
  g_assert_cmpuint (leash_intern ("known before"), ==, known);
  g_assert_cmpuint (leash_intern ("one too many"), ==, LEASH_INTERN_OTHER);
  g_assert_cmpuint (leash_intern_lookup ("one too many"), ==, 0xffff);
  g_assert_cmpstr (leash_intern_get (LEASH_INTERN_OTHER), ==, "(other)");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/intern/same-string-same-number", test_same_string_same_number);
  g_test_add_func ("/intern/threads-agree", test_race);
  g_test_add_func ("/intern/too-many-are-all-other", test_too_many);
  return g_test_run ();
}
