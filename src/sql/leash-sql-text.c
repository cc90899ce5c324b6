/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Statements' text in names and messages, and whether text is UTF-8. Values are never shown. */
#include "leash-sql-private.h"

#include <string.h>

/*
 * White space becomes one blank, so that a statement over many lines is one line; what is too long ends in an
 * ellipsis.
 */
const char *
leash_sql_shorten (char *buffer, const char *sql)
{
  const gsize room = LEASH_SQL_NAME_SIZE - sizeof "…";
  gsize length = 0;

  for (const char *each = sql; *each != '\0'; each++)
    {
      gboolean is_space = g_ascii_isspace (*each);

      if (is_space && (length == 0 || buffer[length - 1] == ' '))
        continue;
      if (length == room)
        {
          const char *last = g_utf8_find_prev_char (buffer, buffer + length);

          /* No half of a character. */
          if (last != NULL && g_utf8_get_char_validated (last, buffer + length - last) == (gunichar) -2)
            length = (gsize) (last - buffer);
          memcpy (buffer + length, "…", sizeof "…");
          return buffer;
        }
      buffer[length++] = is_space ? ' ' : *each;
    }
  if (length > 0 && buffer[length - 1] == ' ')
    length--;
  buffer[length] = '\0';
  return buffer;
}

/* Most text is ASCII, and looked at eight bytes at a time: neither 0 nor above 0x7f. */
static gsize
count_plain (const char *text, gsize length)
{
  const guint64 ones = G_GUINT64_CONSTANT (0x0101010101010101), tops = ones << 7;
  gsize n = 0;

  for (guint64 word; n + sizeof word <= length; n += sizeof word)
    {
      memcpy (&word, text + n, sizeof word);
      if (((word | (word - ones)) & tops) != 0)
        break;
    }
  return n;
}

gboolean
leash_sql_is_utf8 (const char *text, gsize length)
{
  gsize n_plain = count_plain (text, length);

  return g_utf8_validate_len (text + n_plain, length - n_plain, NULL);
}

void
leash_sql_prefix (GError **error, const char *doing, const char *sql)
{
  char buffer[LEASH_SQL_NAME_SIZE];
  g_autofree char *shown = NULL;

  if (error == NULL || *error == NULL)
    return;
  shown = g_utf8_make_valid (leash_sql_shorten (buffer, sql), -1);
  g_prefix_error (error, "%s “%s”: ", doing, shown);
}
