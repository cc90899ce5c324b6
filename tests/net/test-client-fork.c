/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Clients in forked children: what other threads of the parent are at does not matter, and the parent's
 * connections are left alone. */
#include "../under-sanitizer.h"
#include "net-fixture.h"

#include <sys/wait.h>

#define N_FORKS (g_test_slow () ? 500 : 25)
#define N_THREADS 4
#define PATIENCE_SECONDS 60

typedef struct
{
  Fixture *fixture;
  LeashClient *client;
  LeashListener *listener;
  LeashConn *conn;
  gint stop;     /* atomic */
  gint n_rounds; /* atomic */
} Shared;

/* Runs func in a child, which ends by a signal if it hangs. Returns what func returned. */
static int
run_in_child (Shared *shared, int (*func) (Shared *shared))
{
  pid_t child = fork ();
  int status;

  g_assert_cmpint (child, >=, 0);
  if (child == 0)
    {
      int result;

      alarm (PATIENCE_SECONDS);
      result = func (shared);
      /* Not _exit(): a leak checker would blame the child for what only the parent's other threads had. */
      if (result == 0)
        execl ("/bin/true", "true", NULL);
      _exit (result);
    }
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  g_assert_true (WIFEXITED (status));
  return WEXITSTATUS (status);
}

static gpointer
run_accepting (gpointer data)
{
  LeashConn *conn;

  while ((conn = leash_listener_accept (data, leash_context_background (), NULL)) != NULL)
    leash_conn_unref (conn);
  return NULL;
}

/* Goes through all that takes the pool's lock: hits, dials, waiters, returns and what is thrown away. */
static gpointer
use_pool (gpointer data)
{
  Shared *shared = data;

  for (guint i = 0; !g_atomic_int_get (&shared->stop); i++)
    {
      g_autoptr (LeashConn) conn = leash_client_checkout (shared->client, shared->fixture->ctx, NULL);

      g_assert_nonnull (conn);
      if (i % 8 != 7)
        g_assert_true (leash_client_return (shared->client, conn, NULL));
      g_atomic_int_inc (&shared->n_rounds);
    }
  return NULL;
}

/* Each returns 0, or the number of what was wrong: a child's assertions would be lost. */
static int
use_inherited_client (Shared *shared)
{
  LeashConn *conns[2];
  LeashClientStats stats;

  leash_client_get_stats (shared->client, &stats);
  if (stats.n_open != 0 || stats.n_idle != 0 || stats.n_in_use != 0 || stats.n_waiting != 0)
    return 1;
  for (guint i = 0; i < 2; i++)
    if ((conns[i] = leash_client_checkout (shared->client, shared->fixture->ctx, NULL)) == NULL)
      return 2;
  if (!leash_client_return (shared->client, conns[0], NULL) || !leash_conn_close (conns[1], NULL))
    return 3;
  leash_client_get_stats (shared->client, &stats);
  if (stats.n_open != 1 || stats.n_idle != 1 || stats.n_in_use != 0)
    return 4;
  leash_conn_unref (conns[0]);
  leash_conn_unref (conns[1]);
  if (!leash_client_close (shared->client, NULL))
    return 5;
  leash_client_get_stats (shared->client, &stats);
  return stats.n_open == 0 ? 0 : 6;
}

