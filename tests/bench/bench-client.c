/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A pool of connections: checking one out that is idle and returning it, by one thread with and without a
 * tracker and by two with a connection each, beside what dialling and closing on loopback costs instead.
 */
#include <leash/leash.h>

#include "bench.h"

#define N_PAIRS 200000
#define N_DIALS 2000

typedef struct
{
  LeashContext *ctx;
  LeashClient *client;
  LeashListener *listener;
} Work;

static void
set_up (Work *work, LeashContext *ctx)
{
  work->ctx = ctx;
  work->listener = leash_listen (ctx, "tcp:127.0.0.1:0", NULL);
  if (work->listener == NULL)
    g_error ("no listener on loopback");
  work->client = leash_client_new (ctx, leash_listener_get_address (work->listener), NULL);
}

static void
tear_down (Work *work)
{
  leash_client_close (work->client, NULL);
  leash_client_unref (work->client);
  leash_listener_unref (work->listener);
}

static void
check_out_and_return (gpointer user_data, guint n)
{
  Work *work = user_data;

  for (guint i = 0; i < n; i++)
    {
      LeashConn *conn = leash_client_checkout (work->client, work->ctx, NULL);

      leash_client_return (work->client, conn, NULL);
      leash_conn_unref (conn);
    }
}

static void
dial_and_close (gpointer user_data, guint n)
{
  Work *work = user_data;

  for (guint i = 0; i < n; i++)
    {
      LeashConn *conn = leash_dial (work->ctx, leash_listener_get_address (work->listener), NULL);
      LeashConn *accepted = leash_listener_accept (work->listener, work->ctx, NULL);

      leash_conn_unref (conn);
      leash_conn_unref (accepted);
    }
}

int
main (int argc, char **argv)
{
  g_autoptr (LeashTracker) tracker = leash_tracker_new ();
  g_autoptr (LeashContext) ctx = leash_context_with_tracker (leash_context_background (), tracker);
  Work tracked, untracked;
  BenchCandidate candidates[] = {
    { "checkout and return, tracked", check_out_and_return, &tracked },
    { "checkout and return, not tracked", check_out_and_return, &untracked },
    { "checkout and return, tracked, two threads", check_out_and_return, &tracked, .n_threads = 2,
      .is_wall = TRUE },
    { "dial, accept and close, tracked", dial_and_close, &tracked, .part = N_PAIRS / N_DIALS },
  };

  bench_init (argc, argv);
  set_up (&tracked, ctx);
  set_up (&untracked, leash_context_background ());
  bench_run (candidates, G_N_ELEMENTS (candidates), N_PAIRS);
  bench_target (candidates[0].name, "ns", bench_median (candidates[0].ns), 200);
  for (guint i = 1; i < G_N_ELEMENTS (candidates); i++)
    bench_figure (candidates[i].name, "ns", bench_median (candidates[i].ns));
  tear_down (&tracked);
  tear_down (&untracked);
  return 0;
}
