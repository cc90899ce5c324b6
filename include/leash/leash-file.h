/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LeashFile: an open file of any LeashFs. Life: leash_open() makes it with one reference; leash_file_close()
 * closes it and tells how that went; the last leash_file_unref() closes what is still open. A closed file
 * refuses every use, and reports it.
 */
#pragma once

#include <leash/leash-fs.h>

G_BEGIN_DECLS

#define LEASH_TYPE_FILE (leash_file_get_type ())

/**
 * LeashFileOps:
 * @size: `sizeof (LeashFileOps)`: operations that came later are not looked at
 * @read: reads at the position; 0 at the end
 * @write: writes at the position
 * @pread: reads at an offset, leaving the position
 * @pwrite: writes at an offset, leaving the position
 * @seek: moves the position and returns it
 * @stat: tells of the file
 * @truncate: sets the length
 * @sync: waits until the data is on the device
 * @get_fd: the descriptor, -1 where there is none
 * @close: closes; called once, when no other operation runs; the file is closed whatever it returns
 *
 * What a file of a LeashFs implementation does. All but @close may be %NULL: not supported. An operation that
 * is interrupted by a signal is taken up again by the implementation. Several may run at once, in several
 * threads.
 */
typedef struct
{
  gsize size;
  gssize   (*read)     (gpointer impl, LeashContext *ctx, void *buffer, gsize count, GError **error);
  gssize   (*write)    (gpointer impl, LeashContext *ctx, const void *buffer, gsize count, GError **error);
  gssize   (*pread)    (gpointer impl, LeashContext *ctx, void *buffer, gsize count, gint64 offset, GError **error);
  gssize   (*pwrite)   (gpointer impl, LeashContext *ctx, const void *buffer, gsize count, gint64 offset,
                        GError **error);
  gint64   (*seek)     (gpointer impl, gint64 offset, GSeekType whence, GError **error);
  gboolean (*stat)     (gpointer impl, LeashContext *ctx, LeashStat *ret_stat, GError **error);
  gboolean (*truncate) (gpointer impl, LeashContext *ctx, gint64 length, GError **error);
  gboolean (*sync)     (gpointer impl, LeashContext *ctx, GError **error);
  int      (*get_fd)   (gpointer impl);
  gboolean (*close)    (gpointer impl, GError **error);
} LeashFileOps;

LEASH_AVAILABLE_IN_0_1
GType       leash_file_get_type     (void) G_GNUC_CONST;

/* For who implements a LeashFs */
LEASH_AVAILABLE_IN_0_1
LeashFile  *leash_file_new          (const LeashFileOps *ops,
                                     gpointer            impl,
                                     GDestroyNotify      destroy,
                                     const char         *path,
                                     LeashOpenFlags      flags) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
LeashFile  *leash_file_new_from_bytes (GBytes           *bytes,
                                       const LeashStat  *stat,
                                       const char       *path) G_GNUC_WARN_UNUSED_RESULT;

/* For who uses it */
LEASH_AVAILABLE_IN_0_1
LeashFile  *leash_file_ref          (LeashFile          *file);
LEASH_AVAILABLE_IN_0_1
void        leash_file_unref        (LeashFile          *file);
LEASH_AVAILABLE_IN_0_1
gssize      leash_file_read         (LeashFile          *file,
                                     LeashContext       *ctx,
                                     void               *buffer,
                                     gsize               count,
                                     GError            **error);
LEASH_AVAILABLE_IN_0_1
gssize      leash_file_write        (LeashFile          *file,
                                     LeashContext       *ctx,
                                     const void         *buffer,
                                     gsize               count,
                                     GError            **error);
LEASH_AVAILABLE_IN_0_1
gssize      leash_file_pread        (LeashFile          *file,
                                     LeashContext       *ctx,
                                     void               *buffer,
                                     gsize               count,
                                     gint64              offset,
                                     GError            **error);
LEASH_AVAILABLE_IN_0_1
gssize      leash_file_pwrite       (LeashFile          *file,
                                     LeashContext       *ctx,
                                     const void         *buffer,
                                     gsize               count,
                                     gint64              offset,
                                     GError            **error);
LEASH_AVAILABLE_IN_0_1
gint64      leash_file_seek         (LeashFile          *file,
                                     gint64              offset,
                                     GSeekType           whence,
                                     GError            **error);
LEASH_AVAILABLE_IN_0_1
gboolean    leash_file_stat         (LeashFile          *file,
                                     LeashContext       *ctx,
                                     LeashStat          *ret_stat,
                                     GError            **error);
LEASH_AVAILABLE_IN_0_1
gboolean    leash_file_truncate     (LeashFile          *file,
                                     LeashContext       *ctx,
                                     gint64              length,
                                     GError            **error);
LEASH_AVAILABLE_IN_0_1
gboolean    leash_file_sync         (LeashFile          *file,
                                     LeashContext       *ctx,
                                     GError            **error);
LEASH_AVAILABLE_IN_0_1
int         leash_file_get_fd       (LeashFile          *file);
LEASH_AVAILABLE_IN_0_1
const char *leash_file_get_path     (LeashFile          *file);
LEASH_AVAILABLE_IN_0_1
LeashOpenFlags leash_file_get_flags (LeashFile         *file);
LEASH_AVAILABLE_IN_0_1
LeashTag   *leash_file_get_tag      (LeashFile          *file);
LEASH_AVAILABLE_IN_0_1
gboolean    leash_file_is_closed    (LeashFile          *file);
LEASH_AVAILABLE_IN_0_1
gboolean    leash_file_close        (LeashFile          *file,
                                     GError            **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (LeashFile, leash_file_unref)

G_END_DECLS
