/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Run by ./check, which counts its instructions: subject WAY N opens and closes N times below 16 frames. */
#include "../bench-calls.h"

/* A mistake that ./check must find. */
static void
pair_twice (gpointer call, guint n)
{
  bench_pair (call, n);
  bench_pair (call, n);
}

typedef struct
{
  const char *name;
  int level; /* -1 for no tracker */
  BenchFunc func;
} Way;

static const Way ways[] = {
  { "untracked", -1, bench_pair },
  { "off", LEASH_LEVEL_OFF, bench_pair },
  { "count", LEASH_LEVEL_COUNT, bench_pair },
  { "full", LEASH_LEVEL_FULL, bench_pair },
  { "twice", LEASH_LEVEL_FULL, pair_twice },
};

static const Way *
find_way (const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (ways); i++)
    if (strcmp (ways[i].name, name) == 0)
      return &ways[i];
  g_error ("there is no way %s", name);
}

int
main (int argc, char **argv)
{
  const Way *way = find_way (argc > 1 ? argv[1] : "");
  BenchCall call
      = { .frames = 16, .func = way->func, .path = BENCH_PATH, .ctx = leash_context_background () };

  if (way->level >= 0)
    {
      bench_prepare_pair (&call);
      leash_tracker_set_level (leash_context_get_tracker (call.ctx), way->level, 0);
    }
  bench_at_depth (&call, argc > 2 ? (guint) atoi (argv[2]) : 0);
  return 0;
}
