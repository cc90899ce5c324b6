/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The sweep over fault points: a library of jars has a bug on a way out that only a failing call takes, and
 * is mended. Files are between, for calls of both kinds have one numbering.
 */
#include <errno.h>
#include <string.h>

#include <leash/leash.h>

static void
assert_passes (const LeashSweep *sweep)
{
  g_autoptr (GError) error = NULL;

  if (!leash_test_sweep_check (sweep, &error))
    g_error ("%s\n%s", error->message, leash_error_get_report (error));
}

#define assert_has(text, part)                         \
  G_STMT_START                                         \
  {                                                    \
    if (strstr ((text), (part)) == NULL)               \
      g_error ("“%s” is not in:\n%s", (part), (text)); \
  }                                                    \
  G_STMT_END

/* The library. */

static LeashTag *
jar_open (LeashContext *ctx, const char *name, GError **error)
{
  return leash_fault_point (ctx, "open-jar", name, error) ? leash_track (ctx, "jar", name) : NULL;
}

static gboolean
jar_fill (LeashTag *jar, LeashContext *ctx, GError **error)
{
  return leash_fault_point (ctx, "fill", NULL, error);
}

/* What uses it, and what became of it. */
typedef struct
{
  gboolean is_mended;
  gboolean nests;
  GString *seen; /* a letter for each call, small where it failed */
  GError *last;
} Work;

static gboolean
see (Work *work, char letter, gboolean is_done, GError *error)
{
  g_string_append_c (work->seen, is_done ? letter : g_ascii_tolower (letter));
  if (error != NULL)
    {
      g_clear_error (&work->last);
      work->last = error;
    }
  return is_done;
}

static G_NO_INLINE void
fill_jar (LeashContext *ctx, Work *work)
{
  GError *error = NULL;
  LeashTag *jar = jar_open (ctx, "plums", &error);

  if (!see (work, 'O', error == NULL, error))
    return;
  error = NULL;
  if (see (work, 'F', jar_fill (jar, ctx, &error), error) || work->is_mended)
    leash_untrack (jar);
}

static void
work_with_jar (LeashContext *ctx, gpointer user_data)
{
  Work *work = user_data;
  g_autoptr (LeashTracker) tracker = leash_tracker_new_nested (leash_context_get_tracker (ctx));
  g_autoptr (LeashContext) nested = leash_context_with_tracker (ctx, tracker);
  GError *error = NULL;

  see (work, 'M', leash_mkdir (ctx, "shelf", 0755, &error), error);
  fill_jar (work->nests ? nested : ctx, work);
  error = NULL;
  see (work, 'R', leash_remove (ctx, "shelf", &error), error);
  g_string_append_c (work->seen, ' ');
}

static void
work_set_up (Work *work, gconstpointer unused)
{
  work->seen = g_string_new (NULL);
  work->is_mended = TRUE;
}

static void
work_tear_down (Work *work, gconstpointer unused)
{
  g_string_free (work->seen, TRUE);
  g_clear_error (&work->last);
}

static gboolean
skip_without_tracking (void)
{
  if (leash_has_tracking ())
    return FALSE;
  g_test_skip ("this library is built without tracking");
  return TRUE;
}

static void
test_jar_left_when_filling_fails (Work *work, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  LeashSweep sweep = { .func = work_with_jar, .data = work };

  if (skip_without_tracking ())
    return;
  work->is_mended = FALSE;
  g_assert_false (leash_test_sweep_check (&sweep, &error));
  g_assert_error (error, LEASH_ERROR, LEASH_ERROR_STILL_OPEN);
  g_assert_cmpstr (error->message, ==,
                   "1 of 5 runs left something behind, first when call 3 fails, fill (): 1 resource still "
                   "open, from 1 place: 1 x jar");
  assert_has (leash_error_get_report (error), "1 x jar \"plums\", opened ");
  assert_has (leash_error_get_report (error), "fill_jar ");
}

static void
test_mended_passes (Work *work, gconstpointer unused)
{
  assert_passes (&(LeashSweep){ .func = work_with_jar, .data = work });
  g_assert_cmpstr (work->seen->str, ==,
                   leash_has_tracking () ? "mOFr MoR MOfR MOFr MOFR " : "mOFr MOFr MOFR ");
}

static void
test_points_of_nested_trackers (Work *work, gconstpointer unused)
{
  if (skip_without_tracking ())
    return;
  work->nests = TRUE;
  test_mended_passes (work, NULL);
}

static void
test_error_says_that_it_was_injected (Work *work, gconstpointer unused)
{
  if (skip_without_tracking ())
    return;
  assert_passes (&(LeashSweep){
      .func = work_with_jar, .data = work, .ops = LEASH_FS_OP_READ, .points = "open-jar", .code = ENOSPC });
  g_assert_error (work->last, G_IO_ERROR, G_IO_ERROR_NO_SPACE);
  assert_has (work->last->message, "(injected by the sweep at call 1, open-jar (\"plums\"))");
  assert_has (work->last->message, g_strerror (ENOSPC));
}

static void
test_error_is_eio_unless_told (Work *work, gconstpointer unused)
{
  if (skip_without_tracking ())
    return;
  assert_passes (&(LeashSweep){ .func = work_with_jar, .data = work, .ops = LEASH_FS_OP_READ });
  g_assert_cmpstr (work->seen->str, ==, "MoR MOfR MOFR ");
  g_assert_error (work->last, G_IO_ERROR, (int) g_io_error_from_errno (EIO));
  assert_has (work->last->message, g_strerror (EIO));
}

static void
test_chosen_points (Work *work, gconstpointer unused)
{
  static const struct
  {
    const char *points, *seen;
  } cases[] = { { "fill", "MOfR MOFR " },
                { "fill open-jar", "MoR MOfR MOFR " },
                { "fil open jar", "MOFR " },
                { "", "MOFR " } };

  if (skip_without_tracking ())
    return;
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_string_truncate (work->seen, 0);
      assert_passes (&(LeashSweep){
          .func = work_with_jar, .data = work, .ops = LEASH_FS_OP_READ, .points = cases[i].points });
      g_assert_cmpstr (work->seen->str, ==, cases[i].seen);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, func) g_test_add ("/sweep-points/" name, Work, NULL, work_set_up, func, work_tear_down)
  ADD ("jar-left-when-filling-fails", test_jar_left_when_filling_fails);
  ADD ("mended-passes", test_mended_passes);
  ADD ("points-of-nested-trackers", test_points_of_nested_trackers);
  ADD ("error-says-that-it-was-injected", test_error_says_that_it_was_injected);
  ADD ("error-is-eio-unless-told", test_error_is_eio_unless_told);
  ADD ("chosen-points", test_chosen_points);
  return g_test_run ();
}
