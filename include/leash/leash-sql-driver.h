/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LeashSqlDriver: what speaks to an engine. Those for SQLite and PostgreSQL are there; others are added by
 * leash_sql_add_driver() at any time, for what is opened from then on. Tracking, pools, life cycles, use after close and
 * two threads at a time are dealt with before a driver is called, so that whoever writes one gets all of it for nothing.
 */
#pragma once

#include <leash/leash-context.h>
#include <leash/leash-sql-error.h>
#include <leash/leash-sql-value.h>

G_BEGIN_DECLS

#define LEASH_TYPE_SQL_DRIVER (leash_sql_driver_get_type ())
#define LEASH_SQL_DRIVER(obj) (G_TYPE_CHECK_INSTANCE_CAST ((obj), LEASH_TYPE_SQL_DRIVER, LeashSqlDriver))
#define LEASH_IS_SQL_DRIVER(obj) (G_TYPE_CHECK_INSTANCE_TYPE ((obj), LEASH_TYPE_SQL_DRIVER))
#define LEASH_SQL_DRIVER_GET_IFACE(obj)                                                                      \
  (G_TYPE_INSTANCE_GET_INTERFACE ((obj), LEASH_TYPE_SQL_DRIVER, LeashSqlDriverInterface))

/* The version of LeashSqlDriverInterface that this header declares. */
#define LEASH_SQL_DRIVER_INTERFACE_VERSION 1

typedef struct _LeashSqlDriver LeashSqlDriver;
typedef struct _LeashSqlDriverInterface LeashSqlDriverInterface;

/**
 * LeashSqlResult:
 * @rows_affected: how many rows it inserted, changed or deleted; 0 for other statements
 * @last_id: the id of the row that was inserted last, where the engine says it (SQLite); else 0
 *
 * What a statement did.
 */
typedef struct
{
  gint64 rows_affected;
  gint64 last_id;
} LeashSqlResult;

/**
 * LeashIsolation:
 * @LEASH_ISOLATION_DEFAULT: the engine's
 * @LEASH_ISOLATION_READ_UNCOMMITTED: what others have not committed may be seen
 * @LEASH_ISOLATION_READ_COMMITTED: each statement sees what is committed when it begins
 * @LEASH_ISOLATION_REPEATABLE_READ: all statements see one state
 * @LEASH_ISOLATION_SERIALIZABLE: as if transactions came one after the other
 *
 * How far a transaction is kept from others. An engine gives the asked one, or a stricter one.
 */
typedef enum
{
  LEASH_ISOLATION_DEFAULT,
  LEASH_ISOLATION_READ_UNCOMMITTED,
  LEASH_ISOLATION_READ_COMMITTED,
  LEASH_ISOLATION_REPEATABLE_READ,
  LEASH_ISOLATION_SERIALIZABLE
} LeashIsolation;

/**
 * LeashTxOptions:
 * @size: `sizeof (LeashTxOptions)`
 * @is_read_only: whether writing is refused in it
 * @is_immediate: whether the lock for writing is taken at once (SQLite); others take no notice
 * @isolation: how far it is kept from others
 *
 * How a transaction is begun.
 */
typedef struct
{
  gsize size;
  gboolean is_read_only;
  gboolean is_immediate;
  LeashIsolation isolation;
} LeashTxOptions;

/**
 * LeashSqlStep:
 * @LEASH_SQL_STEP_ERROR: it failed, with the error set
 * @LEASH_SQL_STEP_ROW: there is a row
 * @LEASH_SQL_STEP_DONE: it is done: there are no more rows
 *
 * What a step of a statement came to.
 */
typedef enum
{
  LEASH_SQL_STEP_ERROR,
  LEASH_SQL_STEP_ROW,
  LEASH_SQL_STEP_DONE
} LeashSqlStep;

