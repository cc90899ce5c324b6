/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is bound to parameters. The server says which type each has. All but bytes is sent as text, which it
 * reads as that type: a number may be bound to a parameter that is text or numeric, as in SQLite. Bytes are
 * for parameters of type bytea only: the server would take them for the binary form of another type. What
 * such a parameter gets is never sent as text, in which the server would look for escapes.
 *
 * A number with a point is written as shortly as it can be read again, for a parameter that is numeric keeps
 * all digits.
 */
#include "leash-postgresql-private.h"

#include <math.h>
#include <string.h>

void
leash_pg_parameters_init (LeashPgParameters *parameters, const PGresult *description)
{
  guint n = (guint) PQnparams (description);

  parameters->n = n;
  parameters->kinds = g_new0 (LeashPgKind, n);
  parameters->values = g_new0 (const char *, n);
  parameters->lengths = g_new0 (int, n);
  parameters->formats = g_new0 (int, n);
  parameters->buffers = g_new0 (GByteArray *, n);
  for (guint i = 0; i < n; i++)
    parameters->kinds[i] = leash_pg_kind_of (PQparamtype (description, (int) i));
}

void
leash_pg_parameters_clear (LeashPgParameters *parameters)
{
  for (guint i = 0; i < parameters->n; i++)
    g_clear_pointer (&parameters->buffers[i], g_byte_array_unref);
  g_free (parameters->kinds);
  g_free (parameters->values);
  g_free (parameters->lengths);
  g_free (parameters->formats);
  g_free (parameters->buffers);
}

static gboolean
refuse (GError **error, LeashSqlError code, guint index, const char *why)
{
  leash_sql_error_set (error, code, NULL, "parameter %u %s", index, why);
  return FALSE;
}

static gboolean
check (LeashPgParameters *parameters, guint index, const LeashSqlValue *value, GError **error)
{
  gboolean is_for_bytes;

  if (index == 0 || index > parameters->n)
    return refuse (error, LEASH_SQL_ERROR_RANGE, index, "is not there");
  is_for_bytes = parameters->kinds[index - 1] == LEASH_PG_BYTES;
  switch (value->type)
    {
    case LEASH_SQL_NULL:
      return TRUE;
    case LEASH_SQL_INT64:
    case LEASH_SQL_DOUBLE:
      return !is_for_bytes
             || refuse (error, LEASH_SQL_ERROR_BIND, index, "is of type bytea, and takes no number");
    case LEASH_SQL_TEXT:
      if (memchr (value->as.text, 0, value->length) != NULL)
        return refuse (error, LEASH_SQL_ERROR_BIND, index, "has a NUL in its text");
      if (!g_utf8_validate_len (value->as.text, value->length, NULL))
        return refuse (error, LEASH_SQL_ERROR_BIND, index, "is no text in UTF-8");
      break;
    case LEASH_SQL_BYTES:
      if (!is_for_bytes)
        return refuse (error, LEASH_SQL_ERROR_BIND, index, "is not of type bytea, and takes no bytes");
      break;
    default:
      return refuse (error, LEASH_SQL_ERROR_BIND, index, "is of no type");
    }
  return value->length < G_MAXINT || refuse (error, LEASH_SQL_ERROR_RANGE, index, "is too long");
}

/* With a NUL behind it, which text needs. */
static void
copy (LeashPgParameters *parameters, guint i, const void *bytes, gsize count)
{
  GByteArray *buffer = parameters->buffers[i];

  if (buffer == NULL)
    buffer = parameters->buffers[i] = g_byte_array_new ();
  g_byte_array_set_size (buffer, (guint) count + 1);
  if (count > 0)
    memcpy (buffer->data, bytes, count);
  buffer->data[count] = '\0';
  parameters->values[i] = (const char *) buffer->data;
  parameters->lengths[i] = (int) count;
}

static void
write_double (char *text, gsize size, double number)
{
  /* The C library has a sign before some, which the server does not take. */
  if (isnan (number))
    {
      g_strlcpy (text, "NaN", size);
      return;
    }
  g_ascii_formatd (text, (int) size, "%.15g", number);
  if (g_ascii_strtod (text, NULL) != number)
    g_ascii_formatd (text, (int) size, "%.17g", number);
}

gboolean
leash_pg_parameters_set (LeashPgParameters *parameters, guint index, const LeashSqlValue *value,
                         GError **error)
{
  guint i = index - 1;
  char text[G_ASCII_DTOSTR_BUF_SIZE];

  if (!check (parameters, index, value, error))
    return FALSE;
  parameters->formats[i] = parameters->kinds[i] == LEASH_PG_BYTES;
  switch (value->type)
    {
    case LEASH_SQL_INT64:
      g_snprintf (text, sizeof text, "%" G_GINT64_FORMAT, value->as.int64);
      copy (parameters, i, text, strlen (text));
      break;
    case LEASH_SQL_DOUBLE:
      write_double (text, sizeof text, value->as.number);
      copy (parameters, i, text, strlen (text));
      break;
    case LEASH_SQL_TEXT:
    case LEASH_SQL_BYTES:
      copy (parameters, i, value->as.bytes, value->length);
      break;
    default:
      parameters->values[i] = NULL;
      break;
    }
  return TRUE;
}
