/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What connections survive: very many of them, peers that are slow, gone or rude, descriptors that run out,
 * and signals. Each test ends as all do, with an empty tracker and no descriptor more than before. Peers are
 * made with the C library's own means where Leash would be too well-behaved.
 */
#include "../under-sanitizer.h"
#include "net-fixture.h"
#include "plain-peers.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

/* Very many */

#define WANTED_CONNS 10000u
#define OTHER_FDS 200u /* that a process needs beside */

/* Raises the limit as far as it goes, and returns how many connections there can be. */
static guint
make_room (struct rlimit *ret_before)
{
  struct rlimit limit;

  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, ret_before), ==, 0);
  limit = *ret_before;
  limit.rlim_cur = limit.rlim_max;
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &limit), ==, 0);
  return limit.rlim_cur - OTHER_FDS < WANTED_CONNS ? (guint) (limit.rlim_cur - OTHER_FDS) : WANTED_CONNS;
}

/* The other end, a process of its own: echoes a byte on each connection, and reads to the end of each. */
static int
run_diallers (const char *address, guint n)
{
  g_autoptr (LeashTracker) tracker = leash_tracker_new ();
  g_autoptr (LeashContext) ctx = leash_context_with_tracker (leash_context_background (), tracker);
  g_autofree LeashConn **conns = g_new (LeashConn *, n);
  struct rlimit before;
  char byte;

  make_room (&before);
  for (guint i = 0; i < n; i++)
    conns[i] = dial (ctx, address);
  for (guint i = 0; i < n; i++)
    {
      g_assert_true (leash_conn_read_all (conns[i], ctx, &byte, 1, NULL, NULL));
      g_assert_true (leash_conn_write_all (conns[i], ctx, &byte, 1, NULL, NULL));
    }
  for (guint i = 0; i < n; i++)
    {
      g_assert_cmpint (leash_conn_read (conns[i], ctx, &byte, 1, NULL), ==, 0);
      leash_conn_unref (conns[i]);
    }
  g_assert_true (leash_tracker_check (tracker, NULL));
  return 0;
}

static const char *the_program;

static void
serve_many (Fixture *fixture, LeashListener *listener, guint n)
{
  g_autofree LeashConn **conns = g_new (LeashConn *, n);
  char byte;

  for (guint i = 0; i < n; i++)
    conns[i] = accept_one (listener, fixture->ctx);
  if (leash_has_tracking ())
    g_assert_cmpuint (leash_tracker_count_open (fixture->tracker), ==, n + 1);
  for (guint i = 0; i < n; i++)
    {
      byte = (char) i;
      g_assert_true (leash_conn_write_all (conns[i], fixture->ctx, &byte, 1, NULL, NULL));
    }
  for (guint i = 0; i < n; i++)
    {
      g_assert_true (leash_conn_read_all (conns[i], fixture->ctx, &byte, 1, NULL, NULL));
      g_assert_cmpint (byte, ==, (char) i);
    }
  /* From the middle, so that they leave the listener's list in no order. */
  for (guint i = 0; i < n; i++)
    leash_conn_unref (conns[(i + n / 2) % n]);
  g_assert_true (leash_listener_shutdown (listener, fixture->done, NULL));
}

static void
test_many (Fixture *fixture, gconstpointer unused)
{
  struct rlimit before;
  guint n = make_room (&before);
  g_autoptr (LeashListener) listener = start_listening (fixture->ctx, TCP);
  g_autofree char *number = g_strdup_printf ("%u", n);
  const char *const argv[] = { the_program, "--dial", leash_listener_get_address (listener), number, NULL };
  g_autoptr (GError) error = NULL;
  GPid child;
  int status;

  if (n < WANTED_CONNS)
    g_test_message ("the limit of descriptors, %lu, is the machine's: %u connections and not %u",
                    (gulong) before.rlim_max, n, WANTED_CONNS);
  g_spawn_async (NULL, (char **) argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &child, &error);
  g_assert_no_error (error);
  serve_many (fixture, listener, n);
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  g_assert_cmpint (status, ==, 0);
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &before), ==, 0);
}

