/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LEASH_CAPTURE=verify: each stack that the replay cache gives is compared with what unwinding says at that
 * moment. unw_backtrace() is asked first, and stepping a cursor where they differ, and now and then besides,
 * oftener where a module in the stack may have been unloaded: unw_backtrace() itself remembers frames by
 * their address, and goes on doing so when the module there is another one. A cursor each time would be a
 * hundred times as slow, and so would leave less to be compared.
 *
 * A difference is a fault of Leash's. It is told by g_critical(), which ends a test, and counted.
 */
#define UNW_LOCAL_ONLY
#include <libunwind.h>

#include "leash-capture-private.h"
#include "leash-replay-private.h"

/* One hit in so many is compared with the cursor's answer anyhow. */
#define CURSOR_EVERY 256
#define CURSOR_EVERY_WITH_MODULES 16

#define FRAMES_MAX (LEASH_DEPTH_MAX + 4 * LEASH_OWN_FRAMES_MAX)

typedef struct
{
  guint n;
  guintptr frames[FRAMES_MAX];
} Walk;

static guint64 n_different; /* atomic */

guint64
leash_replay_count_different (void)
{
  return __atomic_load_n (&n_different, __ATOMIC_RELAXED);
}

static void
walk_fast (Walk *walk)
{
  int n = unw_backtrace ((void **) walk->frames, FRAMES_MAX);

  walk->n = n > 0 ? (guint) n : 0;
}

static void
walk_slowly (Walk *walk)
{
  unw_context_t context;
  unw_cursor_t cursor;
  unw_word_t pc;

  walk->n = 0;
  if (unw_getcontext (&context) != 0 || unw_init_local (&cursor, &context) != 0)
    return;
  while (walk->n < FRAMES_MAX && unw_step (&cursor) > 0 && unw_get_reg (&cursor, UNW_REG_IP, &pc) == 0
         && pc != 0)
    walk->frames[walk->n++] = pc;
}

static gboolean
agrees (const Walk *walk, const LeashReplayEntry *entry)
{
  const LeashStack *stack = leash_depot_get_stack (entry->id);
  guint first = 0, n;

  /* Behind as many of Leash's own frames as a capture has, and this file's. */
  while (first < walk->n && walk->frames[first] != entry->caller)
    first++;
  n = walk->n - first;
  return MIN (n, entry->depth) == stack->n_frames
         && (n > entry->depth) == ((stack->flags & LEASH_STACK_LIMITED) != 0)
         && memcmp (walk->frames + first, stack->frames, stack->n_frames * sizeof (guintptr)) == 0;
}

static void
complain (const Walk *walk, const LeashReplayEntry *entry)
{
  const LeashStack *stack = leash_depot_get_stack (entry->id);
  g_autoptr (GString) text = g_string_new (NULL);

  __atomic_fetch_add (&n_different, 1, __ATOMIC_RELAXED);
  for (guint i = 0; i < MAX (walk->n, stack->n_frames); i++)
    g_string_append_printf (text, "\n  %#" G_GINT64_MODIFIER "x  %#" G_GINT64_MODIFIER "x",
                            (guint64) (i < stack->n_frames ? stack->frames[i] : 0),
                            (guint64) (i < walk->n ? walk->frames[i] : 0));
  g_critical ("The replay cache and the unwinder give different stacks:%s", text->str);
}

void
leash_replay_verify (LeashReplay *self, const LeashReplayEntry *entry)
{
  Walk walk;

  self->n_verified++;
  walk_fast (&walk);
  if (agrees (&walk, entry)
      && self->n_verified % (entry->n_modules == 0 ? CURSOR_EVERY : CURSOR_EVERY_WITH_MODULES) != 0)
    return;
  walk_slowly (&walk);
  if (!agrees (&walk, entry))
    complain (&walk, entry);
}
