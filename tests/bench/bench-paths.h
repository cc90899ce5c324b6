/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * As many different stacks as are wanted: each bit of a number chooses which of two functions calls the next,
 * which differ in a comment to the assembler, lest the compiler make them one.
 */
#pragma once

#include <glib.h>

#define BENCH_PATH_BITS 14

static void bench_go_path (guint number, guint n_bits, void (*func) (gpointer), gpointer user_data);

static __attribute__ ((noinline)) void
bench_go_left (guint number, guint n_bits, void (*func) (gpointer), gpointer user_data)
{
  bench_go_path (number >> 1, n_bits - 1, func, user_data);
  __asm__ volatile("# left" ::: "memory");
}

static __attribute__ ((noinline)) void
bench_go_right (guint number, guint n_bits, void (*func) (gpointer), gpointer user_data)
{
  bench_go_path (number >> 1, n_bits - 1, func, user_data);
  __asm__ volatile("# right" ::: "memory");
}

/* Calls func below n_bits calls; number tells which. */
G_ALWAYS_INLINE static inline void
bench_go_next (guint number, guint n_bits, void (*func) (gpointer), gpointer user_data)
{
  if ((number & 1) != 0)
    bench_go_right (number, n_bits, func, user_data);
  else
    bench_go_left (number, n_bits, func, user_data);
}

static void
bench_go_path (guint number, guint n_bits, void (*func) (gpointer), gpointer user_data)
{
  if (n_bits == 0)
    func (user_data);
  else
    bench_go_next (number, n_bits, func, user_data);
  __asm__ volatile("" ::: "memory");
}
