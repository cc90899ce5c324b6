/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SQLite's own calls on the leash: for programs that keep them, and want to know what they forget. Functions are
 * SQLite's with `leash_` before their names and the context first; they take and return SQLite's own handles,
 * so that all else (binding, stepping, reading) is done by SQLite's functions as before:
 *
 *     leash_sqlite3_prepare_v2 (ctx, db, "SELECT name FROM users WHERE id = ?", -1, &stmt, NULL);
 *     sqlite3_bind_int64 (stmt, 1, id);
 *     sqlite3_step (stmt);
 *     leash_sqlite3_finalize (ctx, stmt);
 *
 * Statements, blobs and backups are children of their connection, if that was opened so too. Statements are named
 * by their SQL, shortened, with parameters as they are written: what is bound is never shown.
 *
 * A connection that sqlite3_close() refuses to close, with SQLITE_BUSY, stays on the leash. What is in the way is
 * recorded as a misuse, each with the place where it was opened and the one where the connection was to be closed;
 * leash_sqlite3_describe_open() has the list at once. One that sqlite3_close_v2() leaves as a zombie stays
 * until SQLite frees it, behind the last thing that was opened from it.
 *
 * Header only: a program that includes it links SQLite and leash-1. As with leash-adopt.h, LEASH_DISABLE makes
 * these SQLite's calls, and without a tracker they are one load and one branch more.
 */
#pragma once

#include <leash/leash-context.h>
#include <leash/leash-snapshot.h>
#include <leash/leash-sql-thin.h>
#include <sqlite3.h>

G_BEGIN_DECLS

/* A name of the form "file:app.db?key=secret" ends before its parameters. */
LEASH_SQL_TRACKING_ void
leash_sqlite3_track_ (LeashContext *ctx, sqlite3 *db, const char *filename)
{
  const char *end
      = filename != NULL && g_str_has_prefix (filename, "file:") ? strchr (filename, '?') : NULL;
  char *name = end != NULL ? g_strndup (filename, (gsize) (end - filename)) : g_strdup (filename);
  LeashTag *tag = leash_track_caller (ctx, NULL, "sqlite3", name, LEASH_CALLER);

  leash_tag_set_pointer (tag, db);
  g_free (name);
}

/* A handle comes also with most errors, and is to be closed then too. */
#define LEASH_SQLITE3_OPEN_(open, params, args)                                                              \
  LEASH_ADOPT_FUNCTION_ int leash_##open params                                                              \
  {                                                                                                          \
    int leash_result_ = open args;                                                                           \
    if (LEASH_IS_TRACKED (ctx) && *ret_db != NULL)                                                           \
      leash_sqlite3_track_ (ctx, *ret_db, filename);                                                         \
    return leash_result_;                                                                                    \
  }

LEASH_SQLITE3_OPEN_ (sqlite3_open, (LeashContext * ctx, const char *filename, sqlite3 **ret_db),
                     (filename, ret_db))
LEASH_SQLITE3_OPEN_ (sqlite3_open_v2,
                     (LeashContext * ctx, const char *filename, sqlite3 **ret_db, int flags, const char *vfs),
                     (filename, ret_db, flags, vfs))

/* There is no handle for SQL of which nothing is left but blanks and comments. */
#define LEASH_SQLITE3_PREPARE_(prepare, params, args)                                                        \
  LEASH_ADOPT_FUNCTION_ int leash_##prepare params                                                           \
  {                                                                                                          \
    int leash_result_ = prepare args;                                                                        \
    if (LEASH_IS_TRACKED (ctx) && leash_result_ == SQLITE_OK && *ret_stmt != NULL)                           \
      leash_sql_track_ (ctx, "sqlite3", db, "sqlite3_stmt", *ret_stmt, sqlite3_sql (*ret_stmt));             \
    return leash_result_;                                                                                    \
  }

LEASH_SQLITE3_PREPARE_ (sqlite3_prepare,
                        (LeashContext * ctx, sqlite3 *db, const char *sql, int n_bytes,
                         sqlite3_stmt **ret_stmt, const char **ret_tail),
                        (db, sql, n_bytes, ret_stmt, ret_tail))
LEASH_SQLITE3_PREPARE_ (sqlite3_prepare_v2,
                        (LeashContext * ctx, sqlite3 *db, const char *sql, int n_bytes,
                         sqlite3_stmt **ret_stmt, const char **ret_tail),
                        (db, sql, n_bytes, ret_stmt, ret_tail))
LEASH_SQLITE3_PREPARE_ (sqlite3_prepare_v3,
                        (LeashContext * ctx, sqlite3 *db, const char *sql, int n_bytes, unsigned int flags,
                         sqlite3_stmt **ret_stmt, const char **ret_tail),
                        (db, sql, n_bytes, flags, ret_stmt, ret_tail))

/* What it returns is the error of the last step: the statement is gone. */
LEASH_ADOPT_RELEASE_RESULT ("sqlite3_stmt", int, sqlite3_finalize, (LeashContext * ctx, sqlite3_stmt *stmt),
                            (stmt), stmt)

