/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Running SQLite's statements until their contexts end.
 *
 * The progress handler looks at the context after each thousand instructions of SQLite's machine. It does not
 * reach one instruction that takes long by itself: to count or to empty a table is one, however large that
 * is. sqlite3_interrupt() does. It is called in another thread, by the alarm, which a run sets as it begins
 * if its context can end, and which is set until the run's end.
 *
 * An interrupt is for all statements of a connection that are running, and so for rows that are read with
 * another context, too. Therefore the alarm is only for a statement that runs alone; with others there is the
 * progress handler. It is also only for a step with the context that the run began with.
 *
 * An interrupt must not come late, for it would hit what comes next. So there is a word that says whether the
 * call may be struck, and the call waits at its end for a strike that is under way. Nor may it come early:
 * SQLite forgets it as the first statement begins. So it is struck again until the call ends.
 *
 *     IDLE <-> IN_CALL -> STRIKING <-> STRUCK -> DUE
 *     IDLE -> DUE
 *
 * DUE is the end: the context is done. An alarm that has gone off, or is about to, is left to its thread.
 */
#include "leash-sqlite-private.h"

#define STRIKE_AGAIN G_TIME_SPAN_MILLISECOND

typedef enum
{
  IDLE,
  IN_CALL,
  STRIKING,
  STRUCK,
  DUE
} State;

struct _LeashSqliteAlarm
{
  gint ref_count; /* atomic; the session, and what is to happen when the context ends */
  gint state;     /* atomic; see above */
  sqlite3 *db;    /* the alarm's thread uses it while it is STRIKING only */
};

static gboolean
change (LeashSqliteAlarm *alarm, gint from, gint to)
{
  return __atomic_compare_exchange_n (&alarm->state, &from, to, FALSE, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

static void
alarm_unref (gpointer user_data)
{
  LeashSqliteAlarm *alarm = user_data;

  if (g_atomic_int_dec_and_test (&alarm->ref_count))
    g_free (alarm);
}

/* In a thread of its own. */
static void
ring (gpointer user_data)
{
  LeashSqliteAlarm *alarm = user_data;

  while (__atomic_load_n (&alarm->state, __ATOMIC_RELAXED) != DUE && !change (alarm, IDLE, DUE))
    if (change (alarm, IN_CALL, STRIKING) || change (alarm, STRUCK, STRIKING))
      {
        sqlite3_interrupt (alarm->db);
        change (alarm, STRIKING, STRUCK);
        g_usleep (STRIKE_AGAIN);
      }
}

void
leash_sqlite_set_alarm (LeashSqliteSession *session, LeashSqliteStatement *statement, LeashContext *ctx)
{
  LeashSqliteAlarm *alarm = session->alarm;

  if (alarm == NULL)
    {
      alarm = session->alarm = g_new (LeashSqliteAlarm, 1);
      *alarm = (LeashSqliteAlarm){ .ref_count = 1, .state = IDLE, .db = session->db };
    }
  g_atomic_int_inc (&alarm->ref_count);
  statement->has_alarm = TRUE;
  session->alarm_ctx = leash_context_ref (ctx);
  session->alarm_id = leash_context_after_func (ctx, ring, alarm, alarm_unref);
}

void
leash_sqlite_unset_alarm (LeashSqliteSession *session, LeashSqliteStatement *statement)
{
  statement->has_alarm = FALSE;
  if (!leash_context_stop_func (session->alarm_ctx, session->alarm_id))
    leash_sqlite_free_alarm (session);
  g_clear_pointer (&session->alarm_ctx, leash_context_unref);
}

void
leash_sqlite_free_alarm (LeashSqliteSession *session)
{
  g_clear_pointer (&session->alarm, alarm_unref);
}

/* Returns whether it was struck. */
static gboolean
leave_call (LeashSqliteAlarm *alarm)
{
  if (LEASH_LIKELY (change (alarm, IN_CALL, IDLE)))
    return FALSE;
  while (!change (alarm, STRUCK, DUE))
    g_thread_yield ();
  return TRUE;
}

int
leash_sqlite_step_with_alarm (LeashSqliteSession *session, sqlite3_stmt *stmt)
{
  LeashSqliteAlarm *alarm = session->alarm;
  int rc;

  if (session->n_running > 1)
    return sqlite3_step (stmt);
  if (!change (alarm, IDLE, IN_CALL))
    return SQLITE_INTERRUPT;
  rc = sqlite3_step (stmt);
  /* It must not be left to the next call, which may have another context. */
  if (leave_call (alarm) && rc == SQLITE_ROW)
    {
      sqlite3_interrupt (session->db);
      rc = sqlite3_step (stmt);
    }
  return rc;
}
