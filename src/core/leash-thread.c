/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A tag keeps a thread's id and the number of its interned name, not a pointer to anything of the thread's,
 * so that threads may end while their resources stay open. The name is read once, when the thread first opens
 * something: GLib sets it before a thread's function runs.
 */
#include "leash-thread-private.h"

#include <pthread.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "leash-intern-private.h"
#include "leash-replay-private.h"

__thread LeashThread leash_thread_self;

static guint n_threads; /* atomic */

void
leash_thread_fill (LeashThread *self)
{
  char name[32] = "";

  self->tid = (guint32) syscall (SYS_gettid);
  self->shard = __atomic_fetch_add (&n_threads, 1, __ATOMIC_RELAXED) % LEASH_N_SHARDS;
  self->random = self->tid * 2654435761u | 1;
  self->until_sample = G_MAXUINT32;
  if (self->tid == (guint32) getpid ())
    strcpy (name, "main");
  else if (pthread_getname_np (pthread_self (), name, sizeof name) != 0 || name[0] == '\0')
    strcpy (name, "?");
  self->name = leash_intern (name);
}

/* Marsaglia's xorshift, "Xorshift RNGs", Journal of Statistical Software 8 (2003). */
guint32
leash_thread_random (LeashThread *self)
{
  guint32 x = self->random;

  x ^= x << 13;
  x ^= x >> 17;
  x ^= x << 5;
  self->random = x;
  return x;
}

/* Kinds are short: a loop ends before a call of strcmp() would have begun. */
static inline gboolean
is_same (const char *a, const char *b)
{
  gsize i = 0;

  while (a[i] == b[i])
    if (a[i++] == '\0')
      return TRUE;
  return FALSE;
}

guint16
leash_thread_find_kind (LeashThread *self, const char *kind, guint slot)
{
  guint16 id;

  if (self->kinds[slot].pointer == kind && is_same (self->kinds[slot].text, kind))
    return self->kinds[slot].id;
  id = leash_intern (kind);
  if (leash_replay_module_stays (kind))
    {
      self->constant_kinds[slot].pointer = kind;
      self->constant_kinds[slot].id = id;
    }
  else
    {
      self->kinds[slot].pointer = kind;
      self->kinds[slot].text = leash_intern_get (id);
      self->kinds[slot].id = id;
    }
  return id;
}
