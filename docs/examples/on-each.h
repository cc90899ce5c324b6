/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * For the examples: runs a test on the disk, in memory, and on a disk that fails at each call in turn, with a
 * context that carries the one or the other.
 */
#pragma once

#include <leash/leash.h>

static void
run_on (LeashTest *test, LeashFs *fs, LeashTestFunc func)
{
  g_autoptr (LeashContext) ctx = NULL;

  g_assert_nonnull (fs);
  ctx = leash_context_with_fs (test->ctx, fs);
  func (ctx, NULL);
}

static void
test_on_host (gconstpointer func)
{
  g_auto (LeashTest) test = leash_test_begin ();
  g_autoptr (LeashFs) fs = leash_dir_fs_new (test.dir, NULL);

  run_on (&test, fs, *(const LeashTestFunc *) func);
}

static void
test_in_memory (gconstpointer func)
{
  g_auto (LeashTest) test = leash_test_begin ();
  g_autoptr (LeashFs) fs = leash_memory_fs_new ();

  run_on (&test, fs, *(const LeashTestFunc *) func);
}

/* func: a LeashTestFunc in a variable that lasts */
static void
add_on_each (const char *path, const LeashTestFunc *func)
{
  g_autofree char *host = g_strconcat (path, "/host", NULL);
  g_autofree char *memory = g_strconcat (path, "/memory", NULL);

  g_test_add_data_func (host, func, test_on_host);
  g_test_add_data_func (memory, func, test_in_memory);
}
