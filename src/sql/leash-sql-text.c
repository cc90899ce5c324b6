/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Statements' text in names and messages, and whether text is UTF-8. Values are never shown. */
#include "leash-sql-private.h"

#include <string.h>

/* Ends what is in the buffer, of which length bytes are used, with an ellipsis; without half of a character.
 */
static void
cut (char *buffer, gsize length)
{
  const char *last = g_utf8_find_prev_char (buffer, buffer + length);

  if (last != NULL && g_utf8_get_char_validated (last, buffer + length - last) == (gunichar) -2)
    length = (gsize) (last - buffer);
  memcpy (buffer + length, "…", sizeof "…");
}

/* Returns whether all of it is ASCII. */
static gboolean
shorten (char *buffer, const char *sql)
{
  const gsize room = LEASH_SQL_NAME_SIZE - sizeof "…";
  gsize length = 0;
  guint8 seen = 0;

  for (const char *each = sql; *each != '\0'; each++)
    {
      gboolean is_space = g_ascii_isspace (*each);

      if (is_space && (length == 0 || buffer[length - 1] == ' '))
        continue;
      if (length == room)
        {
          cut (buffer, length);
          return seen < 0x80;
        }
      seen |= (guint8) *each;
      buffer[length++] = is_space ? ' ' : *each;
    }
  if (length > 0 && buffer[length - 1] == ' ')
    length--;
  buffer[length] = '\0';
  return seen < 0x80;
}

/*
 * White space becomes one blank, so that a statement over many lines is one line; what is too long ends in an
 * ellipsis; what is no UTF-8, for SQLite takes that, is replaced as by g_utf8_make_valid().
 */
const char *
leash_sql_shorten (char *buffer, const char *sql)
{
  if (LEASH_UNLIKELY (!shorten (buffer, sql)) && !g_utf8_validate (buffer, -1, NULL))
    {
      g_autofree char *valid = g_utf8_make_valid (buffer, -1);

      shorten (buffer, valid);
    }
  return buffer;
}

static gboolean
is_plain_word (const char *text)
{
  const guint64 ones = G_GUINT64_CONSTANT (0x0101010101010101), tops = ones << 7;
  guint64 word;

  memcpy (&word, text, sizeof word);
  return ((word | (word - ones)) & tops) == 0;
}

/* Most text is ASCII, and looked at eight bytes at a time: neither 0 nor above 0x7f. The last eight may have
 * been seen in part. */
static gboolean
is_plain (const char *text, gsize length)
{
  gsize n = 0;

  for (; n + 8 <= length; n += 8)
    if (!is_plain_word (text + n))
      return FALSE;
  if (length >= 8)
    return is_plain_word (text + length - 8);
  for (; n < length; n++)
    if ((guint8) (text[n] - 1) >= 0x7f)
      return FALSE;
  return TRUE;
}

gboolean
leash_sql_is_utf8 (const char *text, gsize length)
{
  return LEASH_LIKELY (is_plain (text, length)) || g_utf8_validate_len (text, length, NULL);
}

void
leash_sql_prefix (GError **error, const char *doing, const char *sql)
{
  char buffer[LEASH_SQL_NAME_SIZE];

  if (error != NULL && *error != NULL)
    g_prefix_error (error, "%s “%s”: ", doing, leash_sql_shorten (buffer, sql));
}
