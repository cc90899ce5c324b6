/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Databases' names: libpq's URIs, or its strings of words behind a scheme, read by libpq. What it says of one
 * that it does not understand quotes from it, and so perhaps a password: the quotation is cut off.
 */
#include "leash-postgresql-private.h"

#include <string.h>

const char *
leash_pg_find_option (const LeashPgDatabase *database, const char *keyword)
{
  for (PQconninfoOption *option = database->options; option->keyword != NULL; option++)
    if (strcmp (option->keyword, keyword) == 0 && option->val != NULL && option->val[0] != '\0')
      return option->val;
  return NULL;
}

/* Of what may have an @ in it. */
static char *
escape_option (LeashPgDatabase *db, const char *keyword)
{
  const char *value = leash_pg_find_option (db, keyword);

  return value != NULL ? g_uri_escape_string (value, NULL, TRUE) : NULL;
}

static void
append (GString *name, const char *before, const char *value, const char *behind)
{
  if (value != NULL)
    g_string_append_printf (name, "%s%s%s", before, value, behind);
}

/* Made of what was read, for what was written may have a password in more than one place. */
static char *
make_name (LeashPgDatabase *db)
{
  const char *host = leash_pg_find_option (db, "host");
  const char *port = leash_pg_find_option (db, "port");
  g_autofree char *user = escape_option (db, "user");
  g_autofree char *database = escape_option (db, "dbname");
  gboolean is_socket = host != NULL && host[0] == '/';
  GString *name = g_string_new ("postgresql://");

  append (name, "", user, "@");
  if (!is_socket)
    {
      append (name, "", host != NULL ? host : leash_pg_find_option (db, "hostaddr"), "");
      append (name, ":", port, "");
    }
  append (name, "/", database, "");
  if (is_socket)
    {
      append (name, "?host=", host, "");
      append (name, "&port=", port, "");
    }
  return g_string_free (name, FALSE);
}

static gboolean
read_connect_time (LeashPgDatabase *database, GError **error)
{
  const char *text = leash_pg_find_option (database, "connect_timeout");
  guint64 seconds = 0;

  if (text != NULL && !g_ascii_string_to_unsigned (text, 10, 0, G_MAXINT, &seconds, NULL))
    {
      leash_sql_error_set (error, LEASH_SQL_ERROR_URI, NULL, "connect_timeout is no number of seconds");
      return FALSE;
    }
  database->connect_time = (gint64) seconds * G_USEC_PER_SEC;
  return TRUE;
}

/* Text is UTF-8 in this library. */
static gboolean
check_encoding (LeashPgDatabase *database, GError **error)
{
  const char *encoding = leash_pg_find_option (database, "client_encoding");

  if (encoding == NULL || g_ascii_strcasecmp (encoding, "UTF8") == 0
      || g_ascii_strcasecmp (encoding, "UTF-8") == 0)
    return TRUE;
  leash_sql_error_set (error, LEASH_SQL_ERROR_URI, NULL, "its client_encoding can only be UTF8");
  return FALSE;
}

/* What is left of a password with an @ in it, which ends it, would be shown as the host. */
static gboolean
check_host (LeashPgDatabase *database, GError **error)
{
  if (strchr (database->name + strlen ("postgresql://"), '@') == strrchr (database->name, '@'))
    return TRUE;
  leash_sql_error_set (error, LEASH_SQL_ERROR_URI, NULL,
                       "an @ that is not before the host is written as %%40");
  return FALSE;
}

/* libpq's own schemes are a part of its URIs; else they are ours, before one of its strings of words. */
static const char *
skip_scheme (const char *uri)
{
  const char *colon = strchr (uri, ':');

  return colon == NULL || g_str_has_prefix (colon, "://") ? uri : colon + 1;
}

static PQconninfoOption *
parse (const char *uri, GError **error)
{
  const char *text = skip_scheme (uri);
  char *message = NULL, *quotation = NULL;
  PQconninfoOption *options = PQconninfoParse (text, &message);

  if (options != NULL)
    return options;
  if (text == uri && message != NULL)
    quotation = strstr (message, ": \"");
  if (quotation != NULL)
    *quotation = '\0';
  leash_sql_error_set (error, LEASH_SQL_ERROR_URI, NULL, "%s",
                       quotation != NULL ? message
                                         : "behind its scheme it is no connection string of libpq's");
  PQfreemem (message);
  return NULL;
}

void
leash_pg_close (LeashSqlDriver *driver, gpointer user_data)
{
  LeashPgDatabase *database = user_data;

  PQconninfoFree (database->options);
  g_free (database->name);
  g_free (database);
}

gpointer
leash_pg_open (LeashSqlDriver *driver, const char *uri, GError **error)
{
  PQconninfoOption *options = parse (uri, error);
  LeashPgDatabase *database;

  if (options == NULL)
    return NULL;
  database = g_new0 (LeashPgDatabase, 1);
  database->options = options;
  database->name = make_name (database);
  if (read_connect_time (database, error) && check_encoding (database, error) && check_host (database, error))
    return database;
  leash_pg_close (driver, database);
  return NULL;
}

const char *
leash_pg_get_name (LeashSqlDriver *driver, gpointer database)
{
  return ((LeashPgDatabase *) database)->name;
}
