/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The sweep. A run is a LeashTest of its own: a fresh context, tracker and directory, and a file system that
 * is made anew, so that no run sees what another has done. The function's context carries a fault file system
 * and a fault network, and the tracker a hook for fault points, by which the nth call fails, and no other:
 * calls of all kinds are numbered together, in the order in which they are made. The run by which no call is
 * reached any more is the last; what it leaves open is left open without any fault.
 *
 * A file that is leaked at call 3 is leaked at all calls behind it as well. Findings are therefore told apart
 * by where the things were opened that are left, and each comes once, with its report, and with the other
 * calls that lead to it. Something that closes late is waited for, as at any test's end, but once for each
 * finding: what was not closed in a quarter of a second the first time is not waited for again.
 *
 * One fault a run and not several: two faults at once are needed to reach an error path within an error path,
 * and take the square of the runs.
 */
#include "leash-test-private.h"

#include <errno.h>
#include <string.h>

#include <leash/leash-fault-fs.h>
#include <leash/leash-fault-network.h>
#include <leash/leash-test-sweep.h>

#include "leash-error-private.h"
#include "leash-fault-hook-private.h"
#include "leash-fault-rules-private.h"
#include "leash-net-faults-private.h"
#include "leash-quote-private.h"

#define DEFAULT_MAX_RUNS 10000

/* Runs that leave something open: what they leave, descriptors say, is there until the process ends. */
#define MAX_LEAKING_RUNS 200

#define MAX_FINDINGS 20

/* Other calls that are named with a finding. */
#define MAX_NAMED 8

typedef struct
{
  char *key;       /* what was left, whichever call it was; see make_key() */
  GString *text;   /* the call, and the report */
  GString *others; /* a line for each of the first other calls that lead to it */
  guint64 n_others;
} Finding;

/* One sweep as it goes on. */
typedef struct
{
  const LeashSweep *sweep;
  GPtrArray *findings; /* of Finding */
  guint64 n_runs;
  guint64 n_leaking;   /* of them */
  char *first_summary; /* of the first finding; NULL before */
  LeashError code;     /* of the gravest finding */
  const char *stopped; /* why it ended before its time; NULL */
  const char *blind;   /* why it finds less than its reader believes; NULL */
} Progress;

static void
finding_free (gpointer user_data)
{
  Finding *finding = user_data;

  g_free (finding->key);
  g_string_free (finding->text, TRUE);
  g_string_free (finding->others, TRUE);
  g_free (finding);
}

static Finding *
find (Progress *progress, const char *key)
{
  for (guint i = 0; i < progress->findings->len; i++)
    {
      Finding *finding = g_ptr_array_index (progress->findings, i);

      if (strcmp (finding->key, key) == 0)
        return finding;
    }
  return NULL;
}