/* Slow readers, and peers that are gone */

static void
sleep_reading_slowly (Sleeper *sleeper)
{
  read_much (sleeper->subject, sleeper->ctx, TRUE);
}

static void
test_slow_reader (Fixture *fixture, gconstpointer unused)
{
  g_auto (Ends) ends = connect_ends (fixture->ctx, TCP);
  g_autofree guint8 *bytes = make_much ();
  Sleeper sleeper = { .func = sleep_reading_slowly, .ctx = fixture->ctx, .subject = ends.accepted };
  g_autoptr (GError) error = NULL;
  gsize done = 0;

  /* Nobody reads: what there is room for is written, and then the deadline passes. */
  leash_conn_set_write_deadline (ends.dialled, g_get_monotonic_time () + 50000);
  g_assert_false (leash_conn_write_all (ends.dialled, fixture->ctx, bytes, MUCH, &done, &error));
  assert_io_error (error, G_IO_ERROR_TIMED_OUT, "Writing to “", "deadline for writing");
  g_assert_cmpuint (done, >, 0);
  g_assert_cmpuint (done, <, MUCH);
  leash_conn_set_write_deadline (ends.dialled, -1);
  sleeper.thread = g_thread_new ("reader", run_sleeper, &sleeper);
  g_assert_true (leash_conn_write_all (ends.dialled, fixture->ctx, bytes + done, MUCH - done, NULL, &error));
  sleeper_join (&sleeper);
}

/* A peer that vanished says nothing, neither data nor an end. */
static void
test_silent_peer (Fixture *fixture, gconstpointer unused)
{
  g_auto (Plain) plain = connect_plain (fixture);
  const int on = 1;
  g_autoptr (GError) error = NULL;
  char byte;

  leash_conn_set_read_deadline (plain.accepted, g_get_monotonic_time () + 20000);
  g_assert_cmpint (leash_conn_read (plain.accepted, fixture->ctx, &byte, 1, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_TIMED_OUT, "Reading from “", "deadline for reading");
  g_assert_true (leash_conn_write_all (plain.accepted, fixture->ctx, "x", 1, NULL, NULL));
  /* The kernel can be told to ask for it. */
  g_assert_cmpint (setsockopt (leash_conn_get_fd (plain.accepted), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on),
                   ==, 0);
  /* What comes after all is read. */
  leash_conn_set_read_deadline (plain.accepted, -1);
  g_assert_cmpint (write (plain.peer, "y", 1), ==, 1);
  g_assert_cmpint (leash_conn_read (plain.accepted, fixture->ctx, &byte, 1, NULL), ==, 1);
  close (plain.peer);
}

/* Descriptors that run out */

typedef struct
{
  LeashListener *listener;
  LeashContext *ctx;
  guint n_served; /* atomic, as the other */
  guint n_failures;
} Server;

/* As a server is written: goes on after what fails, until it is closed. */
static gpointer
run_server (gpointer data)
{
  Server *server = data;
  gboolean goes_on = TRUE;

  while (goes_on)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (LeashConn) conn = leash_listener_accept (server->listener, server->ctx, &error);

      if (conn != NULL)
        {
          g_assert_true (leash_conn_write_all (conn, server->ctx, "x", 1, NULL, NULL));
          g_atomic_int_inc (&server->n_served);
        }
      else if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CLOSED))
        goes_on = FALSE;
      else
        {
          g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TOO_MANY_OPEN_FILES);
          g_atomic_int_inc (&server->n_failures);
        }
    }
  return NULL;
}

