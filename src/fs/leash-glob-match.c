/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Patterns for paths, as text: no file system is asked.
 *
 * A pattern is taken apart at its slashes, and names are matched one by one. Both for the stars in a name and
 * for the "**" among names, only the last one is ever tried again, a character or a name further on: what
 * stands before it matched as early as it could, and any other way would leave less for the rest. So the time
 * is bounded by the product of both lengths, where trying each star again is exponential in their number.
 *
 * That holds for "**" although it does not pass hidden names: only parts that begin with a dot match those,
 * and such parts match nothing else. Were a later place for the parts between two "**" to help, the first
 * place would have put a hidden name where the first "**" passes in the other.
 */
#include "leash-glob-private.h"

#include <string.h>

#include "leash-attempt-private.h"

/* Bytes that are not UTF-8 are characters behind all others. */
#define ODD_BYTES 0x110000

static gunichar
next_char (const char **p)
{
  guint8 byte = (guint8) * *p;
  gunichar found = byte;

  if (byte >= 0x80)
    found = g_utf8_get_char_validated (*p, -1);
  if (found >= ODD_BYTES)
    {
      ++*p;
      return ODD_BYTES + byte;
    }
  *p = g_utf8_next_char (*p);
  return found;
}

static gboolean
refuse (GError **error, const char *reason)
{
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, reason);
  return FALSE;
}

/* A character that may have a backslash before it. */
static gunichar
next_escaped (const char **p)
{
  if (**p == '\\' && (*p)[1] != '\0')
    ++*p;
  return next_char (p);
}

/*
 * Goes over a set, from behind its bracket to behind the other, and finds whether the character is in it.
 * Returns FALSE when the set is none.
 */
static gboolean
scan_set (const char **p, gunichar character, gboolean *ret_in, GError **error)
{
  gboolean is_negated = **p == '!' || **p == '^';
  gboolean is_in = FALSE;
  const char *first = *p += is_negated;

  while (**p != ']' || *p == first)
    {
      gunichar low;
      gunichar high;

      if (**p == '[' && (*p)[1] != '\0' && strchr (":.=", (*p)[1]) != NULL)
        return refuse (error, "classes of characters, such as [:alpha:], are not known");
      low = high = **p != '\0' ? next_escaped (p) : 0;
      if (**p == '-' && (*p)[1] != ']' && (*p)[1] != '\0')
        {
          ++*p;
          high = next_escaped (p);
        }
      if (**p == '\0')
        return refuse (error, "a bracket is not closed before the next slash, or the end");
      if (high < low)
        return refuse (error, "a range in brackets ends before it begins");
      is_in |= low <= character && character <= high;
    }
  ++*p;
  *ret_in = is_in != is_negated;
  return TRUE;
}

/* Matches one character; both go on behind theirs. p is no star. */
static gboolean
match_char (const char **p, const char **name)
{
  gunichar character = next_char (name);
  gboolean is_in = FALSE;

  if (**p == '?')
    {
      ++*p;
      return TRUE;
    }
  if (**p != '[')
    return next_escaped (p) == character;
  ++*p;
  return scan_set (p, character, &is_in, NULL) && is_in;
}

static gboolean
match_text (const char *p, const char *name)
{
  const char *behind_star = NULL;
  const char *retry = NULL;

  while (*p != '\0' || *name != '\0')
    if (*p == '*')
      {
        behind_star = ++p;
        retry = name;
      }
    else if (*p == '\0' || *name == '\0' || !match_char (&p, &name))
      {
        if (behind_star == NULL || *retry == '\0')
          return FALSE;
        next_char (&retry);
        name = retry;
        p = behind_star;
      }
  return TRUE;
}

static gboolean
is_dots (const char *name)
{
  return strcmp (name, ".") == 0 || strcmp (name, "..") == 0;
}

gboolean
leash_glob_passes (const char *name, LeashGlobFlags flags)
{
  return name[0] != '.' || ((flags & LEASH_GLOB_HIDDEN) != 0 && !is_dots (name));
}

gboolean
leash_glob_part_matches (const LeashGlobPart *part, const char *name, LeashGlobFlags flags)
{
  const char *p = part->text;

  if (part->kind == LEASH_GLOB_LITERAL)
    return strcmp (p, name) == 0;
  if (is_dots (name))
    return FALSE;
  return (leash_glob_passes (name, flags) || p[0] == '.' || (p[0] == '\\' && p[1] == '.'))
         && match_text (p, name);
}

/* Checks a part, and finds whether it is a literal; then the text loses its backslashes. */
static gboolean
init_part (LeashGlobPart *part, GError **error)
{
  const char *p = part->text;
  char *end = part->text;
  gboolean unused;

  while (*p != '\0')
    if (*p == '*' || *p == '?')
      {
        part->kind = LEASH_GLOB_WILD;
        p++;
      }
    else if (*p == '[')
      {
        part->kind = LEASH_GLOB_WILD;
        p++;
        if (!scan_set (&p, 0, &unused, error))
          return FALSE;
      }
    else if (*p == '\\' && p[1] == '\0')
      return refuse (error, "nothing is behind a backslash that it would stand for");
    else
      p += *p == '\\' ? 2 : 1;
  if (part->kind == LEASH_GLOB_LITERAL)
    {
      for (p = part->text; *p != '\0'; *end++ = *p++)
        p += *p == '\\';
      *end = '\0';
    }
  else if (strcmp (part->text, "**") == 0)
    part->kind = LEASH_GLOB_DEPTH;
  return TRUE;
}

