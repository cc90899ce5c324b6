/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Walking the frame pointers, beside unw_backtrace() over the same stack: the fastest way that walks, where
 * everything is built with -fno-omit-frame-pointer, as this program is. The C library is not, nor are most
 * others, and a stack ends, or goes astray, at the first frame of theirs: here that is the one that called
 * main().
 */
#include <pthread.h>

#include "bench-calls.h"

static guintptr stack_end; /* of the thread, which is the only one */

static inline guint
walk (void **frames, guint max)
{
  guintptr *frame = __builtin_frame_address (0);
  guint n = 0;

  while (n < max && (guintptr) frame < stack_end - 16 && (guintptr) frame % 8 == 0)
    {
      guintptr *next = (guintptr *) frame[0];

      frames[n++] = (void *) frame[1];
      if (next <= frame)
        break;
      frame = next;
    }
  return n;
}

static void
walk_all (gpointer call, guint n)
{
  void *frames[BENCH_FRAMES_MAX];

  for (guint i = 0; i < n; i++)
    /* The measured function itself, and what is below main() in the C library. */
    if (walk (frames, BENCH_FRAMES_MAX) + 4 < ((BenchCall *) call)->frames)
      g_error ("the frame pointers do not lead to main()");
  __asm__ volatile("" : : "r"(frames) : "memory");
}

static void
find_stack (void)
{
  pthread_attr_t attributes;
  void *start;
  gsize size;

  if (pthread_getattr_np (pthread_self (), &attributes) != 0
      || pthread_attr_getstack (&attributes, &start, &size) != 0)
    g_error ("the stack's bounds are not known");
  stack_end = (guintptr) start + size;
  pthread_attr_destroy (&attributes);
}

G_ALWAYS_INLINE static inline void
compare_at (guint frames)
{
  BenchCall unwinding = { .frames = frames, .func = bench_unwind, .path = BENCH_PATH };
  BenchCall walking = { .frames = frames, .func = walk_all, .path = BENCH_PATH };
  BenchCandidate candidates[] = {
    { .name = "unw_backtrace()", .func = bench_at_depth, .user_data = &unwinding },
    { .name = "frame pointers", .func = bench_at_depth, .user_data = &walking },
  };
  g_autofree char *name = g_strdup_printf ("%u frames: frame pointers", frames);
  g_autofree char *ratio = g_strdup_printf ("%u frames: frame pointers / unw_backtrace()", frames);

  bench_run (candidates, G_N_ELEMENTS (candidates), 50000);
  bench_figure (name, "ns", bench_median (candidates[1].ns));
  bench_figure (ratio, "x", bench_ratio (&candidates[1], &candidates[0]));
}

int
main (int argc, char **argv)
{
  static const guint depths[] = { 8, 16, 32, 64 };

  bench_init (argc, argv);
  find_stack ();
  for (guint i = 0; i < G_N_ELEMENTS (depths); i++)
    compare_at (depths[i]);
  return 0;
}
