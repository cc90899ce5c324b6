/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The time of a report of a thousand places, each with a stack of 16 frames, beside what libdw needs for
 * their addresses, each once: in a process that has named nothing before, and again in one that has. Each
 * such process is a child, in turn. The files are in the system's cache; libdw's own files for the C library,
 * if there are any, are not read by Leash, and therefore not by the loop.
 */
#include <leash/leash.h>

#include <sys/wait.h>

#include "bench-forest.h"
#include "bench-libdw.h"
#include "bench.h"

#define N_STACKS 1000
#define N_REPORTS 5
#define DEPTH 16

#define FOREST(n) extern const BenchTree bench_forest_##n[BENCH_TREES]
FOREST (0);
FOREST (1);
FOREST (2);
FOREST (3);
FOREST (4);
FOREST (5);
FOREST (6);
FOREST (7);
FOREST (8);
FOREST (9);
FOREST (10);
FOREST (11);
FOREST (12);
FOREST (13);
FOREST (14);
FOREST (15);

const BenchTree *const bench_forests[BENCH_FORESTS]
    = { bench_forest_0,  bench_forest_1,  bench_forest_2,  bench_forest_3, bench_forest_4,  bench_forest_5,
        bench_forest_6,  bench_forest_7,  bench_forest_8,  bench_forest_9, bench_forest_10, bench_forest_11,
        bench_forest_12, bench_forest_13, bench_forest_14, bench_forest_15 };

typedef struct
{
  LeashTracker *tracker; /* with all of the stacks */
  GArray *addresses;     /* of Dwarf_Addr: theirs, each once */
} Subject;

/* In milliseconds; the first, the best of those after. */
typedef struct
{
  double first, then;
} Times;

typedef double (*Measure) (const Subject *subject);

static double
since (gint64 start)
{
  return (double) (bench_now () - start) / 1000000;
}

static double
time_report (LeashTracker *tracker, LeashFormat format)
{
  gint64 start = bench_now ();
  g_autofree char *report = leash_tracker_report_full (tracker, format, 0, 0);

  return since (start);
}

static double
time_text (const Subject *subject)
{
  return time_report (subject->tracker, LEASH_FORMAT_TEXT);
}

static double
time_json (const Subject *subject)
{
  return time_report (subject->tracker, LEASH_FORMAT_JSON);
}

static double
time_loop (const Subject *subject, gboolean inlined)
{
  gint64 start = bench_now ();

  if (bench_name_by_libdw ((const Dwarf_Addr *) (gpointer) subject->addresses->data, subject->addresses->len,
                           inlined)
      == 0)
    g_error ("libdw names nothing");
  return since (start);
}

static double
time_libdw (const Subject *subject)
{
  return time_loop (subject, TRUE);
}

static double
time_symbols (const Subject *subject)
{
  return time_loop (subject, FALSE);
}

static void
open_one (gpointer ctx)
{
  leash_track ((LeashContext *) ctx, "file", "a name");
}

static double
time_one_stack (const Subject *subject)
{
  g_autoptr (LeashTracker) tracker = leash_tracker_new ();
  g_autoptr (LeashContext) ctx = leash_context_with_tracker (leash_context_background (), tracker);

  open_one (ctx);
  return time_report (tracker, LEASH_FORMAT_TEXT);
}

static Times
measure (Measure func, const Subject *subject)
{
  Times times = { .first = func (subject) };

  times.then = func (subject);
  for (guint i = 1; i < N_REPORTS; i++)
    times.then = MIN (times.then, func (subject));
  return times;
}

static Times
measure_in_child (Measure func, const Subject *subject)
{
  int ends[2];
  Times times;
  pid_t child;

  if (pipe (ends) != 0 || (child = fork ()) < 0)
    g_error ("no child can be started");
  if (child == 0)
    {
      times = measure (func, subject);
      _exit (write (ends[1], &times, sizeof times) != sizeof times);
    }
  if (read (ends[0], &times, sizeof times) != sizeof times || waitpid (child, NULL, 0) != child)
    g_error ("a child tells nothing");
  close (ends[0]);
  close (ends[1]);
  return times;
}

/* Frames are return addresses: what is named is the call before. */
static void
add_addresses (const LeashResource *resource, GHashTable *known, GArray *addresses)
{
  gconstpointer frames[DEPTH];
  guint n_frames = leash_stack_get_frames (resource->stack, frames, DEPTH);

  for (guint i = 0; i < n_frames; i++)
    {
      Dwarf_Addr address = (guintptr) frames[i] - 1;

      if (g_hash_table_add (known, (gpointer) frames[i]))
        g_array_append_val (addresses, address);
    }
}

static GArray *
list_addresses (LeashTracker *tracker)
{
  g_autoptr (LeashSnapshot) snapshot = leash_snapshot_new (tracker);
  g_autoptr (GHashTable) known = g_hash_table_new (NULL, NULL);
  GArray *addresses = g_array_new (FALSE, FALSE, sizeof (Dwarf_Addr));

  for (gsize i = 0; i < leash_snapshot_get_length (snapshot); i++)
    add_addresses (leash_snapshot_get_resource (snapshot, i), known, addresses);
  return addresses;
}

typedef struct
{
  const char *name;
  Measure func;
  double first[BENCH_ROUNDS], then[BENCH_ROUNDS];
} Case;

static void
run_all (Case *cases, guint n_cases, const Subject *subject)
{
  for (guint round = 0; round < bench_n_rounds (); round++)
    for (guint i = 0; i < n_cases; i++)
      {
        Times times = measure_in_child (cases[i].func, subject);

        cases[i].first[round] = times.first;
        cases[i].then[round] = times.then;
      }
}

static double
get_ratio (const double *a, const double *b)
{
  double ratio[BENCH_ROUNDS];

  for (guint round = 0; round < bench_n_rounds (); round++)
    ratio[round] = a[round] / b[round];
  return bench_median (ratio);
}

int
main (int argc, char **argv)
{
  g_autoptr (LeashTracker) tracker = leash_tracker_new ();
  g_autoptr (LeashContext) ctx = leash_context_with_tracker (leash_context_background (), tracker);
  Subject subject = { .tracker = tracker };
  Case cases[] = {
    { .name = "report of 1,000 stacks of 16 frames: text", .func = time_text },
    { .name = "report of 1,000 stacks of 16 frames: JSON", .func = time_json },
    { .name = "libdw, for the same addresses", .func = time_libdw },
    { .name = "libdw, for the same addresses, symbols and lines only", .func = time_symbols },
    { .name = "report of one stack: text", .func = time_one_stack },
  };

  bench_init (argc, argv);
  g_unsetenv ("DEBUGINFOD_URLS");
  leash_tracker_set_depth (tracker, DEPTH);
  for (guint i = 0; i < N_STACKS; i++)
    bench_climb (i, DEPTH, open_one, ctx);
  subject.addresses = list_addresses (tracker);
  run_all (cases, G_N_ELEMENTS (cases), &subject);
  bench_figure ("report: different addresses", "", subject.addresses->len);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *first = g_strdup_printf ("%s, the first", cases[i].name);
      g_autofree char *then = g_strdup_printf ("%s, then", cases[i].name);

      bench_figure (first, "ms", bench_median (cases[i].first));
      bench_figure (then, "ms", bench_median (cases[i].then));
    }
  bench_target ("report, text, the first, to libdw", "x", get_ratio (cases[0].first, cases[2].first), 1.5);
  bench_target ("report, text, then, to libdw", "x", get_ratio (cases[0].then, cases[2].then), 1.5);
  g_array_unref (subject.addresses);
  return 0;
}
