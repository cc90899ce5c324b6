/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From an archive's entries to the tree that it is shown as. */
#pragma once

#include "leash-archive-reader-private.h"
#include "leash-archive-tree-private.h"

/* Returns limits with defaults in place of what is 0. The character set is not copied. */
LeashArchiveLimits archive_limits_complete (const LeashArchiveLimits *limits);

/* limits are complete. ret_total is how many bytes the contents have together. */
ArchiveTree       *archive_scan            (const ArchiveSource      *source,
                                            const LeashArchiveLimits *limits,
                                            LeashContext             *ctx,
                                            guint64                  *ret_total,
                                            GError                  **error);
