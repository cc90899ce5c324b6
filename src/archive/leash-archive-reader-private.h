/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading an archive from its beginning, entry by entry: all that is asked of libarchive. */
#pragma once

#include <leash/leash-archive-fs.h>
#include <leash/leash-file.h>

/* Where an archive is. One of the two. */
typedef struct
{
  GBytes *bytes;
  LeashFile *file;
  guint64 size;
} ArchiveSource;

/* An entry, as the archive has it: nothing is checked. Strings are valid until the next one is read. */
typedef struct
{
  const char *name;      /* nullable, as the two below */
  const char *hard_link; /* what it is another name of */
  const char *target;    /* of a symbolic link */
  LeashStat stat;        /* type, mode, size, owner and times */
  gboolean has_size;
  gboolean is_encrypted;
} ArchiveEntry;

typedef struct _ArchiveReader ArchiveReader;

ArchiveReader *archive_reader_new          (const ArchiveSource *source,
                                            const char          *zip_charset,
                                            LeashContext        *ctx,
                                            GError             **error);
void           archive_reader_free         (ArchiveReader       *self);
/* Goes to the next entry. Returns FALSE at the end, and with an error. */
gboolean       archive_reader_next         (ArchiveReader       *self,
                                            LeashContext        *ctx,
                                            ArchiveEntry        *ret_entry,
                                            GError             **error);
/* How many entries have been read. */
gint64         archive_reader_get_position (ArchiveReader       *self);
/* How many bytes were unpacked to come here, if the archive is compressed as a whole. */
guint64        archive_reader_get_unpacked (ArchiveReader       *self);
/* Counts the bytes of the entry's content, reading it; more than limit are an error. */
gboolean       archive_reader_measure      (ArchiveReader       *self,
                                            LeashContext        *ctx,
                                            guint64              limit,
                                            guint64             *ret_size,
                                            GError             **error);
/* Reads the entry's content, which must have the size. */
GBytes        *archive_reader_read         (ArchiveReader       *self,
                                            LeashContext        *ctx,
                                            guint64              size,
                                            GError             **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (ArchiveReader, archive_reader_free)