static void
test_no_descriptors (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashListener) listener = start_listening (fixture->ctx, TCP);
  Server server = { .listener = listener, .ctx = fixture->ctx };
  int peers[8];
  rlim_t before;
  GThread *thread;
  char byte;

  for (guint i = 0; i < G_N_ELEMENTS (peers); i++)
    peers[i] = connect_plainly (listener);
  before = use_up_descriptors ();
  thread = g_thread_new ("server", run_server, &server);
  wait_until (g_atomic_int_get (&server.n_failures) > 0);
  g_usleep (50000);
  g_assert_cmpuint (g_atomic_int_get (&server.n_failures), ==, 1);
  g_assert_cmpuint (g_atomic_int_get (&server.n_served), ==, 0);
  give_descriptors_back (before);
  for (guint i = 0; i < G_N_ELEMENTS (peers); i++)
    {
      g_assert_cmpint (read (peers[i], &byte, 1), ==, 1);
      close (peers[i]);
    }
  wait_until (g_atomic_int_get (&server.n_served) == G_N_ELEMENTS (peers));
  g_assert_true (leash_listener_close (listener, NULL));
  g_thread_join (thread);
  g_assert_cmpuint (server.n_failures, ==, 1);
  /* The server may have been on its way to the next accept, which is a misuse. */
  fixture->n_misuses = leash_tracker_count_misuses (fixture->tracker);
}

/* Signals */

static guint the_n_signals; /* atomic */

static void
count_signal (int number)
{
  __atomic_fetch_add (&the_n_signals, 1, __ATOMIC_RELAXED);
}

/* Without SA_RESTART, so that calls are interrupted. */
static void
count_signals (int number, struct sigaction *ret_before)
{
  const struct sigaction action = { .sa_handler = count_signal };

  __atomic_store_n (&the_n_signals, 0, __ATOMIC_RELAXED);
  g_assert_cmpint (sigaction (number, &action, ret_before), ==, 0);
}

static void
assert_broken (gssize n, GError **error)
{
  g_assert_cmpint (n, ==, -1);
  assert_io_error (*error, G_IO_ERROR_CONNECTION_CLOSED, "“");
}

static void
test_sigpipe (Fixture *fixture, gconstpointer scheme)
{
  g_autofree char *path = g_strconcat ("unix:", fixture->dir, "/socket", NULL);
  g_auto (Ends) ends = connect_ends (fixture->ctx, scheme != NULL ? scheme : path);
  const GOutputVector vectors[] = { { "ab", 2 }, { "c", 1 } };
  const int zero = 0;
  struct sigaction before;
  g_autoptr (GError) error = NULL;

  count_signals (SIGPIPE, &before);
  g_assert_true (leash_conn_close (ends.accepted, NULL));
  /* TCP learns by the first write that nobody is there. */
  while (leash_conn_write (ends.dialled, fixture->ctx, "x", 1, &error) > 0)
    g_usleep (500);
  assert_broken (-1, &error);
  assert_broken (leash_conn_write (ends.dialled, fixture->ctx, "x", 1, &error), &error);
  assert_broken (leash_conn_writev (ends.dialled, fixture->ctx, vectors, 2, &error), &error);
  if (scheme == NULL)
    assert_broken (leash_conn_send_fds (ends.dialled, fixture->ctx, "x", 1, &zero, 1, &error), &error);
  g_assert_cmpuint (__atomic_load_n (&the_n_signals, __ATOMIC_RELAXED), ==, 0);
  /* The negative control: others get one for the same. */
  g_assert_cmpint (send (leash_conn_get_fd (ends.dialled), "x", 1, 0), ==, -1);
  g_assert_cmpint (errno, ==, EPIPE);
  wait_until (__atomic_load_n (&the_n_signals, __ATOMIC_RELAXED) == 1);
  g_assert_cmpint (sigaction (SIGPIPE, &before, NULL), ==, 0);
}

/* Interrupts threads all the time. */
typedef struct
{
  pthread_t victims[2];
  gint is_over; /* atomic */
  GThread *thread;
} Pest;

static gpointer
run_pest (gpointer data)
{
  Pest *pest = data;

  while (!g_atomic_int_get (&pest->is_over))
    {
      for (guint i = 0; i < G_N_ELEMENTS (pest->victims); i++)
        pthread_kill (pest->victims[i], SIGUSR1);
      g_usleep (100);
    }
  return NULL;
}

