/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Patterns for paths:
 *
 *     *       any characters of a name, also none
 *     ?       one character
 *     [a-z_]  one of these; [!...] and [^...]: any other; "]" is one of them when it comes first
 *     \x      x itself
 *     **      as a whole name: any number of directories within one another, also none
 *
 * A character is one of UTF-8, and each byte that is not UTF-8 is one too. What begins with a dot is only
 * matched by a dot that is written, and "." and ".." by themselves. A slash is only matched by a slash. Braces
 * are characters like others; classes such as [:alpha:] are refused.
 */
#pragma once

#include <leash/leash-context.h>

G_BEGIN_DECLS

/**
 * LeashGlobFlags:
 * @LEASH_GLOB_HIDDEN: what begins with a dot is matched as if it did not; `**` goes into it
 * @LEASH_GLOB_SKIP_ERRORS: what cannot be looked into is passed over; else that is an error
 *
 * How patterns match.
 */
typedef enum
{
  LEASH_GLOB_HIDDEN = 1 << 0,
  LEASH_GLOB_SKIP_ERRORS = 1 << 1
} LeashGlobFlags;

LEASH_AVAILABLE_IN_0_1
char   **leash_glob       (LeashContext   *ctx,
                           const char     *pattern,
                           LeashGlobFlags  flags,
                           GError        **error) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
gboolean leash_glob_match (const char     *pattern,
                           const char     *path,
                           LeashGlobFlags  flags,
                           GError        **error);

G_END_DECLS
