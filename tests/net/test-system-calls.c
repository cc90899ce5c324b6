/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How many system calls connections cost, counted by strace: loopback's times are wake-ups and noise, the
 * calls are not. The program runs itself under strace, once with one round and once with many: the difference
 * is what the rounds cost, in all threads but one that plays the peer with the C library's own means.
 */
#include "../under-sanitizer.h"
#include "net-fixture.h"

#include <netinet/in.h>
#include <sys/syscall.h>

#define MANY 101u
#define SLACK 12u /* memory that the C library asks for, a timer's thread that starts */

/* What is counted: run rounds times. */
typedef struct
{
  const char *name;
  void (*run) (LeashContext *ctx, guint rounds);
  guint n_calls; /* in a round, at most */
} Subject;

/* Peers of the C library's own */

static struct sockaddr_in
get_loopback (void)
{
  return (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = g_htonl (INADDR_LOOPBACK) };
}

static int
listen_plainly (struct sockaddr_in *ret_native)
{
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  socklen_t length = sizeof *ret_native;

  *ret_native = get_loopback ();
  g_assert_cmpint (bind (fd, (gconstpointer) ret_native, sizeof *ret_native), ==, 0);
  g_assert_cmpint (listen (fd, 4 * MANY), ==, 0);
  g_assert_cmpint (getsockname (fd, (gpointer) ret_native, &length), ==, 0);
  return fd;
}

static void
make_pair (LeashContext *ctx, LeashConn **ret_conn, int *ret_peer)
{
  g_autofree char *address = NULL;
  int ends[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), ==, 0);
  address = g_strdup_printf ("fd:%d", ends[0]);
  *ret_conn = dial (ctx, address);
  *ret_peer = ends[1];
}

typedef struct
{
  int fd;
  guint rounds; /* to write; 0 to read all there is */
} Peer;

/* Says who it is, so that it is not counted, and comes late to each round. */
static gpointer
run_peer (gpointer data)
{
  const Peer *peer = data;
  static char block[65536];
  gssize n = 1;

  g_print ("peer %d\n", gettid ());
  for (guint i = 0; peer->rounds > 0 ? i < peer->rounds : n > 0; i++)
    {
      g_usleep (2000);
      n = peer->rounds > 0 ? write (peer->fd, "x", 1) : read (peer->fd, block, sizeof block);
    }
  return NULL;
}

/* Subjects */

static void
run_dial (LeashContext *ctx, guint rounds)
{
  struct sockaddr_in native;
  int fd = listen_plainly (&native);
  g_autofree char *address = g_strdup_printf ("tcp:127.0.0.1:%u", g_ntohs (native.sin_port));

  for (guint i = 0; i < rounds; i++)
    leash_conn_unref (dial (ctx, address));
  close (fd);
}

static void
run_dial_local (LeashContext *ctx, guint rounds)
{
  g_autofree char *address = g_strdup_printf ("unix-abstract:leash-calls-%d", getpid ());
  g_autoptr (LeashListener) listener = start_listening (ctx, address);

  for (guint i = 0; i < rounds; i++)
    leash_conn_unref (dial (ctx, address));
}

static void
run_accept (LeashContext *ctx, guint rounds)
{
  g_autoptr (LeashListener) listener = start_listening (ctx, TCP);
  struct sockaddr_in native;
  socklen_t length = sizeof native;
  int fd;

  g_assert_cmpint (getsockname (leash_listener_get_fd (listener), (gpointer) &native, &length), ==, 0);
  for (guint i = 0; i < rounds; i++)
    {
      fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      g_assert_cmpint (connect (fd, (gconstpointer) &native, length), ==, 0);
      leash_conn_unref (accept_one (listener, ctx));
      close (fd);
    }
}

static void
run_ready (LeashContext *ctx, guint rounds)
{
  g_auto (Ends) ends = connect_ends (ctx, TCP);
  char byte = 'x';

  for (guint i = 0; i < rounds; i++)
    {
      g_assert_cmpint (leash_conn_write (ends.dialled, ctx, &byte, 1, NULL), ==, 1);
      g_assert_cmpint (leash_conn_read (ends.accepted, ctx, &byte, 1, NULL), ==, 1);
    }
}

/* The negative control: a call more than there may be. */
static void
run_one_more (LeashContext *ctx, guint rounds)
{
  run_ready (ctx, rounds);
  for (guint i = 0; i < rounds; i++)
    syscall (SYS_getppid);
}

