/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A server is one descriptor that listens and one thread that does everything else: it waits for clients,
 * makes reports and sends them. Reports are made one after the other, as each is the whole of what is open.
 * Plain sockets and poll(), and not GSocketService: that brings a main context with descriptors and threads
 * that a census would have to explain, and hands each connection to a thread of its own, where one is enough.
 *
 * The thread has no reference to its server. Whoever drops the last one stops the thread first, and lets go
 * of the tracker, in his own thread: what a program hangs on a tracker is never freed in a thread it does not
 * know. To stop is to shut the listening socket down, which wakes poll(): no further descriptor is needed.
 *
 * One lock guards the list of all servers and all their descriptors. A forked child has the descriptors but
 * not the threads: it closes them, so that a client of a parent that has ended is refused instead of kept
 * waiting, and serves nothing itself. At exit() the nodes of servers that nobody stopped are removed.
 */
#include "leash-server-private.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "leash-boxed-private.h"
#include "leash-lock-private.h"
#include "leash-own-fd-private.h"
#include "leash-worker-private.h"

#define REQUEST_PATIENCE (5 * G_TIME_SPAN_SECOND)
#define ANSWER_PATIENCE (30 * G_TIME_SPAN_SECOND)

static LeashLock servers_lock = LEASH_LOCK_INIT;
static GPtrArray *servers;                              /* those with a thread, not owned */
static pthread_cond_t ended = PTHREAD_COND_INITIALIZER; /* a thread has */

/**
 * LeashServer:
 *
 * Answers on a Unix socket with what is open now. See leash_tracker_serve().
 *
 * All functions may be called from any thread.
 */
LEASH_DEFINE_BOXED (LeashServer, leash_server)

void
leash_servers_lock (void)
{
  leash_lock (&servers_lock);
}

void
leash_servers_unlock (void)
{
  leash_unlock (&servers_lock);
}

void
leash_server_close_fd (int *fd)
{
  if (*fd < 0)
    return;
  leash_own_fd_remove (*fd);
  close (*fd);
  *fd = -1;
}

/* With the lock held. */
static void
close_all (LeashServer *server)
{
  leash_server_close_fd (&server->listener);
  leash_server_close_fd (&server->spare);
  for (guint i = 0; i < LEASH_N_CLIENTS; i++)
    leash_server_close_fd (&server->clients[i].fd);
}

static void
close_in_child (void)
{
  for (guint i = 0; i < servers->len; i++)
    {
      LeashServer *server = g_ptr_array_index (servers, i);

      close_all (server);
      server->has_thread = FALSE;
    }
  g_ptr_array_set_size (servers, 0);
  /* It remembers sleepers that the child does not have. */
  pthread_cond_init (&ended, NULL);
  leash_servers_unlock ();
}

static void
remove_nodes (void)
{
  leash_servers_lock ();
  for (guint i = 0; i < servers->len; i++)
    {
      LeashServer *server = g_ptr_array_index (servers, i);

      leash_server_remove_node (server->path, &server->node);
    }
  leash_servers_unlock ();
}

static void
set_up (void)
{
  servers = g_ptr_array_new ();
  pthread_atfork (leash_servers_lock, leash_servers_unlock, close_in_child);
  atexit (remove_nodes);
}

/* With the lock held. */
static gboolean
start (LeashServer *server, GError **error)
{
  server->listener = leash_server_listen (server->path, &server->node, error);
  if (server->listener < 0)
    return FALSE;
  server->spare = leash_server_open_spare ();
  server->has_thread = leash_worker_start (leash_server_run, server);
  if (server->has_thread)
    {
      g_ptr_array_add (servers, server);
      return TRUE;
    }
  leash_server_remove_node (server->path, &server->node);
  close_all (server);
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, "Serving at %s: the system has no thread to give",
               server->path);
  return FALSE;
}

void
leash_server_end (LeashServer *server)
{
  leash_servers_lock ();
  leash_server_remove_node (server->path, &server->node);
  close_all (server);
  g_ptr_array_remove_fast (servers, server);
  server->has_thread = FALSE;
  pthread_cond_broadcast (&ended);
  leash_servers_unlock ();
}

static void
server_free (LeashServer *server)
{
  g_clear_pointer (&server->tracker, leash_tracker_unref);
  g_free (server->path);
  g_free (server);
}

