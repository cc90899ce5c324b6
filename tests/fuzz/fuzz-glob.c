/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * leash_glob_match() against the plainest way to do the same, which tries every way to match every star. The
 * input: a byte of flags, the pattern, a zero byte, the path.
 */
#include "fuzz.h"

/* Trying every way takes exponential time. */
#define MAX_LENGTH 40
#define MAX_STARS 6

static gunichar
take (const char **text)
{
  gunichar found = g_utf8_get_char_validated (*text, -1);
  guint8 byte = (guint8) * *text;

  if ((gint32) found < 0)
    {
      ++*text;
      return 0x110000u + byte;
    }
  *text = g_utf8_next_char (*text);
  return found;
}

static gunichar
take_escaped (const char **p)
{
  *p += **p == '\\';
  return take (p);
}

/* Of a set that is none it need not be right: such patterns are refused. Returns what is behind it. */
static const char *
match_set (const char *p, gunichar c, gboolean *ret_in)
{
  gboolean is_negated = *p == '!' || *p == '^';
  gboolean is_first = TRUE;

  *ret_in = FALSE;
  for (p += is_negated; is_first || *p != ']'; is_first = FALSE)
    {
      gunichar low = take_escaped (&p);
      gunichar high = low;

      if (p[0] == '-' && p[1] != ']')
        {
          p++;
          high = take_escaped (&p);
        }
      *ret_in = *ret_in || (low <= c && c <= high);
    }
  *ret_in = *ret_in != is_negated;
  return p + 1;
}

static gboolean
match_name (const char *p, const char *name)
{
  gboolean is_in = TRUE;
  gunichar c;

  if (*p == '\0')
    return *name == '\0';
  if (*p == '*')
    {
      if (match_name (p + 1, name))
        return TRUE;
      if (*name == '\0')
        return FALSE;
      take (&name);
      return match_name (p, name);
    }
  if (*name == '\0')
    return FALSE;
  c = take (&name);
  if (*p == '?')
    p++;
  else if (*p == '[')
    p = match_set (p + 1, c, &is_in);
  else
    is_in = take_escaped (&p) == c;
  return is_in && match_name (p, name);
}

static gboolean
is_wild (const char *part)
{
  for (; *part != '\0'; part += part[0] == '\\' ? 2 : 1)
    if (strchr ("*?[", *part) != NULL)
      return TRUE;
  return FALSE;
}

static gboolean
is_shown (const char *name, gboolean shows_hidden)
{
  return name[0] != '.' || (shows_hidden && strcmp (name, ".") != 0 && strcmp (name, "..") != 0);
}

static gboolean
match_part (const char *part, const char *name, gboolean shows_hidden)
{
  gboolean names_dot = part[0] == '.' || (part[0] == '\\' && part[1] == '.');

  if (!is_wild (part))
    return match_name (part, name);
  if (strcmp (name, ".") == 0 || strcmp (name, "..") == 0)
    return FALSE;
  return (names_dot || is_shown (name, shows_hidden)) && match_name (part, name);
}

static gboolean
match_parts (char **parts, char **names, gboolean shows_hidden)
{
  if (*parts == NULL)
    return *names == NULL;
  if (strcmp (*parts, "**") == 0)
    return match_parts (parts + 1, names, shows_hidden)
           || (*names != NULL && is_shown (*names, shows_hidden)
               && match_parts (parts, names + 1, shows_hidden));
  return *names != NULL && match_part (*parts, *names, shows_hidden)
         && match_parts (parts + 1, names + 1, shows_hidden);
}

/* What stands between the slashes, without what is nothing. */
static char **
split (const char *text)
{
  g_autoptr (GPtrArray) kept = g_ptr_array_new ();
  g_autofree char **names = g_strsplit (text, "/", -1);

  for (guint i = 0; names[i] != NULL; i++)
    if (names[i][0] != '\0')
      g_ptr_array_add (kept, names[i]);
    else
      g_free (names[i]);
  g_ptr_array_add (kept, NULL);
  return (char **) g_ptr_array_steal (kept, NULL);
}

static gboolean
ends_in_slash (const char *text)
{
  gsize length = strlen (text);

  /* Slashes alone are the root, and ask for no directory. */
  return length > 0 && text[length - 1] == '/' && strspn (text, "/") < length;
}

static gboolean
match_plainly (const char *pattern, const char *path, gboolean shows_hidden)
{
  g_auto (GStrv) parts = split (pattern);
  g_auto (GStrv) names = split (path);

  return (pattern[0] == '/') == (path[0] == '/') && ends_in_slash (pattern) == ends_in_slash (path)
         && match_parts (parts, names, shows_hidden);
}

static guint
count_stars (const char *text)
{
  guint n = 0;

  for (; *text != '\0'; text++)
    n += *text == '*';
  return n;
}

int
LLVMFuzzerTestOneInput (const guint8 *bytes, gsize size)
{
  g_autofree char *pattern = size > 1 ? g_strndup ((const char *) bytes + 1, size - 1) : g_strdup ("");
  gsize length = strlen (pattern);
  g_autofree char *path = NULL;
  g_autoptr (GError) error = NULL;
  LeashGlobFlags flags;
  gboolean matches;

  if (size < 2)
    return 0;
  path = length + 2 < size ? g_strndup ((const char *) bytes + length + 2, size - length - 2) : g_strdup ("");
  flags = (bytes[0] & 1) != 0 ? LEASH_GLOB_HIDDEN : 0;
  matches = leash_glob_match (pattern, path, flags, &error);
  if (error != NULL)
    {
      fuzz_assert (!matches && g_error_matches (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT));
      return 0;
    }
  if (length <= MAX_LENGTH && strlen (path) <= MAX_LENGTH && count_stars (pattern) <= MAX_STARS)
    fuzz_assert (matches == match_plainly (pattern, path, flags != 0));
  return 0;
}