/* The other end of what the test's thread does; on a listener, dials and is echoed. */
typedef struct
{
  Fixture *fixture;
  LeashListener *listener;
  pthread_t self;
  gint has_begun; /* atomic */
  gint may_end;   /* atomic: it must not while it is being interrupted */
} Interrupted;

#define N_DIALS 100u

static gpointer
run_interrupted (gpointer data)
{
  Interrupted *self = data;
  LeashContext *ctx = self->fixture->ctx;
  const char *address = leash_listener_get_address (self->listener);

  self->self = pthread_self ();
  g_atomic_int_set (&self->has_begun, TRUE);
  {
    g_autoptr (LeashConn) conn = dial (ctx, address);

    read_much (conn, ctx, FALSE);
  }
  for (guint i = 0; i < N_DIALS; i++)
    {
      g_autoptr (LeashConn) conn = dial (ctx, address);
      char byte = 0;

      g_assert_true (leash_conn_read_all (conn, ctx, &byte, 1, NULL, NULL));
    }
  while (!g_atomic_int_get (&self->may_end))
    g_usleep (500);
  return NULL;
}

static void
test_interrupted (Fixture *fixture, gconstpointer scheme)
{
  g_autofree char *path = g_strconcat ("unix:", fixture->dir, "/socket", NULL);
  g_autoptr (LeashListener) listener = start_listening (fixture->ctx, scheme != NULL ? scheme : path);
  Interrupted other = { .fixture = fixture, .listener = listener };
  g_autofree guint8 *bytes = make_much ();
  Pest pest = { .victims = { pthread_self () } };
  struct sigaction before;
  GThread *thread;

  count_signals (SIGUSR1, &before);
  thread = g_thread_new ("interrupted", run_interrupted, &other);
  wait_until (g_atomic_int_get (&other.has_begun));
  pest.victims[1] = other.self;
  pest.thread = g_thread_new ("pest", run_pest, &pest);
  {
    g_autoptr (LeashConn) conn = accept_one (listener, fixture->ctx);

    g_assert_true (leash_conn_write_all (conn, fixture->ctx, bytes, MUCH, NULL, NULL));
  }
  for (guint i = 0; i < N_DIALS; i++)
    {
      g_autoptr (LeashConn) conn = accept_one (listener, fixture->ctx);

      /* So that the other one waits, and is interrupted in that. */
      g_usleep (200);
      g_assert_true (leash_conn_write_all (conn, fixture->ctx, "x", 1, NULL, NULL));
    }
  g_atomic_int_set (&pest.is_over, TRUE);
  g_thread_join (pest.thread);
  g_atomic_int_set (&other.may_end, TRUE);
  g_thread_join (thread);
  g_assert_cmpuint (__atomic_load_n (&the_n_signals, __ATOMIC_RELAXED), >, 0);
  g_assert_cmpint (sigaction (SIGUSR1, &before, NULL), ==, 0);
}

