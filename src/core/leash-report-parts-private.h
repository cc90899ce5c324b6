/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a test's end puts its report together from. All of it is there without tracking too. */
#pragma once

#include <leash/leash-snapshot.h>

/* One line on what is wrong, and how grave it is; NULL, with nothing set, where nothing is. */
char        *leash_snapshot_summarize (LeashSnapshot       *snapshot,
                                       LeashError          *ret_code);
/* Of tracker, or of all there are for NULL. Where very many are open not all are in it, but counted: it is for a report. */
LeashSnapshot *leash_snapshot_new_for_report (LeashTracker *tracker);
/* Adds a resource of another snapshot; its strings are copied. */
void         leash_snapshot_add       (LeashSnapshot       *snapshot,
                                       const LeashResource *resource);
/* A stack of one frame, at a function's first byte, to have the function named by leash_stack_to_string(). */
LeashStackId leash_stack_of_function  (GCallback            func);
/* Appends a report to the file LEASH_OUTPUT, or to standard error where none is named. */
gboolean     leash_report_write       (const char          *report,
                                       GError             **error);
/* Likewise, with the form and colours that the environment says. */
gboolean     leash_snapshot_write     (LeashSnapshot       *snapshot,
                                       GError             **error);
/* Likewise, where nobody is to be told of an error but by leash_check_settings(). */
void         leash_snapshot_write_unasked (LeashSnapshot *snapshot);
