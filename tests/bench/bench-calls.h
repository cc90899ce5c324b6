/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Calls as a program makes them, between main() and what is measured: several functions, frames of several
 * sizes, two of them of a size that is not known before, called through pointers; and what is measured below
 * them. Which function calls which is a path, a number with two bits for each level.
 *
 * The benchmarks inline what is between main() and the first of these, so that a stack of eight frames can be
 * had.
 */
#pragma once

#ifndef UNW_LOCAL_ONLY
  #define UNW_LOCAL_ONLY
#endif
#include <leash/leash.h>
#include <libunwind.h>

#include "bench.h"

#define BENCH_FRAMES_MAX 64
#define BENCH_PATHS_MAX 1024
/* A path as good as any. */
#define BENCH_PATH 0x9e3779b97f4a7c15

typedef struct
{
  guint frames;      /* of the stack that begins in the measured function */
  BenchFunc func;    /* the measured function; its user_data is this */
  LeashContext *ctx; /* with a tracker, by bench_prepare_*() */
  guint n_paths;     /* for bench_over_paths(); 0 for paths that never repeat */
  gboolean moves;    /* whether the same path is never at the same address */
  guint64 path;      /* given for bench_at_depth() */
  guint64 shift;     /* as the path, for what is moved by how much */
  guint n;           /* given to the measured function */
} BenchCall;

typedef guint (*BenchNode) (BenchCall *call, guint level);

static const BenchNode bench_nodes[4];

static inline guint64
bench_random (void)
{
  static guint64 state = 88172645463325252;

  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

static inline BenchNode
bench_get_next (const BenchCall *call, guint level)
{
  return bench_nodes[(call->path >> 2 * (level % 32)) & 3];
}

/* Every level has one call to the next and one to the measured function. */
#define BENCH_GO_ON(call, level, local)                       \
  __asm__ volatile("" : : "r"(local) : "memory");             \
  if ((level) == 0)                                           \
    (call)->func ((call), (call)->n);                         \
  else                                                        \
    level += bench_get_next (call, level) (call, (level) -1); \
  /* So that the calls are no tail calls. */                  \
  __asm__ volatile("" : : "r"(local) : "memory");             \
  return level

static __attribute__ ((noinline)) guint
bench_small (BenchCall *call, guint level)
{
  guchar local[16];

  BENCH_GO_ON (call, level, local);
}

static __attribute__ ((noinline)) guint
bench_large (BenchCall *call, guint level)
{
  guchar local[208];

  BENCH_GO_ON (call, level, local);
}

static __attribute__ ((noinline)) guint
bench_any (BenchCall *call, guint level)
{
  guchar *local = g_alloca (16 + 16 * ((call->shift >> (4 * level % 64)) & 15));

  BENCH_GO_ON (call, level, local);
}

/* Saves more registers than the others. */
static __attribute__ ((noinline)) guint
bench_busy (BenchCall *call, guint level)
{
  guint64 path = call->path;
  guint n = call->n, frames = call->frames, sum = level;
  guchar local[64];

  __asm__ volatile("" : : "r"(local) : "memory");
  if (level == 0)
    call->func (call, n);
  else
    sum += bench_get_next (call, level) (call, level - 1);
  call->path = path;
  call->n = n;
  call->frames = frames;
  __asm__ volatile("" : : "r"(local) : "memory");
  return sum + level;
}

static const BenchNode bench_nodes[4] = { bench_small, bench_any, bench_large, bench_busy };

static __attribute__ ((noinline)) guint
bench_count_frames (void)
{
  void *frames[256];
  int n = unw_backtrace (frames, G_N_ELEMENTS (frames));

  __asm__ volatile("" : : "r"(frames) : "memory");
  return (guint) n;
}

/* How many levels are between the function that this is called in and the measured one. */
static inline guint
bench_get_levels (const BenchCall *call)
{
  guint there = bench_count_frames ();

  if (call->frames <= there)
    g_error ("a stack of %u frames cannot be had below one of %u", call->frames, there);
  return call->frames - there;
}

/* Does the measured function n times at one place: a loop at the end of a path. */
G_GNUC_UNUSED static void
bench_at_depth (gpointer user_data, guint n)
{
  BenchCall *call = user_data;
  guint levels = bench_get_levels (call);

  call->n = n;
  bench_get_next (call, levels) (call, levels - 1);
  __asm__ volatile("" ::: "memory");
}

/* Does it once at the end of each of n paths, in random order. */
G_GNUC_UNUSED static void
bench_over_paths (gpointer user_data, guint n)
{
  static guint64 paths[BENCH_PATHS_MAX];
  BenchCall *call = user_data;
  guint levels = bench_get_levels (call);

  for (guint i = 0; i < call->n_paths; i++)
    if (paths[i] == 0)
      paths[i] = bench_random ();
  call->n = 1;
  for (guint i = 0; i < n; i++)
    {
      guint64 random = bench_random ();

      call->path = call->n_paths > 0 ? paths[(random >> 32) % call->n_paths] : random;
      call->shift = call->moves ? bench_random () : 0;
      if (call->moves)
        bench_any (call, levels - 1);
      else
        bench_get_next (call, levels) (call, levels - 1);
    }
}

/* The measured functions. */

G_GNUC_UNUSED static void
bench_nothing (gpointer call, guint n)
{
  for (guint i = 0; i < n; i++)
    __asm__ volatile("" ::: "memory");
}

G_GNUC_UNUSED static void
bench_unwind (gpointer call, guint n)
{
  void *frames[BENCH_FRAMES_MAX];

  for (guint i = 0; i < n; i++)
    unw_backtrace (frames, BENCH_FRAMES_MAX);
  __asm__ volatile("" : : "r"(frames) : "memory");
}

/* The context is looked up each time, as a program's that does something between does. */
G_GNUC_UNUSED static void
bench_pair (gpointer call, guint n)
{
  LeashContext *ctx = ((BenchCall *) call)->ctx;

  for (guint i = 0; i < n; i++)
    {
      __asm__ volatile("" : "+r"(ctx)::"memory");
      leash_untrack (leash_track (ctx, "file", NULL));
    }
}

/* How a candidate is prepared that has nothing to prepare, and that runs in a child of its own still. */
G_GNUC_UNUSED static void
bench_prepare_nothing (gpointer call)
{
}

/* Makes the tracker; LEASH_CAPTURE as it is by default. */
G_GNUC_UNUSED static void
bench_prepare_pair (gpointer call)
{
  g_autoptr (LeashTracker) tracker = leash_tracker_new ();

  leash_tracker_set_depth (tracker, BENCH_FRAMES_MAX);
  ((BenchCall *) call)->ctx = leash_context_with_tracker (leash_context_background (), tracker);
}

/* As that, without the memory of stacks that were walked before. */
G_GNUC_UNUSED static void
bench_prepare_unwind (gpointer call)
{
  g_setenv ("LEASH_CAPTURE", "unwind", TRUE);
  bench_prepare_pair (call);
}
