/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Looking stacks of 16 frames up that the depot has, in no order, among few and among many; storing them,
 * which is done once; and what each takes beside its frames.
 */
#include <string.h>

#include "bench.h"
#include "leash-depot-private.h"

#define N_FRAMES 16

typedef struct
{
  guint n_stacks; /* a power of 10 */
  guint next;
  guint64 sum; /* so that nothing is left out */
} Work;

/* They differ in the outermost frames, as those of one program do. */
static LeashStackId
put (guint number)
{
  guintptr frames[N_FRAMES];

  for (guint i = 0; i < N_FRAMES; i++)
    frames[i] = 0x555500001000 + i * 0x1110;
  frames[N_FRAMES - 2] += (number % 1000) * 16;
  frames[N_FRAMES - 1] += (number / 1000) * 16;
  return leash_depot_put (frames, N_FRAMES, LEASH_STACK_LIMITED, NULL);
}

static void
look_up (gpointer user_data, guint n)
{
  Work *work = user_data;

  for (guint i = 0; i < n; i++)
    {
      work->next = (work->next + 7368787u) % work->n_stacks; /* a prime: each comes once in a round */
      work->sum += put (work->next);
    }
}

/* Returns the nanoseconds for one. */
static double
store (guint first, guint end)
{
  gint64 start = bench_now ();

  for (guint i = first; i < end; i++)
    put (i);
  return (double) (bench_now () - start) / (end - first);
}

int
main (int argc, char **argv)
{
  static const guint numbers[] = { 1, 100, 10000, 1000000 };
  guint n_stored = 0;

  g_setenv ("LEASH_DEPOT_LIMIT", "1G", TRUE);
  bench_init (argc, argv);
  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++)
    {
      Work work = { .n_stacks = numbers[i] };
      BenchCandidate candidate = { .func = look_up, .user_data = &work };
      g_autofree char *name = g_strdup_printf ("depot: look-up among %u stacks", numbers[i]);
      double ns = store (n_stored, numbers[i]);

      n_stored = numbers[i];
      bench_run (&candidate, 1, 200000);
      bench_figure (name, "ns", bench_median (candidate.ns));
      if (i == G_N_ELEMENTS (numbers) - 1)
        bench_figure ("depot: to store a new stack", "ns", ns);
    }
  if (leash_depot_count_dropped () > 0)
    g_error ("not all stacks were kept");
  bench_target ("depot: bytes of a stack beside its frames", "bytes",
                (double) leash_depot_get_bytes () / n_stored - N_FRAMES * sizeof (guintptr), 24);
  return 0;
}