static gint
compare_lines (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* Where what is open was opened, and what was misused, each once: loops leave more or less of the same. */
static char *
make_key (LeashTracker *tracker)
{
  g_autoptr (LeashSnapshot) snapshot = leash_snapshot_new (tracker);
  g_autoptr (GPtrArray) lines = g_ptr_array_new_with_free_func (g_free);
  GString *key = g_string_new (NULL);

  for (gsize i = 0; i < leash_snapshot_get_length (snapshot); i++)
    {
      const LeashResource *resource = leash_snapshot_get_resource (snapshot, i);

      if ((resource->flags & LEASH_RESOURCE_KEPT) == 0)
        g_ptr_array_add (lines, g_strdup_printf ("%s %u\n", resource->kind, resource->stack));
    }
  for (gsize i = 0; i < leash_snapshot_get_n_misuses (snapshot); i++)
    {
      const LeashMisuse *misuse = leash_snapshot_get_misuse (snapshot, i);

      g_ptr_array_add (lines, g_strdup_printf ("misuse %d %u %u\n", (int) misuse->type, misuse->stack,
                                               misuse->opened_stack));
    }
  g_ptr_array_sort (lines, compare_lines);
  for (guint i = 0; i < lines->len; i++)
    if (i == 0 || strcmp (g_ptr_array_index (lines, i), g_ptr_array_index (lines, i - 1)) != 0)
      g_string_append (key, g_ptr_array_index (lines, i));
  return g_string_free (key, FALSE);
}

static void
add_finding (Progress *progress, const char *key, const char *call, const GError *error)
{
  Finding *finding = g_new0 (Finding, 1);

  if (progress->findings->len == 0)
    progress->first_summary = g_strdup_printf ("%s: %s", call, error->message);
  progress->code = progress->findings->len == 0 ? (LeashError) error->code
                                                : MIN (progress->code, (LeashError) error->code);
  finding->key = g_strdup (key);
  finding->others = g_string_new (NULL);
  finding->text = g_string_new (NULL);
  g_string_append_printf (finding->text, "leash: %s:\n%s", call, leash_error_get_report (error));
  g_ptr_array_add (progress->findings, finding);
}

/* Notes what a run left behind. call says which one failed. */
static void
note (Progress *progress, const char *tracker_key, const char *call, const GError *error)
{
  /* What no tracker knows of, descriptors and threads, has the message only. */
  const char *key = tracker_key[0] != '\0' ? tracker_key : error->message;
  Finding *finding = find (progress, key);

  progress->n_leaking++;
  if (finding == NULL)
    add_finding (progress, key, call, error);
  else if (finding->n_others++ < MAX_NAMED)
    g_string_append_printf (finding->others, "leash: the same %s\n", call);
}

static LeashFs *
make_fs (const LeashSweep *sweep, LeashTest *test)
{
  if (sweep->set_up != NULL)
    return sweep->set_up (test, sweep->data);
  return test->dir != NULL ? leash_dir_fs_new (test->dir, NULL) : NULL;
}

static LeashNetwork *
make_network (const LeashSweep *sweep, LeashTest *test)
{
  return sweep->set_up_network != NULL ? sweep->set_up_network (test, sweep->data)
                                       : leash_host_network_new ();
}

/*
 * What the set-up opened is none of the function's: the descriptor of a rooted directory is open for as long
 * as a file that was opened in it.
 */
static void
begin_census (LeashTestState *state)
{
  leash_census_free (state->before);
  state->before = leash_census_new ();
}

/*
 * The same rule for files, connections and fault points, which number their calls together by counter. It is
 * for one number, and not for the first from there, which there is one of each kind.
 */

static LeashFs *
make_faulty_fs (const LeashSweep *sweep, LeashFs *disk, guint64 nth, guint64 *counter)
{
  LeashFs *fs = leash_fault_fs_new (disk);
  LeashFaultRule rule = {
    .ops = sweep->ops,
    .first = nth,
    .every = G_MAXUINT64,
    .effect = LEASH_FAULT_ERRNO,
    .code = sweep->code != 0 ? sweep->code : EIO,
  };

  leash_fault_fs_count_by (fs, leash_fault_fs_add (fs, &rule), counter);
  return fs;
}

static LeashNetwork *
make_faulty_network (const LeashSweep *sweep, LeashNetwork *inner, guint64 nth, guint64 *counter)
{
  LeashNetwork *network = leash_fault_network_new (inner);
  LeashNetFaultRule rule = {
    .ops = sweep->net_ops,
    .first = nth,
    .every = G_MAXUINT64,
    .effect = LEASH_NET_FAULT_ERRNO,
    .code = sweep->code != 0 ? sweep->code : ECONNRESET,
  };

  leash_fault_network_count_by (network, leash_fault_network_add (network, &rule), counter);
  return network;
}

/* The rule for fault points. */
typedef struct
{
  const LeashSweep *sweep;
  guint64 nth;
  guint64 *counter;
  char *struck; /* the call that failed, owned; NULL before */
} FaultPoints;

/* Whether a list of words has one. */
static gboolean
has_word (const char *words, const char *word)
{
  g_auto (GStrv) list = g_strsplit (words, " ", -1);

  return g_strv_contains ((const char *const *) list, word);
}

/* As calls on files are written: prepare ("SELECT 1") */
static char *
write_call (const char *operation, const char *name)
{
  GString *text = g_string_new (operation);

  g_string_append (text, " (");
  if (name != NULL)
    leash_quote_append (text, name);
  g_string_append_c (text, ')');
  return g_string_free (text, FALSE);
}

static gboolean
ask_at_point (const char *operation, const char *name, gpointer user_data, GError **error)
{
  FaultPoints *points = user_data;
  int code = points->sweep->code != 0 ? points->sweep->code : EIO;

  if ((points->sweep->points != NULL && !has_word (points->sweep->points, operation))
      || __atomic_add_fetch (points->counter, 1, __ATOMIC_RELAXED) != points->nth)
    return TRUE;
  points->struck = write_call (operation, name);
  g_set_error (error, G_IO_ERROR, (int) g_io_error_from_errno (code),
               "%s (injected by the sweep at call %" G_GUINT64_FORMAT ", %s)", g_strerror (code), points->nth,
               points->struck);
  return FALSE;
}

/* Calls the function with the nth call failing. Returns which one that was, NULL when it was not reached. */
static char *
call_with_fault (const LeashSweep *sweep, LeashTest *test, LeashFs *disk, LeashNetwork *wire, guint64 nth)
{
  guint64 n_calls = 0; /* atomic */
  g_autoptr (LeashFs) fs = make_faulty_fs (sweep, disk, nth, &n_calls);
  g_autoptr (LeashNetwork) network = make_faulty_network (sweep, wire, nth, &n_calls);
  g_autoptr (LeashContext) with_fs = leash_context_with_fs (test->ctx, fs);
  g_autoptr (LeashContext) ctx = leash_context_with_network (with_fs, network);
  FaultPoints points = { .sweep = sweep, .nth = nth, .counter = &n_calls };
  char *struck;

  begin_census (test->priv);
  leash_tracker_set_fault_hook (test->tracker, &(LeashFaultHook){ ask_at_point, &points });
  sweep->func (ctx, sweep->data);
  /* What is left open makes calls when it is closed after all. */
  leash_tracker_set_fault_hook (test->tracker, NULL);
  leash_fault_fs_remove (fs, 1);
  leash_fault_network_remove (network, 1);
  struck = points.struck != NULL ? points.struck : leash_fault_fs_get_last (fs);
  return struck != NULL ? struck : leash_fault_network_get_last (network);
}

/* Returns FALSE when the nth call was not reached, or nothing can be run. */
static gboolean
run (Progress *progress, guint64 nth)
{
  LeashTest test = leash_test_begin ();
  g_autoptr (GError) error = NULL;
  g_autoptr (LeashFs) disk = make_fs (progress->sweep, &test);
  g_autoptr (LeashNetwork) wire = make_network (progress->sweep, &test);
  gboolean can_run = disk != NULL && wire != NULL;
  g_autofree char *struck = can_run ? call_with_fault (progress->sweep, &test, disk, wire, nth) : NULL;
  g_autofree char *key = make_key (test.tracker);
  g_autofree char *call = struck != NULL
                              ? g_strdup_printf ("when call %" G_GUINT64_FORMAT " fails, %s", nth, struck)
                              : g_strdup ("with no call failing");

  if (!can_run)
    progress->stopped
        = disk == NULL ? "there was no file system to run on" : "there was no network to run on";
  g_clear_object (&disk);
  g_clear_object (&wire);
  progress->blind = leash_test_why_blind (test.tracker);
  ((LeashTestState *) test.priv)->is_impatient = find (progress, key) != NULL;
  progress->n_runs++;
  if (!leash_test_finish (&test, &error))
    note (progress, key, call, error);
  return struck != NULL;
}

static void
run_all (Progress *progress)
{
  guint64 max_runs = progress->sweep->max_runs != 0 ? progress->sweep->max_runs : DEFAULT_MAX_RUNS;
  guint64 nth = MAX (progress->sweep->first, 1);

  while (run (progress, nth++))
    {
      if (progress->n_runs == max_runs)
        progress->stopped = "it was not through after as many runs as it may have: does each make more calls "
                            "than the one before?";
      else if (progress->n_leaking == MAX_LEAKING_RUNS)
        progress->stopped = "too many runs left something open";
      else if (progress->findings->len == MAX_FINDINGS)
        progress->stopped = "there are more findings than anybody reads";
      if (progress->stopped != NULL)
        return;
    }
}

static char *
write_report (const Progress *progress)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < progress->findings->len; i++)
    {
      const Finding *finding = g_ptr_array_index (progress->findings, i);

      g_string_append (text, finding->text->str);
      g_string_append (text, finding->others->str);
      if (finding->n_others > MAX_NAMED)
        g_string_append_printf (text, "leash: and when %" G_GUINT64_FORMAT " further calls fail\n",
                                finding->n_others - MAX_NAMED);
    }
  if (progress->stopped != NULL)
    g_string_append_printf (text, "leash: the sweep ended after %" G_GUINT64_FORMAT " runs: %s\n",
                            progress->n_runs, progress->stopped);
  return g_string_free (text, FALSE);
}

