/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Stacks made up for the purpose: the depot does not ask what an address leads to. */
#include "leash-depot-private.h"
#include "leash-settings-private.h"

#include <string.h>

#define N_MANY 100000
#define N_THREADS 8

/* Addresses as of calls some bytes apart, in one module. */
static void
fill (guintptr *frames, guint n_frames, guint number)
{
  for (guint i = 0; i < n_frames; i++)
    frames[i]
        = 0x7f0000001000 + ((guintptr) (number % 1000) << 6) + ((guintptr) (number / 1000) << 20) + i * 0x111;
}

static LeashStackId
put_number (guint number)
{
  guintptr frames[16];

  fill (frames, G_N_ELEMENTS (frames), number);
  return leash_depot_put (frames, G_N_ELEMENTS (frames), LEASH_STACK_LIMITED, NULL);
}

static void
test_once (void)
{
  guintptr frames[] = { 0x1001, 0x2002, 0x3003, 0x4004, 0x5005 };
  LeashStackId id = leash_depot_put (frames, 5, LEASH_STACK_LIMITED, NULL);
  guint n_stacks = leash_depot_count ();
  const LeashStack *stack = leash_depot_get (id);

  g_assert_cmpuint (id, !=, 0);
  g_assert_cmpmem (stack->frames, stack->n_frames * sizeof (guintptr), frames, sizeof frames);
  g_assert_cmpuint (leash_depot_put (frames, 5, LEASH_STACK_LIMITED, NULL), ==, id);
  g_assert_cmpuint (leash_depot_count (), ==, n_stacks);
}

/* Each differs from the first in one thing. */
static void
test_different (void)
{
  guintptr frames[] = { 0x11001, 0x12002, 0x13003, 0x14004, 0x15005 };
  LeashStackId ids[9];
  guint n = 0;

  ids[n++] = leash_depot_put (frames, 5, LEASH_STACK_LIMITED, NULL);
  ids[n++] = leash_depot_put (frames, 4, LEASH_STACK_LIMITED, NULL);
  ids[n++] = leash_depot_put (frames + 1, 4, LEASH_STACK_LIMITED, NULL);
  ids[n++] = leash_depot_put (frames, 5, LEASH_STACK_PLACE_ONLY, NULL);
  for (guint i = 0; i < 5; i++)
    {
      frames[i]++;
      ids[n++] = leash_depot_put (frames, 5, LEASH_STACK_LIMITED, NULL);
      frames[i]--;
    }
  for (guint i = 0; i < n; i++)
    for (guint j = i + 1; j < n; j++)
      g_assert_cmpuint (ids[i], !=, ids[j]);
}

static void
test_every_length (void)
{
  guintptr frames[LEASH_DEPTH_MAX];
  LeashStackId ids[LEASH_DEPTH_MAX + 1];

  fill (frames, LEASH_DEPTH_MAX, 987654);
  for (guint n = 1; n <= LEASH_DEPTH_MAX; n++)
    ids[n] = leash_depot_put (frames, n, LEASH_STACK_LIMITED, NULL);
  for (guint n = 1; n <= LEASH_DEPTH_MAX; n++)
    {
      const LeashStack *stack = leash_depot_get (ids[n]);

      g_assert_cmpmem (stack->frames, stack->n_frames * sizeof (guintptr), frames, n * sizeof (guintptr));
    }
}

/* Grows the table many times; chunks, too. */
static void
test_many (void)
{
  g_autofree LeashStackId *ids = g_new (LeashStackId, N_MANY);
  guint n_before = leash_depot_count ();
  gsize n_bytes = leash_depot_get_bytes ();
  guint n_differ = 0;

  for (guint i = 0; i < N_MANY; i++)
    ids[i] = put_number (i);
  g_assert_cmpuint (leash_depot_count () - n_before, ==, N_MANY);
  for (guint i = 0; i < N_MANY; i++)
    n_differ += put_number (i) != ids[i];
  g_assert_cmpuint (n_differ, ==, 0);
  g_assert_cmpuint (leash_depot_count () - n_before, ==, N_MANY);
  g_assert_cmpuint (leash_depot_count_dropped (), ==, 0);
  /* 17 words each, and no more than 8 for the tables. */
  g_assert_cmpuint (leash_depot_get_bytes () - n_bytes, <, N_MANY * (gsize) (17 + 8) * 8);
}

/* All put the same stacks at the same time, each in its own order. */
static gint n_waiting; /* atomic */
static LeashStackId ids_of[N_THREADS][1000];

static gpointer
put_all (gpointer number)
{
  guint self = GPOINTER_TO_UINT (number);

  g_atomic_int_inc (&n_waiting);
  while (g_atomic_int_get (&n_waiting) < N_THREADS)
    g_thread_yield ();
  for (guint i = 0; i < 1000; i++)
    {
      guint each = self % 2 == 0 ? i : 999 - i;

      ids_of[self][each] = put_number (5000000 + each);
    }
  return NULL;
}

static void
test_threads (void)
{
  GThread *threads[N_THREADS];
  guint n_before = leash_depot_count ();

  for (guint i = 0; i < N_THREADS; i++)
    threads[i] = g_thread_new ("puts", put_all, GUINT_TO_POINTER (i));
  for (guint i = 0; i < N_THREADS; i++)
    g_thread_join (threads[i]);
  g_assert_cmpuint (leash_depot_count () - n_before, ==, 1000);
  for (guint i = 1; i < N_THREADS; i++)
    g_assert_cmpmem (ids_of[i], sizeof ids_of[i], ids_of[0], sizeof ids_of[0]);
}

