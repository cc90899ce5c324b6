/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A slot has room for what every resource has. A parent or an adopter, which few have, lie in a record of
 * their own, so that the others need not pay for them: 56 bytes each, not 72. It is made before the shard's
 * lock is taken, and lives as long as the name does: until the slot is taken again, or its tracker goes.
 */
#include "leash-extra-private.h"

LeashExtra *
leash_extra_new (void)
{
  return g_new0 (LeashExtra, 1);
}

LeashExtra *
leash_extra_copy (const LeashExtra *extra)
{
  return g_memdup2 (extra, sizeof *extra);
}

void
leash_extra_free (LeashExtra *extra)
{
  g_free (extra);
}