LEASH_SQL_TRACKING_ void
leash_sqlite3_track_blob_ (LeashContext *ctx, sqlite3 *db, sqlite3_blob *blob, const char *table,
                           const char *column)
{
  char *name = g_strconcat (table, ".", column, NULL);

  leash_sql_track_from_ (ctx, "sqlite3", db, "sqlite3_blob", blob, name, LEASH_CALLER);
  g_free (name);
}

/**
 * leash_sqlite3_blob_open:
 * @ctx: a context
 *
 * sqlite3_blob_open(). To be closed by leash_sqlite3_blob_close(), whatever sqlite3_blob_reopen() did to it.
 *
 * Since: 0.1
 */
LEASH_ADOPT_FUNCTION_ int
leash_sqlite3_blob_open (LeashContext *ctx, sqlite3 *db, const char *database, const char *table,
                         const char *column, sqlite3_int64 row, int flags, sqlite3_blob **ret_blob)
{
  int result = sqlite3_blob_open (db, database, table, column, row, flags, ret_blob);

  if (LEASH_IS_TRACKED (ctx) && result == SQLITE_OK)
    leash_sqlite3_track_blob_ (ctx, db, *ret_blob, table, column);
  return result;
}

LEASH_ADOPT_RELEASE_RESULT ("sqlite3_blob", int, sqlite3_blob_close, (LeashContext * ctx, sqlite3_blob *blob),
                            (blob), blob)

/**
 * leash_sqlite3_backup_init:
 * @ctx: a context
 *
 * sqlite3_backup_init(). It is a child of the source, which cannot be closed before it is finished. SQLite does not
 * look after the destination.
 *
 * Since: 0.1
 */
LEASH_ADOPT_FUNCTION_ sqlite3_backup *
leash_sqlite3_backup_init (LeashContext *ctx, sqlite3 *destination, const char *destination_name,
                           sqlite3 *source, const char *source_name)
{
  sqlite3_backup *backup = sqlite3_backup_init (destination, destination_name, source, source_name);

  if (LEASH_IS_TRACKED (ctx) && backup != NULL)
    leash_sql_track_ (ctx, "sqlite3", source, "sqlite3_backup", backup, source_name);
  return backup;
}

LEASH_ADOPT_RELEASE_RESULT ("sqlite3_backup", int, sqlite3_backup_finish,
                            (LeashContext * ctx, sqlite3_backup *backup), (backup), backup)

/* What is tracked as opened from the connection, in the context's tracker and those nested in it. NULL for nothing. */
G_GNUC_UNUSED static LeashSnapshot *
leash_sqlite3_list_open_ (LeashContext *ctx, sqlite3 *db)
{
  LeashTracker *tracker = leash_context_get_tracker (ctx);
  LeashSnapshot *all, *children;

  if (tracker == NULL)
    return NULL;
  all = leash_snapshot_new (tracker);
  children = leash_snapshot_new_children (all, "sqlite3", db);
  leash_snapshot_unref (all);
  if (leash_snapshot_get_length (children) > 0)
    return children;
  leash_snapshot_unref (children);
  return NULL;
}

/* The connection stays open: tells of each that is in the way, or of the connection where none is known. */
G_GNUC_UNUSED static void
leash_sqlite3_tell_busy_ (LeashContext *ctx, sqlite3 *db, LeashTag *tag, gconstpointer caller)
{
  LeashSnapshot *open = leash_sqlite3_list_open_ (ctx, db);

  if (open == NULL)
    {
      leash_tag_misused (tag, "sqlite3_close() is SQLITE_BUSY for something that is not tracked", caller);
      return;
    }
  for (gsize i = 0; i < leash_snapshot_get_length (open); i++)
    {
      const LeashResource *resource = leash_snapshot_get_resource (open, i);

      if (resource->key != NULL)
        leash_tag_misused (leash_find_pointer (ctx, resource->kind, resource->key),
                           "open when sqlite3_close() was called for its connection: SQLITE_BUSY", caller);
    }
  leash_snapshot_unref (open);
}

/* A connection that is closed has no handle any more before another thread can get the same one. */
LEASH_SQL_TRACKING_ int
leash_sqlite3_close_tracked_ (LeashContext *ctx, sqlite3 *db)
{
  LeashTag *tag = leash_find_pointer (ctx, "sqlite3", db);
  int result;

  if (tag == NULL)
    {
      leash_untrack_pointer (ctx, "sqlite3", db); /* which tells that it is not tracked */
      return sqlite3_close (db);
    }
  leash_tag_set_pointer (tag, NULL);
  result = sqlite3_close (db);
  if (result == SQLITE_OK)
    {
      leash_untrack_caller (tag, LEASH_CALLER);
      return result;
    }
  leash_tag_set_pointer (tag, db);
  if (result == SQLITE_BUSY)
    leash_sqlite3_tell_busy_ (ctx, db, tag, LEASH_CALLER);
  return result;
}

/**
 * leash_sqlite3_close:
 * @ctx: a context
 * @db: (nullable): a connection
 *
 * sqlite3_close(). With SQLITE_BUSY the connection is open and on the leash as before, and a misuse of each
 * statement, blob and backup that is in the way is recorded. Who means to close them then finds them by
 * sqlite3_next_stmt() before, or uses leash_sqlite3_close_v2().
 *
 * Since: 0.1
 */
