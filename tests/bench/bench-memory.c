/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A million and ten million open resources, from 100 stacks: what opening, counting, a report and closing
 * them in no order cost, and the process's resident memory before, at the top, and after the tracker's end:
 * once with all of them closed, once with all of them open. bench-open.c has the bytes of each.
 */
#include <leash/leash.h>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench-paths.h"
#include "bench.h"

#define N_PATHS 100

typedef struct
{
  LeashContext *ctx;
  LeashTag **tags;
  guint n, n_opened;
} Work;

static void
tell (const Work *work, const char *what, const char *unit, double value, double at_most)
{
  g_autofree char *name = g_strdup_printf ("%u open: %s", work->n, what);

  if (at_most > 0)
    bench_target (name, unit, value, at_most);
  else
    bench_figure (name, unit, value);
}

static double
get_resident_mib (void)
{
  g_autofree char *text = NULL;
  unsigned long total, resident;

  if (!g_file_get_contents ("/proc/self/statm", &text, NULL, NULL)
      || sscanf (text, "%lu %lu", &total, &resident) != 2)
    g_error ("/proc/self/statm cannot be read");
  return (double) resident * (double) sysconf (_SC_PAGESIZE) / (1 << 20);
}

static double
get_peak_mib (void)
{
  struct rusage usage;

  getrusage (RUSAGE_SELF, &usage);
  return (double) usage.ru_maxrss / 1024;
}

static void
open_one (gpointer user_data)
{
  Work *work = user_data;

  work->tags[work->n_opened++] = leash_track (work->ctx, "file", NULL);
}

static void
open_all (Work *work, LeashTracker *tracker)
{
  work->ctx = leash_context_with_tracker (leash_context_background (), tracker);
  work->n_opened = 0;
  for (guint i = 0; i < work->n; i++)
    bench_go_path (i % N_PATHS, BENCH_PATH_BITS, open_one, work);
  if (leash_tracker_count_open (tracker) != work->n)
    g_error ("not all are open");
}

static double
since (gint64 start)
{
  return (double) (bench_now () - start);
}

static void
time_counts (const Work *work, LeashTracker *tracker)
{
  gint64 start = bench_now ();

  leash_tracker_count_open (tracker);
  tell (work, "to count them", "ns", since (start), 0);
  start = bench_now ();
  leash_tracker_count_kind (tracker, "file");
  tell (work, "to count those of a kind", "ms", since (start) / 1e6, 0);
}

/* After the first, whose names take time of their own. */
static void
time_report (const Work *work, LeashTracker *tracker, LeashFormat format, const char *what)
{
  g_autofree char *first = leash_tracker_report_full (tracker, format, 0, 10);
  gint64 start = bench_now ();
  g_autofree char *then = leash_tracker_report_full (tracker, format, 0, 10);

  tell (work, what, "ms", since (start) / 1e6, 0);
}

/* A prime as the step visits each once. */
static void
close_all (Work *work)
{
  gint64 start = bench_now ();

  for (guint i = 0; i < work->n; i++)
    leash_untrack (work->tags[(guint64) i * 49979693 % work->n]);
  tell (work, "to close one of them, in no order", "ns", since (start) / work->n, 0);
}

static void
open_and_close (Work *work, double before)
{
  LeashTracker *tracker = leash_tracker_new ();
  gint64 start = bench_now ();
  double top;

  open_all (work, tracker);
  tell (work, "to open one of them", "ns", since (start) / work->n, 0);
  top = get_resident_mib ();
  tell (work, "resident memory of one", "bytes", (top - before) * (1 << 20) / work->n, 64);
  time_counts (work, tracker);
  time_report (work, tracker, LEASH_FORMAT_TEXT, "report, text");
  time_report (work, tracker, LEASH_FORMAT_JSON, "report, JSON");
  tell (work, "memory that the reports took at most", "MiB", MAX (get_peak_mib () - top, 0), 0);
  close_all (work);
  leash_context_unref (work->ctx);
  leash_tracker_unref (tracker);
  tell (work, "resident memory before", "MiB", before, 0);
  tell (work, "resident memory at the top", "MiB", top, 0);
  tell (work, "resident memory after the tracker's end, all closed", "MiB", get_resident_mib (),
        before + (top - before) / 10);
}

static void
open_and_leave (Work *work, double before)
{
  LeashTracker *tracker = leash_tracker_new ();
  gint64 start;
  double top;

  open_all (work, tracker);
  top = get_resident_mib ();
  start = bench_now ();
  leash_context_unref (work->ctx);
  leash_tracker_unref (tracker);
  tell (work, "the tracker's end, all open", "ms", since (start) / 1e6, 0);
  tell (work, "resident memory after the tracker's end, all open", "MiB", get_resident_mib (),
        before + (top - before) / 10);
}

/* What the first report of a process leaves there, as libdw does, is not of the resources. */
static void
report_once (void)
{
  g_autoptr (LeashTracker) tracker = leash_tracker_new ();
  LeashTag *tag;
  Work work = { .tags = &tag, .n = 1 };

  open_all (&work, tracker);
  g_free (leash_tracker_report_full (tracker, LEASH_FORMAT_TEXT, 0, 0));
  leash_context_unref (work.ctx);
}

/* The tags are the program's: their array is there before. */
static void
measure (guint n)
{
  Work work = { .n = n };
  double before;

  report_once ();
  work.tags = g_new (LeashTag *, n);
  memset (work.tags, 1, n * sizeof *work.tags);
  before = get_resident_mib ();
  open_and_close (&work, before);
  open_and_leave (&work, before);
}

int
main (int argc, char **argv)
{
  static const guint numbers[] = { 1000000, 10000000 };

  bench_init (argc, argv);
  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++)
    {
      pid_t child = fork ();

      if (child == 0)
        {
          measure (bench_scale (numbers[i]));
          _exit (0);
        }
      waitpid (child, NULL, 0);
    }
  return 0;
}
