/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How errors are worded. They are put together in two steps: whoever fails, an operation of an implementation
 * included, says only the reason; the public function puts before it what was attempted, and on what. So no
 * implementation has to carry paths or addresses about for its messages.
 */
#pragma once

#include <gio/gio.h>

#include "leash-likely-private.h"

/* What is attempted on a handle, in the two forms that messages need. */
typedef struct
{
  const char *doing;       /* begins the error: "Reading" */
  const char *after_close; /* names the misuse: "read after close" */
  const char *what;        /* for the history: "read" */
} LeashAttempt;

void leash_attempt_set_errno (GError    **error,
                              int         code) G_GNUC_NO_INLINE;
/* Makes “doing “name”: reason” of “reason”; stands in for an implementation that failed without one. */
void leash_attempt_prefix    (GError    **error,
                              const char *doing,
                              const char *name) G_GNUC_NO_INLINE;
/* As that, for what is done with two: “doing “name” joint “other”: reason”. */
void leash_attempt_prefix_two (GError    **error,
                               const char *doing,
                               const char *name,
                               const char *joint,
                               const char *other) G_GNUC_NO_INLINE;

/* What is read or written is told as a gssize. */
static inline gboolean
leash_attempt_check_count (gsize count, GError **error)
{
  if (LEASH_LIKELY (count <= G_MAXSSIZE))
    return TRUE;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
               "a count of %" G_GSIZE_FORMAT " bytes is more than one call can return", count);
  return FALSE;
}
