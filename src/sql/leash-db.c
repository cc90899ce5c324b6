/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LeashDb: a LeashClient on a network of its own, on which a session of the driver is what is dialled. So
 * limits, waiting in line, idle and life times, statistics and who has what are those of any pool; a session
 * is behind its LeashConn, on which nothing is read or written.
 *
 * What is kept idle that the engine has closed meanwhile is found by the pool's health check, which asks the
 * driver, and another takes its place.
 */
#include "leash-db-private.h"

#include <leash/leash-db.h>
#include <leash/leash-db-conn.h>
#include <leash/leash-tx.h>

#include "leash-boxed-private.h"
#include "leash-sql-driver-private.h"

/**
 * LeashDb:
 *
 * A database: a pool of connections to it.
 *
 * Reference-counted. leash_db_close() closes it; the last leash_db_unref() closes what is open still. All
 * functions may be called from any thread, several at once.
 */
struct _LeashDb
{
  gint ref_count; /* atomic; of users */
  gint n_holders; /* atomic; of the memory: all users together, and each connection */
  LeashClient
      *client; /* a reference of the users; connections have the pool's memory by what they checked out */
  char *name;  /* as reports and messages have it */
};

LEASH_DEFINE_BOXED (LeashDb, leash_db)

static const LeashSqlAttempt attempt_exec = { "Executing", NULL }, attempt_query = { "Querying", NULL },
                             attempt_begin = { "Beginning a transaction of", NULL };

/* The network: dials sessions. It has the driver's database, which lives behind the last session. */

#define LEASH_TYPE_DB_NETWORK (leash_db_network_get_type ())
G_DECLARE_FINAL_TYPE (LeashDbNetwork, leash_db_network, LEASH, DB_NETWORK, GObject)

struct _LeashDbNetwork
{
  GObject parent_instance;
  LeashSqlDriver *driver;
  gpointer database; /* the driver's; NULL only while it is made */
};

static void leash_db_network_init_interface (LeashNetworkInterface *iface);

G_DEFINE_TYPE_WITH_CODE (LeashDbNetwork, leash_db_network, G_TYPE_OBJECT,
                         G_IMPLEMENT_INTERFACE (LEASH_TYPE_NETWORK, leash_db_network_init_interface))

/* A session keeps its network, for the database. */
typedef struct
{
  LeashSqlSession base;
  LeashDbNetwork *network;
} Session;

static gboolean
disconnect (gpointer impl, GError **error)
{
  Session *session = impl;

  session->base.iface->disconnect (session->base.driver, session->base.session);
  return TRUE;
}

static void
session_free (gpointer impl)
{
  Session *session = impl;

  g_object_unref (session->network);
  g_free (session);
}

static const LeashConnOps session_ops = { .size = sizeof (LeashConnOps), .close = disconnect };

static LeashConn *
connect_session (LeashNetwork *network, LeashContext *ctx, const char *address, GError **error)
{
  LeashDbNetwork *self = LEASH_DB_NETWORK (network);
  const LeashSqlDriverInterface *iface = LEASH_SQL_DRIVER_GET_IFACE (self->driver);
  gpointer opened = leash_fault_point (ctx, "connect", address, error)
                        ? iface->connect (self->driver, self->database, ctx, error)
                        : NULL;
  Session *session;

  if (opened == NULL)
    return NULL;
  session = g_new0 (Session, 1);
  session->base = (LeashSqlSession){ .driver = self->driver, .iface = iface, .session = opened };
  session->network = g_object_ref (self);
  return leash_conn_new (&session_ops, session, session_free, NULL, address);
}

static void
leash_db_network_init_interface (LeashNetworkInterface *iface)
{
  iface->version = LEASH_NETWORK_INTERFACE_VERSION;
  iface->dial = connect_session;
}

static void
leash_db_network_finalize (GObject *object)
{
  LeashDbNetwork *self = LEASH_DB_NETWORK (object);

  if (self->database != NULL)
    LEASH_SQL_DRIVER_GET_IFACE (self->driver)->close (self->driver, self->database);
  g_object_unref (self->driver);
  G_OBJECT_CLASS (leash_db_network_parent_class)->finalize (object);
}

