/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* LeashDb, as its connections see it. */
#pragma once

#include "leash-sql-private.h"

/* Keeps the memory, and not the database open. */
void        leash_db_hold      (LeashDb          *db);
void        leash_db_unhold    (LeashDb          *db);
/* Gets a connection of the pool: the checkout, and the session behind it. */
LeashConn  *leash_db_take      (LeashDb          *db,
                                LeashContext     *ctx,
                                gconstpointer     caller,
                                LeashSqlSession **ret_session,
                                GError          **error);
/* Gives it back for others to use, or to be thrown away. Takes the reference. */
gboolean    leash_db_give_back (LeashDb          *db,
                                LeashConn        *checkout,
                                gboolean          is_usable,
                                GError          **error);