/* A wait that is interrupted all the time ends when it should nevertheless. */
static void
test_interrupted_deadline (Fixture *fixture, gconstpointer unused)
{
  g_auto (Plain) plain = connect_plain (fixture);
  g_autoptr (LeashContext) late = leash_context_with_timeout (fixture->ctx, 30000);
  Pest pest = { .victims = { pthread_self (), pthread_self () } };
  struct sigaction before;
  g_autoptr (GError) error = NULL;
  char byte;

  count_signals (SIGUSR1, &before);
  pest.thread = g_thread_new ("pest", run_pest, &pest);
  g_assert_cmpint (leash_conn_read (plain.accepted, late, &byte, 1, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_TIMED_OUT, "Reading from “");
  g_assert_null (leash_listener_accept (plain.listener, late, &error));
  assert_io_error (error, G_IO_ERROR_TIMED_OUT, "Accepting on “");
  g_atomic_int_set (&pest.is_over, TRUE);
  g_thread_join (pest.thread);
  g_assert_cmpint (sigaction (SIGUSR1, &before, NULL), ==, 0);
  close (plain.peer);
}

/* Peers that reset, at each step */

static void
test_reset_before_accept (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashListener) listener = start_listening (fixture->ctx, TCP);
  gboolean is_served = FALSE;
  int good;

  for (guint i = 0; i < 8; i++)
    reset_plainly (connect_plainly (listener));
  good = connect_plainly (listener);
  g_assert_cmpint (write (good, "x", 1), ==, 1);
  /* Whether the kernel hands those on that are gone is its business; none of them keeps the good one from
   * coming. */
  while (!is_served)
    {
      g_autoptr (LeashConn) conn = accept_one (listener, fixture->ctx);
      g_autoptr (GError) error = NULL;
      char byte;

      is_served = leash_conn_read (conn, fixture->ctx, &byte, 1, &error) == 1;
      if (!is_served)
        g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED);
    }
  close (good);
}

