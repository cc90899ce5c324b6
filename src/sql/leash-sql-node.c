/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LeashSqlNode: the life of what is opened on a connection.
 *
 * Users have references, of which the last closes the node. Its memory lives for as long as a child has it
 * for a parent, so that a statement may be closed, or lost, before its rows, and these can still say so.
 * Whoever closes a node ends, in the engine, everything that was opened from it: an engine cannot have it
 * otherwise. These are orphans then. They stay on the leash until their own users close them, which the
 * tracker reports with both stacks, and refuse all else.
 *
 * The alternative is to refuse to close a parent, as SQLite does: then who must close, on a way out, leaks
 * that, too.
 */
#include "leash-sql-private.h"

#define SHOWN_CHILDREN 4u

void
leash_sql_node_init (LeashSqlNode *node, const LeashSqlNodeClass *class, LeashDbConn *conn,
                     LeashSqlNode *parent, const char *text)
{
  node->class = class;
  node->conn = conn;
  node->parent = parent;
  node->text = text;
  node->ref_count = node->n_holders = 1;
  __atomic_add_fetch (&conn->n_holders, 1, __ATOMIC_RELAXED);
  if (parent != NULL)
    {
      __atomic_add_fetch (&parent->n_holders, 1, __ATOMIC_RELAXED);
      parent->n_children++;
    }
  node->next = conn->nodes;
  if (conn->nodes != NULL)
    conn->nodes->prev = node;
  conn->nodes = node;
}

static void
end_in_engine (LeashSqlNode *node, LeashSqlState state)
{
  if (node->prev != NULL)
    node->prev->next = node->next;
  else
    node->conn->nodes = node->next;
  if (node->next != NULL)
    node->next->prev = node->prev;
  if (node->parent != NULL)
    node->parent->n_children--;
  node->state = state;
  node->class->end (node);
}

void
leash_sql_node_end (LeashSqlNode *node, gconstpointer caller)
{
  end_in_engine (node, LEASH_SQL_CLOSED);
  leash_untrack_caller (node->tag, caller);
}

static gboolean
is_below (const LeashSqlNode *node, const LeashSqlNode *parent)
{
  const LeashSqlNode *each = node;

  while (each != NULL && each != parent)
    each = each->parent;
  return parent == NULL || (each == parent && node != parent);
}

static void
describe (GString *text, const LeashSqlNode *node, guint n)
{
  char buffer[LEASH_SQL_NAME_SIZE];

  if (n < SHOWN_CHILDREN)
    g_string_append_printf (text, "%s%s “%s”", n > 0 ? ", " : "", node->class->noun,
                            leash_sql_shorten (buffer, node->text));
}

/* What is open below parent, the newest first; ends it, if so asked. Returns NULL when there is nothing. */
static char *
list_children (LeashDbConn *conn, LeashSqlNode *parent, gboolean ends)
{
  GString *text = NULL;
  guint n = 0;

  for (LeashSqlNode *each = conn->nodes, *next; each != NULL; each = next)
    {
      next = each->next;
      if (!is_below (each, parent))
        continue;
      if (text == NULL)
        text = g_string_new (NULL);
      describe (text, each, n++);
      if (ends)
        end_in_engine (each, LEASH_SQL_ORPHAN);
    }
  if (text == NULL)
    return NULL;
  if (n > SHOWN_CHILDREN)
    g_string_append_printf (text, " and %u more", n - SHOWN_CHILDREN);
  return g_string_free (text, FALSE);
}

gboolean
leash_sql_node_end_children (LeashDbConn *conn, LeashSqlNode *parent, GError **error)
{
  g_autofree char *open = NULL;

  if (LEASH_LIKELY (parent != NULL ? parent->n_children == 0 : conn->nodes == NULL))
    return TRUE;
  open = list_children (conn, parent, TRUE);
  leash_sql_error_set (error, LEASH_SQL_ERROR_CHILDREN_OPEN, NULL,
                       "it is closed, and so is what was open from it: %s", open);
  return FALSE;
}

