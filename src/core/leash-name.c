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

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t exit_key;
static gboolean has_key; /* never changes once made */

static void
free_at_exit (gpointer user_data)
{
  LeashThread *self = user_data;

  g_clear_pointer (&self->old_name, g_free);
  self->keeps_old_name = FALSE;
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

void
leash_name_replace (LeashThread *self, char *name)
{
  if (!self->keeps_old_name && !(self->keeps_old_name = prepare (self)))
    {
      g_free (name);
      return;
    }
  g_free (self->old_name);
  self->old_name = name;
}
