/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Messages of 64 bytes between two threads, over the memory network and over loopback TCP by system calls
 * alone: each one answered, and one way, with an answer to the last. By the clock on the wall, since a rate
 * is what is asked for.
 */
#include <leash/leash.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "bench.h"

#define MESSAGE 64
#define PLEASE_ANSWER 1

typedef struct
{
  LeashContext *ctx;           /* with a tracker */
  LeashConn *conn, *peer_conn; /* NULL for TCP */
  int fd, peer_fd;
} Wire;

static void
check (gboolean done, const char *what)
{
  if (!done)
    g_error ("%s failed: %s", what, g_strerror (errno));
}

static gboolean
send_message (const Wire *wire, gboolean is_peer, const char *bytes)
{
  if (wire->conn != NULL)
    return leash_conn_write_all (is_peer ? wire->peer_conn : wire->conn, wire->ctx, bytes, MESSAGE, NULL,
                                 NULL);
  return write (is_peer ? wire->peer_fd : wire->fd, bytes, MESSAGE) == MESSAGE;
}

static gboolean
receive_message (const Wire *wire, gboolean is_peer, char *bytes)
{
  if (wire->conn != NULL)
    return leash_conn_read_all (is_peer ? wire->peer_conn : wire->conn, wire->ctx, bytes, MESSAGE, NULL,
                                NULL);
  return recv (is_peer ? wire->peer_fd : wire->fd, bytes, MESSAGE, MSG_WAITALL) == MESSAGE;
}

/* Answers what asks for it, until the process ends. */
static gpointer
answer (gpointer user_data)
{
  const Wire *wire = user_data;
  char bytes[MESSAGE];

  while (receive_message (wire, TRUE, bytes))
    if (bytes[0] == PLEASE_ANSWER && !send_message (wire, TRUE, bytes))
      break;
  return NULL;
}

static void
send_and_ask (gpointer user_data, guint n)
{
  char bytes[MESSAGE] = { PLEASE_ANSWER };

  while (n-- > 0)
    check (send_message (user_data, FALSE, bytes) && receive_message (user_data, FALSE, bytes), "a request");
}

static void
send_many (gpointer user_data, guint n)
{
  const char bytes[MESSAGE] = { 0 };

  while (n-- > 1)
    check (send_message (user_data, FALSE, bytes), "a message");
  send_and_ask (user_data, 1);
}

static void
connect_tcp (Wire *wire)
{
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  socklen_t size = sizeof address;
  int listening = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;

  wire->fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  check (bind (listening, (struct sockaddr *) &address, sizeof address) == 0 && listen (listening, 1) == 0
             && getsockname (listening, (struct sockaddr *) &address, &size) == 0
             && connect (wire->fd, (struct sockaddr *) &address, sizeof address) == 0,
         "connecting");
  wire->peer_fd = accept4 (listening, NULL, NULL, SOCK_CLOEXEC);
  setsockopt (wire->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt (wire->peer_fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  close (listening);
}

static void
connect_memory (Wire *wire)
{
  LeashNetwork *network = leash_memory_network_new ();
  LeashListener *listener = leash_network_listen (network, wire->ctx, "memory:peer", NULL);

  wire->conn = leash_network_dial (network, wire->ctx, "memory:peer", NULL);
  wire->peer_conn = leash_listener_accept (listener, wire->ctx, NULL);
  check (wire->conn != NULL && wire->peer_conn != NULL, "the memory network");
}

int
main (int argc, char **argv)
{
  LeashTracker *tracker;
  Wire memory, tcp = { 0 };

  bench_init (argc, argv);
  tracker = leash_tracker_new ();
  memory = (Wire){ .ctx = leash_context_with_tracker (leash_context_background (), tracker) };
  connect_memory (&memory);
  connect_tcp (&tcp);
  g_thread_new ("memory", answer, &memory);
  g_thread_new ("tcp", answer, &tcp);
  {
    BenchCandidate asked[] = {
      { .name = "memory", .func = send_and_ask, .user_data = &memory, .is_wall = TRUE },
      { .name = "tcp", .func = send_and_ask, .user_data = &tcp, .is_wall = TRUE },
    };
    BenchCandidate one_way[] = {
      { .name = "memory", .func = send_many, .user_data = &memory, .is_wall = TRUE },
      { .name = "tcp", .func = send_many, .user_data = &tcp, .is_wall = TRUE },
    };

    bench_run (asked, 2, 3000);
    bench_run (one_way, 2, 20000);
    bench_figure ("a message in memory and its answer", "ns", bench_median (asked[0].ns));
    bench_figure ("a message over loopback TCP and its answer", "ns", bench_median (asked[1].ns));
    bench_target ("memory over TCP, with answers", "x", bench_ratio (&asked[0], &asked[1]), 0.33);
    bench_figure ("a message in memory one way", "ns", bench_median (one_way[0].ns));
    bench_figure ("a message over loopback TCP one way", "ns", bench_median (one_way[1].ns));
    bench_target ("memory over TCP, one way", "x", bench_ratio (&one_way[0], &one_way[1]), 0.33);
  }
  return 0;
}
