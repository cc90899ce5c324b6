/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* No name reaches a terminal as anything but what it shows. */
#include "leash-quote-private.h"

#include <string.h>

static void
assert_quoted (const char *name, const char *expected)
{
  g_autoptr (GString) text = g_string_new (NULL);

  leash_quote_append (text, name);
  g_assert_cmpstr (text->str, ==, expected);
}

static void
test_plain_is_unchanged (void)
{
  assert_quoted ("/etc/motd", "\"/etc/motd\"");
  assert_quoted ("", "\"\"");
  assert_quoted ("Größe 大", "\"Größe 大\"");
}

static void
test_quotes_end_where_the_name_ends (void)
{
  assert_quoted ("a\" opened by \"b", "\"a\\\" opened by \\\"b\"");
  assert_quoted ("a\\", "\"a\\\\\"");
}

static void
test_control_characters (void)
{
  assert_quoted ("\033[31mred\033[0m", "\"\\x1b[31mred\\x1b[0m\"");
  assert_quoted ("a\nb\tc\rd\x7f", "\"a\\nb\\tc\\x0dd\\x7f\"");
  assert_quoted ("\xc2\x9b"
                 "31m",
                 "\"\\u009b31m\""); /* the one-character form of ESC [ */
}

static void
test_direction_and_invisible_characters (void)
{
  assert_quoted ("a\xe2\x80\xae"
                 "fdp.exe",
                 "\"a\\u202efdp.exe\""); /* right-to-left override */
  assert_quoted ("a\xe2\x80\xa8"
                 "b",
                 "\"a\\u2028b\""); /* line separator */
  assert_quoted ("a\xe2\x80\x8b"
                 "b",
                 "\"a\\u200bb\""); /* zero width space */
}

static void
test_bytes_that_are_not_utf8 (void)
{
  assert_quoted ("a\xff"
                 "b",
                 "\"a\\xffb\"");
  assert_quoted ("cut \xe2\x80", "\"cut \\xe2\\x80\"");
  assert_quoted ("\xc0\x9b", "\"\\xc0\\x9b\""); /* ESC, encoded overlong */
  assert_quoted ("\xed\xa0\x80", "\"\\xed\\xa0\\x80\"");
}

static void
test_long_names_lose_their_middle (void)
{
  g_autofree char *name = g_strnfill (10000, 'x');
  g_autoptr (GString) text = g_string_new (NULL);

  memcpy (name, "begin", 5);
  memcpy (name + 9997, "end", 3);
  leash_quote_append (text, name);
  g_assert_cmpuint (text->len, ==, LEASH_QUOTE_MAX + strlen ("\"[...]\""));
  g_assert_true (g_str_has_prefix (text->str, "\"beginx"));
  g_assert_nonnull (strstr (text->str, "x[...]x"));
  g_assert_true (g_str_has_suffix (text->str, "xend\""));
}

static void
test_the_middle_goes_by_characters (void)
{
  g_autoptr (GString) name = g_string_new (NULL);
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0; i < 1000; i++)
    g_string_append (name, "ß");
  leash_quote_append (text, name->str);
  g_assert_true (g_utf8_validate (text->str, -1, NULL));
  g_assert_cmpint (g_utf8_strlen (text->str, -1), ==, LEASH_QUOTE_MAX + strlen ("\"[...]\""));
}

static void
test_any_bytes_become_one_valid_line (void)
{
  char name[256];
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0; i < 255; i++)
    name[i] = (char) (i + 1);
  name[255] = '\0';
  leash_escape_append (text, name);
  g_assert_true (g_utf8_validate (text->str, -1, NULL));
  for (gsize i = 0; i < text->len; i++)
    g_assert_true (g_ascii_isprint (text->str[i]));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/quote/plain-is-unchanged", test_plain_is_unchanged);
  g_test_add_func ("/quote/quotes-end-where-the-name-ends", test_quotes_end_where_the_name_ends);
  g_test_add_func ("/quote/control-characters", test_control_characters);
  g_test_add_func ("/quote/direction-and-invisible-characters", test_direction_and_invisible_characters);
  g_test_add_func ("/quote/bytes-that-are-not-utf8", test_bytes_that_are_not_utf8);
  g_test_add_func ("/quote/long-names-lose-their-middle", test_long_names_lose_their_middle);
  g_test_add_func ("/quote/the-middle-goes-by-characters", test_the_middle_goes_by_characters);
  g_test_add_func ("/quote/any-bytes-become-one-valid-line", test_any_bytes_become_one_valid_line);
  return g_test_run ();
}
