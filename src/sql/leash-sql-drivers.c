/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The drivers that were built in; leash-sql-drivers-plain.c has them without PostgreSQL. */
#include "leash-sql-driver-private.h"

void
leash_sql_add_built_in (LeashSqlAddFunc func)
{
  LeashSqlDriver *postgresql = leash_postgresql_driver_new ();

  func ("sqlite", leash_sqlite_driver_new ());
  func ("postgresql", postgresql);
  func ("postgres", g_object_ref (postgresql));
}
