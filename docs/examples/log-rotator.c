/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A log that is rotated: when it has grown beyond a size, app.log becomes app.log.1, that becomes app.log.2,
 * and so on; the oldest goes. It is written once; the tests run it on the disk, in memory, and on a disk that
 * fails at each call in turn, where no line that was written may be lost.
 */
#include <string.h>

#include "on-each.h"

#define KEPT 3
#define MAX_SIZE 64

static char *
name_of (const char *path, guint age)
{
  return age == 0 ? g_strdup (path) : g_strdup_printf ("%s.%u", path, age);
}

/* From the oldest on, so that each name is free when it is needed; what is missing need not be moved. */
static gboolean
rotate (LeashContext *ctx, const char *path, GError **error)
{
  for (guint age = KEPT; age > 0; age--)
    {
      g_autofree char *from = name_of (path, age - 1);
      g_autofree char *to = name_of (path, age);
      g_autoptr (GError) failed = NULL;

      if (leash_rename (ctx, from, to, &failed) || g_error_matches (failed, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
        continue;
      g_propagate_error (error, g_steal_pointer (&failed));
      return FALSE;
    }
  return TRUE;
}

static gboolean
is_full (LeashContext *ctx, const char *path)
{
  LeashStat stat;

  return leash_stat (ctx, path, &stat, NULL) && stat.size >= MAX_SIZE;
}

/* A log that cannot be rotated is written on: better too long than lost. */
static gboolean
log_line (LeashContext *ctx, const char *path, const char *line, GError **error)
{
  g_autofree char *text = g_strconcat (line, "\n", NULL);

  if (is_full (ctx, path))
    rotate (ctx, path, NULL);
  return leash_append_file (ctx, path, text, strlen (text), 0640, error);
}

/* Tests */

#define LINES 12

/* Logs numbered lines. Returns a bit for each that was taken. */
static guint
log_lines (LeashContext *ctx)
{
  guint taken = 0;

  for (guint i = 0; i < LINES; i++)
    {
      g_autofree char *line = g_strdup_printf ("line %02u of the log", i);

      taken |= log_line (ctx, "app.log", line, NULL) ? 1u << i : 0;
    }
  return taken;
}

/* All logs together, the oldest first. */
static char *
read_logs (LeashContext *ctx)
{
  GString *all = g_string_new (NULL);

  for (guint age = KEPT + 1; age > 0; age--)
    {
      g_autofree char *path = name_of ("app.log", age - 1);
      g_autoptr (GBytes) content = leash_read_file (ctx, path, NULL);

      if (content != NULL)
        g_string_append_len (all, g_bytes_get_data (content, NULL), (gssize) g_bytes_get_size (content));
    }
  return g_string_free (all, FALSE);
}

static void
lines_stay_in_order (LeashContext *ctx, gpointer unused)
{
  g_autofree char *all = NULL;
  g_autoptr (GString) expected = g_string_new (NULL);

  g_assert_cmphex (log_lines (ctx), ==, (1u << LINES) - 1);
  for (guint i = 0; i < LINES; i++)
    g_string_append_printf (expected, "line %02u of the log\n", i);
  all = read_logs (ctx);
  g_assert_cmpstr (all, ==, expected->str);
}

static void
oldest_goes (LeashContext *ctx, gpointer unused)
{
  LeashStat stat;
  g_autofree char *all = NULL;

  log_lines (ctx);
  log_lines (ctx);
  all = read_logs (ctx);
  g_assert_cmpuint (strlen (all), <=, (KEPT + 1) * (MAX_SIZE + 20));
  g_assert_true (leash_stat (ctx, "app.log.3", &stat, NULL));
  g_assert_false (leash_stat (ctx, "app.log.4", &stat, NULL));
}

/* Each run of the sweep has a disk of its own, which does not fail when it is looked at afterwards. */
static LeashFs *
make_disk (LeashTest *test, gpointer disk)
{
  *(LeashFs **) disk = leash_memory_fs_new ();
  return *(LeashFs **) disk;
}

/* Whatever fails: what was taken is there. */
static void
log_and_look (LeashContext *ctx, gpointer disk)
{
  guint taken = log_lines (ctx);
  g_autoptr (LeashContext) plain = leash_context_with_fs (ctx, *(LeashFs **) disk);
  g_autofree char *all = read_logs (plain);

  for (guint i = 0; i < LINES; i++)
    {
      g_autofree char *line = g_strdup_printf ("line %02u of the log\n", i);

      if ((taken & 1u << i) != 0)
        g_assert_nonnull (strstr (all, line));
    }
}

static void
test_fault (void)
{
  LeashFs *disk = NULL;

  leash_test_sweep_full (&(LeashSweep){ .func = log_and_look, .data = &disk, .set_up = make_disk });
}

int
main (int argc, char **argv)
{
  static const LeashTestFunc tests[] = { lines_stay_in_order, oldest_goes };

  g_test_init (&argc, &argv, NULL);
  add_on_each ("/log-rotator/lines-stay-in-order", &tests[0]);
  add_on_each ("/log-rotator/oldest-goes", &tests[1]);
  g_test_add_func ("/log-rotator/fault", test_fault);
  return g_test_run ();
}
