/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names of resources, as slots own them. See leash-name.c. */
#pragma once

#include <string.h>

#include "leash-likely-private.h"
#include "leash-thread-private.h"

/* Frees the thread's old name and keeps this one for it, if there may be one. */
void leash_name_replace (LeashThread *self,
                         char        *name) G_GNUC_NO_INLINE;

/* With the thread's busy mark set, both. The result is to be freed by g_free(), or recycled. */
static inline char *
leash_name_copy (LeashThread *self, const char *name)
{
  gsize length = strlen (name);
  char *room = self->old_name;

  if (LEASH_LIKELY (room != NULL && strlen (room) >= length))
    self->old_name = NULL;
  else
    room = g_malloc (length + 1);
  return memcpy (room, name, length + 1);
}

/*
 * Frees the memory of a name, or keeps it for the thread's next one. It was last used long ago: how long it
 * is is looked at when it is needed.
 */
static inline void
leash_name_recycle (LeashThread *self, char *name)
{
  if (LEASH_UNLIKELY (self->old_name != NULL || !self->keeps_old_name))
    {
      leash_name_replace (self, name);
      return;
    }
  __builtin_prefetch (name, 1);
  self->old_name = name;
}