static void
clear_part (gpointer part)
{
  g_free (((LeashGlobPart *) part)->text);
}

static gboolean
check_flags (LeashGlobFlags flags, GError **error)
{
  const guint known = LEASH_GLOB_HIDDEN | LEASH_GLOB_SKIP_ERRORS;

  return ((guint) flags & ~known) == 0 || refuse (error, "the flags have bits that are not known");
}

static gboolean
add_part (LeashGlobPattern *pattern, const char *text, gsize length, GError **error)
{
  LeashGlobPart part = { .text = g_strndup (text, length) };
  guint n = pattern->parts->len;

  if (!init_part (&part, error))
    {
      clear_part (&part);
      return FALSE;
    }
  if (part.kind == LEASH_GLOB_DEPTH && n > 0 && leash_glob_part (pattern, n - 1)->kind == LEASH_GLOB_DEPTH)
    clear_part (&part);
  else
    g_array_append_val (pattern->parts, part);
  return TRUE;
}

gboolean
leash_glob_pattern_init (LeashGlobPattern *pattern, const char *text, LeashGlobFlags flags, GError **error)
{
  const char *p = text;

  *pattern = (LeashGlobPattern){ .parts = g_array_new (FALSE, FALSE, sizeof (LeashGlobPart)) };
  g_array_set_clear_func (pattern->parts, clear_part);
  if (!check_flags (flags, error))
    return FALSE;
  if (text[0] == '\0')
    return refuse (error, "it is empty");
  pattern->is_absolute = text[0] == '/';
  while (*(p += strspn (p, "/")) != '\0')
    {
      gsize length = strcspn (p, "/");

      if (!add_part (pattern, p, length, error))
        return FALSE;
      p += length;
      pattern->needs_dir = *p == '/';
    }
  return TRUE;
}

void
leash_glob_pattern_clear (LeashGlobPattern *pattern)
{
  g_clear_pointer (&pattern->parts, g_array_unref);
}

/* Matches the names as match_text() does characters. */
static gboolean
match_names (const LeashGlobPattern *pattern, char *const *names, LeashGlobFlags flags)
{
  guint n_parts = pattern->parts->len;
  guint n_names = g_strv_length ((char **) names);
  guint part = 0;
  guint name = 0;
  guint behind_depth = 0; /* 0 as long as there was none */
  guint retry = 0;

  while (part < n_parts || name < n_names)
    if (part < n_parts && leash_glob_part (pattern, part)->kind == LEASH_GLOB_DEPTH)
      {
        behind_depth = ++part;
        retry = name;
      }
    else if (part < n_parts && name < n_names
             && leash_glob_part_matches (leash_glob_part (pattern, part), names[name], flags))
      {
        part++;
        name++;
      }
    else
      {
        if (behind_depth == 0 || retry == n_names || !leash_glob_passes (names[retry], flags))
          return FALSE;
        name = ++retry;
        part = behind_depth;
      }
  return TRUE;
}

static gboolean
match_path (const LeashGlobPattern *pattern, const char *path, LeashGlobFlags flags)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  gboolean needs_dir = FALSE;

  if ((path[0] == '/') != pattern->is_absolute)
    return FALSE;
  while (*(path += strspn (path, "/")) != '\0')
    {
      gsize length = strcspn (path, "/");

      g_ptr_array_add (names, g_strndup (path, length));
      path += length;
      needs_dir = *path == '/';
    }
  g_ptr_array_add (names, NULL);
  return needs_dir == pattern->needs_dir && match_names (pattern, (char *const *) names->pdata, flags);
}

/**
 * leash_glob_match:
 * @pattern: (type filename): a pattern
 * @path: (type filename): a path
 * @flags: how to match; %LEASH_GLOB_SKIP_ERRORS has no meaning here
 * @error: return location for an error
 *
 * Tells whether a path is one that leash_glob() could find by a pattern. Both are text: no file system is
 * asked. Several slashes are one; a slash at the end is matched by one at the end. What is wrong with a
 * pattern is told as %G_IO_ERROR_INVALID_ARGUMENT, whatever @path is.
 *
 * It takes no more time than the product of both lengths.
 *
 * Returns: %TRUE when it matches; %FALSE when it does not, and with @error set when @pattern is none
 *
 * Since: 0.1
 */
gboolean
leash_glob_match (const char *pattern, const char *path, LeashGlobFlags flags, GError **error)
{
  g_auto (LeashGlobPattern) parsed = { 0 };

  g_return_val_if_fail (pattern != NULL, FALSE);
  g_return_val_if_fail (path != NULL, FALSE);

  if (leash_glob_pattern_init (&parsed, pattern, flags, error))
    return match_path (&parsed, path, flags);
  leash_attempt_prefix (error, "The pattern", pattern);
  return FALSE;
}
