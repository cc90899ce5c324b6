/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libarchive, read from a LeashFile or from memory.
 *
 * Formats are named one by one. Not among them are mtree, which describes files of the host's and may open
 * them, and what is rare and has had its share of faults (rar, cab, lha, xar). A filter is asked for only if
 * libarchive has it compiled in: otherwise it would run a program of that name.
 *
 * libarchive converts names that an archive marks as UTF-8 to the locale's character set, and loses them in
 * the "C" locale. Here a thread has a UTF-8 locale for as long as it is in libarchive, so that no name is
 * converted, and names that are not marked come as the bytes that they are.
 *
 * A warning about a content (a checksum, a size that is another than was said) is an error here.
 */
#include "leash-archive-reader-private.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <locale.h>
#include <string.h>

#include "leash-archive-tree-private.h"

#define BUFFER_SIZE (64 * 1024)

struct _ArchiveReader
{
  struct archive *archive;
  struct archive_entry *entry; /* borrowed from archive */
  ArchiveSource source;        /* borrowed */
  gint64 n_entries;
  guint64 offset;    /* in the source */
  LeashContext *ctx; /* borrowed; of the call that goes on */
  GError *failure;   /* owned; of reading the source */
  guint8 *buffer;    /* owned; for a source that is a file */
};

/* The thread's locale */

typedef locale_t ThreadLocale;

static gpointer
make_locale (gpointer unused)
{
  locale_t made = newlocale (LC_CTYPE_MASK, "C.UTF-8", (locale_t) 0);

  return made != (locale_t) 0 ? made : newlocale (LC_CTYPE_MASK, "en_US.UTF-8", (locale_t) 0);
}

static ThreadLocale
enter_utf8 (void)
{
  static GOnce once = G_ONCE_INIT;
  locale_t utf8 = g_once (&once, make_locale, NULL);

  return uselocale (utf8);
}

static void
leave_utf8 (ThreadLocale before)
{
  uselocale (before);
}

G_DEFINE_AUTO_CLEANUP_FREE_FUNC (ThreadLocale, leave_utf8, (locale_t) 0)

/* Errors */

/* The source's own failure is the better reason. */
static gboolean
fail (ArchiveReader *self, GError **error)
{
  const char *said = archive_error_string (self->archive);

  if (self->failure != NULL)
    g_propagate_error (error, g_steal_pointer (&self->failure));
  else
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "%s",
                 said != NULL && g_utf8_validate (said, -1, NULL) ? said : "the archive is damaged");
  return FALSE;
}

/* What libarchive calls */

static la_ssize_t
give_up (ArchiveReader *self, struct archive *archive)
{
  archive_set_error (archive, EIO, "%s", "the archive could not be read");
  return ARCHIVE_FATAL;
}

static la_ssize_t
read_source (struct archive *archive, void *data, const void **ret_buffer)
{
  ArchiveReader *self = data;
  guint64 left = self->source.size - MIN (self->source.size, self->offset);
  gssize n = (gssize) MIN (left, BUFFER_SIZE);

  if (!leash_context_check (self->ctx, self->failure == NULL ? &self->failure : NULL))
    return give_up (self, archive);
  /* Bytes of no length have no address to count from. */
  if (n == 0)
    return 0;
  if (self->source.bytes != NULL)
    *ret_buffer = (const guint8 *) g_bytes_get_data (self->source.bytes, NULL) + self->offset;
  else
    {
      n = leash_file_pread (self->source.file, self->ctx, self->buffer, (gsize) n, (gint64) self->offset,
                            self->failure == NULL ? &self->failure : NULL);
      *ret_buffer = self->buffer;
    }
  if (n < 0)
    return give_up (self, archive);
  self->offset += (guint64) n;
  return n;
}

static la_int64_t
skip_source (struct archive *archive, void *data, la_int64_t count)
{
  ArchiveReader *self = data;
  guint64 left = self->source.size - MIN (self->source.size, self->offset);
  guint64 skipped = MIN ((guint64) MAX (count, 0), left);

  self->offset += skipped;
  return (la_int64_t) skipped;
}