static void
leash_db_network_class_init (LeashDbNetworkClass *class)
{
  G_OBJECT_CLASS (class)->finalize = leash_db_network_finalize;
}

static void
leash_db_network_init (LeashDbNetwork *self)
{
}

/* Returns NULL when there is no driver, or it does not understand the name. */
static LeashDbNetwork *
make_network (const char *uri, GError **error)
{
  LeashSqlDriver *driver = leash_sql_find_driver (uri, error);
  LeashDbNetwork *network;

  if (driver == NULL)
    return NULL;
  network = g_object_new (LEASH_TYPE_DB_NETWORK, NULL);
  network->driver = driver;
  network->database = LEASH_SQL_DRIVER_GET_IFACE (driver)->open (driver, uri, error);
  if (network->database == NULL)
    g_clear_object (&network);
  return network;
}

static gboolean
check_health (LeashConn *conn, LeashContext *ctx, gpointer user_data, GError **error)
{
  LeashSqlSession *session = leash_conn_get_impl (conn, &session_ops);

  return session->iface->is_usable == NULL || session->iface->is_usable (session->driver, session->session);
}

static LeashClientOptions
make_pool_options (const LeashDbOptions *given)
{
  LeashDbOptions options = { 0 };

  if (given != NULL)
    options = *given;
  return (LeashClientOptions){
    .size = sizeof (LeashClientOptions),
    .max_open = options.max_open,
    .max_idle = options.max_idle,
    .max_waiters = options.max_waiters,
    .idle_time = options.idle_time,
    .life_time = options.life_time,
    .dial_timeout = options.connect_timeout,
    .health_check = check_health,
    .health_check_after = options.check_after > 0 ? options.check_after : G_TIME_SPAN_SECOND,
    .kind = "database",
    .checkout_kind = "database connection",
  };
}

static gboolean
has_no_negative_time (const LeashDbOptions *options)
{
  return options->idle_time >= 0 && options->life_time >= 0 && options->connect_timeout >= 0
         && options->check_after >= 0;
}

/* Connects, and leaves the connection to the pool. */
static gboolean
try_to_connect (LeashDb *db, LeashContext *ctx, gconstpointer caller, GError **error)
{
  LeashSqlSession *session;
  LeashConn *checkout = leash_db_take (db, ctx, caller, &session, error);

  return checkout != NULL && leash_db_give_back (db, checkout, TRUE, error);
}

/**
 * leash_db_open:
 * @ctx: a context
 * @uri: which database: `sqlite:app.db`, `sqlite:file:app.db?mode=ro`, `sqlite::memory:`,
 * `postgresql://user@host/db`, `postgresql:host=/run/postgresql dbname=app`
 * @options: (nullable): what the pool is to be like; copied; %NULL for the defaults
 * @error: return location for an error
 *
 * Opens a database, and connects once, to see that it is there. It is on the leash of @ctx's tracker until it
 * is closed, and so are the pool's connections; times are by @ctx's clock. The database does not end with
 * @ctx.
 *
 * `sqlite:` is followed by a path, or by one of SQLite's own `file:` URIs; a file that is not there is made.
 * `sqlite::memory:` is a database in memory of this #LeashDb alone, which all of its connections share. For
 * PostgreSQL it is one of libpq's URIs, or after `postgresql:` one of its connection strings. Passwords are
 * never shown.
 *
 * Returns: (transfer full): the database, %NULL with @error set
 *
 * Since: 0.1
 */
