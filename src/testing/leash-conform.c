/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is found wrong, and what ends a test of the conformance suite as skipped. */
#include "leash-conform-private.h"

/* More than these are counted only: a loop that fails in each round has said enough. */
#define MAX_FAULTS 40

/* Names in faults are cut here. */
#define MAX_SHOWN 60

/* By the number of the bit. */
static const char *const feature_names[] = {
  "write",  "no-replace",        "exchange", "modes",      "permissions",   "owners",      "times",
  "inodes", "open-after-remove", "sparse",   "byte-names", "atomic-rename", "descriptors",
};

G_STATIC_ASSERT (LEASH_FS_FEATURE_DESCRIPTORS == 1 << (G_N_ELEMENTS (feature_names) - 1));

static char *
show (const char *text)
{
  g_autofree char *escaped = NULL;

  if (text == NULL)
    return g_strdup ("nothing");
  escaped = g_strescape (text, NULL);
  if (strlen (escaped) <= MAX_SHOWN)
    return g_strconcat ("“", escaped, "”", NULL);
  return g_strdup_printf ("“%.*s…” (%" G_GSIZE_FORMAT " bytes)", MAX_SHOWN, escaped, strlen (text));
}

void
conform_fault (Conform *c, const char *format, ...)
{
  va_list arguments;

  pthread_mutex_lock (&c->lock);
  if (c->skipped == NULL)
    {
      va_start (arguments, format);
      g_ptr_array_add (c->faults, c->faults->len < MAX_FAULTS ? g_strdup_vprintf (format, arguments) : NULL);
      va_end (arguments);
    }
  pthread_mutex_unlock (&c->lock);
}

void
conform_skip (Conform *c, const char *format, ...)
{
  va_list arguments;

  pthread_mutex_lock (&c->lock);
  if (c->skipped == NULL)
    {
      va_start (arguments, format);
      c->skipped = g_strdup_vprintf (format, arguments);
      va_end (arguments);
    }
  pthread_mutex_unlock (&c->lock);
}

gboolean
conform_is_skipped (Conform *c)
{
  gboolean skipped;

  pthread_mutex_lock (&c->lock);
  skipped = c->skipped != NULL;
  pthread_mutex_unlock (&c->lock);
  return skipped;
}

void
conform_same_number (Conform *c, const char *operation, const char *path, const char *what, gint64 expected,
                     gint64 found)
{
  g_autofree char *shown = NULL;

  if (expected == found)
    return;
  shown = show (path);
  conform_fault (c, "%s %s: %s%sexpected %" G_GINT64_FORMAT ", found %" G_GINT64_FORMAT, operation, shown,
                 what != NULL ? what : "", what != NULL ? ": " : "", expected, found);
}

void
conform_same_text (Conform *c, const char *operation, const char *path, const char *expected,
                   const char *found)
{
  g_autofree char *shown = NULL;
  g_autofree char *expected_shown = NULL;
  g_autofree char *found_shown = NULL;

  if (g_strcmp0 (expected, found) == 0)
    return;
  shown = show (path);
  expected_shown = show (expected);
  found_shown = show (found);
  conform_fault (c, "%s %s: expected %s, found %s", operation, shown, expected_shown, found_shown);
}

gboolean
conform_needs (Conform *c, LeashFsFeatures feature)
{
  for (guint i = 0; i < G_N_ELEMENTS (feature_names); i++)
    if (((guint) feature & ~(guint) c->features & 1u << i) != 0)
      {
        conform_skip (c, "it has no feature “%s”", feature_names[i]);
        return FALSE;
      }
  return TRUE;
}
