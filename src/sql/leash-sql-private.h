/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the types of this library have in common. LeashSqlNode is what is opened on a connection and must be closed before
 * it: transactions, statements, rows, copies. Its owner is whoever has entered the connection: nodes, their lists and all
 * calls of the driver need that.
 */
#pragma once

#include <leash/leash-client.h>
#include <leash/leash-fault-point.h>
#include <leash/leash-sql-types.h>
#include <leash/leash-track.h>

#include "leash-atomic-private.h"
#include "leash-likely-private.h"

/* What is attempted, in the forms that messages need. */
typedef struct
{
  const char *doing;       /* begins the error: "Reading rows of" */
  const char *after_close; /* names the misuse: "read after close" */
} LeashSqlAttempt;

/* What a connection of the pool is: the implementation behind its LeashConn. */
typedef struct
{
  LeashSqlDriver *driver;
  const LeashSqlDriverInterface *iface; /* the driver's */
  gpointer session;
} LeashSqlSession;

typedef struct _LeashSqlNode LeashSqlNode;

typedef struct
{
  const char *noun;      /* "statement" */
  const char *is_closed; /* "the statement is closed" */
  void (*end) (LeashSqlNode *node);  /* frees what the engine has of it; with the connection entered */
  void (*free) (LeashSqlNode *node); /* with no user, and nothing that was opened from it */
} LeashSqlNodeClass;

typedef enum
{
  LEASH_SQL_OPEN,
  LEASH_SQL_CLOSED, /* by its user, or at its end */
  LEASH_SQL_ORPHAN  /* what it was opened from was closed before it; its user has still to */
} LeashSqlState;

struct _LeashSqlNode
{
  const LeashSqlNodeClass *class;
  LeashDbConn *conn;    /* held */
  LeashSqlNode *parent; /* held; NULL where it was opened from the connection itself */
  LeashTag *tag;
  const char *text;     /* for messages: its SQL, or its name */
  gint ref_count;       /* atomic; of users */
  gint n_holders;       /* atomic; of the memory: all users together, and each child */
  LeashSqlState state;  /* from here on of who has entered the connection */
  guint n_children;     /* that are open */
  gboolean owns_conn;   /* it was opened from the database: its end gives the connection back */
  LeashSqlNode *next;   /* of the connection's open ones */
  LeashSqlNode *prev;
};

struct _LeashDbConn
{
  gint ref_count;      /* atomic; of users */
  gint n_holders;      /* atomic; of the memory: all users together, and each node */
  LeashDb *db;         /* held */
  LeashConn *checkout; /* a reference; the pool's connection belongs to it until it is closed */
  LeashTag *tag;       /* the checkout's */
  LeashSqlDriver *driver;
  const LeashSqlDriverInterface *iface;
  gpointer session;
  gpointer user;        /* atomic; who is in, by leash_sql_self of the thread; NULL when nobody is */
  gboolean is_open;     /* from here on of who has entered */
  LeashSqlNode *nodes;  /* that are open, the newest first */
  LeashTx *tx;          /* the innermost that is open; not held */
  LeashSqlNode *reader; /* rows or a copy that keep the session to themselves; NULL */
};

/* A statement in the engine, with its text. Lies in a LeashStmt, in LeashRows, or on a call's stack. */
typedef struct
{
  LeashDbConn *conn; /* held by whom this lies in */
  gpointer statement;
  const char *sql;    /* as given; of who made this */
  guint n_parameters;
  guint n_bound;
  guint8 *is_bound;   /* of n_parameters; NULL before the first */
} LeashSqlCommand;

/* leash-db-conn.c */
LeashDbConn *leash_db_conn_new         (LeashDb                 *db,
                                        LeashContext            *ctx,
                                        gconstpointer            caller,
                                        GError                 **error);
gboolean     leash_db_conn_enter       (LeashDbConn             *conn,
                                        const LeashSqlAttempt   *attempt,
                                        const char              *sql,
                                        gconstpointer            caller,
                                        GError                 **error);
/* Waits for who is in. FALSE when this thread is in already, in a call that a callback was made from; it leaves, then. */
gboolean     leash_db_conn_enter_late  (LeashDbConn             *conn);
gboolean     leash_db_conn_refuse_crowd (LeashDbConn            *conn,
                                        LeashTag                *tag,
                                        const LeashSqlAttempt   *attempt,
                                        const char              *text,
                                        gconstpointer            caller,
                                        GError                 **error);
