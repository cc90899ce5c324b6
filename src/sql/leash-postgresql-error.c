/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Errors of PostgreSQL. Of what the server says only the message proper is shown: its details hold data, as
 * the values of a key that is there twice. The messages of class 22, data exceptions, quote the value itself,
 * which hide_values() takes out.
 */
#include "leash-postgresql-private.h"

#include <string.h>

static const struct
{
  const char *sqlstate; /* how it begins; the first that fits counts */
  LeashSqlError code;
} codes[] = {
  { "08", LEASH_SQL_ERROR_CONNECTION },
  { "22003", LEASH_SQL_ERROR_RANGE },
  { "22P02", LEASH_SQL_ERROR_BIND },
  { "22P03", LEASH_SQL_ERROR_BIND },
  { "23", LEASH_SQL_ERROR_CONSTRAINT },
  { "25006", LEASH_SQL_ERROR_READ_ONLY },
  { "28", LEASH_SQL_ERROR_PERMISSION },
  { "3D", LEASH_SQL_ERROR_SYNTAX },
  { "3F", LEASH_SQL_ERROR_SYNTAX },
  { "40001", LEASH_SQL_ERROR_BUSY },
  { "40P01", LEASH_SQL_ERROR_BUSY },
  { "42501", LEASH_SQL_ERROR_PERMISSION },
  { "42", LEASH_SQL_ERROR_SYNTAX },
  { "53100", LEASH_SQL_ERROR_FULL },
  { "53300", LEASH_SQL_ERROR_CONNECTION },
  { "55006", LEASH_SQL_ERROR_BUSY },
  { "55P03", LEASH_SQL_ERROR_BUSY },
  { "57P", LEASH_SQL_ERROR_CONNECTION },
  { "58", LEASH_SQL_ERROR_IO },
  { "XX001", LEASH_SQL_ERROR_CORRUPT },
  { "XX002", LEASH_SQL_ERROR_CORRUPT },
};

static LeashSqlError
code_of (const char *sqlstate)
{
  for (guint i = 0; i < G_N_ELEMENTS (codes); i++)
    if (g_str_has_prefix (sqlstate, codes[i].sqlstate))
      return codes[i].code;
  return LEASH_SQL_ERROR_FAILED;
}

/* libpq's messages have several lines, indented, and end with one. */
static char *
to_one_line (const char *message)
{
  g_autofree char *stripped = g_strstrip (g_strdup (message != NULL ? message : ""));
  g_auto (GStrv) lines = g_strsplit_set (stripped, "\n\t", -1);
  GString *line = g_string_new (NULL);

  for (guint i = 0; lines[i] != NULL; i++)
    if (lines[i][0] != '\0')
      g_string_append_printf (line, "%s%s", line->len > 0 ? " " : "", lines[i]);
  return g_string_free (line, FALSE);
}

void
leash_pg_set_lost_error (GError **error, LeashPgSession *session)
{
  g_autofree char *message = to_one_line (PQerrorMessage (session->pg));
  gboolean is_lost = PQstatus (session->pg) != CONNECTION_OK;

  if (is_lost)
    session->is_broken = TRUE;
  leash_sql_error_set (error, is_lost ? LEASH_SQL_ERROR_CONNECTION : LEASH_SQL_ERROR_FAILED, NULL, "%s",
                       message[0] != '\0' ? message : "the connection was lost");
}

/* How the languages that the server can speak quote. */
static const char *const quotes[] = { "\"", "«", "»", "„", "“", "”" };

static gsize
count_quote (const char *at)
{
  for (guint i = 0; i < G_N_ELEMENTS (quotes); i++)
    if (g_str_has_prefix (at, quotes[i]))
      return strlen (quotes[i]);
  return 0;
}

/* A value is quoted as it stands, with the quotes that are in it: so all goes from the first one to the last,
 * and a name that was quoted as well with it. */
static char *
hide_values (const char *message)
{
  const char *first = NULL, *behind = NULL;

  for (const char *at = message; *at != '\0'; at++)
    if (count_quote (at) > 0)
      {
        first = first != NULL ? first : at;
        behind = at + count_quote (at);
      }
  if (first == NULL)
    return g_strdup (message);
  return g_strdup_printf ("%.*s\"…\"%s", (int) (first - message), message, behind);
}

void
leash_pg_set_result_error (GError **error, LeashPgSession *session, const PGresult *result)
{
  LeashSqlErrorDetail detail = { .sqlstate = PQresultErrorField (result, PG_DIAG_SQLSTATE) };
  g_autofree char *hidden = NULL;
  const char *message = PQresultErrorField (result, PG_DIAG_MESSAGE_PRIMARY);
  const char *position = PQresultErrorField (result, PG_DIAG_STATEMENT_POSITION);
  LeashSqlError code;

  /* Of libpq's own making: what it says of the connection is in the result as well. */
  if (detail.sqlstate == NULL || message == NULL)
    {
      leash_pg_set_lost_error (error, session);
      return;
    }
  code = code_of (detail.sqlstate);
  if (position != NULL)
    detail.position = (guint) g_ascii_strtoull (position, NULL, 10);
  /* A function may raise any: of another server's connection. */
  if (code == LEASH_SQL_ERROR_CONNECTION
      && g_strcmp0 (PQresultErrorField (result, PG_DIAG_SEVERITY_NONLOCALIZED), "ERROR") != 0)
    session->is_broken = TRUE;
  if (g_str_has_prefix (detail.sqlstate, "22"))
    message = hidden = hide_values (message);
  leash_sql_error_set (error, code, &detail, "%s", message);
}

/*
 * A connection that failed has no result, but a text. In the verbose form that leash_pg_connect() asks for,
 * the server's part of it is “FATAL:  28P01: message” and further lines, and only there are two spaces behind
 * a colon.
 */
static const char *
find_sqlstate (const char *text)
{
  const char *found = strstr (text, ":  ");

  if (found == NULL || strlen (found) < 10 || found[8] != ':' || found[9] != ' ')
    return NULL;
  return strspn (found + 3, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 5 ? found + 3 : NULL;
}

void
leash_pg_set_connect_error (GError **error, PGconn *pg)
{
  const char *text = PQerrorMessage (pg), *found = find_sqlstate (text);
  g_autofree char *sqlstate = found != NULL ? g_strndup (found, 5) : NULL;
  LeashSqlErrorDetail detail = { .sqlstate = sqlstate };
  LeashSqlError code = LEASH_SQL_ERROR_CONNECTION;
  g_autofree char *message = NULL;

  if (found != NULL)
    {
      g_autofree char *first_line = g_strndup (found + 7, strcspn (found + 7, "\n"));

      message = to_one_line (first_line);
      if (code_of (sqlstate) == LEASH_SQL_ERROR_PERMISSION)
        code = LEASH_SQL_ERROR_PERMISSION;
    }
  else
    message = to_one_line (text);
  leash_sql_error_set (error, code, &detail, "%s",
                       message[0] != '\0' ? message : "there is no memory for it");
}
