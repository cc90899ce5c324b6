/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Connections on loopback, through Leash with a tracker, beside the system calls alone and GIO: a read and a
 * write with data and room at hand, connecting and closing, requests of 64 bytes that are answered, over one
 * connection and over 64, a large transfer, and accepting. The peer is a child that makes system calls only,
 * the same for all.
 *
 * What waits is told by the clock on the wall and, as waiting is mostly the kernel waking somebody, by the
 * time of the processor that this process took, the kernel's work for it included. bench-net.go has the same
 * for Go.
 */
#include <leash/leash.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>

#include "bench.h"

#define MESSAGE 64
#define BLOCK 65536
#define N_CONNS 64
#define N_BLOCKS_PER_GIB 16384

/* One connection in each of the three ways, and what is to be done with it. */
typedef struct
{
  LeashContext *ctx; /* with a tracker */
  struct sockaddr_in peer;
  const char *address; /* the same */
  int fd, other_fd;
  LeashConn *conn, *other;
  GSocketConnection *stream, *other_stream;
} Work;

static void
check (gboolean done, const char *what)
{
  if (!done)
    g_error ("%s failed: %s", what, g_strerror (errno));
}

/* The peer, a child for each kind */

static int
listen_raw (struct sockaddr_in *ret_address)
{
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  socklen_t size = sizeof *ret_address;

  *ret_address = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  check (bind (fd, (struct sockaddr *) ret_address, sizeof *ret_address) == 0 && listen (fd, 4096) == 0
             && getsockname (fd, (struct sockaddr *) ret_address, &size) == 0,
         "listening");
  return fd;
}