LEASH_ADOPT_FUNCTION_ int
leash_sqlite3_close (LeashContext *ctx, sqlite3 *db)
{
  gboolean is_tracked = FALSE;

  LEASH_CLOSING_CALL_ (ctx, ((void) leash_ctx_, is_tracked = db != NULL));
  return is_tracked ? leash_sqlite3_close_tracked_ (ctx, db) : sqlite3_close (db);
}

G_GNUC_UNUSED static void
leash_sqlite3_freed_ (void *tag)
{
  leash_untrack ((LeashTag *) tag);
}

G_GNUC_UNUSED static int
leash_sqlite3_compare_ (void *tag G_GNUC_UNUSED, int n_a, const void *a G_GNUC_UNUSED, int n_b,
                        const void *b G_GNUC_UNUSED)
{
  return n_a - n_b;
}

/*
 * When SQLite frees a zombie, it tells nobody, but the collations that it frees too: one that nobody uses is put in
 * for that, which does not depend on what the program closes by pairs and what by SQLite's own functions.
 */
LEASH_SQL_TRACKING_ int
leash_sqlite3_close_v2_tracked_ (LeashContext *ctx, sqlite3 *db)
{
  LeashTag *tag = leash_find_pointer (ctx, "sqlite3", db);

  if (tag == NULL)
    {
      leash_untrack_pointer (ctx, "sqlite3", db);
      return sqlite3_close_v2 (db);
    }
  leash_tag_set_pointer (tag, NULL);
  leash_tag_touch_caller (tag, "sqlite3_close_v2", LEASH_CALLER);
  if (sqlite3_next_stmt (db, NULL) != NULL)
    {
      const char *filename = sqlite3_db_filename (db, "main");
      char *name = g_strconcat (filename != NULL && filename[0] != '\0' ? filename : "a database in memory",
                                ", closed by sqlite3_close_v2(), waiting for what is open in it", NULL);

      leash_tag_set_name (tag, name);
      g_free (name);
    }
  if (sqlite3_create_collation_v2 (db, "leash: tells when this is freed", SQLITE_UTF8, tag,
                                   leash_sqlite3_compare_, leash_sqlite3_freed_)
      != SQLITE_OK)
    leash_untrack_caller (tag, LEASH_CALLER);
  return sqlite3_close_v2 (db);
}

/**
 * leash_sqlite3_close_v2:
 * @ctx: a context
 * @db: (nullable): a connection
 *
 * sqlite3_close_v2(). While statements, blobs or backups of it are open, the connection is a zombie: it is on the
 * leash until SQLite frees it behind the last of them, and its name says so.
 *
 * Since: 0.1
 */
LEASH_ADOPT_FUNCTION_ int
leash_sqlite3_close_v2 (LeashContext *ctx, sqlite3 *db)
{
  gboolean is_tracked = FALSE;

  LEASH_CLOSING_CALL_ (ctx, ((void) leash_ctx_, is_tracked = db != NULL));
  return is_tracked ? leash_sqlite3_close_v2_tracked_ (ctx, db) : sqlite3_close_v2 (db);
}

/* Statements that nobody tracks: of SQLite's own blobs there is no SQL. */
G_GNUC_UNUSED static void
leash_sqlite3_append_untracked_ (GString *text, LeashContext *ctx, sqlite3 *db)
{
  char name[LEASH_SQL_NAME_SIZE];

  for (sqlite3_stmt *stmt = sqlite3_next_stmt (db, NULL); stmt != NULL; stmt = sqlite3_next_stmt (db, stmt))
    if (sqlite3_sql (stmt) != NULL && leash_find_pointer (ctx, "sqlite3_stmt", stmt) == NULL)
      g_string_append_printf (text, "1 x sqlite3_stmt \"%s\", not tracked\n",
                              leash_sql_shorten_ (sqlite3_sql (stmt), name));
}

/**
 * leash_sqlite3_describe_open:
 * @ctx: a context with the connection's tracker
 * @db: a connection
 *
 * What is open of a connection, and makes sqlite3_close() return SQLITE_BUSY: statements, blobs and backups as in a
 * report, with the stacks where they were opened, then statements that are not tracked.
 *
 * Returns: (transfer full) (nullable): the text, which g_free() frees; %NULL when nothing is open
 *
 * Since: 0.1
 */
G_GNUC_UNUSED static char *
leash_sqlite3_describe_open (LeashContext *ctx, sqlite3 *db)
{
  LeashSnapshot *open = leash_sqlite3_list_open_ (ctx, db);
  GString *text = g_string_new (NULL);

  if (open != NULL)
    {
      char *report = leash_snapshot_report (open, LEASH_FORMAT_TEXT, LEASH_REPORT_NONE, 0);

      g_string_append (text, report);
      g_free (report);
      leash_snapshot_unref (open);
    }
  leash_sqlite3_append_untracked_ (text, ctx, db);
  return g_string_free (text, text->len == 0);
}

G_END_DECLS
