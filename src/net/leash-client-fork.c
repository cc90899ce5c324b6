/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Clients in a forked child. Another thread may be inside any of them when its process forks, so the locks of
 * all are taken before a fork and released on both sides of it.
 *
 * The connections stay the parent's: a child that used one as well would take answers away from the parent,
 * and one that closed it would end the parent's TLS session. So the child's client begins anew, with nothing
 * open and nobody waiting, and what was open is put aside: neither used nor closed, as by a library that is
 * told to forget. The descriptors go with exec() or exit.
 *
 * The locks within connections (LeashPatience) are not taken: only threads that use a connection hold them,
 * and one that another thread was using is of no use to the child, with or without its lock.
 */
#include "leash-client-private.h"

#include "leash-fork-private.h"

static LeashLock lock = LEASH_LOCK_INIT; /* taken before any client's lock; guards the list */
static LeashClient *clients;

static void
before_fork (void)
{
  leash_lock (&lock);
  for (LeashClient *each = clients; each != NULL; each = each->next_client)
    leash_lock (&each->lock);
}

static void
after_fork_in_parent (void)
{
  for (LeashClient *each = clients; each != NULL; each = each->next_client)
    leash_unlock (&each->lock);
  leash_unlock (&lock);
}

static void
put_aside (LeashClient *client, LeashPooledList *list)
{
  for (LeashPooled *each = list->first, *next; each != NULL; each = next)
    {
      next = each->next;
      each->is_inherited = TRUE;
      leash_pooled_unlink (list, each);
      leash_pooled_push (&client->inherited, each);
    }
}

/* A dial that was trying whether the server is back is nobody's any more: the next one tries. */
static void
begin_anew (LeashClient *client)
{
  LeashClientStats *stats = &client->stats;

  put_aside (client, &client->idle);
  put_aside (client, &client->in_use);
  client->first_waiter = client->last_waiter = NULL;
  client->n_listed = 0;
  stats->n_open = stats->n_idle = stats->n_in_use = stats->n_waiting = 0;
  if (stats->breaker == LEASH_BREAKER_TRYING)
    stats->breaker = LEASH_BREAKER_OPEN;
}

static void
after_fork_in_child (void)
{
  for (LeashClient *each = clients; each != NULL; each = each->next_client)
    begin_anew (each);
  after_fork_in_parent ();
}

/* A client's lock is held while tags are released and contexts cancelled, so these locks' handlers come
 * first.
 */
static void
set_up (void)
{
  leash_fork_set_up ();
  leash_context_unref (leash_context_with_cancel (leash_context_background ()));
  pthread_atfork (before_fork, after_fork_in_parent, after_fork_in_child);
}

void
leash_client_fork_enter (LeashClient *client)
{
  static pthread_once_t once = PTHREAD_ONCE_INIT;

  pthread_once (&once, set_up);
  leash_lock (&lock);
  client->next_client = clients;
  if (clients != NULL)
    clients->prev_client = client;
  clients = client;
  leash_unlock (&lock);
}

void
leash_client_fork_leave (LeashClient *client)
{
  leash_lock (&lock);
  if (client->next_client != NULL)
    client->next_client->prev_client = client->prev_client;
  if (client->prev_client != NULL)
    client->prev_client->next_client = client->next_client;
  else
    clients = client->next_client;
  leash_unlock (&lock);
}
