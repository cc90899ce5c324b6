/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The connections that a listener has accepted and that are open.
 *
 * A list and not a table: whoever leaves knows its neighbours, and nobody is looked for. Coming and going
 * costs a lock that is held for some stores. Who waits does so in a context of its own, as the operations of
 * a connection do (see leash-patience-private.h); it is on the list of those who are woken before it looks at
 * what it waits for.
 *
 * One lock serves all rosters, so that it can be taken over a fork: a server's child closes what its parent
 * has accepted, whatever the parent's other threads were at.
 */
#include "leash-conn-private.h"

#define SHOWN_CONNS 10

static LeashLock the_lock = LEASH_LOCK_INIT;
static pthread_once_t the_once = PTHREAD_ONCE_INIT;

static void
lock_all (void)
{
  leash_lock (&the_lock);
}

static void
unlock_all (void)
{
  leash_unlock (&the_lock);
}

static void
hold_over_forks (void)
{
  pthread_atfork (lock_all, unlock_all, unlock_all);
}

LeashRoster *
leash_roster_new (void)
{
  LeashRoster *roster = g_new0 (LeashRoster, 1);

  pthread_once (&the_once, hold_over_forks);
  roster->ref_count = 1;
  leash_patience_init (&roster->patience);
  return roster;
}

void
leash_roster_unref (LeashRoster *roster)
{
  if (__atomic_sub_fetch (&roster->ref_count, 1, __ATOMIC_ACQ_REL) == 0)
    g_free (roster);
}

/* Called with the lock held, after a change; lets it go. */
static void
unlock_and_wake (LeashRoster *roster)
{
  gboolean has_waiting = roster->n_waiting > 0;

  leash_unlock (&the_lock);
  if (has_waiting)
    leash_patience_wake_all (&roster->patience);
}

void
leash_roster_set_max (LeashRoster *roster, guint max)
{
  leash_lock (&the_lock);
  roster->max = max;
  unlock_and_wake (roster);
}

void
leash_roster_close (LeashRoster *roster)
{
  leash_lock (&the_lock);
  roster->is_closed = TRUE;
  unlock_and_wake (roster);
}

/* What is waited for; called with the lock held. */
typedef gboolean (*Condition) (LeashRoster *roster);

static gboolean
is_closed (LeashRoster *roster)
{
  return roster->is_closed;
}

static gboolean
has_room (LeashRoster *roster)
{
  return roster->is_closed || roster->max == 0 || roster->n_places < roster->max;
}

static gboolean
is_empty (LeashRoster *roster)
{
  return roster->n_places == 0;
}

static gboolean
check (LeashRoster *roster, Condition condition)
{
  gboolean holds;

  leash_lock (&the_lock);
  holds = condition (roster);
  leash_unlock (&the_lock);
  return holds;
}

static void
change_n_waiting (LeashRoster *roster, guint change)
{
  leash_lock (&the_lock);
  roster->n_waiting += change;
  leash_unlock (&the_lock);
}

/* Returns when the condition may hold, or ctx is done. */
static void
wait_once (LeashRoster *roster, LeashContext *ctx, Condition condition)
{
  LeashWaiting waiting;

  leash_patience_enter (&roster->patience, LEASH_WAY_IN, ctx, &waiting);
  change_n_waiting (roster, 1);
  if (!check (roster, condition))
    leash_context_wait (waiting.ctx, -1);
  change_n_waiting (roster, -1u);
  leash_patience_leave (&roster->patience, &waiting);
}

/* Whether there was room, and the roster was open. */
static gboolean
try_to_reserve (LeashRoster *roster, gboolean *ret_is_closed)
{
  gboolean has_place;

  leash_lock (&the_lock);
  has_place = has_room (roster) && !roster->is_closed;
  *ret_is_closed = roster->is_closed;
  roster->n_places += has_place;
  leash_unlock (&the_lock);
  return has_place;
}

