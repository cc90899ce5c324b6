/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A LeashFs over an archive: zip, tar, 7z, cpio, ISO images. It is in a library of its own, leash-archive-1,
 * so that nobody needs libarchive who has no archives.
 */
#pragma once

#include <leash/leash-fs.h>

G_BEGIN_DECLS

/**
 * LeashArchiveLimits:
 * @max_entries: how many entries there may be; 250,000 by default
 * @max_total_bytes: how many bytes all contents may have together, unpacked; 4 GiB by default
 * @max_file_bytes: how many bytes one content may have; 256 MiB by default. An open file takes as much memory
 * @max_ratio: how many times its own size an archive may unpack to; 200 by default. The first MiB is free
 * @cache_bytes: how many bytes of contents that nobody has open are kept; 16 MiB by default
 * @max_path_bytes: how long the path of an entry, or what a link says, may be; 4,095 by default
 * @max_depth: how many names there may be in an entry's path; 64 by default
 * @skip_refused: leave out entries that would be refused, instead of refusing the whole archive: whose name is
 *   absolute or has a `..`, that are beneath what is no directory, or are links to what is not there
 * @zip_charset: (nullable): the character set of names in a zip that are not marked as UTF-8, such as
 *   `"CP437"`; %NULL takes them as bytes
 *
 * What is accepted of an archive. A number that is 0 is the default, %G_MAXUINT64 (or %G_MAXUINT) is no limit:
 * `(LeashArchiveLimits) { .max_file_bytes = 1 << 20 }` changes one of them.
 */
typedef struct
{
  guint64 max_entries;
  guint64 max_total_bytes;
  guint64 max_file_bytes;
  guint64 max_ratio;
  guint64 cache_bytes;
  guint max_path_bytes;
  guint max_depth;
  gboolean skip_refused;
  const char *zip_charset;
  /*< private >*/
  guint64 reserved[4];
} LeashArchiveLimits;

LEASH_AVAILABLE_IN_0_1
LeashFs *leash_archive_fs_new            (LeashContext              *ctx,
                                          const char                *path,
                                          const LeashArchiveLimits  *limits,
                                          GError                   **error) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
LeashFs *leash_archive_fs_new_from_bytes (LeashContext              *ctx,
                                          GBytes                    *bytes,
                                          const LeashArchiveLimits  *limits,
                                          GError                   **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
