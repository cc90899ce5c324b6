/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* As leash-sql-drivers.c, without PostgreSQL. */
#include "leash-sql-driver-private.h"

void
leash_sql_add_built_in (LeashSqlAddFunc func)
{
  func ("sqlite", leash_sqlite_driver_new ());
}