void
leash_sql_node_end_reader (LeashDbConn *conn)
{
  if (LEASH_UNLIKELY (conn->reader != NULL))
    end_in_engine (conn->reader, LEASH_SQL_ORPHAN);
}

gboolean
leash_sql_node_refuse_children (LeashSqlNode *node, GError **error)
{
  g_autofree char *open = NULL;

  if (LEASH_LIKELY (node->n_children == 0))
    return TRUE;
  open = list_children (node->conn, node, FALSE);
  leash_sql_error_set (error, LEASH_SQL_ERROR_CHILDREN_OPEN, NULL, "still open: %s", open);
  return FALSE;
}

gboolean
leash_sql_node_refuse (LeashSqlNode *node, const LeashSqlAttempt *attempt, gconstpointer caller,
                       GError **error)
{
  leash_tag_misused (node->tag, attempt->after_close, caller);
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CLOSED,
                       node->state == LEASH_SQL_ORPHAN ? "what it was opened from is closed"
                                                       : node->class->is_closed);
  leash_sql_prefix (error, attempt->doing, node->text);
  return FALSE;
}

/* With the connection entered. */
static gboolean
close_entered (LeashSqlNode *node, gconstpointer caller, GError **error)
{
  gboolean had_none = TRUE;

  if (node->state == LEASH_SQL_OPEN)
    {
      had_none = leash_sql_node_end_children (node->conn, node, error);
      end_in_engine (node, LEASH_SQL_CLOSED);
    }
  /* Its parent is on the leash still, so that the tracker sees nothing wrong. */
  else if (node->parent != NULL && node->parent->state == LEASH_SQL_ORPHAN)
    leash_tag_misused (node->tag, "closed after what it was opened from was ended", caller);
  node->state = LEASH_SQL_CLOSED;
  leash_untrack_caller (node->tag, caller);
  return had_none;
}

gboolean
leash_sql_node_close (LeashSqlNode *node, const LeashSqlAttempt *attempt, gconstpointer caller,
                      GError **error)
{
  gboolean is_good;

  if (!leash_db_conn_try (node->conn))
    return leash_db_conn_refuse_crowd (node->conn, node->tag, attempt, node->text, caller, error);
  if (node->state == LEASH_SQL_CLOSED)
    {
      leash_sql_node_refuse (node, attempt, caller, error);
      leash_db_conn_leave (node->conn);
      return FALSE;
    }
  is_good = close_entered (node, caller, error);
  leash_db_conn_leave (node->conn);
  if (node->owns_conn && !leash_db_conn_finish (node->conn, caller, is_good ? error : NULL))
    is_good = FALSE;
  if (!is_good)
    leash_sql_prefix (error, attempt->doing, node->text);
  return is_good;
}

static void
unhold (LeashSqlNode *node)
{
  LeashSqlNode *parent = node->parent;
  LeashDbConn *conn = node->conn;

  if (__atomic_sub_fetch (&node->n_holders, 1, __ATOMIC_ACQ_REL) > 0)
    return;
  node->class->free (node);
  if (parent != NULL)
    unhold (parent);
  leash_db_conn_unhold (conn);
}

void
leash_sql_node_ref (LeashSqlNode *node)
{
  __atomic_add_fetch (&node->ref_count, 1, __ATOMIC_RELAXED);
}

void
leash_sql_node_unref (LeashSqlNode *node, gconstpointer caller)
{
  gboolean is_first_in, was_open;

  if (__atomic_sub_fetch (&node->ref_count, 1, __ATOMIC_ACQ_REL) > 0)
    return;
  is_first_in = leash_db_conn_enter_late (node->conn);
  was_open = node->state != LEASH_SQL_CLOSED;
  if (was_open)
    close_entered (node, caller, NULL);
  if (is_first_in)
    leash_db_conn_leave (node->conn);
  if (was_open && node->owns_conn)
    leash_db_conn_finish (node->conn, caller, NULL);
  unhold (node);
}
