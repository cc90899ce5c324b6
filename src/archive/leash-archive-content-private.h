/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The contents of an archive's entries, unpacked when they are asked for. Any thread may ask. */
#pragma once

#include "leash-archive-reader-private.h"

typedef struct _ArchiveContents ArchiveContents;

/* The source must stay as long as the contents. */
ArchiveContents *archive_contents_new  (const ArchiveSource *source,
                                        const char          *zip_charset,
                                        guint64              cache_bytes);
void             archive_contents_free (ArchiveContents     *self);
GBytes          *archive_contents_get  (ArchiveContents     *self,
                                        LeashContext        *ctx,
                                        gint64               entry,
                                        guint64              size,
                                        GError             **error);
