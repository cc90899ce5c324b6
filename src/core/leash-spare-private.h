/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory of handles: from the allocator, or what the thread's last handle had. See leash-spare.c, which says
 * where that is not done.
 */
#pragma once

#include "leash-likely-private.h"

/* Of one thread. */
typedef struct
{
  gpointer block;
  gsize size;     /* of the block; 0 for none */
  gboolean wants; /* there is none, and there may be one */
} LeashSpare;

extern __thread LeashSpare leash_spare_self
    __attribute__ ((tls_model ("initial-exec"), visibility ("hidden")));

gpointer leash_spare_allocate (gsize     size,
                               gsize    *ret_size) G_NO_INLINE;
void     leash_spare_replace  (gpointer  block,
                               gsize     size) G_NO_INLINE;

/* At least size bytes; ret_size is to be given back with them. */
static inline gpointer
leash_spare_take (gsize size, gsize *ret_size)
{
  LeashSpare *self = &leash_spare_self;

  if (LEASH_UNLIKELY (self->size < size))
    return leash_spare_allocate (size, ret_size);
  *ret_size = self->size;
  self->size = 0;
  self->wants = TRUE;
  return self->block;
}

/* In any thread. */
static inline void
leash_spare_give (gpointer block, gsize size)
{
  LeashSpare *self = &leash_spare_self;

  if (LEASH_UNLIKELY (!self->wants))
    {
      leash_spare_replace (block, size);
      return;
    }
  self->block = block;
  self->size = size;
  self->wants = FALSE;
}
