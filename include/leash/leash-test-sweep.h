/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The sweep: a function is run again and again, and each time another one of its calls on files or connections, or
 * behind a fault point (leash-fault-point.h), fails, until it runs through. Whatever it leaves open on one of its ways
 * out is found, with the call that sent it there.
 *
 *     static void
 *     load (LeashContext *ctx, gpointer unused)
 *     {
 *       Config *config = config_load (ctx, "a.ini", NULL);
 *
 *       config_free (config);
 *     }
 *
 *     leash_test_sweep (load, NULL);
 */
#pragma once

#include <leash/leash-fault-network.h>
#include <leash/leash-fs.h>
#include <leash/leash-test.h>

G_BEGIN_DECLS

/**
 * LeashSweepSetUpFunc:
 * @test: the test that a run is, with a context of its own, a tracker and a directory
 * @user_data: the sweep's data
 *
 * Makes the file system of one run, with what the function expects to find there. It is called before each run,
 * and nothing fails in it.
 *
 * Returns: (transfer full): the file system
 */
typedef LeashFs *(*LeashSweepSetUpFunc) (LeashTest *test,
                                         gpointer   user_data);

/**
 * LeashSweepNetworkFunc:
 * @test: the test that a run is
 * @user_data: the sweep's data
 *
 * As #LeashSweepSetUpFunc, for the network of one run.
 *
 * Returns: (transfer full): the network
 */
typedef LeashNetwork *(*LeashSweepNetworkFunc) (LeashTest *test,
                                                gpointer   user_data);

/**
 * LeashSweep:
 * @func: what is swept; called with a context that carries the file system and the network
 * @data: what @func and @set_up are called with
 * @set_up: (nullable): makes the file system of each run; %NULL is an empty directory of the run's own
 * @ops: which calls on files fail; 0 is all
 * @code: the errno that calls fail with; 0 is ECONNRESET on connections, and else EIO
 * @first: the first call that fails; 0 is as 1
 * @max_runs: how many runs there are at most; 0 is 10,000
 * @set_up_network: (nullable): makes the network of each run, such as one in memory with a server; %NULL is the host's
 * @net_ops: which calls on connections fail; 0 is all
 * @points: (nullable): the operations of fault points that fail, with spaces between: "prepare step"; %NULL is all, and
 *   "" none
 *
 * What is swept, and how.
 */
typedef struct
{
  LeashTestFunc func;
  gpointer data;
  LeashSweepSetUpFunc set_up;
  LeashFsOps ops;
  int code;
  guint64 first;
  guint64 max_runs;
  LeashSweepNetworkFunc set_up_network;
  LeashNetOps net_ops;
  const char *points;
  /*< private >*/
  gpointer reserved[3];
} LeashSweep;

LEASH_AVAILABLE_IN_0_1
void      leash_test_sweep       (LeashTestFunc      func,
                                  gpointer           data);
LEASH_AVAILABLE_IN_0_1
void      leash_test_sweep_full  (const LeashSweep  *sweep);
LEASH_AVAILABLE_IN_0_1
gboolean  leash_test_sweep_check (const LeashSweep  *sweep,
                                  GError           **error);

G_END_DECLS