void         leash_db_conn_unhold      (LeashDbConn             *conn);
gboolean     leash_db_conn_finish      (LeashDbConn             *conn,
                                        gconstpointer            caller,
                                        GError                 **error);
const char  *leash_db_conn_get_name    (LeashDbConn             *conn);

/* Only its address matters. */
extern __thread char leash_sql_self __attribute__ ((tls_model ("initial-exec"), visibility ("hidden")));

static inline gboolean
leash_db_conn_try (LeashDbConn *conn)
{
  return LEASH_LIKELY (leash_atomic_compare_set_pointer (&conn->user, NULL, &leash_sql_self));
}

static inline void
leash_db_conn_leave (LeashDbConn *conn)
{
  __atomic_store_n (&conn->user, NULL, __ATOMIC_RELEASE);
}

/* leash-sql-node.c. With the connection entered, but for enter, close and unref. */
void         leash_sql_node_init       (LeashSqlNode            *node,
                                        const LeashSqlNodeClass *class,
                                        LeashDbConn             *conn,
                                        LeashSqlNode            *parent,
                                        const char              *text);
/* Off the leash and the list, at its own end. */
void         leash_sql_node_end        (LeashSqlNode            *node,
                                        gconstpointer            caller);
/* Ends all that are open and were opened from parent, or from anything at all; the error says which. */
gboolean     leash_sql_node_end_children (LeashDbConn           *conn,
                                        LeashSqlNode            *parent,
                                        GError                 **error);
/* Ends what keeps the session to itself, if there is anything. */
void         leash_sql_node_end_reader (LeashDbConn             *conn);
gboolean     leash_sql_node_refuse_children (LeashSqlNode       *node,
                                        GError                 **error);
gboolean     leash_sql_node_refuse     (LeashSqlNode            *node,
                                        const LeashSqlAttempt   *attempt,
                                        gconstpointer            caller,
                                        GError                 **error);
gboolean     leash_sql_node_close      (LeashSqlNode            *node,
                                        const LeashSqlAttempt   *attempt,
                                        gconstpointer            caller,
                                        GError                 **error);
void         leash_sql_node_ref        (LeashSqlNode            *node);
/* Returns whether it was the last; a node that is open still is closed. */
void         leash_sql_node_unref      (LeashSqlNode            *node,
                                        gconstpointer            caller);

static inline gboolean
leash_sql_node_enter (LeashSqlNode *node, const LeashSqlAttempt *attempt, gconstpointer caller, GError **error)
{
  if (leash_db_conn_try (node->conn))
    {
      if (LEASH_LIKELY (node->state == LEASH_SQL_OPEN))
        return TRUE;
      leash_sql_node_refuse (node, attempt, caller, error);
      leash_db_conn_leave (node->conn);
      return FALSE;
    }
  return leash_db_conn_refuse_crowd (node->conn, node->tag, attempt, node->text, caller, error);
}

/* leash-sql-command.c. With the connection entered. */
gboolean     leash_sql_command_prepare (LeashSqlCommand         *command,
                                        LeashDbConn             *conn,
                                        LeashContext            *ctx,
                                        const char              *sql,
                                        GError                 **error);
void         leash_sql_command_finish  (LeashSqlCommand         *command);
gboolean     leash_sql_command_bind    (LeashSqlCommand         *command,
                                        guint                    index,
                                        const LeashSqlValue     *value,
                                        GError                 **error);
/* Binds what is given, all of it or none, and looks that nothing is missing. */
gboolean     leash_sql_command_bind_all (LeashSqlCommand        *command,
                                        const LeashSqlValue     *values,
                                        gsize                    n_values,
                                        GError                 **error);
/* Runs it to its end, whatever rows it has. */
gboolean     leash_sql_command_run     (LeashSqlCommand         *command,
                                        LeashContext            *ctx,
                                        LeashSqlResult          *ret_result,
                                        GError                 **error);
gboolean     leash_sql_may_run         (LeashDbConn             *conn,
                                        LeashContext            *ctx,
                                        GError                 **error);
/* A statement of Leash's own: "COMMIT". */
gboolean     leash_sql_run_text        (LeashDbConn             *conn,
                                        LeashContext            *ctx,
                                        const char              *sql,
                                        GError                 **error);
void         leash_sql_look_at_open_tx (LeashDbConn             *conn);

/* After each call of the engine: whether its transaction is still there. */
static inline void
leash_sql_look_at_tx (LeashDbConn *conn)
{
  if (LEASH_UNLIKELY (conn->tx != NULL))
    leash_sql_look_at_open_tx (conn);
}

