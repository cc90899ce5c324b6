/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the tests of connections need beside what all do: connections that are open at both ends, and threads
 * of which it is known that they wait.
 */
#pragma once

#include "../fixture.h"

#include <sys/resource.h>
#include <sys/socket.h>

/* Both ends of a connection. */
typedef struct
{
  LeashListener *listener;
  LeashConn *dialled;
  LeashConn *accepted;
} Ends;

G_GNUC_UNUSED static LeashListener *
start_listening (LeashContext *ctx, const char *address)
{
  g_autoptr (GError) error = NULL;
  LeashListener *listener = leash_listen (ctx, address, &error);

  g_assert_no_error (error);
  g_assert_nonnull (listener);
  return listener;
}

G_GNUC_UNUSED static G_NO_INLINE LeashConn *
dial (LeashContext *ctx, const char *address)
{
  g_autoptr (GError) error = NULL;
  LeashConn *conn = leash_dial (ctx, address, &error);

  g_assert_no_error (error);
  g_assert_nonnull (conn);
  return conn;
}

G_GNUC_UNUSED static G_NO_INLINE LeashConn *
accept_one (LeashListener *listener, LeashContext *ctx)
{
  g_autoptr (GError) error = NULL;
  LeashConn *conn = leash_listener_accept (listener, ctx, &error);

  g_assert_no_error (error);
  g_assert_nonnull (conn);
  return conn;
}

G_GNUC_UNUSED static Ends
connect_ends (LeashContext *ctx, const char *address)
{
  Ends ends = { .listener = start_listening (ctx, address) };

  ends.dialled = dial (ctx, leash_listener_get_address (ends.listener));
  ends.accepted = accept_one (ends.listener, ctx);
  return ends;
}

/* Closes what is not closed yet. */
G_GNUC_UNUSED static void
ends_clear (Ends *ends)
{
  g_clear_pointer (&ends->accepted, leash_conn_unref);
  g_clear_pointer (&ends->dialled, leash_conn_unref);
  g_clear_pointer (&ends->listener, leash_listener_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Ends, ends_clear)

#define TCP "tcp:127.0.0.1:0"

/* Fails when something that is to happen soon has not for far longer than it could take. */
#define wait_until(condition)                                      \
  G_STMT_START                                                     \
  {                                                                \
    gint64 until_ = g_get_monotonic_time () + 30 * G_USEC_PER_SEC; \
                                                                   \
    while (!(condition))                                           \
      {                                                            \
        g_assert_cmpint (g_get_monotonic_time (), <, until_);      \
        g_usleep (500);                                            \
      }                                                            \
  }                                                                \
  G_STMT_END

/* A thread in an operation that waits, and how the operation ends. */
typedef struct _Sleeper Sleeper;
struct _Sleeper
{
  void (*func) (Sleeper *sleeper);
  LeashContext *ctx;
  gpointer subject;
  const char *address;
  GThread *thread;
  gint tid;     /* atomic; 0 until the thread runs */
  gint is_over; /* atomic; whether the operation has ended */
  gssize n; /* what the operation returned; here and below: once joined */
  gpointer result;
  GError *error;
};

G_GNUC_UNUSED static gpointer
run_sleeper (gpointer data)
{
  Sleeper *sleeper = data;

  g_atomic_int_set (&sleeper->tid, gettid ());
  sleeper->func (sleeper);
  g_atomic_int_set (&sleeper->is_over, TRUE);
  return NULL;
}

/* Whether the kernel has the thread asleep. */
G_GNUC_UNUSED static gboolean
is_asleep (gint tid)
{
  g_autofree char *path = g_strdup_printf ("/proc/self/task/%d/stat", tid);
  g_autofree char *stat = NULL;
  const char *state;

  if (tid == 0 || !g_file_get_contents (path, &stat, NULL, NULL))
    return FALSE;
  state = strrchr (stat, ')');
  return state != NULL && state[1] == ' ' && state[2] == 'S';
}

/* Returns when the thread waits. */
G_GNUC_UNUSED static void
sleeper_start (Sleeper *sleeper)
{
  g_atomic_int_set (&sleeper->is_over, FALSE);
  sleeper->thread = g_thread_new ("sleeper", run_sleeper, sleeper);
  wait_until (is_asleep (g_atomic_int_get (&sleeper->tid)));
}

/* What the operation waited for has happened: it ends at once, and not by whatever else would end it one day. */
G_GNUC_UNUSED static void
sleeper_join (Sleeper *sleeper)
{
  wait_until (g_atomic_int_get (&sleeper->is_over));
  g_thread_join (g_steal_pointer (&sleeper->thread));
}

G_GNUC_UNUSED static void
sleep_reading (Sleeper *sleeper)
{
  char buffer[16];

  sleeper->n = leash_conn_read (sleeper->subject, sleeper->ctx, buffer, sizeof buffer, &sleeper->error);
}

/* Writes until there is no room, and on. */
G_GNUC_UNUSED static void
sleep_writing (Sleeper *sleeper)
{
  g_autofree char *block = g_malloc0 (65536);

  do
    sleeper->n = leash_conn_write (sleeper->subject, sleeper->ctx, block, 65536, &sleeper->error);
  while (sleeper->n > 0);
}

G_GNUC_UNUSED static void
sleep_accepting (Sleeper *sleeper)
{
  sleeper->result = leash_listener_accept (sleeper->subject, sleeper->ctx, &sleeper->error);
}

G_GNUC_UNUSED static void
sleep_dialling (Sleeper *sleeper)
{
  sleeper->result = leash_dial (sleeper->ctx, sleeper->address, &sleeper->error);
}

/* Has the process run out of descriptors, until the limit is given back. */
G_GNUC_UNUSED static rlim_t
use_up_descriptors (void)
{
  struct rlimit limit;
  rlim_t before;
  int first_free = dup (0);

  g_assert_cmpint (first_free, >=, 0);
  close (first_free);
  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &limit), ==, 0);
  before = limit.rlim_cur;
  limit.rlim_cur = (rlim_t) first_free;
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &limit), ==, 0);
  return before;
}

