/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The trace file system: one before another that writes down every call. */
#pragma once

#include <leash/leash-fs.h>

G_BEGIN_DECLS

/**
 * LeashTraceFlags:
 * @LEASH_TRACE_NONE: a line of text for each call, after strace
 * @LEASH_TRACE_JSON: a JSON object on a line for each call
 * @LEASH_TRACE_NO_TIMES: without the time that each call took, so that two traces of the same calls are equal
 *
 * How calls are written down.
 */
typedef enum
{
  LEASH_TRACE_NONE = 0,
  LEASH_TRACE_JSON = 1 << 0,
  LEASH_TRACE_NO_TIMES = 1 << 1
} LeashTraceFlags;

/**
 * LeashTraceFunc:
 * @line: a call, without a newline; UTF-8
 * @user_data: what was given with the function
 *
 * Is told of each call when it has ended, in the thread that made it. Several may be told of at once.
 */
typedef void (*LeashTraceFunc) (const char *line,
                                gpointer    user_data);

LEASH_AVAILABLE_IN_0_1
LeashFs  *leash_trace_fs_new            (LeashFs         *fs,
                                         LeashTraceFlags  flags) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
LeashFs  *leash_trace_fs_new_for_func   (LeashFs         *fs,
                                         LeashTraceFlags  flags,
                                         LeashTraceFunc   func,
                                         gpointer         user_data,
                                         GDestroyNotify   destroy) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
LeashFs  *leash_trace_fs_new_for_stream (LeashFs         *fs,
                                         LeashTraceFlags  flags,
                                         GOutputStream   *stream) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
char     *leash_trace_fs_get_log        (LeashFs         *fs) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
void      leash_trace_fs_clear_log      (LeashFs         *fs);
LEASH_AVAILABLE_IN_0_1
gboolean  leash_trace_fs_check          (LeashFs         *fs,
                                         GError         **error);

G_END_DECLS