static char *
write_summary (const Progress *progress)
{
  if (progress->first_summary == NULL)
    return g_strdup_printf ("the sweep ended after %" G_GUINT64_FORMAT " runs: %s", progress->n_runs,
                            progress->stopped);
  return g_strdup_printf ("%" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
                          " runs left something behind, first %s",
                          progress->n_leaking, progress->n_runs, progress->first_summary);
}

static gboolean
sweep_all (const LeashSweep *sweep, const char **ret_blind, GError **error)
{
  g_autoptr (GPtrArray) findings = g_ptr_array_new_with_free_func (finding_free);
  Progress progress = { .sweep = sweep, .findings = findings, .code = LEASH_ERROR_STILL_OPEN };
  g_autofree char *report = NULL;
  g_autofree char *summary = NULL;

  run_all (&progress);
  *ret_blind = progress.blind;
  if (findings->len == 0 && progress.stopped == NULL)
    return TRUE;
  report = write_report (&progress);
  summary = write_summary (&progress);
  g_free (progress.first_summary);
  leash_set_error_with_report (error, progress.code, summary, report);
  return FALSE;
}

/**
 * leash_test_sweep_check: (skip)
 * @sweep: what is swept, and how
 * @error: what was found
 *
 * Sweeps as leash_test_sweep_full() does, but leaves it to the caller to print and fail: for other test
 * frameworks than GTest. leash_error_get_report() gives the whole text of the error.
 *
 * Returns: %TRUE when every run ended with nothing open or otherwise wrong
 *
 * Since: 0.1
 */