static void
no_delay (int fd)
{
  const int on = 1;

  setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static void
serve_nothing (int fd)
{
  char byte;

  while (read (fd, &byte, 1) > 0)
    continue;
}

static void
serve_echo (int fd)
{
  char bytes[MESSAGE];
  gssize n;

  no_delay (fd);
  while ((n = read (fd, bytes, sizeof bytes)) > 0)
    if (write (fd, bytes, (gsize) n) != n)
      break;
}

/* Answers the last byte of each block, so that who sends knows when all has come. */
static void
serve_sink (int fd)
{
  static char bytes[BLOCK];
  gsize total = 0;
  gssize n;

  no_delay (fd);
  while ((n = read (fd, bytes, sizeof bytes)) > 0)
    for (total += (gsize) n; total >= BLOCK; total -= BLOCK)
      if (write (fd, bytes, 1) != 1)
        return;
}

typedef struct
{
  void (*serve) (int fd);
  int fd;
} Serving;

static gpointer
serve_one (gpointer data)
{
  Serving *serving = data;

  serving->serve (serving->fd);
  close (serving->fd);
  g_free (serving);
  return NULL;
}

static void
serve_all (int fd, void (*serve) (int fd), gboolean has_threads)
{
  for (;;)
    {
      const Serving serving = { serve, accept4 (fd, NULL, NULL, SOCK_CLOEXEC) };

      check (serving.fd >= 0, "accept");
      if (has_threads)
        g_thread_unref (g_thread_new (NULL, serve_one, g_memdup2 (&serving, sizeof serving)));
      else
        serve_one (g_memdup2 (&serving, sizeof serving));
    }
}

/* A child that serves each connection in a thread, or one after the other, until this process ends it. */
static pid_t
start_peer (void (*serve) (int fd), gboolean has_threads, struct sockaddr_in *ret_address)
{
  int fd = listen_raw (ret_address);
  pid_t child = fork ();

  check (child >= 0, "fork");
  if (child == 0)
    serve_all (fd, serve, has_threads);
  close (fd);
  return child;
}

static void
stop_peer (pid_t child)
{
  kill (child, SIGKILL);
  check (waitpid (child, NULL, 0) == child, "waiting for the peer");
}

/* One of each way */

static int
connect_raw (const Work *work)
{
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  check (connect (fd, (const struct sockaddr *) &work->peer, sizeof work->peer) == 0, "connect");
  return fd;
}

static LeashConn *
connect_leash (const Work *work)
{
  LeashConn *conn = leash_dial (work->ctx, work->address, NULL);

  check (conn != NULL, "leash_dial");
  return conn;
}

/* By text, as Leash and as programs do. */
static GSocketConnection *
connect_gio (const Work *work)
{
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  GSocketConnection *stream
      = g_socket_client_connect_to_host (client, "127.0.0.1", ntohs (work->peer.sin_port), NULL, NULL);

  check (stream != NULL, "g_socket_client_connect_to_host");
  return stream;
}

static char *
format_address (const struct sockaddr_in *address)
{
  return g_strdup_printf ("tcp:127.0.0.1:%u", ntohs (address->sin_port));
}

/* All three, to the peer. */
static void
connect_all (Work *work)
{
  work->fd = connect_raw (work);
  no_delay (work->fd);
  work->conn = connect_leash (work);
  work->stream = connect_gio (work);
  no_delay (g_socket_get_fd (g_socket_connection_get_socket (work->stream)));
}

static void
close_all (Work *work)
{
  close (work->fd);
  leash_conn_unref (work->conn);
  g_object_unref (work->stream);
}

/* Sending and receiving a message, in each way */

static void
send_raw (int fd, const void *bytes, gsize count)
{
  check (write (fd, bytes, count) == (gssize) count, "write");
}

static void
receive_raw (int fd, void *bytes, gsize count)
{
  for (gsize done = 0; done < count;)
    {
      gssize n = read (fd, (char *) bytes + done, count - done);

      check (n > 0, "read");
      done += (gsize) n;
    }
}

static void
send_leash (LeashConn *conn, LeashContext *ctx, const void *bytes, gsize count)
{
  check (leash_conn_write_all (conn, ctx, bytes, count, NULL, NULL), "leash_conn_write_all");
}

static void
receive_leash (LeashConn *conn, LeashContext *ctx, void *bytes, gsize count)
{
  check (leash_conn_read_all (conn, ctx, bytes, count, NULL, NULL), "leash_conn_read_all");
}

static void
send_gio (GSocketConnection *stream, const void *bytes, gsize count)
{
  GOutputStream *output = g_io_stream_get_output_stream (G_IO_STREAM (stream));

  check (g_output_stream_write_all (output, bytes, count, NULL, NULL, NULL), "g_output_stream_write_all");
}

static void
receive_gio (GSocketConnection *stream, void *bytes, gsize count)
{
  GInputStream *input = g_io_stream_get_input_stream (G_IO_STREAM (stream));

  check (g_input_stream_read_all (input, bytes, count, NULL, NULL, NULL), "g_input_stream_read_all");
}

/* At hand: both ends are here, and what is read was just written. */

static void
at_hand_raw (gpointer user_data, guint n)
{
  const Work *work = user_data;
  char bytes[MESSAGE] = { 0 };

  for (guint i = 0; i < n; i++)
    {
      send_raw (work->fd, bytes, sizeof bytes);
      receive_raw (work->other_fd, bytes, sizeof bytes);
    }
}

static void
at_hand_leash (gpointer user_data, guint n)
{
  const Work *work = user_data;
  char bytes[MESSAGE] = { 0 };

  for (guint i = 0; i < n; i++)
    check (leash_conn_write (work->conn, work->ctx, bytes, sizeof bytes, NULL) == MESSAGE
               && leash_conn_read (work->other, work->ctx, bytes, sizeof bytes, NULL) == MESSAGE,
           "leash_conn_read");
}

static void
at_hand_gio (gpointer user_data, guint n)
{
  const Work *work = user_data;
  char bytes[MESSAGE] = { 0 };

  for (guint i = 0; i < n; i++)
    {
      send_gio (work->stream, bytes, sizeof bytes);
      receive_gio (work->other_stream, bytes, sizeof bytes);
    }
}

/* Connecting and closing */

static void
connect_close_raw (gpointer user_data, guint n)
{
  for (guint i = 0; i < n; i++)
    check (close (connect_raw (user_data)) == 0, "close");
}

static void
connect_close_leash (gpointer user_data, guint n)
{
  for (guint i = 0; i < n; i++)
    {
      g_autoptr (LeashConn) conn = connect_leash (user_data);

      check (leash_conn_close (conn, NULL), "leash_conn_close");
    }
}

static void
connect_close_gio (gpointer user_data, guint n)
{
  for (guint i = 0; i < n; i++)
    {
      g_autoptr (GSocketConnection) stream = connect_gio (user_data);

      check (g_io_stream_close (G_IO_STREAM (stream), NULL, NULL), "g_io_stream_close");
    }
}

/* A message and its answer */

static void
ask_raw (gpointer user_data, guint n)
{
  const Work *work = user_data;
  char bytes[MESSAGE] = { 0 };

  for (guint i = 0; i < n; i++)
    {
      send_raw (work->fd, bytes, sizeof bytes);
      receive_raw (work->fd, bytes, sizeof bytes);
    }
}

static void
ask_leash (gpointer user_data, guint n)
{
  const Work *work = user_data;
  char bytes[MESSAGE] = { 0 };

  for (guint i = 0; i < n; i++)
    {
      send_leash (work->conn, work->ctx, bytes, sizeof bytes);
      receive_leash (work->conn, work->ctx, bytes, sizeof bytes);
    }
}

static void
ask_gio (gpointer user_data, guint n)
{
  const Work *work = user_data;
  char bytes[MESSAGE] = { 0 };

  for (guint i = 0; i < n; i++)
    {
      send_gio (work->stream, bytes, sizeof bytes);
      receive_gio (work->stream, bytes, sizeof bytes);
    }
}

/* In as many threads as there are connections */

typedef struct
{
  BenchFunc func;
  Work *works; /* N_CONNS */
} Crowd;

typedef struct
{
  const Crowd *crowd;
  guint number, n;
} Member;

static gpointer
run_member (gpointer data)
{
  const Member *self = data;

  self->crowd->func (&self->crowd->works[self->number], self->n);
  return NULL;
}

static void
run_crowd (gpointer user_data, guint n)
{
  GThread *threads[N_CONNS];
  Member members[N_CONNS];

  for (guint i = 0; i < N_CONNS; i++)
    {
      members[i] = (Member){ user_data, i, n / N_CONNS + 1 };
      threads[i] = g_thread_new (NULL, run_member, &members[i]);
    }
  for (guint i = 0; i < N_CONNS; i++)
    g_thread_join (threads[i]);
}

/* A large transfer, in blocks, of which so many may be on the way */

#define ON_THE_WAY 16

#define TRANSFER(send, receive)                 \
  const Work *work = user_data;                 \
  static char block[BLOCK];                     \
  char answers[ON_THE_WAY];                     \
                                                \
  for (guint done = 0; done < n;)               \
    {                                           \
      guint batch = MIN (n - done, ON_THE_WAY); \
                                                \
      for (guint i = 0; i < batch; i++)         \
        send;                                   \
      receive;                                  \
      done += batch;                            \
    }

static void
transfer_raw (gpointer user_data, guint n)
{
  TRANSFER (send_raw (work->fd, block, BLOCK), receive_raw (work->fd, answers, batch))
}

static void
transfer_leash (gpointer user_data, guint n)
{
  TRANSFER (send_leash (work->conn, work->ctx, block, BLOCK),
            receive_leash (work->conn, work->ctx, answers, batch))
}

static void
transfer_gio (gpointer user_data, guint n)
{
  TRANSFER (send_gio (work->stream, block, BLOCK), receive_gio (work->stream, answers, batch))
}

/* Telling */

typedef struct
{
  const char *what;
  BenchFunc funcs[3]; /* raw, Leash, GIO */
  guint n, part;
  double wall_at_most, cpu_at_most,
      gio_at_most; /* ratios to raw, and Leash's to GIO; 0 where none is meant */
} Kind;

static void
tell (const char *what, const char *which, const char *unit, double value, double at_most)
{
  g_autofree char *name = g_strdup_printf ("%s: %s", what, which);

  bench_target (name, unit, value, at_most);
}

/* In turn: by the wall's clock, and by the time of this process. */
static void
compare (const Kind *kind, gpointer user_data)
{
  static const char *const names[] = { "system calls", "Leash", "GIO" };
  BenchCandidate candidates[6];

  for (guint i = 0; i < 6; i++)
    candidates[i] = (BenchCandidate){ .name = names[i % 3],
                                      .func = kind->funcs[i % 3],
                                      .user_data = user_data,
                                      .is_wall = i < 3,
                                      .part = kind->part };
  bench_run (candidates, 6, kind->n);
  for (guint i = 0; i < 3; i++)
    tell (kind->what, names[i], "us", bench_median (candidates[i].ns) / 1000, 0);
  tell (kind->what, "Leash / system calls", "x", bench_ratio (&candidates[1], &candidates[0]),
        kind->wall_at_most);
  tell (kind->what, "Leash / system calls, time of the processor", "x",
        bench_ratio (&candidates[4], &candidates[3]), kind->cpu_at_most);
  tell (kind->what, "GIO / system calls, time of the processor", "x",
        bench_ratio (&candidates[5], &candidates[3]), 0);
  tell (kind->what, "Leash / GIO", "x", bench_ratio (&candidates[1], &candidates[2]), kind->gio_at_most);
}

static void
measure_at_hand (Work *work)
{
  g_autoptr (LeashListener) listener = leash_listen (work->ctx, "tcp:127.0.0.1:0", NULL);
  g_autoptr (GSocket) socket = NULL;
  int fd = listen_raw (&work->peer);

  work->fd = connect_raw (work);
  no_delay (work->fd);
  work->other_fd = accept4 (fd, NULL, NULL, SOCK_CLOEXEC);
  work->stream = connect_gio (work);
  no_delay (g_socket_get_fd (g_socket_connection_get_socket (work->stream)));
  socket = g_socket_new_from_fd (accept4 (fd, NULL, NULL, SOCK_CLOEXEC), NULL);
  work->other_stream = g_socket_connection_factory_create_connection (socket);
  work->address = leash_listener_get_address (listener);
  work->conn = connect_leash (work);
  work->other = leash_listener_accept (listener, work->ctx, NULL);
  check (work->other_fd >= 0 && socket != NULL && work->other != NULL, "connecting both ends");
  compare (&(Kind){ "64 bytes written and read, at hand",
                    { at_hand_raw, at_hand_leash, at_hand_gio },
                    20000,
                    1,
                    0,
                    1.05,
                    0 },
           work);
  close_all (work);
  close (work->other_fd);
  leash_conn_unref (work->other);
  g_object_unref (work->other_stream);
  close (fd);
}

/*
 * Peers that wake one another cost what the scheduler makes of it, which differs by three times from one run
 * to the other. On one processor it is always the same.
 */
static void
stay_on_one_processor (gboolean stays)
{
  static cpu_set_t all;
  cpu_set_t one;

  if (!stays)
    {
      check (sched_setaffinity (0, sizeof all, &all) == 0, "sched_setaffinity");
      return;
    }
  check (sched_getaffinity (0, sizeof all, &all) == 0, "sched_getaffinity");
  CPU_ZERO (&one);
  CPU_SET ((gsize) sched_getcpu (), &one);
  check (sched_setaffinity (0, sizeof one, &one) == 0, "sched_setaffinity");
}

static void
measure_with_peer (const Kind *kind, Work *work, void (*serve) (int fd), gboolean connects)
{
  /* What connects each time is served one after the other; three connections that stay are not. */
  pid_t peer = start_peer (serve, connects, &work->peer);
  g_autofree char *address = format_address (&work->peer);

  work->address = address;
  if (connects)
    connect_all (work);
  compare (kind, work);
  if (connects)
    close_all (work);
  stop_peer (peer);
}

static void
measure_crowd (const Work *work)
{
  Work works[N_CONNS];
  Crowd crowds[] = { { ask_raw, works }, { ask_leash, works }, { ask_gio, works } };
  BenchCandidate candidates[3];
  const char *what = "64 bytes answered, 64 connections";
  struct sockaddr_in address;
  pid_t peer = start_peer (serve_echo, TRUE, &address);
  g_autofree char *text = format_address (&address);

  for (guint i = 0; i < N_CONNS; i++)
    {
      works[i] = (Work){ .ctx = work->ctx, .peer = address, .address = text };
      connect_all (&works[i]);
    }
  for (guint i = 0; i < 3; i++)
    candidates[i]
        = (BenchCandidate){ .name = "crowd", .func = run_crowd, .user_data = &crowds[i], .is_wall = TRUE };
  bench_run (candidates, 3, 10000);
  tell (what, "system calls", "thousand/s", 1e6 / bench_median (candidates[0].ns), 0);
  tell (what, "Leash", "thousand/s", 1e6 / bench_median (candidates[1].ns), 0);
  tell (what, "GIO", "thousand/s", 1e6 / bench_median (candidates[2].ns), 0);
  tell (what, "Leash / system calls, time", "x", bench_ratio (&candidates[1], &candidates[0]), 0);
  for (guint i = 0; i < N_CONNS; i++)
    close_all (&works[i]);
  stop_peer (peer);
}

/* Accepting: a child connects as often as it is asked to, and closes at once. */

#define AT_ONCE 64

typedef struct
{
  struct sockaddr_in to;
  int ask; /* a pipe to the child, which writes back by the other */
  int answers;
  pid_t child;
  int fd;
  LeashListener *listener;
  GSocketListener *gio;
  LeashContext *ctx;
} Accepting;

static void
connect_as_asked (const struct sockaddr_in *to, int asked, int answers)
{
  const struct linger at_once = { .l_onoff = 1, .l_linger = 0 };
  guint n;

  while (read (asked, &n, sizeof n) == sizeof n)
    {
      for (guint i = 0; i < n; i++)
        {
          int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

          /* No ports are left waiting for packets that are late. */
          setsockopt (fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
          check (connect (fd, (const struct sockaddr *) to, sizeof *to) == 0, "connect");
          close (fd);
        }
      check (write (answers, &n, sizeof n) == sizeof n, "write");
    }
  _exit (0);
}

static void
start_connecting (Accepting *work)
{
  int ask[2], answers[2];

  check (pipe2 (ask, O_CLOEXEC) == 0 && pipe2 (answers, O_CLOEXEC) == 0, "pipe2");
  work->child = fork ();
  check (work->child >= 0, "fork");
  if (work->child == 0)
    {
      close (ask[1]);
      connect_as_asked (&work->to, ask[0], answers[1]);
    }
  close (ask[0]);
  close (answers[1]);
  work->ask = ask[1];
  work->answers = answers[0];
}

/* Returns when so many wait to be accepted. */
static void
ask_for (const Accepting *work, guint n)
{
  check (write (work->ask, &n, sizeof n) == sizeof n && read (work->answers, &n, sizeof n) == sizeof n,
         "asking for connections");
}

#define ACCEPT(one)                           \
  const Accepting *work = user_data;          \
                                              \
  for (guint i = 0; i < n; i++)               \
    {                                         \
      if (i % AT_ONCE == 0)                   \
        ask_for (work, MIN (AT_ONCE, n - i)); \
      one;                                    \
    }

static void
accept_one_raw (const Accepting *work)
{
  check (close (accept4 (work->fd, NULL, NULL, SOCK_CLOEXEC)) == 0, "accept4");
}

static void
accept_one_leash (const Accepting *work)
{
  g_autoptr (LeashConn) conn = leash_listener_accept (work->listener, work->ctx, NULL);

  check (conn != NULL && leash_conn_close (conn, NULL), "leash_listener_accept");
}

static void
accept_one_gio (const Accepting *work)
{
  g_autoptr (GSocketConnection) stream = g_socket_listener_accept (work->gio, NULL, NULL, NULL);

  check (stream != NULL && g_io_stream_close (G_IO_STREAM (stream), NULL, NULL), "g_socket_listener_accept");
}

static void
accept_raw (gpointer user_data, guint n)
{
  ACCEPT (accept_one_raw (work))
}

static void
accept_leash (gpointer user_data, guint n)
{
  ACCEPT (accept_one_leash (work))
}

static void
accept_gio (gpointer user_data, guint n)
{
  ACCEPT (accept_one_gio (work))
}

static void
measure_accepting (LeashContext *ctx)
{
  static const BenchFunc funcs[] = { accept_raw, accept_leash, accept_gio };
  const char *what = "accepting and closing";
  g_autoptr (LeashListener) listener = leash_listen (ctx, "tcp:127.0.0.1:0", NULL);
  g_autoptr (GSocketListener) gio = g_socket_listener_new ();
  Accepting works[3] = { 0 };
  BenchCandidate candidates[3];

  g_socket_listener_set_backlog (gio, 4096);
  works[0].fd = listen_raw (&works[0].to);
  works[1] = (Accepting){ .to = works[0].to, .listener = listener, .ctx = ctx };
  works[1].to.sin_port = htons (
      (guint16) g_ascii_strtoull (strrchr (leash_listener_get_address (listener), ':') + 1, NULL, 10));
  works[2] = (Accepting){ .to = works[0].to, .gio = gio };
  works[2].to.sin_port = htons (g_socket_listener_add_any_inet_port (gio, NULL, NULL));
  for (guint i = 0; i < 3; i++)
    {
      candidates[i] = (BenchCandidate){ .name = what, .func = funcs[i], .user_data = &works[i] };
      start_connecting (&works[i]);
    }
  bench_run (candidates, 3, 2000);
  tell (what, "system calls, time of the processor", "us", bench_median (candidates[0].ns) / 1000, 0);
  tell (what, "Leash, time of the processor", "us", bench_median (candidates[1].ns) / 1000, 0);
  tell (what, "Leash / system calls, time of the processor", "x",
        bench_ratio (&candidates[1], &candidates[0]), 0);
  tell (what, "GIO / system calls, time of the processor", "x", bench_ratio (&candidates[2], &candidates[0]),
        0);
  for (guint i = 0; i < 3; i++)
    {
      close (works[i].ask);
      close (works[i].answers);
      stop_peer (works[i].child);
    }
  close (works[0].fd);
}

int
main (int argc, char **argv)
{
  g_autoptr (LeashTracker) tracker = leash_tracker_new ();
  g_autoptr (LeashContext) ctx = leash_context_with_tracker (leash_context_background (), tracker);
  Work work = { .ctx = ctx };

  signal (SIGPIPE, SIG_IGN);
  bench_init (argc, argv);
  measure_at_hand (&work);
  measure_with_peer (&(Kind){ "connecting and closing, TCP",
                              { connect_close_raw, connect_close_leash, connect_close_gio },
                              200,
                              1,
                              0,
                              0,
                              1 / 3.0 },
                     &work, serve_nothing, FALSE);
  stay_on_one_processor (TRUE);
  measure_with_peer (
      &(Kind){
          "64 bytes answered, TCP, on one processor", { ask_raw, ask_leash, ask_gio }, 1000, 1, 0, 0, 0 },
      &work, serve_echo, TRUE);
  stay_on_one_processor (FALSE);
  measure_with_peer (&(Kind){ "a block of 64 KiB sent, TCP",
                              { transfer_raw, transfer_leash, transfer_gio },
                              1024,
                              1,
                              0,
                              1.05,
                              0 },
                     &work, serve_sink, TRUE);
  measure_crowd (&work);
  measure_accepting (ctx);
  return 0;
}
