/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One bit for each descriptor, so that noting one costs an atomic operation and no lock. Descriptors past the
 * end of the table (no usual limit lets them be) are not noted: a census then names them, which errs on the
 * side of telling too much.
 */
#include "leash-own-fd-private.h"

#define N_FDS (1 << 20)
#define WORD_BITS 64

static guint64 words[N_FDS / WORD_BITS]; /* atomic; untouched pages cost nothing */

static guint64
get_bit (int fd)
{
  return G_GUINT64_CONSTANT (1) << (fd % WORD_BITS);
}

void
leash_own_fd_add (int fd)
{
  if (fd >= 0 && fd < N_FDS)
    __atomic_fetch_or (&words[fd / WORD_BITS], get_bit (fd), __ATOMIC_RELAXED);
}

void
leash_own_fd_remove (int fd)
{
  if (fd >= 0 && fd < N_FDS)
    __atomic_fetch_and (&words[fd / WORD_BITS], ~get_bit (fd), __ATOMIC_RELAXED);
}

gboolean
leash_own_fd_contains (int fd)
{
  return fd >= 0 && fd < N_FDS
         && (__atomic_load_n (&words[fd / WORD_BITS], __ATOMIC_RELAXED) & get_bit (fd)) != 0;
}