G_GNUC_UNUSED static void
give_descriptors_back (rlim_t before)
{
  struct rlimit limit;

  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &limit), ==, 0);
  limit.rlim_cur = before;
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &limit), ==, 0);
}

/*
 * Makes what stays open once it was needed: this thread's wake-up. Called before the first test, so that the
 * tests can count descriptors.
 */
G_GNUC_UNUSED static void
warm_up (void)
{
  g_autoptr (LeashListener) listener = start_listening (leash_context_background (), TCP);
  guint n_fds = count_fds ();

  /* On a busy machine time may be up before the wait has begun. */
  for (gint64 timeout = 1000; count_fds () == n_fds; timeout *= 2)
    {
      g_autoptr (LeashContext) ctx = leash_context_with_timeout (leash_context_background (), timeout);

      g_assert_null (leash_listener_accept (listener, ctx, NULL));
    }
}

/* Whether the tracker has one resource open, of that kind and name, whose stack begins in a function. */
#define assert_only_open(tracker, kind, name, function) \
  check_only_open (tracker, kind, name, (guintptr) (function))

G_GNUC_UNUSED static void
check_only_open (LeashTracker *tracker, const char *kind, const char *name, guintptr function)
{
  g_autoptr (LeashSnapshot) snapshot = leash_snapshot_new (tracker);
  const LeashResource *resource;
  gconstpointer frame = NULL;

  g_assert_cmpuint (leash_snapshot_get_length (snapshot), ==, 1);
  resource = leash_snapshot_get_resource (snapshot, 0);
  g_assert_cmpstr (resource->kind, ==, kind);
  g_assert_cmpstr (resource->name, ==, name);
  g_assert_cmpuint (leash_stack_get_frames (resource->stack, &frame, 1), >=, 1);
  /* No function of these tests is longer than that, instrumented or not. */
  g_assert_cmpuint ((guintptr) frame - function, <, 4096);
}
