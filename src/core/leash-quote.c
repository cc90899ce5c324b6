/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A name comes from the program: a path, an address, a statement. It may hold what moves a terminal's cursor
 * or turns the direction of writing, and bytes of no encoding. What is written here is valid UTF-8, on one
 * line, and shows what it is: "\n", "\x1b" for a byte, "\u202e" for a character. JSON has escapes of its own,
 * and none for bytes: those that are not UTF-8 become U+FFFD.
 */
#include "leash-quote-private.h"

#include <string.h>

/* Kept of a long name: the end tells paths and addresses apart. */
#define HEAD (LEASH_QUOTE_MAX / 3)
#define TAIL (LEASH_QUOTE_MAX - HEAD)
#define GAP "[...]"

static void
append_byte (GString *text, guchar byte)
{
  if (byte == '\n')
    g_string_append (text, "\\n");
  else if (byte == '\t')
    g_string_append (text, "\\t");
  else
    g_string_append_printf (text, "\\x%02x", byte);
}

/* Not g_unichar_isprint() alone: it lets format characters pass, those that turn the direction among them. */
static gboolean
is_shown (gunichar character)
{
  return g_unichar_isprint (character) && g_unichar_type (character) != G_UNICODE_FORMAT
         && g_unichar_type (character) != G_UNICODE_LINE_SEPARATOR
         && g_unichar_type (character) != G_UNICODE_PARAGRAPH_SEPARATOR;
}

/* Returns the bytes that were taken from string. */
static gsize
escape_one (GString *text, const char *string)
{
  gunichar character = g_utf8_get_char_validated (string, -1);

  if (character >= (gunichar) -2 || character < 0x80)
    {
      append_byte (text, (guchar) *string);
      return 1;
    }
  if (is_shown (character))
    g_string_append_unichar (text, character);
  else
    g_string_append_printf (text, "\\u%04x", character);
  return (gsize) (g_utf8_next_char (string) - string);
}

static void
escape (GString *text, const char *string, const char *specials)
{
  for (const char *p = string; *p != '\0';)
    {
      gsize n_plain = 0;

      while (g_ascii_isprint (p[n_plain]) && strchr (specials, p[n_plain]) == NULL)
        n_plain++;
      g_string_append_len (text, p, (gssize) n_plain);
      p += n_plain;
      if (g_ascii_isprint (*p))
        g_string_append_printf (text, "\\%c", *p++);
      else if (*p != '\0')
        p += escape_one (text, p);
    }
}

void
leash_escape_append (GString *text, const char *string)
{
  escape (text, string, "");
}

void
leash_quote_append_all (GString *text, const char *string)
{
  g_string_append_c (text, '"');
  escape (text, string, "\"\\");
  g_string_append_c (text, '"');
}

void
leash_quote_append (GString *text, const char *string)
{
  g_autoptr (GString) escaped = g_string_new (NULL);
  glong length;

  escape (escaped, string, "\"\\");
  length = g_utf8_strlen (escaped->str, (gssize) escaped->len);
  g_string_append_c (text, '"');
  if (length <= LEASH_QUOTE_MAX + (glong) strlen (GAP))
    g_string_append (text, escaped->str);
  else
    {
      g_string_append_len (text, escaped->str, g_utf8_offset_to_pointer (escaped->str, HEAD) - escaped->str);
      g_string_append (text, GAP);
      g_string_append (text, g_utf8_offset_to_pointer (escaped->str, length - TAIL));
    }
  g_string_append_c (text, '"');
}

void
leash_json_append_string (GString *json, const char *string)
{
  g_autofree char *valid = g_utf8_make_valid (string, -1);

  g_string_append_c (json, '"');
  for (const char *p = valid; *p != '\0'; p++)
    if (*p == '"' || *p == '\\')
      g_string_append_printf (json, "\\%c", *p);
    else if ((guchar) *p < 0x20 || *p == 0x7f)
      g_string_append_printf (json, "\\u%04x", (guint) *p);
    else
      g_string_append_c (json, *p);
  g_string_append_c (json, '"');
}