gboolean
leash_roster_reserve (LeashRoster *roster, LeashContext *ctx, GError **error)
{
  gboolean closed;

  while (!try_to_reserve (roster, &closed))
    {
      if (closed || !leash_context_check (ctx, error))
        return FALSE;
      wait_once (roster, ctx, has_room);
    }
  return TRUE;
}

static void
link_last (LeashRoster *roster, LeashConn *conn)
{
  conn->prev_open = roster->last;
  conn->next_open = NULL;
  if (roster->last != NULL)
    roster->last->next_open = conn;
  else
    roster->first = conn;
  roster->last = conn;
  roster->n_open++;
}

static void
unlink_conn (LeashRoster *roster, LeashConn *conn)
{
  if (conn->prev_open != NULL)
    conn->prev_open->next_open = conn->next_open;
  else
    roster->first = conn->next_open;
  if (conn->next_open != NULL)
    conn->next_open->prev_open = conn->prev_open;
  else
    roster->last = conn->prev_open;
  roster->n_open--;
}

void
leash_roster_enter (LeashRoster *roster, LeashConn *conn)
{
  if (conn == NULL)
    {
      leash_lock (&the_lock);
      roster->n_places--;
      unlock_and_wake (roster);
      return;
    }
  /* A network that hands on what another one's listener has accepted: from now on it is this one's. */
  if (conn->roster != NULL)
    leash_roster_leave (conn);
  __atomic_fetch_add (&roster->ref_count, 1, __ATOMIC_RELAXED);
  conn->roster = roster;
  leash_lock (&the_lock);
  link_last (roster, conn);
  leash_unlock (&the_lock);
}

void
leash_roster_leave (LeashConn *conn)
{
  LeashRoster *roster = g_steal_pointer (&conn->roster);

  leash_lock (&the_lock);
  unlink_conn (roster, conn);
  roster->n_places--;
  unlock_and_wake (roster);
  leash_roster_unref (roster);
}

gboolean
leash_roster_pause (LeashRoster *roster, LeashContext *ctx, gint64 pause, GError **error)
{
  gint64 now = leash_clock_get_time (leash_context_get_clock (ctx));
  gint64 end = pause > G_MAXINT64 - now ? G_MAXINT64 : now + pause;
  g_autoptr (LeashContext) until = leash_context_for_wait (ctx, end);

  while (!check (roster, is_closed) && !leash_context_is_done (until))
    wait_once (roster, until, is_closed);
  return !check (roster, is_closed) && leash_context_check (ctx, error);
}

/* Called with the lock held. */
static void
append_open (LeashRoster *roster, GString *text)
{
  const LeashConn *conn = roster->first;

  for (guint i = 0; conn != NULL && i < SHOWN_CONNS; i++, conn = conn->next_open)
    {
      g_autofree char *shown = g_filename_display_name (conn->handle.name);

      g_string_append_printf (text, "%s%s", i > 0 ? ", " : " (", shown);
    }
  if (roster->n_open > SHOWN_CONNS)
    g_string_append_printf (text, " and %u more", roster->n_open - SHOWN_CONNS);
  if (roster->n_open > 0)
    g_string_append_c (text, ')');
}

static void
explain (LeashRoster *roster, GError **error)
{
  g_autoptr (GString) text = g_string_new (NULL);
  guint n_accepting;

  leash_lock (&the_lock);
  n_accepting = roster->n_places - roster->n_open;
  g_string_append_printf (
      text, roster->n_open == 1 ? "%u connection is still open" : "%u connections are still open",
      roster->n_open);
  append_open (roster, text);
  leash_unlock (&the_lock);
  if (n_accepting > 0)
    g_string_append_printf (text, ", %u accepting", n_accepting);
  g_prefix_error (error, "%s: ", text->str);
}

gboolean
leash_roster_wait_empty (LeashRoster *roster, LeashContext *ctx, GError **error)
{
  while (!check (roster, is_empty))
    {
      if (!leash_context_check (ctx, error))
        {
          explain (roster, error);
          return FALSE;
        }
      wait_once (roster, ctx, is_empty);
    }
  return TRUE;
}
