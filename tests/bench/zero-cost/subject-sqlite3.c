/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* As subject.c, of the pairs in leash-sqlite3.h: looked at where SQLite's header is installed. */
#include <leash/leash-sqlite3.h>

void work (void);

int hot_prepare (LeashContext *ctx, sqlite3 *db, sqlite3_stmt **stmt);
int hot_prepare_bare (LeashContext *ctx, sqlite3 *db, sqlite3_stmt **stmt);
int hot_finalize (LeashContext *ctx, sqlite3_stmt *stmt);
int hot_finalize_bare (LeashContext *ctx, sqlite3_stmt *stmt);
int hot_close (LeashContext *ctx, sqlite3 *db);
int hot_close_bare (LeashContext *ctx, sqlite3 *db);

int
hot_prepare (LeashContext *ctx, sqlite3 *db, sqlite3_stmt **stmt)
{
  int result = leash_sqlite3_prepare_v2 (ctx, db, "SELECT 1", -1, stmt, NULL);

  work ();
  return result;
}

int
hot_prepare_bare (LeashContext *ctx, sqlite3 *db, sqlite3_stmt **stmt)
{
  int result = sqlite3_prepare_v2 (db, "SELECT 1", -1, stmt, NULL);

  work ();
  return result;
}

int
hot_finalize (LeashContext *ctx, sqlite3_stmt *stmt)
{
  return leash_sqlite3_finalize (ctx, stmt);
}

int
hot_finalize_bare (LeashContext *ctx, sqlite3_stmt *stmt)
{
  return sqlite3_finalize (stmt);
}

int
hot_close (LeashContext *ctx, sqlite3 *db)
{
  return leash_sqlite3_close (ctx, db);
}

int
hot_close_bare (LeashContext *ctx, sqlite3 *db)
{
  return sqlite3_close (db);
}