static la_int64_t
seek_source (struct archive *archive, void *data, la_int64_t offset, int whence)
{
  ArchiveReader *self = data;
  gint64 base = 0;
  gint64 position;

  if (whence == SEEK_CUR)
    base = (gint64) self->offset;
  else if (whence == SEEK_END)
    base = (gint64) self->source.size;
  if (__builtin_add_overflow (base, offset, &position) || position < 0)
    {
      archive_set_error (archive, EINVAL, "%s", "it points to before its beginning");
      return ARCHIVE_FATAL;
    }
  self->offset = (guint64) position;
  return position;
}

static void
support_filters (struct archive *archive)
{
  const struct
  {
    const char *(*version) (void);
    int (*support) (struct archive *archive);
  } filters[] = {
    { archive_zlib_version, archive_read_support_filter_gzip },
    { archive_bzlib_version, archive_read_support_filter_bzip2 },
    { archive_liblzma_version, archive_read_support_filter_xz },
    { archive_liblzma_version, archive_read_support_filter_lzma },
    { archive_libzstd_version, archive_read_support_filter_zstd },
    { archive_liblz4_version, archive_read_support_filter_lz4 },
  };

  archive_read_support_filter_compress (archive);
  for (guint i = 0; i < G_N_ELEMENTS (filters); i++)
    if (filters[i].version () != NULL)
      filters[i].support (archive);
}

static void
support_formats (struct archive *archive)
{
  archive_read_support_format_tar (archive);
  archive_read_support_format_zip (archive);
  archive_read_support_format_7zip (archive);
  archive_read_support_format_cpio (archive);
  archive_read_support_format_iso9660 (archive);
}

static gboolean
set_charset (ArchiveReader *self, const char *zip_charset, GError **error)
{
  if (zip_charset == NULL
      || archive_read_set_format_option (self->archive, "zip", "hdrcharset", zip_charset) == ARCHIVE_OK)
    return TRUE;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "there is no character set “%s”", zip_charset);
  return FALSE;
}

static gboolean
open_archive (ArchiveReader *self, GError **error)
{
  archive_read_set_callback_data (self->archive, self);
  archive_read_set_read_callback (self->archive, read_source);
  archive_read_set_skip_callback (self->archive, skip_source);
  archive_read_set_seek_callback (self->archive, seek_source);
  return archive_read_open1 (self->archive) == ARCHIVE_OK || fail (self, error);
}

ArchiveReader *
archive_reader_new (const ArchiveSource *source, const char *zip_charset, LeashContext *ctx, GError **error)
{
  g_auto (ThreadLocale) before = enter_utf8 ();
  g_autoptr (ArchiveReader) self = g_new0 (ArchiveReader, 1);

  self->source = *source;
  self->ctx = ctx;
  self->archive = archive_read_new ();
  if (source->file != NULL)
    self->buffer = g_malloc (BUFFER_SIZE);
  support_filters (self->archive);
  support_formats (self->archive);
  if (!set_charset (self, zip_charset, error) || !open_archive (self, error))
    return NULL;
  return g_steal_pointer (&self);
}

void
archive_reader_free (ArchiveReader *self)
{
  archive_read_free (self->archive);
  g_clear_error (&self->failure);
  g_free (self->buffer);
  g_free (self);
}

static GFileType
type_of (struct archive_entry *entry)
{
  switch (archive_entry_filetype (entry))
    {
    case AE_IFREG:
      return G_FILE_TYPE_REGULAR;
    case AE_IFDIR:
      return G_FILE_TYPE_DIRECTORY;
    case AE_IFLNK:
      return G_FILE_TYPE_SYMBOLIC_LINK;
    default:
      return G_FILE_TYPE_SPECIAL;
    }
}

/* A time that no gint64 of nanoseconds holds is the nearest that one does. */
static gint64
nanoseconds (time_t seconds, long rest)
{
  gint64 time_ns;

  if (__builtin_mul_overflow ((gint64) seconds, 1000000000, &time_ns)
      || __builtin_add_overflow (time_ns, rest, &time_ns))
    return seconds < 0 ? G_MININT64 : G_MAXINT64;
  return time_ns;
}

