/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The driver for PostgreSQL, by libpq: its parts put together.
 *
 * libpq is used without blocking throughout, and who waits does so in leash-postgresql-wait.c, for the socket
 * or the end of the context. All that is said on a connection goes through leash-postgresql-wire.c, which
 * cancels what the server runs when the context ends, and throws the rest of it away, so that the connection
 * can be used again.
 *
 * Statements are prepared on the server, and kept for who prepares the same text again
 * (leash-postgresql-plan.c). Rows come one by one, so that a result of any length takes the memory of a row.
 *
 * Values are text on the wire but for bytes that are bound. libpq has one format for all columns of a result,
 * and most types have no other form that a program could read.
 *
 * Parameters are PostgreSQL's: $1, $2. SQLite understands these too, in the order in which they occur. ? and
 * :name would need a reader of SQL that tells strings, comments, dollar quotes, casts, slices and the
 * operators with ? from them, and the places in the engine's errors would be those of another text.
 */
#include "leash-postgresql-private.h"

typedef struct
{
  GObject parent_instance;
} LeashPostgresqlDriver;

typedef GObjectClass LeashPostgresqlDriverClass;

static void leash_postgresql_driver_init_iface (LeashSqlDriverInterface *iface);
GType leash_postgresql_driver_get_type (void);

G_DEFINE_FINAL_TYPE_WITH_CODE (LeashPostgresqlDriver, leash_postgresql_driver, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (LEASH_TYPE_SQL_DRIVER,
                                                      leash_postgresql_driver_init_iface))

static void
leash_postgresql_driver_class_init (LeashPostgresqlDriverClass *klass)
{
}

static void
leash_postgresql_driver_init (LeashPostgresqlDriver *self)
{
}

static void
leash_postgresql_driver_init_iface (LeashSqlDriverInterface *iface)
{
  iface->version = LEASH_SQL_DRIVER_INTERFACE_VERSION;
  iface->streams_one = TRUE;
  iface->open = leash_pg_open;
  iface->close = leash_pg_close;
  iface->get_name = leash_pg_get_name;
  iface->connect = leash_pg_connect;
  iface->disconnect = leash_pg_disconnect;
  iface->is_usable = leash_pg_is_usable;
  iface->reset = leash_pg_reset;
  iface->begin = leash_pg_begin;
  iface->in_transaction = leash_pg_in_transaction;
  iface->prepare = leash_pg_prepare;
  iface->finalize = leash_pg_finalize;
  iface->count_parameters = leash_pg_count_parameters;
  iface->find_parameter = leash_pg_find_parameter;
  iface->bind = leash_pg_bind;
  iface->step = leash_pg_step;
  iface->rewind = leash_pg_rewind;
  iface->end_run = leash_pg_end_run;
  iface->count_columns = leash_pg_count_columns;
  iface->get_column_name = leash_pg_get_column_name;
  iface->get_column = leash_pg_get_column;
  iface->get_result = leash_pg_get_result;
  iface->script = leash_pg_script;
  iface->copy_begin = leash_pg_copy_begin;
  iface->copy_write = leash_pg_copy_write;
  iface->copy_read = leash_pg_copy_read;
  iface->copy_end = leash_pg_copy_end;
}

LeashSqlDriver *
leash_postgresql_driver_new (void)
{
  return g_object_new (leash_postgresql_driver_get_type (), NULL);
}