static inline LeashSqlStep
leash_sql_command_step (LeashSqlCommand *command, LeashContext *ctx, GError **error)
{
  LeashDbConn *conn = command->conn;
  LeashSqlStep step;

  if (!leash_fault_point (ctx, "step", command->sql, error))
    return LEASH_SQL_STEP_ERROR;
  step = conn->iface->step (conn->driver, conn->session, command->statement, ctx, error);
  leash_sql_look_at_tx (conn);
  return step;
}

/* Ends a run of which a row was read, and maybe not all; tells what its end came to. */
static inline gboolean
leash_sql_command_end_run (LeashSqlCommand *command, LeashContext *ctx, GError **error)
{
  LeashDbConn *conn = command->conn;
  gboolean is_done = conn->iface->end_run == NULL
                     || conn->iface->end_run (conn->driver, conn->session, command->statement, ctx, error);

  leash_sql_look_at_tx (conn);
  return is_done;
}

/* leash-sql-call.c: what connections and transactions do alike. With the connection entered. */
gboolean     leash_sql_exec            (LeashDbConn             *conn,
                                        LeashContext            *ctx,
                                        const char              *sql,
                                        const LeashSqlValue     *values,
                                        gsize                    n_values,
                                        LeashSqlResult          *ret_result,
                                        GError                 **error);
LeashRows   *leash_sql_query           (LeashDbConn             *conn,
                                        LeashSqlNode            *parent,
                                        LeashContext            *ctx,
                                        const char              *sql,
                                        const LeashSqlValue     *values,
                                        gsize                    n_values,
                                        gconstpointer            caller,
                                        GError                 **error);
gboolean     leash_sql_query_row       (LeashDbConn             *conn,
                                        LeashContext            *ctx,
                                        const char              *sql,
                                        const LeashSqlValue     *values,
                                        gsize                    n_values,
                                        va_list                 *places,
                                        GError                 **error);
LeashStmt   *leash_sql_prepare         (LeashDbConn             *conn,
                                        LeashSqlNode            *parent,
                                        LeashContext            *ctx,
                                        const char              *sql,
                                        gconstpointer            caller,
                                        GError                 **error);
LeashTx     *leash_sql_begin           (LeashDbConn             *conn,
                                        LeashSqlNode            *parent,
                                        LeashContext            *ctx,
                                        const LeashTxOptions    *options,
                                        gconstpointer            caller,
                                        GError                 **error);

/* leash-tx.c */
/* Rolls the transaction back, or to a savepoint; in a time of its own. */
void         leash_sql_roll_back       (LeashDbConn             *conn,
                                        const char              *savepoint);
/* That the engine has no transaction any more, where there was one. */
void         leash_tx_lose             (LeashTx                 *tx);
gboolean     leash_tx_is_lost          (LeashTx                 *tx);
LeashSqlNode *leash_tx_get_node        (LeashTx                 *tx);

/* leash-rows.c */
LeashRows   *leash_rows_new            (LeashSqlCommand         *command,
                                        gboolean                 owns_command,
                                        LeashSqlNode            *parent,
                                        LeashContext            *ctx,
                                        LeashSqlStep             first,
                                        gconstpointer            caller);
LeashSqlNode *leash_rows_get_node      (LeashRows               *rows);

/* leash-rows-get.c: with the connection entered. Sets places to the columns of the row at hand. */
gboolean     leash_sql_scan_row        (LeashSqlCommand         *command,
                                        va_list                 *places,
                                        GError                 **error);

/* As that, where the row that is to be there was the first step's, and no other is wanted: ends the run. */
gboolean     leash_sql_scan_only       (LeashSqlCommand         *command,
                                        LeashContext            *ctx,
                                        LeashSqlStep             first,
                                        va_list                 *places,
                                        GError                 **error);

/* leash-sql-text.c */
/* The text's beginning, as UTF-8, for a tag's name; buffer has LEASH_SQL_NAME_SIZE bytes. */
#define LEASH_SQL_NAME_SIZE 160
const char  *leash_sql_shorten         (char                    *buffer,
                                        const char              *sql);
gboolean     leash_sql_is_utf8         (const char              *text,
                                        gsize                    length);
/* Makes “doing “sql”: reason” of “reason”. */
void         leash_sql_prefix          (GError                 **error,
                                        const char              *doing,
                                        const char              *sql);