static void
test_guesses (void)
{
  guintptr frames[] = { 0x21001, 0x22002, 0x23003 };
  guintptr others[] = { 0x21001, 0x22002, 0x23004 };
  guint32 guess = 0;
  LeashStackId id = leash_depot_put_again (frames, 3, LEASH_STACK_LIMITED, NULL, &guess);

  g_assert_cmpuint (guess, ==, id);
  g_assert_cmpuint (leash_depot_put_again (frames, 3, LEASH_STACK_LIMITED, NULL, &guess), ==, id);
  g_assert_cmpuint (leash_depot_put_again (others, 3, LEASH_STACK_LIMITED, NULL, &guess), !=, id);
  g_assert_cmpuint (guess, !=, id);
  g_assert_cmpuint (leash_depot_put_again (frames, 2, LEASH_STACK_LIMITED, NULL, &guess), !=, id);
  g_assert_cmpuint (leash_depot_put_again (frames, 3, LEASH_STACK_PLACE_ONLY, NULL, &guess), !=, id);
  g_assert_cmpuint (leash_depot_put_again (frames, 3, LEASH_STACK_LIMITED, NULL, &guess), ==, id);
}

/* Any number up to well past the last id: only what was put is a stack, and it comes back as itself. */
static void
test_ids_from_outside (void)
{
  guintptr frames[16];
  LeashStackId last = put_number (6000000);
  guint n_found = 0;

  fill (frames, G_N_ELEMENTS (frames), 6000000);
  g_assert_null (leash_depot_get (0));
  g_assert_null (leash_depot_get (G_MAXUINT32));
  g_assert_null (leash_depot_get (1u << 31));
  for (LeashStackId id = last + 1; id < last + 17; id++)
    g_assert_null (leash_depot_get (id));
  for (LeashStackId id = 1; id < last + 100000; id += id < last ? 1 : 997)
    n_found += leash_depot_get (id) != NULL;
  g_assert_cmpuint (n_found, ==, leash_depot_count ());
}

static void
test_sites (void)
{
  guintptr pc = 0x31001;
  char file[] = "a.c", function[] = "f";
  LeashSite site = { file, 12, function };
  const LeashStack *stack = leash_depot_get (leash_depot_put (&pc, 1, LEASH_STACK_PLACE_ONLY, &site));
  const LeashSite *kept;

  file[0] = 'b'; /* as when the site's module is gone */
  function[0] = 'g';
  kept = leash_depot_get_site (stack->site);
  g_assert_cmpstr (kept->file, ==, "a.c");
  g_assert_cmpuint (kept->line, ==, 12);
  g_assert_cmpstr (kept->function, ==, "f");
  pc++;
  stack = leash_depot_get (leash_depot_put (&pc, 1, LEASH_STACK_PLACE_ONLY, &(LeashSite){ "a.c", 12, "f" }));
  g_assert_true (leash_depot_get_site (stack->site) == kept);
  g_assert_null (leash_depot_get_site (0));
  g_assert_null (leash_depot_get_site (G_MAXUINT32));
}

/* Settings are read once in a process. */
static void
in_subprocess_with_limit (const char *limit)
{
  g_setenv ("LEASH_DEPOT_LIMIT", limit, TRUE);
  g_test_trap_subprocess (NULL, 0, 0);
  g_unsetenv ("LEASH_DEPOT_LIMIT");
  g_test_trap_assert_passed ();
}

/* What is new past the limit gets the one id that stands for all of those; what was there is still found. */
static void
test_limit (void)
{
  LeashStackId first;
  LeashStackId last = 0;
  guint n = 0;

  if (!g_test_subprocess ())
    {
      in_subprocess_with_limit ("200000");
      return;
    }
  first = put_number (0);
  while (leash_depot_count_dropped () == 0 && n < N_MANY)
    last = put_number (++n);
  g_assert_cmpuint (leash_depot_get_bytes (), <=, 200000);
  g_assert_cmpuint (n, >, 200);
  g_assert_cmphex (leash_depot_get (last)->flags & LEASH_STACK_NOT_KEPT, !=, 0);
  g_assert_cmpuint (leash_depot_get (last)->n_frames, ==, 0);
  g_assert_cmpuint (put_number (++n), ==, last);
  g_assert_cmpuint (leash_depot_count_dropped (), ==, 2);
  g_assert_cmpuint (put_number (0), ==, first);
  g_assert_cmpuint (put_number (n - 2), !=, last);
  g_assert_cmpuint (leash_depot_count_dropped (), ==, 2);
}

/* Less than the first chunk takes: a few stacks are kept all the same, and nothing fails. */
static void
test_least_limit (void)
{
  guint n = 0;

  if (!g_test_subprocess ())
    {
      in_subprocess_with_limit ("0");
      return;
    }
  while (leash_depot_count_dropped () == 0 && n < N_MANY)
    put_number (n++);
  g_assert_cmpuint (n, <, 1024);
  g_assert_nonnull (leash_depot_get (put_number (0)));
  g_assert_nonnull (leash_depot_get (put_number (N_MANY)));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/depot/same-stack-is-stored-once", test_once);
  g_test_add_func ("/depot/different-stacks-differ", test_different);
  g_test_add_func ("/depot/every-length", test_every_length);
  g_test_add_func ("/depot/wrong-guesses", test_guesses);
  g_test_add_func ("/depot/sites-are-copied", test_sites);
  g_test_add_func ("/depot/threads-get-one-id", test_threads);
  g_test_add_func ("/depot/ids-from-outside", test_ids_from_outside);
  g_test_add_func ("/depot/hundred-thousand", test_many);
  g_test_add_func ("/depot/limit/past-it-is-counted", test_limit);
  g_test_add_func ("/depot/limit/none-at-all", test_least_limit);
  return g_test_run ();
}