/**
 * LeashSqlDriverInterface:
 * @g_iface: the parent
 * @version: %LEASH_SQL_DRIVER_INTERFACE_VERSION of the header that the implementation was compiled with
 * @streams_one: whether a session can run nothing else while a statement's rows are being read
 * @open: reads a database's name, the whole of what leash_db_open() was given, and touches nothing yet. What it returns is
 *   what @connect is called with, from several threads at a time
 * @close: frees that, behind the last session
 * @get_name: what reports and messages call the database: its name without passwords; lives as long as the database
 * @connect: opens a session: what all below are called with
 * @disconnect: closes one, in whatever state it is; its statements were finalized
 * @is_usable: (nullable): whether a session that nobody uses can still be used; may make a system call, but does not wait
 * @reset: (nullable): makes a session that comes back to the pool as good as new: rolls back what is open
 * @begin: begins a transaction; commit and rollback are statements
 * @in_transaction: whether one is open, by whatever way
 * @prepare: prepares the one statement in @sql; more than one is an error. What it returns is what those below are
 *   called with
 * @finalize: frees a statement, in whatever state it is; also after its session failed, but never after @disconnect
 * @count_parameters: how many parameters it has: the greatest index
 * @find_parameter: the index of a parameter by its name, with its prefix (`:id`) or without; 0 when there is none
 * @bind: binds a value, which is copied, to a parameter, from 1. Is not called between a step and @rewind
 * @step: runs the statement to its next row
 * @rewind: ends a run, with whatever rows are left of it, and lets the statement be run again. Bindings stay
 * @count_columns: how many columns its rows have; 0 for a statement without rows
 * @get_column_name: a column's name, from 0; lives as long as the statement
 * @get_column: a column of the current row; text and bytes live until the next step
 * @get_result: what a statement did that is done
 * @script: (nullable): runs all statements in a text that have no parameters and whose rows nobody wants
 * @copy_begin: (nullable): begins a bulk copy: to the database where @is_in, else from it
 * @copy_write: sends a part of it
 * @copy_read: the next part, which lives until the next call; @ret_length is 0 at its end
 * @copy_end: ends it: by %NULL well, or with a reason why it fails; what was to be read and was not is thrown away
 * @end_run: (nullable): comes before @rewind where some rows were read, and not all: says whether the statement has come to
 *   its end, with its commit where that is the end of it. May leave that to @rewind for what changes nothing
 *
 * What a driver implements. None is called for a session while another call for it runs, but any thread may make the
 * next. @ctx is not done when they are called; whatever may take long stops when it is, with the context's error, and
 * leaves the session usable, or has @is_usable say that it is not. Errors say what and why without what was attempted,
 * which is put before them.
 */
struct _LeashSqlDriverInterface
{
  GTypeInterface g_iface;
  guint version;
  gboolean streams_one;

  gpointer     (*open)             (LeashSqlDriver *driver, const char *uri, GError **error);
  void         (*close)            (LeashSqlDriver *driver, gpointer database);
  const char  *(*get_name)         (LeashSqlDriver *driver, gpointer database);

  gpointer     (*connect)          (LeashSqlDriver *driver, gpointer database, LeashContext *ctx, GError **error);
  void         (*disconnect)       (LeashSqlDriver *driver, gpointer session);
  gboolean     (*is_usable)        (LeashSqlDriver *driver, gpointer session);
  gboolean     (*reset)            (LeashSqlDriver *driver, gpointer session, GError **error);
  gboolean     (*begin)            (LeashSqlDriver *driver, gpointer session, LeashContext *ctx,
                                    const LeashTxOptions *options, GError **error);
  gboolean     (*in_transaction)   (LeashSqlDriver *driver, gpointer session);

  gpointer     (*prepare)          (LeashSqlDriver *driver, gpointer session, LeashContext *ctx, const char *sql,
                                    GError **error);
  void         (*finalize)         (LeashSqlDriver *driver, gpointer session, gpointer statement);
  guint        (*count_parameters) (LeashSqlDriver *driver, gpointer statement);
  guint        (*find_parameter)   (LeashSqlDriver *driver, gpointer statement, const char *name);
  gboolean     (*bind)             (LeashSqlDriver *driver, gpointer statement, guint index,
                                    const LeashSqlValue *value, GError **error);
  LeashSqlStep (*step)             (LeashSqlDriver *driver, gpointer session, gpointer statement, LeashContext *ctx,
                                    GError **error);
  void         (*rewind)           (LeashSqlDriver *driver, gpointer session, gpointer statement);
  guint        (*count_columns)    (LeashSqlDriver *driver, gpointer statement);
  const char  *(*get_column_name)  (LeashSqlDriver *driver, gpointer statement, guint column);
  void         (*get_column)       (LeashSqlDriver *driver, gpointer statement, guint column,
                                    LeashSqlValue *ret_value);
  void         (*get_result)       (LeashSqlDriver *driver, gpointer session, gpointer statement,
                                    LeashSqlResult *ret_result);

  gboolean     (*script)           (LeashSqlDriver *driver, gpointer session, LeashContext *ctx, const char *sql,
                                    GError **error);

  gboolean     (*copy_begin)       (LeashSqlDriver *driver, gpointer session, LeashContext *ctx, const char *sql,
                                    gboolean is_in, GError **error);
  gboolean     (*copy_write)       (LeashSqlDriver *driver, gpointer session, LeashContext *ctx, const void *bytes,
                                    gsize count, GError **error);
  gboolean     (*copy_read)        (LeashSqlDriver *driver, gpointer session, LeashContext *ctx,
                                    const char **ret_bytes, gsize *ret_length, GError **error);
  gboolean     (*copy_end)         (LeashSqlDriver *driver, gpointer session, LeashContext *ctx, const char *reason,
                                    LeashSqlResult *ret_result, GError **error);
  gboolean     (*end_run)          (LeashSqlDriver *driver, gpointer session, gpointer statement, LeashContext *ctx,
                                    GError **error);
};

LEASH_AVAILABLE_IN_0_1
GType    leash_sql_driver_get_type (void) G_GNUC_CONST;
LEASH_AVAILABLE_IN_0_1
gboolean leash_sql_add_driver      (const char      *scheme,
                                    LeashSqlDriver  *driver,
                                    GError         **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (LeashSqlDriver, g_object_unref)

G_END_DECLS
