/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A slot keeps its last resource's name until it is taken again, so each open that has a name also has an old
 * one to free. A program opens much the same names all the time: each thread keeps the last old one, and the
 * next name is written over it if it is no longer. What that takes beside slots is one name for each thread.
 *
 * To write over the name in the slot was rejected: where it does not fit, memory would have to be allocated
 * with the shard's lock held.
 */
#include "leash-name-private.h"

#include <pthread.h>
#include <string.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t exit_key;
static gboolean has_key; /* never changes once made */

static void
free_at_exit (gpointer user_data)
{
  LeashThread *self = user_data;

  g_clear_pointer (&self->old_name, g_free);
  self->old_name_size = 0;
}

static void
make_key (void)
{
  has_key = pthread_key_create (&exit_key, free_at_exit) == 0;
}

/* Sees to it that the thread's old name is freed when it exits. */
static gboolean
prepare (LeashThread *self)
{
  return pthread_once (&once, make_key) == 0 && has_key && pthread_setspecific (exit_key, self) == 0;
}

char *
leash_name_copy (LeashThread *self, const char *name)
{
  gsize size = strlen (name) + 1;
  char *room = self->old_name;

  if (LEASH_LIKELY (room != NULL && size <= self->old_name_size))
    self->old_name = NULL;
  else
    room = g_malloc (size);
  return memcpy (room, name, size);
}

void
leash_name_recycle (LeashThread *self, char *name)
{
  if (name == NULL)
    return;
  if (LEASH_UNLIKELY (self->old_name_size == 0 && !prepare (self)))
    {
      g_free (name);
      return;
    }
  if (self->old_name != NULL)
    g_free (self->old_name);
  self->old_name = name;
  self->old_name_size = strlen (name) + 1;
}
