/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The process's descriptors that are Leash's business: its own (wake-ups, libunwind's pipe), and those of
 * handles that a tracker already knows. A census of what bypassed Leash leaves them out.
 */
#pragma once

#include <glib.h>

void     leash_own_fd_add      (int fd);
void     leash_own_fd_remove   (int fd);
gboolean leash_own_fd_contains (int fd);
