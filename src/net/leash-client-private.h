/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The pool behind LeashClient: see leash-client-pool.c; what dials and looks is in leash-client-dial.c. */
#pragma once

#include <leash/leash-client.h>

#include "leash-conn-private.h"
#include "leash-lock-private.h"

/* A connection of the pool. It is on one of the lists, or belongs to the thread that took it off. */
struct _LeashPooled
{
  LeashClient *client;
  LeashConn *conn;     /* the network's; the pool's until the pool is closed */
  LeashConn *checkout; /* what its user has, that holds no reference here; NULL while there is none */
  LeashPooled *next;   /* this and below: the client's lock's, or of who has it */
  LeashPooled *prev;
  gint64 opened_at;
  gint64 idle_since;
  gconstpointer caller; /* of the checkout */
  gboolean was_used;    /* before this checkout */
  gboolean is_returned; /* the checkout ends by a return */
  gboolean is_inherited; /* is the parent's; set in a forked child while that has one thread */
};

typedef struct
{
  LeashPooled *first;
  LeashPooled *last;
} LeashPooledList;

/* On the stack of a checkout that waits. */
typedef struct _LeashPoolWaiter LeashPoolWaiter;
struct _LeashPoolWaiter
{
  LeashContext *ctx;  /* to wait by; ended to wake */
  LeashPooled *given; /* this and below: the lock's */
  gboolean has_place; /* to dial in */
  gboolean is_served; /* is off the list, with a connection, the right to dial one, or the client's end */
  LeashPoolWaiter *next;
  LeashPoolWaiter *prev;
};

struct _LeashClient
{
  gint ref_count; /* atomic; of users. Checkouts keep it alive by n_in_use */
  LeashTag *tag;
  LeashContext *ctx; /* its tracker, clock and network; it is never done */
  LeashClock *clock; /* ctx's */
  LeashClientOptions options; /* with the defaults filled in; never changes, as all above */
  LeashLock lock;
  LeashPooledList idle; /* this and below: the lock's; the newest first */
  LeashPooledList in_use;
  LeashPooledList inherited; /* by a forked child, which neither uses nor closes them */
  LeashPoolWaiter *first_waiter;
  LeashPoolWaiter *last_waiter;
  gboolean is_closed;
  gboolean is_unreferenced;
  gboolean is_tag_released;
  guint n_listed; /* in in_use; stats.n_in_use counts those that are being closed, too */
  guint n_failures; /* dials in a row */
  gint64 no_dial_until; /* while the breaker is open */
  GError *last_failure;
  LeashClientStats stats;
  LeashClient *next_client; /* leash-client-fork.c's, as is prev_client */
  LeashClient *prev_client;
  char address[];
};

static inline gint64
leash_client_now (LeashClient *client)
{
  return leash_clock_get_time (client->clock);
}

/* With the lock held. */
void         leash_pooled_push        (LeashPooledList *list,
                                       LeashPooled     *pooled);
void         leash_pooled_unlink      (LeashPooledList *list,
                                       LeashPooled     *pooled);
void         leash_client_serve_end   (LeashClient     *client);
/* Releases its tag behind the lock, once it is closed and the tag has no children. Else that is left to another
 * thread, which dials, looks at a connection or closes one. */
void         leash_client_unlock      (LeashClient     *client,
                                       gconstpointer    caller);

/* Closes what is on no list. */
void         leash_pooled_free        (LeashPooled     *pooled);
/* Closes what is on a list of its own, linked by next, and frees the places. */
void         leash_client_close_list  (LeashClient     *client,
                                       LeashPooled     *first);
void         leash_client_free        (LeashClient     *client);
/* A connection that is there, NULL with TRUE for a place to dial one in; waits for either. */
gboolean     leash_client_take        (LeashClient     *client,
                                       LeashContext    *ctx,
                                       LeashPooled    **ret_pooled,
                                       GError         **error);
/* One that was taken is no good: another idle one, or NULL for its place to dial in. */
LeashPooled *leash_client_take_other  (LeashClient     *client,
                                       LeashPooled     *pooled,
                                       LeashContext    *ctx);
/* Gives a place back in which there is no connection. */
void         leash_client_leave_place (LeashClient     *client);
/* Marks what was taken or dialled as used by checkout; FALSE when the client was closed meanwhile. */
gboolean     leash_client_use         (LeashClient     *client,
                                       LeashPooled     *pooled,
                                       LeashConn       *checkout);
/* Behind a checkout's end: back to the pool, or closed. */
void         leash_client_take_back   (LeashPooled     *pooled);

/* leash-client-dial.c. In a place that was taken; gives the place back when it fails. */
LeashPooled *leash_client_dial        (LeashClient     *client,
                                       LeashContext    *ctx,
                                       gconstpointer    caller,
                                       GError         **error);
/* Whether an idle connection that was taken can be handed out; always probes when told to. */
gboolean     leash_client_is_fit      (LeashClient     *client,
                                       LeashPooled     *pooled,
                                       LeashContext    *ctx,
                                       gboolean         is_probing);

/* leash-client-fork.c. Has forks take the client's lock, from where it can be used until it is freed. */
void         leash_client_fork_enter  (LeashClient     *client);
void         leash_client_fork_leave  (LeashClient     *client);

/* leash-client-holders.c */
void         leash_client_append_holders (GString             *text,
                                          const gconstpointer *callers,
                                          guint                n_callers);
