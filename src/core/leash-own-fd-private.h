/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The process's descriptors that are Leash's business: its own (wake-ups, libunwind's pipe), and those of
 * handles that a tracker already knows. A census of what bypassed Leash leaves them out.
 */
#pragma once

#include "leash-atomic-private.h"

#define LEASH_OWN_FD_MAX (1 << 20)
#define LEASH_OWN_FD_BITS 64

extern guint64 leash_own_fd_words[] __attribute__ ((visibility ("hidden"))); /* atomic */

gboolean leash_own_fd_contains (int fd);

static inline guint64
leash_own_fd_get_bit (int fd)
{
  return G_GUINT64_CONSTANT (1) << (fd % LEASH_OWN_FD_BITS);
}

static inline void
leash_own_fd_add (int fd)
{
  if (fd >= 0 && fd < LEASH_OWN_FD_MAX)
    leash_atomic_or (&leash_own_fd_words[fd / LEASH_OWN_FD_BITS], leash_own_fd_get_bit (fd));
}

static inline void
leash_own_fd_remove (int fd)
{
  if (fd >= 0 && fd < LEASH_OWN_FD_MAX)
    leash_atomic_and (&leash_own_fd_words[fd / LEASH_OWN_FD_BITS], ~leash_own_fd_get_bit (fd));
}
