/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What leash-sqlite3.h and leash-libpq.h have in common: resources that are found by their handles and named by
 * their SQL. */
#pragma once

#include <leash/leash-adopt.h>
#include <string.h>

/* Bytes of a statement's name, with the 0 at its end. */
#define LEASH_SQL_NAME_SIZE 120

/* A function that is called only where something tracks. Pairs are inlined, so that its caller is the program. */
#define LEASH_SQL_TRACKING_ __attribute__ ((noinline, unused)) static

/* Ends a name that has room for the mark. No character is cut in two. */
G_GNUC_UNUSED static inline void
leash_sql_cut_ (char *name, gsize n)
{
  while (n > 0 && ((guchar) name[n] & 0xc0) == 0x80)
    n--;
  memcpy (name + n, "…", sizeof "…");
}

/* Copies the beginning of sql as one line. Returns name. */
G_GNUC_UNUSED static inline const char *
leash_sql_shorten_ (const char *sql, char *name)
{
  gsize n = 0;

  for (; *sql != '\0' && n < LEASH_SQL_NAME_SIZE - 1; sql++)
    if (!g_ascii_isspace (*sql))
      name[n++] = *sql;
    else if (n > 0 && name[n - 1] != ' ')
      name[n++] = ' ';
  if (*sql == '\0' && n > 0 && name[n - 1] == ' ')
    n--;
  name[n] = '\0';
  if (*sql != '\0')
    leash_sql_cut_ (name, LEASH_SQL_NAME_SIZE - sizeof "…");
  return name;
}

/* parent_kind and sql may be NULL. */
G_GNUC_UNUSED static inline void
leash_sql_track_from_ (LeashContext *ctx, const char *parent_kind, gconstpointer parent, const char *kind,
                       gconstpointer handle, const char *sql, gconstpointer caller)
{
  LeashTag *parent_tag = parent_kind != NULL ? leash_find_pointer (ctx, parent_kind, parent) : NULL;
  char name[LEASH_SQL_NAME_SIZE];
  LeashTag *tag = leash_track_caller (ctx, parent_tag, kind,
                                      sql != NULL ? leash_sql_shorten_ (sql, name) : NULL, caller);

  leash_tag_set_pointer (tag, handle);
}

LEASH_SQL_TRACKING_ void
leash_sql_track_ (LeashContext *ctx, const char *parent_kind, gconstpointer parent, const char *kind,
                  gconstpointer handle, const char *sql)
{
  leash_sql_track_from_ (ctx, parent_kind, parent, kind, handle, sql, LEASH_CALLER);
}
