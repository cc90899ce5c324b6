/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Patterns, taken apart. */
#pragma once

#include <leash/leash-glob.h>

typedef enum
{
  LEASH_GLOB_LITERAL, /* one name */
  LEASH_GLOB_WILD,    /* each name that matches */
  LEASH_GLOB_DEPTH    /* "**" */
} LeashGlobKind;

/* What stands between two slashes. */
typedef struct
{
  LeashGlobKind kind;
  char *text; /* owned; of a literal without backslashes, else as it was written */
} LeashGlobPart;

typedef struct
{
  GArray *parts; /* of LeashGlobPart; never two LEASH_GLOB_DEPTH in a row */
  gboolean is_absolute;
  gboolean needs_dir; /* a slash stands at the end */
} LeashGlobPattern;

/* Fails with the fault that the text has. */
gboolean leash_glob_pattern_init  (LeashGlobPattern    *pattern,
                                   const char          *text,
                                   LeashGlobFlags       flags,
                                   GError             **error);
void     leash_glob_pattern_clear (LeashGlobPattern    *pattern);
/* Whether a name matches a part that is not LEASH_GLOB_DEPTH. */
gboolean leash_glob_part_matches  (const LeashGlobPart *part,
                                   const char          *name,
                                   LeashGlobFlags       flags);
/* Whether LEASH_GLOB_DEPTH goes through a directory of that name. */
gboolean leash_glob_passes        (const char          *name,
                                   LeashGlobFlags       flags);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (LeashGlobPattern, leash_glob_pattern_clear)

static inline const LeashGlobPart *
leash_glob_part (const LeashGlobPattern *pattern, guint i)
{
  return &g_array_index (pattern->parts, LeashGlobPart, i);
}
