/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One of the files of bench-forest.h: FOREST tells which. The functions differ in a comment to the assembler,
 * lest the compiler make them one. */
#include "bench-forest.h"

#define TREE(n)                                                                                             \
  G_NO_INLINE static void tree_##n (guint number, guint depth, void (*func) (gpointer), gpointer user_data) \
  {                                                                                                         \
    bench_climb (number, depth, func, user_data);                                                           \
    __asm__ volatile("# " #n ::: "memory");                                                                 \
  }                                                                                                         \
  G_STATIC_ASSERT (TRUE)
#define TREES(n) \
  TREE (n##0);   \
  TREE (n##1);   \
  TREE (n##2);   \
  TREE (n##3);   \
  TREE (n##4);   \
  TREE (n##5);   \
  TREE (n##6);   \
  TREE (n##7)
#define NAMES(n) \
  tree_##n##0, tree_##n##1, tree_##n##2, tree_##n##3, tree_##n##4, tree_##n##5, tree_##n##6, tree_##n##7

TREES (0);
TREES (1);
TREES (2);
TREES (3);
TREES (4);
TREES (5);
TREES (6);
TREES (7);

#define FOREST_NAME_(n) bench_forest_##n
#define FOREST_NAME(n) FOREST_NAME_ (n)

extern const BenchTree FOREST_NAME (FOREST)[BENCH_TREES];

const BenchTree FOREST_NAME (FOREST)[BENCH_TREES]
    = { NAMES (0), NAMES (1), NAMES (2), NAMES (3), NAMES (4), NAMES (5), NAMES (6), NAMES (7) };