LeashServer *
leash_server_new (LeashTracker *tracker, const char *path, GError **error)
{
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  g_autofree char *absolute
      = path != NULL ? g_canonicalize_filename (path, NULL) : leash_server_usual_path (error);
  LeashServer *server;
  gboolean started;

  if (absolute == NULL)
    return NULL;
  pthread_once (&once, set_up);
  server = g_new0 (LeashServer, 1);
  server->ref_count = 1;
  server->tracker = tracker != NULL ? leash_tracker_ref (tracker) : NULL;
  server->path = g_steal_pointer (&absolute);
  server->request_patience = REQUEST_PATIENCE;
  server->answer_patience = ANSWER_PATIENCE;
  for (guint i = 0; i < LEASH_N_CLIENTS; i++)
    server->clients[i].fd = -1;

  leash_servers_lock ();
  started = start (server, error);
  leash_servers_unlock ();
  if (!started)
    g_clear_pointer (&server, server_free);
  return server;
}

/**
 * leash_tracker_serve:
 * @tracker: a tracker
 * @path: (nullable) (type filename): where the socket is to be, or %NULL for
 *   `$XDG_RUNTIME_DIR/leash/PROGRAM-PID.sock`
 * @error: why it cannot be served
 *
 * Answers on a Unix socket with what is open in @tracker, until leash_server_stop() or the last
 * leash_server_unref(). It holds a reference to @tracker; one that was ended is served still.
 *
 * Only the process's own user and root can connect. A client sends one line and gets one answer:
 *
 * - `text`, nothing, or the end of what it sends: the report as text;
 * - `json`: the report as JSON;
 * - either, and `all`: with all frames and places;
 * - an HTTP request: `GET /report.txt` or `GET /report.json`, with `?all` for all frames and places.
 *
 * So `curl --unix-socket PATH http://leash/report.json` is a client. A request has 4 KiB and 5 seconds.
 *
 * Everything is done by a thread of the library's own, which is named "leash-serve". No other thread waits
 * for it, but for the moments in which what is open is copied.
 *
 * What is at @path already is an error, unless it is a socket where nobody answers any more: that is
 * replaced. A path has up to 107 bytes. The errors are those of #GIOErrorEnum: %G_IO_ERROR_ADDRESS_IN_USE
 * where somebody answers, %G_IO_ERROR_EXISTS where a file of another kind is, %G_IO_ERROR_FILENAME_TOO_LONG,
 * %G_IO_ERROR_NOT_FOUND where @path is %NULL and there is no runtime directory, %G_IO_ERROR_NOT_SUPPORTED
 * where the library is built without tracking.
 *
 * A forked child serves nothing, and can serve anew, at another path.
 *
 * Returns: (transfer full): a server, or %NULL
 *
 * Since: 0.1
 */
LeashServer *
leash_tracker_serve (LeashTracker *tracker, const char *path, GError **error)
{
  g_return_val_if_fail (tracker != NULL, NULL);
  g_return_val_if_fail (path == NULL || *path != '\0', NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  return leash_server_new (tracker, path, error);
}

/**
 * leash_server_ref:
 * @server: a server
 *
 * Adds a reference.
 *
 * Returns: (transfer full): @server
 *
 * Since: 0.1
 */
LeashServer *
leash_server_ref (LeashServer *server)
{
  g_return_val_if_fail (server != NULL, NULL);

  __atomic_fetch_add (&server->ref_count, 1, __ATOMIC_RELAXED);
  return server;
}

/**
 * leash_server_unref:
 * @server: (transfer full): a server
 *
 * Drops a reference. With the last one it is stopped, as by leash_server_stop().
 *
 * Since: 0.1
 */
void
leash_server_unref (LeashServer *server)
{
  g_return_if_fail (server != NULL);

  if (__atomic_sub_fetch (&server->ref_count, 1, __ATOMIC_ACQ_REL) > 0)
    return;
  leash_server_stop (server);
  server_free (server);
}

/**
 * leash_server_stop:
 * @server: a server
 *
 * Stops answering. Who is connected is sent away, and the socket's node is removed, unless something else has
 * taken its place. It waits for a report that is being made. Stopping twice does nothing, nor does stopping
 * in a forked child.
 *
 * Since: 0.1
 */
void
leash_server_stop (LeashServer *server)
{
  g_return_if_fail (server != NULL);

  leash_servers_lock ();
  __atomic_store_n (&server->stopping, TRUE, __ATOMIC_RELEASE);
  if (server->listener >= 0)
    shutdown (server->listener, SHUT_RDWR);
  while (server->has_thread)
    pthread_cond_wait (&ended, &servers_lock);
  leash_servers_unlock ();
}

/**
 * leash_server_get_path:
 * @server: a server
 *
 * Where its socket is, or was before it was stopped.
 *
 * Returns: (transfer none) (type filename): an absolute path
 *
 * Since: 0.1
 */
const char *
leash_server_get_path (LeashServer *server)
{
  g_return_val_if_fail (server != NULL, NULL);

  return server->path;
}