LeashDb *
leash_db_open (LeashContext *ctx, const char *uri, const LeashDbOptions *options, GError **error)
{
  LeashClientOptions pool_options = make_pool_options (options);
  g_autoptr (LeashContext) with_network = NULL;
  g_autoptr (LeashDbNetwork) network = NULL;
  LeashDb *db;

  g_return_val_if_fail (ctx != NULL, NULL);
  g_return_val_if_fail (uri != NULL, NULL);
  g_return_val_if_fail (options == NULL || options->size == sizeof (LeashDbOptions), NULL);
  g_return_val_if_fail (options == NULL || has_no_negative_time (options), NULL);

  network = make_network (uri, error);
  if (network == NULL)
    {
      /* What was given is not shown: it may hold a password. */
      g_prefix_error (error, "Opening a database: ");
      return NULL;
    }
  db = g_new0 (LeashDb, 1);
  db->ref_count = db->n_holders = 1;
  db->name = g_strdup (
      LEASH_SQL_DRIVER_GET_IFACE (network->driver)->get_name (network->driver, network->database));
  with_network = leash_context_with_network (ctx, LEASH_NETWORK (network));
  db->client = leash_client_new (with_network, db->name, &pool_options);
  if ((options == NULL || !options->is_lazy) && !try_to_connect (db, ctx, LEASH_CALLER, error))
    g_clear_pointer (&db, leash_db_unref);
  return db;
}

/**
 * leash_db_ref:
 * @db: a database
 *
 * Takes a reference.
 *
 * Returns: (transfer full): @db
 *
 * Since: 0.1
 */
LeashDb *
leash_db_ref (LeashDb *db)
{
  g_return_val_if_fail (db != NULL, NULL);

  __atomic_add_fetch (&db->ref_count, 1, __ATOMIC_RELAXED);
  return db;
}

void
leash_db_hold (LeashDb *db)
{
  __atomic_add_fetch (&db->n_holders, 1, __ATOMIC_RELAXED);
}

void
leash_db_unhold (LeashDb *db)
{
  if (__atomic_sub_fetch (&db->n_holders, 1, __ATOMIC_ACQ_REL) > 0)
    return;
  g_free (db->name);
  g_free (db);
}

/**
 * leash_db_unref:
 * @db: (transfer full) (nullable): a database
 *
 * Gives a reference back. With the last one a database that is open still is closed.
 *
 * Since: 0.1
 */
void
leash_db_unref (LeashDb *db)
{
  if (db == NULL || __atomic_sub_fetch (&db->ref_count, 1, __ATOMIC_ACQ_REL) > 0)
    return;
  leash_client_unref (db->client);
  leash_db_unhold (db);
}

/**
 * leash_db_close:
 * @db: a database
 * @error: return location for an error
 *
 * Closes the pool and what is idle in it. A connection that is checked out, by a transaction or rows of the
 * database too, is reported with its stack and this one's; its user can go on, and it is closed when that is
 * done. The database is closed all the same then, but %FALSE is returned. A second time is a misuse.
 *
 * Returns: %TRUE, or %FALSE with @error set: %LEASH_SQL_ERROR_CHILDREN_OPEN when connections were checked
 * out, %G_IO_ERROR_CLOSED when it was closed before
 *
 * Since: 0.1
 */
gboolean
leash_db_close (LeashDb *db, GError **error)
{
  LeashClientStats stats;

  g_return_val_if_fail (db != NULL, FALSE);

  leash_client_get_stats (db->client, &stats);
  if (!leash_client_close (db->client, error))
    return FALSE;
  if (stats.n_in_use == 0)
    return TRUE;
  leash_sql_error_set (
      error, LEASH_SQL_ERROR_CHILDREN_OPEN, NULL,
      "it is closed, but %u of its connections are in use, and closed when they are returned",
      stats.n_in_use);
  leash_sql_prefix (error, "Closing the database", db->name);
  return FALSE;
}

/**
 * leash_db_get_name:
 * @db: a database
 *
 * Returns: (transfer none): what reports and messages call it: what leash_db_open() was given, without
 * passwords
 *
 * Since: 0.1
 */
const char *
leash_db_get_name (LeashDb *db)
{
  g_return_val_if_fail (db != NULL, NULL);

  return db->name;
}

/**
 * leash_db_get_stats:
 * @db: a database
 * @ret_stats: (out caller-allocates): set to what its pool has and did
 *
 * Tells what the pool has and did, all at one instant; dials are connections that were tried.
 *
 * Since: 0.1
 */