gboolean
leash_test_sweep_check (const LeashSweep *sweep, GError **error)
{
  const char *blind;

  g_return_val_if_fail (sweep != NULL, FALSE);
  g_return_val_if_fail (sweep->func != NULL, FALSE);
  g_return_val_if_fail (sweep->code >= 0, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  return sweep_all (sweep, &blind, error);
}

/**
 * leash_test_sweep_full: (skip)
 * @sweep: what is swept, and how
 *
 * Runs a function with its first call on files, connections or behind a fault point failing, then with the
 * second, and so on until it makes none more, and asks after each run what leash_test_end() asks: whether
 * anything is still open or was misused. What the function makes of the errors is its own affair. Everything
 * found is printed as TAP diagnostics, with the call that failed, and fails the test, through GTest.
 *
 * The calls counted are those on the file system and the network of the context that the function gets, and
 * on what is opened there; closing is one too. Files and connections have no descriptor then. Calls of other
 * libraries are counted where those have a leash_fault_point(), as leash-sql-1 has, through a context with
 * the tracker that the function gets or with one nested in it; not without tracking. A run that crashes is
 * the test's crash. The function may start threads, if it waits for them; what may wait for ever when a call
 * on a connection has failed needs a deadline.
 *
 * Use it by itself: within a test of leash_test_begin(), descriptors and threads are not counted.
 *
 * Since: 0.1
 */
void
leash_test_sweep_full (const LeashSweep *sweep)
{
  g_autoptr (GError) error = NULL;
  const char *blind;

  g_return_if_fail (sweep != NULL);
  g_return_if_fail (sweep->func != NULL);
  g_return_if_fail (sweep->code >= 0);

  if (!sweep_all (sweep, &blind, &error))
    {
      leash_test_print_lines (leash_error_get_report (error));
      g_test_fail_printf ("%s", error->message);
    }
  if (blind != NULL)
    leash_test_print_lines (blind);
}

/**
 * leash_test_sweep: (skip)
 * @func: (scope call) (closure data): what is swept
 * @data: what it is called with
 *
 * Sweeps a function on an empty file system and the host's network; see leash_test_sweep_full().
 *
 * Since: 0.1
 */
void
leash_test_sweep (LeashTestFunc func, gpointer data)
{
  g_return_if_fail (func != NULL);

  leash_test_sweep_full (&(LeashSweep){ .func = func, .data = data });
}
