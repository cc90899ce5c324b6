/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The names of the types of leash-sql-1. */
#pragma once

#include <leash/leash-sql-driver.h>

G_BEGIN_DECLS

typedef struct _LeashCopy LeashCopy;
typedef struct _LeashDb LeashDb;
typedef struct _LeashDbConn LeashDbConn;
typedef struct _LeashRows LeashRows;
typedef struct _LeashStmt LeashStmt;
typedef struct _LeashTx LeashTx;

G_END_DECLS