static void
test_reset_after_accept (Fixture *fixture, gconstpointer unused)
{
  g_auto (Plain) plain = connect_plain (fixture);
  g_autoptr (GError) error = NULL;
  char byte;

  reset_plainly (plain.peer);
  g_assert_cmpint (leash_conn_read (plain.accepted, fixture->ctx, &byte, 1, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_CONNECTION_CLOSED, "Reading from “", g_strerror (ECONNRESET));
  g_assert_cmpint (leash_conn_write (plain.accepted, fixture->ctx, "x", 1, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_CONNECTION_CLOSED, "Writing to “", g_strerror (EPIPE));
  g_assert_true (leash_conn_close (plain.accepted, &error));
}

static void
test_reset_in_mid_message (Fixture *fixture, gconstpointer unused)
{
  g_auto (Plain) plain = connect_plain (fixture);
  g_autoptr (GError) error = NULL;
  char message[8];
  gsize done = 0;

  g_assert_cmpint (write (plain.peer, "half", 4), ==, 4);
  g_assert_true (leash_conn_read_all (plain.accepted, fixture->ctx, message, 2, NULL, NULL));
  reset_plainly (plain.peer);
  g_assert_false (leash_conn_read_all (plain.accepted, fixture->ctx, message, sizeof message, &done, &error));
  assert_io_error (error, G_IO_ERROR_CONNECTION_CLOSED, "Reading from “");
  g_assert_cmpuint (done, <=, 2);
}

/* Who waits is woken by the reset. */
static void
test_reset_while_waiting (Fixture *fixture, gconstpointer unused)
{
  void (*const funcs[]) (Sleeper * sleeper) = { sleep_reading, sleep_writing };

  for (guint i = 0; i < G_N_ELEMENTS (funcs); i++)
    {
      g_auto (Plain) plain = connect_plain (fixture);
      Sleeper sleeper = { .func = funcs[i], .ctx = fixture->ctx, .subject = plain.accepted };

      sleeper_start (&sleeper);
      reset_plainly (plain.peer);
      sleeper_join (&sleeper);
      g_assert_cmpint (sleeper.n, ==, -1);
      assert_io_error (sleeper.error, G_IO_ERROR_CONNECTION_CLOSED,
                       i == 0 ? "Reading from “" : "Writing to “");
    }
}

static void
test_server_goes (Fixture *fixture, gconstpointer scheme)
{
  g_autofree char *path = g_strconcat ("unix:", fixture->dir, "/socket", NULL);
  g_autoptr (LeashListener) listener = start_listening (fixture->ctx, scheme != NULL ? scheme : path);
  g_autofree char *address = g_strdup (leash_listener_get_address (listener));
  g_autoptr (LeashConn) dialled = dial (fixture->ctx, address);
  g_autoptr (GError) error = NULL;
  char byte;

  g_assert_true (leash_listener_close (listener, NULL));
  g_assert_cmpint (leash_conn_read (dialled, fixture->ctx, &byte, 1, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_CONNECTION_CLOSED, "Reading from “", address);
  g_assert_null (leash_dial (fixture->ctx, address, &error));
  assert_io_error (error, (scheme != NULL ? G_IO_ERROR_CONNECTION_REFUSED : G_IO_ERROR_NOT_FOUND),
                   "Dialling “");
}

/* Children that close what their parent has accepted, while its other thread accepts and closes without a
 * pause */

#define N_CHILDREN 100u

typedef struct
{
  Fixture *fixture;
  LeashListener *listener;
  gint is_over; /* atomic */
} Busy;

static gpointer
run_busy (gpointer data)
{
  Busy *busy = data;

  while (!g_atomic_int_get (&busy->is_over))
    {
      int peer = connect_plainly (busy->listener);
      LeashConn *conn = accept_one (busy->listener, busy->fixture->ctx);

      close (peer);
      leash_conn_unref (conn);
    }
  return NULL;
}

static void
test_forks (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *address = g_strconcat ("unix:", fixture->dir, "/socket", NULL);
  g_autoptr (LeashListener) listener = start_listening (fixture->ctx, address);
  Busy busy = { .fixture = fixture, .listener = listener };
  int peer = connect_plainly (listener);
  LeashConn *conn = accept_one (listener, fixture->ctx);
  GThread *thread = g_thread_new ("busy", run_busy, &busy);

  for (guint i = 0; i < N_CHILDREN; i++)
    {
      int status;
      pid_t child = fork ();

      g_assert_cmpint (child, >=, 0);
      if (child == 0)
        _exit (leash_conn_close (conn, NULL) ? 0 : 1);
      g_assert_cmpint (waitpid (child, &status, 0), ==, child);
      g_assert_cmpint (status, ==, 0);
    }
  g_atomic_int_set (&busy.is_over, TRUE);
  g_thread_join (thread);
  g_assert_cmpint (write (peer, "x", 1), ==, 1);
  leash_conn_unref (conn);
  close (peer);
}

#define ADD_WITH(path, data, func) g_test_add (path, Fixture, data, set_up, func, tear_down)

int
main (int argc, char **argv)
{
  if (argc == 4 && strcmp (argv[1], "--dial") == 0)
    return run_diallers (argv[2], (guint) atoi (argv[3]));
  the_program = argv[0];
  g_test_init (&argc, &argv, NULL);
  warm_up ();
  ADD ("/net/faults/ten-thousand-connections", test_many);
  ADD ("/net/faults/slow-reader", test_slow_reader);
  ADD ("/net/faults/silent-peer", test_silent_peer);
  ADD ("/net/faults/out-of-descriptors-is-told-once-and-recovers", test_no_descriptors);
  ADD_WITH ("/net/faults/no-sigpipe/tcp", TCP, test_sigpipe);
  ADD_WITH ("/net/faults/no-sigpipe/unix", NULL, test_sigpipe);
  ADD_WITH ("/net/faults/interrupted-all-the-time/tcp", TCP, test_interrupted);
  ADD_WITH ("/net/faults/interrupted-all-the-time/unix", NULL, test_interrupted);
  ADD ("/net/faults/interrupted-all-the-time/deadlines", test_interrupted_deadline);
  ADD ("/net/faults/reset/before-accept", test_reset_before_accept);
  ADD ("/net/faults/reset/after-accept", test_reset_after_accept);
  ADD ("/net/faults/reset/in-mid-message", test_reset_in_mid_message);
  ADD ("/net/faults/reset/while-others-wait", test_reset_while_waiting);
  ADD_WITH ("/net/faults/server-goes-before-it-accepts/tcp", TCP, test_server_goes);
  ADD_WITH ("/net/faults/server-goes-before-it-accepts/unix", NULL, test_server_goes);
  ADD ("/net/faults/children-close-what-was-accepted", test_forks);
  return g_test_run ();
}
