/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Statements that the server has prepared, and that are kept for who prepares the same text again. To prepare
 * takes two round trips, and so a statement that is prepared, run and finalized at once, as those of
 * leash_db_exec() are, would take three where libpq's own call takes one; with what is kept it takes one as
 * well.
 *
 * What was changed in the schema can make the server refuse such a statement. It is thrown away then, and
 * whoever runs it first prepares it again by himself (leash-postgresql-statement.c).
 *
 * The server is told of what it may forget when there is a number of those, outside of transactions: there is
 * no context to wait with when a statement is finalized, and an error would end the transaction.
 */
#include "leash-postgresql-private.h"

#include <string.h>

#define MOST_KEPT 64 /* of a session; each takes some kilobytes of the server's */
#define MOST_DROPPED 16

void
leash_pg_plan_free (LeashPgPlan *plan)
{
  if (plan == NULL)
    return;
  PQclear (plan->description);
  g_free (plan->name);
  g_free (plan->sql);
  g_free (plan);
}

/* The server may forget it. */
static void
drop (LeashPgSession *session, LeashPgPlan *plan)
{
  g_ptr_array_add (session->dropped, g_steal_pointer (&plan->name));
  leash_pg_plan_free (plan);
}

void
leash_pg_plan_forget_kept (LeashPgSession *session)
{
  g_queue_clear_full (&session->kept, (GDestroyNotify) leash_pg_plan_free);
  g_ptr_array_set_size (session->dropped, 0);
  session->n_forgotten++;
}

void
leash_pg_plan_give_back (LeashPgSession *session, LeashPgPlan *plan)
{
  if (plan->n_forgotten != session->n_forgotten)
    {
      leash_pg_plan_free (plan);
      return;
    }
  if (plan->is_stale)
    {
      drop (session, plan);
      return;
    }
  g_queue_push_head (&session->kept, plan);
  if (session->kept.length > MOST_KEPT)
    drop (session, g_queue_pop_tail (&session->kept));
}

static LeashPgPlan *
find_kept (LeashPgSession *session, const char *sql)
{
  for (GList *each = session->kept.head; each != NULL; each = each->next)
    {
      LeashPgPlan *plan = each->data;

      if (strcmp (plan->sql, sql) != 0)
        continue;
      g_queue_delete_link (&session->kept, each);
      return plan;
    }
  return NULL;
}

/* Those that the server does not know, since somebody had it forget them all, are no error. */
static gboolean
tell_dropped (LeashPgSession *session, LeashContext *ctx, GError **error)
{
  while (session->dropped->len > 0)
    {
      const char *name = g_ptr_array_index (session->dropped, session->dropped->len - 1);
      g_autofree char *sql = g_strdup_printf ("DEALLOCATE %s", name);

      if (!leash_pg_run (session, ctx, sql, error)
          && (session->is_broken || !leash_context_check (ctx, NULL)))
        return FALSE;
      g_clear_error (error);
      g_ptr_array_set_size (session->dropped, (gint) session->dropped->len - 1);
    }
  return TRUE;
}

static gboolean
prepare (LeashPgSession *session, LeashContext *ctx, const char *sql, const char *name, GError **error)
{
  if (PQsendPrepare (session->pg, name, sql, 0, NULL) != 0)
    return leash_pg_finish (session, ctx, sql, NULL, error);
  leash_pg_set_lost_error (error, session);
  return FALSE;
}

static gboolean
describe (LeashPgSession *session, LeashContext *ctx, LeashPgPlan *plan, GError **error)
{
  if (PQsendDescribePrepared (session->pg, plan->name) != 0)
    return leash_pg_finish (session, ctx, plan->sql, &plan->description, error);
  leash_pg_set_lost_error (error, session);
  return FALSE;
}

LeashPgPlan *
leash_pg_plan_take (LeashPgSession *session, LeashContext *ctx, const char *sql, GError **error)
{
  LeashPgPlan *plan;
  char name[32];

  if (!leash_pg_may_send (session, error))
    return NULL;
  plan = find_kept (session, sql);
  if (plan != NULL)
    return plan;
  if (session->dropped->len >= MOST_DROPPED && !session->was_in_transaction
      && !tell_dropped (session, ctx, error))
    return NULL;
  g_snprintf (name, sizeof name, "leash_%" G_GUINT64_FORMAT, ++session->last_number);
  if (!prepare (session, ctx, sql, name, error))
    return NULL;
  plan = g_new0 (LeashPgPlan, 1);
  plan->sql = g_strdup (sql);
  plan->name = g_strdup (name);
  plan->n_forgotten = session->n_forgotten;
  if (describe (session, ctx, plan, error))
    return plan;
  drop (session, plan);
  return NULL;
}
