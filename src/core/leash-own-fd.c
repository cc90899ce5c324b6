/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One bit for each descriptor, so that noting one costs an atomic operation and no lock. Descriptors past the
 * end of the table (no usual limit lets them be) are not noted: a census then names them, which errs on the
 * side of telling too much.
 */
#include "leash-own-fd-private.h"

guint64 leash_own_fd_words[LEASH_OWN_FD_MAX / LEASH_OWN_FD_BITS]; /* untouched pages cost nothing */

gboolean
leash_own_fd_contains (int fd)
{
  return fd >= 0 && fd < LEASH_OWN_FD_MAX
         && (__atomic_load_n (&leash_own_fd_words[fd / LEASH_OWN_FD_BITS], __ATOMIC_RELAXED)
             & leash_own_fd_get_bit (fd))
                != 0;
}
