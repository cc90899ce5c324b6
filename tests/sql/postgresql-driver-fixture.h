/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the tests of the driver for PostgreSQL begin with: a session on a server of their own, and what is called for it. */
#pragma once

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <gio/gio.h>
#include <leash/leash-clock.h>
#include <libpq-fe.h>

#include "leash-sql-driver-private.h"

#include "../under-sanitizer.h"
#include "postgresql-fixture.h"

/* A session, and what is called for it. */
typedef struct
{
  LeashSqlDriver *driver;
  LeashSqlDriverInterface *call;
  LeashContext *ctx;
  gpointer database;
  gpointer session;
} Fixture;

G_GNUC_UNUSED static void
set_up (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *uri = postgresql_uri (NULL, NULL, NULL);
  g_autoptr (GError) error = NULL;

  fixture->ctx = leash_context_background ();
  fixture->driver = leash_postgresql_driver_new ();
  fixture->call = LEASH_SQL_DRIVER_GET_IFACE (fixture->driver);
  fixture->database = fixture->call->open (fixture->driver, uri, &error);
  g_assert_no_error (error);
  fixture->session = fixture->call->connect (fixture->driver, fixture->database, fixture->ctx, &error);
  g_assert_no_error (error);
}

G_GNUC_UNUSED static void
tear_down (Fixture *fixture, gconstpointer unused)
{
  if (fixture->session != NULL)
    fixture->call->disconnect (fixture->driver, fixture->session);
  fixture->call->close (fixture->driver, fixture->database);
  g_object_unref (fixture->driver);
}

#define CALL(func, ...) (fixture->call->func (fixture->driver, __VA_ARGS__))

G_GNUC_UNUSED static gpointer
prepare (Fixture *fixture, const char *sql)
{
  g_autoptr (GError) error = NULL;
  gpointer statement = CALL (prepare, fixture->session, fixture->ctx, sql, &error);

  g_assert_no_error (error);
  g_assert_nonnull (statement);
  return statement;
}

G_GNUC_UNUSED static LeashSqlStep
step (Fixture *fixture, gpointer statement, GError **error)
{
  return CALL (step, fixture->session, statement, fixture->ctx, error);
}

G_GNUC_UNUSED static void
append_value (GString *text, const LeashSqlValue *value)
{
  char number[G_ASCII_DTOSTR_BUF_SIZE];

  switch (value->type)
    {
    case LEASH_SQL_INT64:
      g_string_append_printf (text, "i%" G_GINT64_FORMAT, value->as.int64);
      break;
    case LEASH_SQL_DOUBLE:
      g_string_append_printf (text, "d%s", g_ascii_dtostr (number, sizeof number, value->as.number));
      break;
    case LEASH_SQL_TEXT:
      g_assert_cmpuint (value->length, ==, strlen (value->as.text));
      g_string_append_printf (text, "t%s", value->as.text);
      break;
    case LEASH_SQL_BYTES:
      g_string_append (text, "b");
      for (gsize i = 0; i < value->length; i++)
        g_string_append_printf (text, "%02x", value->as.bytes[i]);
      break;
    default:
      g_string_append (text, "NULL");
      break;
    }
}

/* All rows of a statement, which is done with: “a|b;c|d”. NULL with the error. */
G_GNUC_UNUSED static char *
read_all (Fixture *fixture, gpointer statement, GError **error)
{
  GString *text = g_string_new (NULL);
  LeashSqlStep last;

  while ((last = step (fixture, statement, error)) == LEASH_SQL_STEP_ROW)
    {
      g_string_append (text, text->len > 0 ? ";" : "");
      for (guint i = 0; i < CALL (count_columns, statement); i++)
        {
          LeashSqlValue value;

          g_string_append (text, i > 0 ? "|" : "");
          CALL (get_column, statement, i, &value);
          append_value (text, &value);
        }
    }
  CALL (finalize, fixture->session, statement);
  return g_string_free (text, last == LEASH_SQL_STEP_ERROR);
}

G_GNUC_UNUSED static char *
query (Fixture *fixture, const char *sql, GError **error)
{
  gpointer statement = CALL (prepare, fixture->session, fixture->ctx, sql, error);

  return statement != NULL ? read_all (fixture, statement, error) : NULL;
}

#define assert_query(sql, expected)                            \
  G_STMT_START                                                 \
  {                                                            \
    g_autoptr (GError) error_ = NULL;                          \
    g_autofree char *found_ = query (fixture, (sql), &error_); \
                                                               \
    g_assert_no_error (error_);                                \
    g_assert_cmpstr (found_, ==, (expected));                  \
  }                                                            \
  G_STMT_END

G_GNUC_UNUSED static void
script (Fixture *fixture, const char *sql)
{
  g_autoptr (GError) error = NULL;

  CALL (script, fixture->session, fixture->ctx, sql, &error);
  g_assert_no_error (error);
}

G_GNUC_UNUSED static void
bind_value (Fixture *fixture, gpointer statement, guint index, LeashSqlValue value)
{
  g_autoptr (GError) error = NULL;

  CALL (bind, statement, index, &value, &error);
  g_assert_no_error (error);
}

/* One value through a parameter and back. */
G_GNUC_UNUSED static char *
echo (Fixture *fixture, const char *type, LeashSqlValue value)
{
  g_autofree char *sql = g_strdup_printf ("SELECT $1::%s", type);
  g_autoptr (GError) error = NULL;
  gpointer statement = prepare (fixture, sql);
  char *found;

  bind_value (fixture, statement, 1, value);
  found = read_all (fixture, statement, &error);
  g_assert_no_error (error);
  return found;
}

#define assert_echo(type, value, expected)                     \
  G_STMT_START                                                 \
  {                                                            \
    g_autofree char *found_ = echo (fixture, (type), (value)); \
                                                               \
    g_assert_cmpstr (found_, ==, (expected));                  \
  }                                                            \
  G_STMT_END

/* Fails unless it is of the code and has the state, then clears it. */
#define assert_sql_error(error, code, state, where)    \
  G_STMT_START                                         \
  {                                                    \
    LeashSqlErrorDetail detail_;                       \
                                                       \
    g_assert_error ((error), LEASH_SQL_ERROR, (code)); \
    leash_sql_error_get_detail ((error), &detail_);    \
    g_assert_cmpstr (detail_.sqlstate, ==, (state));   \
    g_assert_cmpuint (detail_.position, ==, (where));  \
    g_clear_error (&(error));                          \
  }                                                    \
  G_STMT_END

G_GNUC_UNUSED static void
begin (Fixture *fixture, LeashTxOptions options)
{
  g_autoptr (GError) error = NULL;

  CALL (begin, fixture->session, fixture->ctx, &options, &error);
  g_assert_no_error (error);
}

#define ADD(path, func) g_test_add ("/sql/postgresql/" path, Fixture, NULL, set_up, func, tear_down)
