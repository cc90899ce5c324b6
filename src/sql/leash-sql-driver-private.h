/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which drivers there are. */
#pragma once

#include <leash/leash-sql-driver.h>

typedef void (*LeashSqlAddFunc) (const char     *scheme,
                                 LeashSqlDriver *driver);

/* The driver for a database's name, referenced. The error says why there is none, without what was attempted. */
LeashSqlDriver *leash_sql_find_driver           (const char      *uri,
                                                 GError         **error);

/* Calls func, which takes the driver over, for each that was built in. */
void            leash_sql_add_built_in          (LeashSqlAddFunc  func);

LeashSqlDriver *leash_sqlite_driver_new         (void);
LeashSqlDriver *leash_postgresql_driver_new     (void);
