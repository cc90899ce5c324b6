/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A server, as its own files see it:
 *
 *     leash-server.c         its life, and that of all servers over fork and exit
 *     leash-server-socket.c  the socket's node in the file system
 *     leash-server-run.c     the thread: who is connected, who is waited for
 *     leash-server-answer.c  what is asked, and the answer
 */
#pragma once

#include <leash/leash-server.h>
#include <sys/stat.h>

/* Who is served at once. More wait in the kernel's queue. */
#define LEASH_N_CLIENTS 8

/* Bytes of a request, an HTTP request's headers among them. */
#define LEASH_REQUEST_MAX 4096

typedef struct
{
  int fd;          /* changes with the lock of all servers held; -1 when nobody is here */
  gint64 deadline; /* monotonic, us: who has done nothing until then is sent away */
  char request[LEASH_REQUEST_MAX + 1];
  gsize n_read;
  GString *answer; /* NULL until the request is complete */
  gsize n_written;
} LeashServerClient;

struct _LeashServer
{
  gint ref_count;           /* atomic */
  LeashTracker *tracker;    /* owned; never changes; NULL for all trackers of the process */
  char *path;               /* absolute; never changes */
  struct stat node;         /* never changes */
  gboolean stopping;        /* atomic */
  gint64 request_patience;  /* atomic; us */
  gint64 answer_patience;   /* atomic; us without progress */

  /* Guarded by the lock of all servers */
  gboolean has_thread;
  int listener;             /* -1 when it is closed */
  int spare;                /* of no use but to be closed; -1 when it is */

  /* The thread's own */
  LeashServerClient clients[LEASH_N_CLIENTS];
  gint64 no_accept_until;   /* monotonic, us */
};

/* tracker is NULL for all trackers of the process; path NULL for the usual one. */
LeashServer *leash_server_new           (LeashTracker      *tracker,
                                         const char        *path,
                                         GError           **error);
/* The thread says that it has ended, and closes everything. */
void         leash_server_end           (LeashServer       *server);
/* Descriptors of servers are opened and closed with this lock held, so that a forked child knows them all. */
void         leash_servers_lock         (void);
void         leash_servers_unlock       (void);
/* Closes it, if it is one, with the lock held. */
void         leash_server_close_fd      (int               *fd);

/* XDG_RUNTIME_DIR/leash/PROGRAM-PID.sock, or NULL. */
char        *leash_server_usual_path    (GError           **error);
/* Returns a listening socket that nobody but the process's user can reach, at no moment, or -1. */
int          leash_server_listen        (const char        *path,
                                         struct stat       *ret_node,
                                         GError           **error);
/* Opens a descriptor that another can take the place of, or returns -1. */
int          leash_server_open_spare    (void);
/* Removes the socket's node, unless something else is there by now. */
void         leash_server_remove_node   (const char        *path,
                                         const struct stat *node);

/* The thread's function; data is the server, which outlives it. */
void        *leash_server_run           (void              *data);

/* Whether there is no need to wait for more. request ends with a 0. */
gboolean     leash_request_is_complete  (const char        *request,
                                         gsize              length);
GString     *leash_request_answer       (LeashTracker      *tracker,
                                         const char        *request,
                                         gsize              length);
