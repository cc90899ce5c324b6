/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Both ends of a connection of the memory network, and what waits there. See leash-memory-link.c. */
#pragma once

#include <pthread.h>

#include "leash-context-private.h"
#include "leash-lock-private.h"
#include "leash-net-private.h"

/*
 * Something to wait for with a lock held. Who changes what others wait for calls leash_bell_ring(), which costs nothing
 * where nobody waits.
 */
typedef struct
{
  pthread_cond_t cond;
  guint n_waiting; /* the lock's */
} LeashBell;

void     leash_bell_init  (LeashBell *bell);
void     leash_bell_clear (LeashBell *bell);
/*
 * Waits until is_so() or the context is done: FALSE then, with the context's error, if it is not so even then. The lock
 * is held by the caller before and after, and while is_so() is called; not meanwhile.
 */
gboolean leash_bell_wait  (LeashBell     *bell,
                           LeashLock     *lock,
                           LeashContext  *ctx,
                           gboolean     (*is_so) (gpointer user_data),
                           gpointer       user_data,
                           GError       **error);

static inline void
leash_bell_ring (LeashBell *bell)
{
  if (bell->n_waiting > 0)
    pthread_cond_broadcast (&bell->cond);
}

/* Makes both ends of a connection, with so many bytes of room each way. */
void     leash_memory_link_new (gsize        capacity,
                                const char  *dialler_address,
                                const char  *listener_address,
                                LeashConn  **ret_dialled,
                                LeashConn  **ret_accepted);
