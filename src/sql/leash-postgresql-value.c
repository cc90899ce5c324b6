/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * PostgreSQL's types, as far as they matter here, and their forms on the wire: as the functions that send and
 * receive them have it (int4send(), boolsend() and so on), integers and floating point numbers with the
 * greatest byte first.
 */
#include "leash-postgresql-private.h"

#include <string.h>

/* Of pg_type.dat, in which they never change. */
enum
{
  BOOL = 16,
  BYTEA = 17,
  NAME = 19,
  INT8 = 20,
  INT2 = 21,
  INT4 = 23,
  TEXT = 25,
  OID = 26,
  JSON = 114,
  FLOAT4 = 700,
  FLOAT8 = 701,
  BPCHAR = 1042,
  VARCHAR = 1043
};

LeashPgKind
leash_pg_kind_of (Oid type)
{
  switch (type)
    {
    case BOOL:
      return LEASH_PG_BOOL;
    case BYTEA:
      return LEASH_PG_BYTES;
    case INT8:
    case INT2:
    case INT4:
    case OID:
      return LEASH_PG_INTEGER;
    case FLOAT4:
    case FLOAT8:
      return LEASH_PG_FLOAT;
    default:
      return LEASH_PG_OTHER;
    }
}

gboolean
leash_pg_knows_binary (Oid type)
{
  switch (type)
    {
    case NAME:
    case TEXT:
    case JSON:
    case BPCHAR:
    case VARCHAR:
      return TRUE; /* it is the text, in the client's encoding */
    case FLOAT4:
      return FALSE; /* 0.1 would be 0.10000000149; read from text it is 0.1 */
    default:
      return leash_pg_kind_of (type) != LEASH_PG_OTHER;
    }
}

gboolean
leash_pg_wants_binary (Oid type)
{
  return type == FLOAT8 || type == BYTEA;
}

static guint64
read_word (const char *bytes, gsize length)
{
  guint64 word = 0;

  for (gsize i = 0; i < length; i++)
    word = word << 8 | (guint8) bytes[i];
  return word;
}

static double
read_float8 (const char *bytes)
{
  guint64 word = read_word (bytes, 8);
  double number;

  memcpy (&number, &word, sizeof number);
  return number;
}

static gint64
read_integer (Oid type, const char *bytes)
{
  switch (type)
    {
    case INT4:
      return (gint32) read_word (bytes, 4);
    case INT2:
      return (gint16) read_word (bytes, 2);
    case OID:
      return (gint64) read_word (bytes, 4);
    default:
      return (gint64) read_word (bytes, 8);
    }
}

static void
set_integer (LeashSqlValue *value, gint64 number)
{
  value->type = LEASH_SQL_INT64;
  value->as.int64 = number;
}

static void
set_double (LeashSqlValue *value, double number)
{
  value->type = LEASH_SQL_DOUBLE;
  value->as.number = number;
}

void
leash_pg_read_binary (Oid type, LeashSqlValue *value)
{
  const char *bytes = value->as.text;

  switch (type)
    {
    case INT4:
    case INT8:
    case INT2:
    case OID:
      set_integer (value, read_integer (type, bytes));
      break;
    case BOOL:
      set_integer (value, bytes[0] != 0);
      break;
    case FLOAT8:
      set_double (value, read_float8 (bytes));
      break;
    case BYTEA:
      value->type = LEASH_SQL_BYTES;
      break;
    default:
      break;
    }
}

/* As the server writes it: digits, behind a minus or not, of a number that fits. */
static gint64
read_digits (const char *text)
{
  gboolean is_negative = text[0] == '-';
  guint64 number = 0;

  for (text += is_negative; *text != '\0'; text++)
    number = number * 10 + (guint64) (*text - '0');
  return (gint64) (is_negative ? -number : number);
}

void
leash_pg_read_text (LeashPgKind kind, LeashSqlValue *value)
{
  const char *text = value->as.text;

  if (kind == LEASH_PG_INTEGER)
    set_integer (value, read_digits (text));
  else if (kind == LEASH_PG_BOOL)
    set_integer (value, text[0] == 't');
  else if (kind == LEASH_PG_FLOAT)
    set_double (value, g_ascii_strtod (text, NULL));
}