static void
fork_while_threads_use_the_pool (Fixture *fixture)
{
  const LeashClientOptions options = { .size = sizeof options, .max_open = 2 };
  g_autofree char *address = g_strconcat ("unix:", fixture->dir, "/socket", NULL);
  g_autoptr (LeashListener) listener = start_listening (leash_context_background (), address);
  g_autoptr (LeashClient) client = leash_client_new (fixture->ctx, address, &options);
  Shared shared = { .fixture = fixture, .client = client };
  GThread *acceptor = g_thread_new ("accept", run_accepting, listener);
  GThread *threads[N_THREADS];

  for (guint i = 0; i < N_THREADS; i++)
    threads[i] = g_thread_new ("pool", use_pool, &shared);
  for (guint i = 0; i < N_FORKS; i++)
    {
      gint before = g_atomic_int_get (&shared.n_rounds);

      wait_until (g_atomic_int_get (&shared.n_rounds) > before);
      g_assert_cmpint (run_in_child (&shared, use_inherited_client), ==, 0);
    }
  g_atomic_int_set (&shared.stop, TRUE);
  for (guint i = 0; i < N_THREADS; i++)
    g_thread_join (threads[i]);
  g_assert_true (leash_client_close (client, NULL));
  leash_listener_close (listener, NULL);
  g_thread_join (acceptor);
}

static void
test_threads_use_the_pool (Fixture *fixture, gconstpointer unused)
{
  if (UNDER_ADDRESS_SANITIZER)
    g_test_skip ("AddressSanitizer's own lock may be held by another thread when this one forks");
  else
    fork_while_threads_use_the_pool (fixture);
}

/* What the parent had checked out ends in the child without a word to the peer, and so does what was idle. */
static int
end_inherited_checkout (Shared *shared)
{
  LeashConn *own;

  if (!leash_client_return (shared->client, shared->conn, NULL))
    return 1;
  leash_conn_unref (shared->conn);
  own = leash_client_checkout (shared->client, shared->fixture->ctx, NULL);
  if (own == NULL || leash_conn_write (own, shared->fixture->ctx, "xxxxx", 5, NULL) != 5)
    return 2;
  leash_conn_unref (own);
  if (!leash_client_close (shared->client, NULL))
    return 3;
  leash_client_unref (shared->client);
  return leash_has_tracking () && leash_tracker_count_open (shared->fixture->tracker) != 0 ? 4 : 0;
}

static void
test_connections_stay_the_parents (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashListener) listener = start_listening (leash_context_background (), TCP);
  g_autoptr (LeashClient) client
      = leash_client_new (fixture->ctx, leash_listener_get_address (listener), NULL);
  Shared shared = { .fixture = fixture, .client = client };
  LeashConn *idle = leash_client_checkout (client, fixture->ctx, NULL);
  g_autoptr (LeashConn) at_idle = accept_one (listener, leash_context_background ());
  g_autoptr (LeashConn) at_conn = NULL;
  char byte;

  shared.conn = leash_client_checkout (client, fixture->ctx, NULL);
  at_conn = accept_one (listener, leash_context_background ());
  g_assert_true (leash_client_return (client, idle, NULL));
  leash_conn_unref (idle);
  g_assert_cmpint (run_in_child (&shared, end_inherited_checkout), ==, 0);
  g_assert_cmpint (leash_conn_write (shared.conn, fixture->ctx, "c", 1, NULL), ==, 1);
  g_assert_cmpint (leash_conn_read (at_conn, fixture->ctx, &byte, 1, NULL), ==, 1);
  g_assert_cmpint (byte, ==, 'c');
  g_assert_true (leash_client_return (client, shared.conn, NULL));
  leash_conn_unref (shared.conn);
  shared.conn = leash_client_checkout (client, fixture->ctx, NULL);
  idle = leash_client_checkout (client, fixture->ctx, NULL);
  g_assert_cmpint (leash_conn_write (idle, fixture->ctx, "i", 1, NULL), ==, 1);
  g_assert_cmpint (leash_conn_read (at_idle, fixture->ctx, &byte, 1, NULL), ==, 1);
  g_assert_cmpint (byte, ==, 'i');
  leash_conn_unref (idle);
  leash_conn_unref (shared.conn);
  g_assert_true (leash_client_close (client, NULL));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  warm_up ();
  ADD ("/net/client/fork/threads-use-the-pool", test_threads_use_the_pool);
  ADD ("/net/client/fork/connections-stay-the-parents", test_connections_stay_the_parents);
  return g_test_run ();
}