static void
run_ready_with_deadlines (LeashContext *ctx, guint rounds)
{
  g_auto (Ends) ends = connect_ends (ctx, TCP);
  char byte = 'x';

  leash_conn_set_deadline (ends.dialled, g_get_monotonic_time () + G_TIME_SPAN_HOUR);
  leash_conn_set_deadline (ends.accepted, g_get_monotonic_time () + G_TIME_SPAN_HOUR);
  for (guint i = 0; i < rounds; i++)
    {
      g_assert_cmpint (leash_conn_write (ends.dialled, ctx, &byte, 1, NULL), ==, 1);
      g_assert_cmpint (leash_conn_read (ends.accepted, ctx, &byte, 1, NULL), ==, 1);
    }
}

static void
run_blocked_read_until (LeashContext *ctx, guint rounds, gint64 deadline)
{
  g_autoptr (LeashConn) conn = NULL;
  Peer peer = { .rounds = rounds };
  GThread *thread;
  char byte;

  make_pair (ctx, &conn, &peer.fd);
  leash_conn_set_read_deadline (conn, deadline);
  thread = g_thread_new ("peer", run_peer, &peer);
  for (guint i = 0; i < rounds; i++)
    g_assert_cmpint (leash_conn_read (conn, ctx, &byte, 1, NULL), ==, 1);
  g_thread_join (thread);
  close (peer.fd);
}

static void
run_blocked_read (LeashContext *ctx, guint rounds)
{
  run_blocked_read_until (ctx, rounds, -1);
}

static void
run_blocked_read_with_deadline (LeashContext *ctx, guint rounds)
{
  run_blocked_read_until (ctx, rounds, g_get_monotonic_time () + G_TIME_SPAN_HOUR);
}

/* Dials, late; its calls are not counted either. */
static gpointer
run_dialler (gpointer data)
{
  LeashListener *listener = data;
  struct sockaddr_in native;
  socklen_t length = sizeof native;
  int fd;

  g_print ("peer %d\n", gettid ());
  if (getsockname (leash_listener_get_fd (listener), (gpointer) &native, &length) != 0)
    return NULL;
  do
    {
      g_usleep (2000);
      fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    }
  while (connect (fd, (gconstpointer) &native, length) == 0 && close (fd) == 0);
  close (fd);
  return NULL;
}

static void
run_blocked_accept (LeashContext *ctx, guint rounds)
{
  g_autoptr (LeashListener) listener = start_listening (ctx, TCP);
  GThread *thread = g_thread_new ("peer", run_dialler, listener);

  for (guint i = 0; i < rounds; i++)
    leash_conn_unref (accept_one (listener, ctx));
  shutdown (leash_listener_get_fd (listener), SHUT_RDWR);
  g_thread_join (thread);
}

static void
run_blocked_write (LeashContext *ctx, guint rounds)
{
  g_autoptr (LeashConn) conn = NULL;
  Peer peer = { 0 };
  GThread *thread;
  static char block[65536];

  make_pair (ctx, &conn, &peer.fd);
  thread = g_thread_new ("peer", run_peer, &peer);
  for (guint i = 0; i < rounds; i++)
    g_assert_cmpint (leash_conn_write (conn, ctx, block, sizeof block, NULL), >, 0);
  g_clear_pointer (&conn, leash_conn_unref);
  g_thread_join (thread);
  close (peer.fd);
}

static const Subject subjects[] = {
  { "dial-and-close", run_dial, 5 }, /* socket, connect, close, and two */
  { "dial-and-close-local", run_dial_local, 3 },
  { "accept-and-close", run_accept, 3 + 2 }, /* the peer's three, and none but the two */
  { "ready", run_ready, 2 },
  { "ready-with-deadlines", run_ready_with_deadlines, 2 },
  { "blocked-read", run_blocked_read, 3 },
  { "blocked-read-with-deadline", run_blocked_read_with_deadline, 3 },
  { "blocked-accept", run_blocked_accept, 4 }, /* with the close */
  { "blocked-write", run_blocked_write, 3 },
  { "one-more", run_one_more, 2 },
};

#define N_SUBJECTS (G_N_ELEMENTS (subjects) - 1) /* the last is not one that is to pass */

/* In the program that is traced. kind is that of the context. */
static int
run_subject (const char *name, const char *kind, guint rounds)
{
  g_autoptr (LeashContext) ctx = NULL;

  if (strcmp (kind, "cancel") == 0)
    ctx = leash_context_with_cancel (leash_context_background ());
  else if (strcmp (kind, "timeout") == 0)
    ctx = leash_context_with_timeout (leash_context_background (), G_TIME_SPAN_HOUR);
  else
    ctx = leash_context_ref (leash_context_background ());
  for (guint i = 0; i < G_N_ELEMENTS (subjects); i++)
    if (strcmp (subjects[i].name, name) == 0)
      subjects[i].run (ctx, rounds);
  return 0;
}