void
leash_db_get_stats (LeashDb *db, LeashClientStats *ret_stats)
{
  g_return_if_fail (db != NULL);
  g_return_if_fail (ret_stats != NULL);

  leash_client_get_stats (db->client, ret_stats);
}

LeashConn *
leash_db_take (LeashDb *db, LeashContext *ctx, gconstpointer caller, LeashSqlSession **ret_session,
               GError **error)
{
  LeashConn *checkout = leash_client_checkout_caller (db->client, ctx, caller, error);

  if (LEASH_LIKELY (checkout != NULL))
    *ret_session = leash_conn_get_impl (checkout, &session_ops);
  return checkout;
}

gboolean
leash_db_give_back (LeashDb *db, LeashConn *checkout, gboolean is_usable, GError **error)
{
  gboolean is_done
      = is_usable ? leash_client_return (db->client, checkout, error) : leash_conn_close (checkout, error);

  leash_conn_unref (checkout);
  return is_done;
}

/**
 * leash_db_checkout:
 * @db: a database
 * @ctx: a context
 * @error: return location for an error
 *
 * Gets a connection for the caller alone: an idle one, or a new one. When all that may be open are in use it
 * waits in line, for as long as @ctx lets it; the error then says where those were checked out that are in
 * use. It is on the leash of
 * @ctx's tracker as a "database connection" until leash_db_conn_close(), or the last leash_db_conn_unref().
 *
 * Returns: (transfer full): the connection, %NULL with @error set
 *
 * Since: 0.1
 */
LeashDbConn *
leash_db_checkout (LeashDb *db, LeashContext *ctx, GError **error)
{
  g_return_val_if_fail (db != NULL, NULL);
  g_return_val_if_fail (ctx != NULL, NULL);

  return leash_db_conn_new (db, ctx, LEASH_CALLER, error);
}

/* A connection for one call, entered: nobody else knows it. */
static LeashDbConn *
take_entered (LeashDb *db, LeashContext *ctx, const LeashSqlAttempt *attempt, const char *sql,
              gconstpointer caller, GError **error)
{
  LeashDbConn *conn = leash_db_conn_new (db, ctx, caller, error);

  if (LEASH_LIKELY (conn != NULL))
    leash_db_conn_try (conn);
  else
    leash_sql_prefix (error, attempt->doing, sql);
  return conn;
}

static gboolean
leave_and_finish (LeashDbConn *conn, gboolean is_done, gconstpointer caller, GError **error)
{
  leash_db_conn_leave (conn);
  return leash_db_conn_finish (conn, caller, is_done ? error : NULL) && is_done;
}

/**
 * leash_db_exec:
 * @db: a database
 * @ctx: a context
 * @sql: one statement
 * @values: (nullable) (array length=n_values): its parameters: LEASH_SQL_ARGS() or %LEASH_SQL_NO_ARGS
 * @n_values: how many: all that the statement has
 * @ret_result: (out caller-allocates) (optional): set to what it did
 * @error: return location for an error
 *
 * As leash_db_conn_exec(), on a connection of the pool that is returned at once.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
leash_db_exec (LeashDb *db, LeashContext *ctx, const char *sql, const LeashSqlValue *values, gsize n_values,
               LeashSqlResult *ret_result, GError **error)
{
  LeashDbConn *conn;

  g_return_val_if_fail (db != NULL, FALSE);
  g_return_val_if_fail (ctx != NULL, FALSE);
  g_return_val_if_fail (sql != NULL, FALSE);
  g_return_val_if_fail (values != NULL || n_values == 0, FALSE);

  conn = take_entered (db, ctx, &attempt_exec, sql, LEASH_CALLER, error);
  return conn != NULL
         && leave_and_finish (conn, leash_sql_exec (conn, ctx, sql, values, n_values, ret_result, error),
                              LEASH_CALLER, error);
}

/**
 * leash_db_query:
 * @db: a database
 * @ctx: a context
 * @sql: one statement
 * @values: (nullable) (array length=n_values): its parameters: LEASH_SQL_ARGS() or %LEASH_SQL_NO_ARGS
 * @n_values: how many: all that the statement has
 * @error: return location for an error
 *
 * As leash_db_conn_query(), on a connection of the pool that is returned when the rows end or are closed.
 *
 * Returns: (transfer full): the rows, %NULL with @error set
 *
 * Since: 0.1
 */