static void
fill_stat (LeashStat *stat, struct archive_entry *entry)
{
  stat->type = type_of (entry);
  stat->mode = archive_entry_perm (entry) & 07777;
  stat->size = (guint64) MAX (archive_entry_size (entry), 0);
  stat->uid = (guint32) archive_entry_uid (entry);
  stat->gid = (guint32) archive_entry_gid (entry);
  stat->mtime_ns = nanoseconds (archive_entry_mtime (entry), archive_entry_mtime_nsec (entry));
  stat->atime_ns = stat->ctime_ns = stat->mtime_ns;
  if (archive_entry_atime_is_set (entry))
    stat->atime_ns = nanoseconds (archive_entry_atime (entry), archive_entry_atime_nsec (entry));
  if (archive_entry_ctime_is_set (entry))
    stat->ctime_ns = nanoseconds (archive_entry_ctime (entry), archive_entry_ctime_nsec (entry));
}

gboolean
archive_reader_next (ArchiveReader *self, LeashContext *ctx, ArchiveEntry *ret_entry, GError **error)
{
  g_auto (ThreadLocale) before = enter_utf8 ();
  int result;

  self->ctx = ctx;
  if (!leash_context_check (ctx, error))
    return FALSE;
  result = archive_read_next_header (self->archive, &self->entry);
  if (result == ARCHIVE_EOF)
    return FALSE;
  if (result != ARCHIVE_OK && result != ARCHIVE_WARN)
    return fail (self, error);
  self->n_entries++;
  *ret_entry = (ArchiveEntry){
    .name = archive_entry_pathname (self->entry),
    .hard_link = archive_entry_hardlink (self->entry),
    .target = archive_entry_symlink (self->entry),
    .has_size = archive_entry_size_is_set (self->entry),
    .is_encrypted = archive_entry_is_data_encrypted (self->entry),
  };
  fill_stat (&ret_entry->stat, self->entry);
  return TRUE;
}

gint64
archive_reader_get_position (ArchiveReader *self)
{
  return self->n_entries;
}

guint64
archive_reader_get_unpacked (ArchiveReader *self)
{
  return (guint64) MAX (archive_filter_bytes (self->archive, 0), 0);
}

/* Reads a block of the content. Returns FALSE with *ret_end after the last one, and with an error. */
static gboolean
read_block (ArchiveReader *self, const void **ret_block, gsize *ret_size, gint64 *offset, gboolean *ret_end,
            GError **error)
{
  int result;

  if (!leash_context_check (self->ctx, error))
    return FALSE;
  result = archive_read_data_block (self->archive, ret_block, ret_size, offset);
  *ret_end = result == ARCHIVE_EOF;
  return result == ARCHIVE_OK || (!*ret_end && fail (self, error));
}

gboolean
archive_reader_measure (ArchiveReader *self, LeashContext *ctx, guint64 limit, guint64 *ret_size,
                        GError **error)
{
  g_auto (ThreadLocale) before = enter_utf8 ();
  gboolean is_end = FALSE;
  const void *block;
  gint64 offset = 0;
  gsize n;

  self->ctx = ctx;
  *ret_size = 0;
  while (*ret_size <= limit && read_block (self, &block, &n, &offset, &is_end, error))
    *ret_size = (guint64) MAX (offset, 0) + n;
  return *ret_size > limit || is_end;
}

static gboolean
refuse_size (GError **error)
{
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                       "the content has another size than the archive says");
  return FALSE;
}

/* Copies all blocks to where they belong. Holes are left as they are. */
static gboolean
read_all (ArchiveReader *self, guint8 *content, guint64 size, GError **error)
{
  gboolean is_end = FALSE;
  const void *block;
  gint64 offset = 0;
  gsize n = 0;
  guint64 end = 0;

  while (read_block (self, &block, &n, &offset, &is_end, error))
    {
      if (offset < 0 || (guint64) offset > size || n > size - (guint64) offset)
        return refuse_size (error);
      if (n > 0)
        memcpy (content + offset, block, n);
      end = (guint64) offset + n;
    }
  if (is_end && end < size && archive_entry_sparse_count (self->entry) == 0)
    return refuse_size (error);
  return is_end;
}

GBytes *
archive_reader_read (ArchiveReader *self, LeashContext *ctx, guint64 size, GError **error)
{
  g_auto (ThreadLocale) before = enter_utf8 ();
  g_autofree guint8 *content = size <= G_MAXSSIZE ? g_try_malloc0 (size) : NULL;

  self->ctx = ctx;
  if (content == NULL && size > 0)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE,
                   "there is no memory for %" G_GUINT64_FORMAT " bytes", size);
      return NULL;
    }
  if (!read_all (self, content, size, error))
    return NULL;
  return g_bytes_new_take (g_steal_pointer (&content), size);
}
