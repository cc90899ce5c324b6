/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Stacks as those of a program of some size: a thousand functions in 16 source files, which call one another. A
 * number tells by which of them func is called; the stacks of two numbers differ.
 */
#pragma once

#include <glib.h>

#define BENCH_FORESTS 16 /* as many files as meson.build has */
#define BENCH_TREES 64   /* functions in each */

typedef void (*BenchTree) (guint number, guint depth, void (*func) (gpointer), gpointer user_data);

extern const BenchTree *const bench_forests[BENCH_FORESTS];

/* Inlined, so that each of the functions has another in it. */
G_ALWAYS_INLINE static inline void
bench_climb (guint number, guint depth, void (*func) (gpointer), gpointer user_data)
{
  guint next = ((number + 1) * 2654435761u ^ depth * 40503u * (number + depth)) >> 7;

  if (depth == 0)
    func (user_data);
  else
    bench_forests[next % BENCH_FORESTS][next / BENCH_FORESTS % BENCH_TREES](number, depth - 1, func, user_data);
}