LeashRows *
leash_db_query (LeashDb *db, LeashContext *ctx, const char *sql, const LeashSqlValue *values, gsize n_values,
                GError **error)
{
  LeashDbConn *conn;
  LeashRows *rows;

  g_return_val_if_fail (db != NULL, NULL);
  g_return_val_if_fail (ctx != NULL, NULL);
  g_return_val_if_fail (sql != NULL, NULL);
  g_return_val_if_fail (values != NULL || n_values == 0, NULL);

  conn = take_entered (db, ctx, &attempt_query, sql, LEASH_CALLER, error);
  if (conn == NULL)
    return NULL;
  rows = leash_sql_query (conn, NULL, ctx, sql, values, n_values, LEASH_CALLER, error);
  if (rows == NULL)
    {
      leave_and_finish (conn, FALSE, LEASH_CALLER, NULL);
      return NULL;
    }
  leash_rows_get_node (rows)->owns_conn = TRUE;
  leash_db_conn_leave (conn);
  return rows;
}

/**
 * leash_db_query_row:
 * @db: a database
 * @ctx: a context
 * @sql: one statement
 * @values: (nullable) (array length=n_values): its parameters: LEASH_SQL_ARGS() or %LEASH_SQL_NO_ARGS
 * @n_values: how many: all that the statement has
 * @error: return location for an error
 * @...: where the columns go, as for leash_rows_scan(), ended by %LEASH_SQL_END
 *
 * As leash_db_conn_query_row(), on a connection of the pool that is returned at once.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
leash_db_query_row (LeashDb *db, LeashContext *ctx, const char *sql, const LeashSqlValue *values,
                    gsize n_values, GError **error, ...)
{
  LeashDbConn *conn;
  gboolean is_done;
  va_list places;

  g_return_val_if_fail (db != NULL, FALSE);
  g_return_val_if_fail (ctx != NULL, FALSE);
  g_return_val_if_fail (sql != NULL, FALSE);
  g_return_val_if_fail (values != NULL || n_values == 0, FALSE);

  conn = take_entered (db, ctx, &attempt_query, sql, LEASH_CALLER, error);
  if (conn == NULL)
    return FALSE;
  va_start (places, error);
  is_done = leash_sql_query_row (conn, ctx, sql, values, n_values, &places, error);
  va_end (places);
  return leave_and_finish (conn, is_done, LEASH_CALLER, error);
}

/**
 * leash_db_begin:
 * @db: a database
 * @ctx: a context
 * @options: (nullable): how; %NULL for the engine's defaults
 * @error: return location for an error
 *
 * As leash_db_conn_begin(), on a connection of the pool that is returned when the transaction ends.
 *
 * Returns: (transfer full): the transaction, %NULL with @error set
 *
 * Since: 0.1
 */
LeashTx *
leash_db_begin (LeashDb *db, LeashContext *ctx, const LeashTxOptions *options, GError **error)
{
  LeashDbConn *conn;
  LeashTx *tx;

  g_return_val_if_fail (db != NULL, NULL);
  g_return_val_if_fail (ctx != NULL, NULL);
  g_return_val_if_fail (options == NULL || options->size == sizeof (LeashTxOptions), NULL);

  conn = take_entered (db, ctx, &attempt_begin, db->name, LEASH_CALLER, error);
  if (conn == NULL)
    return NULL;
  tx = leash_sql_begin (conn, NULL, ctx, options, LEASH_CALLER, error);
  if (tx == NULL)
    {
      leave_and_finish (conn, FALSE, LEASH_CALLER, NULL);
      return NULL;
    }
  leash_tx_get_node (tx)->owns_conn = TRUE;
  leash_db_conn_leave (conn);
  return tx;
}
