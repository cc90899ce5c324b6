/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LeashPatience: until when the operations of a connection wait, for each way, and who waits. Each wait has a
 * context of its own, below the operation's, that ends at the way's deadline. Who sets another deadline ends
 * these contexts: the operations find that they were woken, and go on waiting until the new one.
 */
#pragma once

#include "leash-context-private.h"
#include "leash-lock-private.h"

typedef enum
{
  LEASH_WAY_IN,
  LEASH_WAY_OUT,
  LEASH_N_WAYS
} LeashWay;

/* On the stack of who waits. */
typedef struct _LeashWaiting LeashWaiting;
struct _LeashWaiting
{
  LeashContext *ctx; /* to wait by */
  LeashWay way;
  gboolean is_woken; /* this and below: the lock's */
  LeashWaiting *next;
  LeashWaiting *prev;
};

/* Memory of zeros is not one: see leash_patience_init(). */
typedef struct
{
  gint64
      deadlines[LEASH_N_WAYS]; /* atomic; of the contexts' clocks, -1 for none; written with the lock held */
  LeashLock lock;
  LeashWaiting *waiting; /* the lock's */
} LeashPatience;

void     leash_patience_init         (LeashPatience *patience);
void     leash_patience_set_deadline (LeashPatience *patience,
                                      LeashWay       way,
                                      gint64         deadline);
/* Who waits in either way looks again. */
void     leash_patience_wake_all     (LeashPatience *patience);
/* Who marks what it guards and then wakes all is seen behind this, or wakes. */
void     leash_patience_enter        (LeashPatience *patience,
                                      LeashWay       way,
                                      LeashContext  *ctx,
                                      LeashWaiting  *waiting);
/* Returns TRUE when it was woken. */
gboolean leash_patience_leave        (LeashPatience *patience,
                                      LeashWaiting  *waiting);
/* Says that the deadline has passed; always returns FALSE. */
gboolean leash_patience_refuse       (LeashWay       way,
                                      GError       **error);

/* Returns FALSE, with the error, when the way's deadline has passed by the context's clock. */
static inline gboolean
leash_patience_check (LeashPatience *patience, LeashWay way, LeashContext *ctx, GError **error)
{
  gint64 deadline = __atomic_load_n (&patience->deadlines[way], __ATOMIC_ACQUIRE);

  return deadline < 0 || deadline > leash_clock_get_time (leash_context_get_clock (ctx))
         || leash_patience_refuse (way, error);
}
