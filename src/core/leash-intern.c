/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A chained hash table that only grows. Strings are found by a walk without a lock: an entry is complete
 * before the head of its chain is set to it with release order, and never changes after. GQuark would take
 * a global lock for each look-up, and a tag has room for 16 bits only.
 *
 * The arrays are zeroed memory of the program: pages that no entry has reached cost nothing.
 */
#include "leash-intern-private.h"

#include <string.h>

#include "leash-likely-private.h"
#include "leash-lock-private.h"

#define N_CHAINS 256
#define N_STRINGS 0xffff

static LeashLock intern_lock = LEASH_LOCK_INIT; /* guards writing all of the below */
static guint16 chains[N_CHAINS];                /* atomic; ids, 0 ends */
static guint16 next_in_chain[N_STRINGS];
static const char *strings[N_STRINGS] = { "(other)" };
static guint n_strings = 1;

static guint16
find_in_chain (const char *string, guint chain)
{
  guint16 id = __atomic_load_n (&chains[chain], __ATOMIC_ACQUIRE);

  while (id != 0 && strcmp (strings[id], string) != 0)
    id = next_in_chain[id];
  return id;
}

static guint16
add_to_chain (const char *string, guint chain)
{
  guint16 id;

  leash_lock (&intern_lock);
  id = find_in_chain (string, chain);
  if (id == 0 && n_strings < N_STRINGS)
    {
      id = n_strings++;
      strings[id] = g_strdup (string);
      next_in_chain[id] = chains[chain];
      __atomic_store_n (&chains[chain], id, __ATOMIC_RELEASE);
    }
  leash_unlock (&intern_lock);
  return id;
}

guint16
leash_intern (const char *string)
{
  guint chain = g_str_hash (string) % N_CHAINS;
  guint16 id = find_in_chain (string, chain);

  return LEASH_LIKELY (id != 0) ? id : add_to_chain (string, chain);
}

guint16
leash_intern_lookup (const char *string)
{
  guint16 id = find_in_chain (string, g_str_hash (string) % N_CHAINS);

  return id != 0 ? id : 0xffff;
}

const char *
leash_intern_get (guint16 id)
{
  return strings[id];
}

LeashLock *
leash_intern_get_fork_lock (void)
{
  return &intern_lock;
}
