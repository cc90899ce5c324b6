/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Call stacks: taken in nanoseconds, stored once, named only when someone looks. */
#pragma once

#include <leash/leash-macros.h>

G_BEGIN_DECLS

/**
 * LeashStackId:
 *
 * The identity of a stored call stack, the same for the life of the process; 0 is no stack.
 */
typedef guint32 LeashStackId;

LEASH_AVAILABLE_IN_0_1
LeashStackId leash_stack_capture             (void);
LEASH_AVAILABLE_IN_0_1
guint        leash_stack_get_frames          (LeashStackId   stack,
                                              gconstpointer *frames,
                                              guint          max_frames);
LEASH_AVAILABLE_IN_0_1
char        *leash_stack_to_string           (LeashStackId   stack) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
void         leash_stack_resume_after_fork   (void);

G_END_DECLS