/* Counting */

static const char *the_program;
static const char *the_reason; /* why nothing can be counted; NULL when it can */

static const char *
find_reason (void)
{
  const char *const argv[] = { "strace", "-f", "-o", "/dev/null", "true", NULL };
  int status;

  if (UNDER_THREAD_SANITIZER || UNDER_ADDRESS_SANITIZER)
    return "a sanitizer makes system calls of its own";
  if (g_getenv ("UNDER_VALGRIND") != NULL)
    return "valgrind makes system calls of its own";
  if (!g_spawn_sync (NULL, (char **) argv, NULL,
                     G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL, NULL,
                     NULL, NULL, NULL, &status, NULL))
    return "strace is not installed: nothing counts system calls";
  return g_spawn_check_wait_status (status, NULL)
             ? NULL
             : "tracing is not allowed here: nothing counts system calls";
}

/* The lines of the trace that begin a call, but for those of the peer. */
static guint
count_lines (const char *trace, int peer)
{
  g_auto (GStrv) lines = g_strsplit (trace, "\n", -1);
  guint n = 0;

  for (guint i = 0; lines[i] != NULL; i++)
    n += strchr (lines[i], '(') != NULL && strstr (lines[i], " resumed>") == NULL
         && strstr (lines[i], "+++") == NULL && strstr (lines[i], "---") == NULL
         && g_ascii_strtoll (lines[i], NULL, 10) != peer;
  return n;
}

static guint
count_calls (Fixture *fixture, const Subject *subject, const char *kind, guint rounds)
{
  g_autofree char *path = path_of (fixture, "trace");
  g_autofree char *number = g_strdup_printf ("%u", rounds);
  const char *const argv[]
      = { "strace", "-f", "-o", path, the_program, "--subject", subject->name, kind, number, NULL };
  g_autofree char *output = NULL;
  g_autofree char *trace = NULL;
  g_autoptr (GError) error = NULL;
  int status;

  g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &output, NULL, &status, &error);
  g_assert_no_error (error);
  g_spawn_check_wait_status (status, &error);
  g_assert_no_error (error);
  g_file_get_contents (path, &trace, NULL, &error);
  g_assert_no_error (error);
  return count_lines (trace, g_str_has_prefix (output, "peer ") ? atoi (output + strlen ("peer ")) : 0);
}

static void
test_subject (Fixture *fixture, gconstpointer data)
{
  static const char *const kinds[] = { "plain", "cancel", "timeout" };
  const Subject *subject = data;

  if (the_reason != NULL)
    {
      g_test_skip (the_reason);
      return;
    }
  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      guint one = count_calls (fixture, subject, kinds[i], 1);
      guint many = count_calls (fixture, subject, kinds[i], MANY);

      g_test_message ("%s, %s: %u calls in %u rounds", subject->name, kinds[i], many - one, MANY - 1);
      g_assert_cmpuint (many - one, <=, subject->n_calls * (MANY - 1) + SLACK);
      /* Otherwise it was not them that were counted. */
      g_assert_cmpuint (many - one, >=, MANY - 1);
    }
}

static void
test_one_more (Fixture *fixture, gconstpointer unused)
{
  const Subject *subject = &subjects[N_SUBJECTS];

  if (the_reason != NULL)
    g_test_skip (the_reason);
  else
    g_assert_cmpuint (count_calls (fixture, subject, "plain", MANY)
                          - count_calls (fixture, subject, "plain", 1),
                      >, subject->n_calls * (MANY - 1) + SLACK);
}

int
main (int argc, char **argv)
{
  if (argc == 5 && strcmp (argv[1], "--subject") == 0)
    return run_subject (argv[2], argv[3], (guint) atoi (argv[4]));
  the_program = argv[0];
  g_test_init (&argc, &argv, NULL);
  the_reason = find_reason ();
  ADD ("/net/system-calls/one-more-is-noticed", test_one_more);
  for (guint i = 0; i < N_SUBJECTS; i++)
    {
      g_autofree char *path = g_strconcat ("/net/system-calls/", subjects[i].name, NULL);

      g_test_add (path, Fixture, &subjects[i], set_up, test_subject, tear_down);
    }
  return g_test_run ();
}
