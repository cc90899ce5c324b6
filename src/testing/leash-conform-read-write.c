/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading and writing: positions, the end, holes, and what appending is. Random ones are in a file of their
 * own. */
#include "leash-conform-private.h"

#define READ_WRITE (LEASH_OPEN_READ | LEASH_OPEN_WRITE)

/* Reading */

static void
test_whole (Conform *c)
{
  conform_content (c, "f", "some-text");
  conform_content (c, "empty", "");
}

static void
test_pieces (Conform *c)
{
  g_autoptr (LeashFile) file = conform_open (c, "f", LEASH_OPEN_READ);
  char found[10] = "";

  for (guint i = 0; file != NULL && i < 9; i++)
    if (leash_file_read (file, c->ctx, &found[i], 1, NULL) != 1)
      conform_fault (c, "read “f”: expected one byte at %u, found none", i);
  conform_same_text (c, "read", "f", "some-text", file != NULL ? found : "some-text");
  conform_file_close (c, file);
}

static void
test_end (Conform *c)
{
  g_autoptr (LeashFile) file = conform_open (c, "f", LEASH_OPEN_READ);

  conform_file_rest (c, file, "some-text");
  conform_file_rest (c, file, "");
  conform_file_rest (c, file, "");
  conform_file_close (c, file);
}

static void
test_pread (Conform *c)
{
  g_autoptr (LeashFile) file = conform_open (c, "f", LEASH_OPEN_READ);

  conform_file_pread (c, file, 5, 4, "text");
  conform_file_pread (c, file, 0, 4, "some");
  conform_file_rest (c, file, "some-text");
  conform_file_pread (c, file, 8, 10, "t");
  conform_file_close (c, file);
}

static void
test_pread_behind (Conform *c)
{
  g_autoptr (LeashFile) file = conform_open (c, "f", LEASH_OPEN_READ);

  conform_file_pread (c, file, 9, 10, "");
  conform_file_pread (c, file, 1000, 10, "");
  conform_file_pread (c, file, (gint64) 1 << 40, 10, "");
  conform_file_close (c, file);
}

static void
test_nothing (Conform *c)
{
  g_autoptr (LeashFile) file = conform_open (c, "f", LEASH_OPEN_READ);

  if (file != NULL && leash_file_read (file, c->ctx, NULL, 0, NULL) != 0)
    conform_fault (c, "read “f”: expected 0 for no bytes");
  conform_file_pread (c, file, 3, 0, "");
  conform_file_rest (c, file, "some-text");
  conform_file_close (c, file);
}

static void
test_seek (Conform *c)
{
  g_autoptr (LeashFile) file = conform_open (c, "f", LEASH_OPEN_READ);

  conform_same_number (c, "seek", "f", "set", 5, conform_file_seek (c, file, 5, G_SEEK_SET));
  conform_file_rest (c, file, "text");
  conform_same_number (c, "seek", "f", "end", 7, conform_file_seek (c, file, -2, G_SEEK_END));
  conform_same_number (c, "seek", "f", "cur", 6, conform_file_seek (c, file, -1, G_SEEK_CUR));
  conform_same_number (c, "seek", "f", "cur 0", 6, conform_file_seek (c, file, 0, G_SEEK_CUR));
  conform_file_rest (c, file, "ext");
  conform_same_number (c, "seek", "f", "end 0", 9, conform_file_seek (c, file, 0, G_SEEK_END));
  conform_file_close (c, file);
}

static void
test_seek_behind (Conform *c)
{
  g_autoptr (LeashFile) file = conform_open (c, "f", LEASH_OPEN_READ);

  conform_same_number (c, "seek", "f", "behind the end", 100, conform_file_seek (c, file, 100, G_SEEK_SET));
  conform_file_rest (c, file, "");
  conform_same_number (c, "seek", "f", "back", 4, conform_file_seek (c, file, -96, G_SEEK_CUR));
  conform_file_rest (c, file, "-text");
  conform_file_close (c, file);
  conform_size (c, "f", 9);
}

static void
test_seek_negative (Conform *c)
{
  g_autoptr (LeashFile) file = conform_open (c, "f", LEASH_OPEN_READ);
  g_autoptr (GError) error = NULL;

  if (conform_file_seek (c, file, 3, G_SEEK_SET) != 3)
    return;
  leash_file_seek (file, -1, G_SEEK_SET, &error);
  conform_error (c, "seek -1 from the start in", "f", EINVAL, &error);
  leash_file_seek (file, -4, G_SEEK_CUR, &error);
  conform_error (c, "seek -4 from the position 3 in", "f", EINVAL, &error);
  leash_file_seek (file, -10, G_SEEK_END, &error);
  conform_error (c, "seek -10 from the end of", "f", EINVAL, &error);
  conform_file_rest (c, file, "e-text");
  conform_file_close (c, file);
}

static void
test_read_only (Conform *c)
{
  g_autoptr (LeashFile) file = conform_open (c, "f", LEASH_OPEN_READ);
  g_autoptr (GError) error = NULL;

  if (file == NULL)
    return;
  leash_file_write (file, c->ctx, "x", 1, &error);
  conform_error (c, "write to the one for reading", "f", EINVAL, &error);
  leash_file_pwrite (file, c->ctx, "x", 1, 0, &error);
  conform_error (c, "pwrite to the one for reading", "f", EINVAL, &error);
  leash_file_truncate (file, c->ctx, 0, &error);
  conform_error (c, "truncate the one for reading", "f", EINVAL, &error);
  conform_file_rest (c, file, "some-text");
  conform_file_close (c, file);
}

static void
test_file_stat (Conform *c)
{
  g_autoptr (LeashFile) file = conform_open (c, "f", LEASH_OPEN_READ);
  g_autoptr (GError) error = NULL;
  LeashStat by_file = { 0 };
  LeashStat by_path = conform_stat (c, "f");

  if (file == NULL)
    return;
  if (!leash_file_stat (file, c->ctx, &by_file, &error))
    conform_fault (c, "stat of the open file “f”: expected success, found: %s", error->message);
  conform_same_number (c, "stat of the open file", "f", "type", by_path.type, by_file.type);
  conform_same_number (c, "stat of the open file", "f", "size", 9, (gint64) by_file.size);
  conform_same_number (c, "stat of the open file", "f", "mode", by_path.mode, by_file.mode);
  conform_same_number (c, "stat of the open file", "f", "inode", (gint64) by_path.inode,
                       (gint64) by_file.inode);
  conform_same_number (c, "stat of the open file", "f", "mtime", by_path.mtime_ns, by_file.mtime_ns);
  conform_file_close (c, file);
}

/* Writing */

static void
test_write_only (Conform *c)
{
  g_autoptr (LeashFile) file = conform_open (c, "f", LEASH_OPEN_WRITE);
  g_autoptr (GError) error = NULL;
  char byte;

  if (file == NULL)
    return;
  leash_file_read (file, c->ctx, &byte, 1, &error);
  conform_error (c, "read the one for writing", "f", EINVAL, &error);
  leash_file_pread (file, c->ctx, &byte, 1, 0, &error);
  conform_error (c, "pread the one for writing", "f", EINVAL, &error);
  conform_file_close (c, file);
}

static void
test_overwrite (Conform *c)
{
  g_autoptr (LeashFile) file = conform_open (c, "f", READ_WRITE);

  conform_file_write (c, file, "SOME");
  conform_file_rest (c, file, "-text");
  conform_file_seek (c, file, 5, G_SEEK_SET);
  conform_file_write (c, file, "TEXT AND MORE");
  conform_file_seek (c, file, 0, G_SEEK_SET);
  conform_file_rest (c, file, "SOME-TEXT AND MORE");
  conform_file_close (c, file);
  conform_content (c, "f", "SOME-TEXT AND MORE");
}

static void
test_pwrite (Conform *c)
{
  g_autoptr (LeashFile) file = conform_open (c, "f", READ_WRITE);

  conform_file_pwrite (c, file, 5, "TEXT");
  conform_file_pwrite (c, file, 12, "far");
  conform_file_pread (c, file, 5, 4, "TEXT");
  conform_file_seek (c, file, 0, G_SEEK_CUR);
  conform_file_write (c, file, "S");
  conform_file_pread (c, file, 0, 9, "Some-TEXT");
  conform_file_close (c, file);
  conform_size (c, "f", 15);
  conform_bytes (c, "f", "Some-TEXT\0\0\0far", 15);
}

static void
test_write_nothing (Conform *c)
{
  g_autoptr (LeashFile) file = conform_open (c, "f", LEASH_OPEN_WRITE);

  if (file != NULL && leash_file_write (file, c->ctx, "", 0, NULL) != 0)
    conform_fault (c, "write “f”: expected 0 for no bytes");
  if (file != NULL && leash_file_pwrite (file, c->ctx, "", 0, 100, NULL) != 0)
    conform_fault (c, "pwrite “f”: expected 0 for no bytes");
  conform_file_close (c, file);
  conform_size (c, "f", 9);
}

static void
test_hole (Conform *c)
{
  g_autoptr (LeashFile) file = conform_open (c, "new", FLAGS_MAKE);

  conform_file_write (c, file, "a");
  conform_file_seek (c, file, 4, G_SEEK_CUR);
  conform_file_write (c, file, "b");
  conform_file_close (c, file);
  conform_bytes (c, "new", "a\0\0\0\0b", 6);
}

static void
test_far_offset (Conform *c)
{
  const gint64 far_offset = (gint64) 1 << 40;
  g_autoptr (LeashFile) file = NULL;

  file = conform_open (c, "new", FLAGS_MAKE | LEASH_OPEN_READ);
  conform_file_pwrite (c, file, far_offset, "end");
  conform_file_pread (c, file, far_offset, 8, "end");
  conform_size (c, "new", (guint64) far_offset + 3);
  if (file != NULL && leash_file_truncate (file, c->ctx, 0, NULL))
    conform_file_pread (c, file, far_offset, 8, "");
  conform_file_close (c, file);
}

static void
test_append (Conform *c)
{
  g_autoptr (LeashFile) file = conform_open (c, "f", LEASH_OPEN_APPEND);
  g_autoptr (LeashFile) other = conform_open (c, "f", LEASH_OPEN_APPEND);

  conform_file_write (c, file, ", a");
  conform_file_write (c, other, ", b");
  conform_file_write (c, file, ", c");
  conform_file_close (c, file);
  conform_file_close (c, other);
  conform_content (c, "f", "some-text, a, b, c");
}

static void
test_append_after_seek (Conform *c)
{
  g_autoptr (LeashFile) file = conform_open (c, "f", LEASH_OPEN_APPEND | LEASH_OPEN_READ);

  conform_file_seek (c, file, 0, G_SEEK_SET);
  conform_file_write (c, file, "!");
  conform_file_rest (c, file, "");
  conform_file_seek (c, file, 5, G_SEEK_SET);
  conform_file_rest (c, file, "text!");
  conform_file_close (c, file);
  conform_content (c, "f", "some-text!");
}

static void
test_append_refuses_offsets (Conform *c)
{
  g_autoptr (LeashFile) file = conform_open (c, "f", LEASH_OPEN_APPEND);
  g_autoptr (GError) error = NULL;

  if (file == NULL)
    return;
  leash_file_pwrite (file, c->ctx, "x", 1, 0, &error);
  conform_error (c, "pwrite to the one for appending", "f", EINVAL, &error);
  conform_file_close (c, file);
  conform_content (c, "f", "some-text");
}

static void
test_seen_at_once (Conform *c)
{
  g_autoptr (LeashFile) writer = conform_open (c, "f", LEASH_OPEN_WRITE);
  g_autoptr (LeashFile) reader = conform_open (c, "f", LEASH_OPEN_READ);

  conform_file_write (c, writer, "SOME");
  conform_file_rest (c, reader, "SOME-text");
  conform_file_seek (c, writer, 0, G_SEEK_END);
  conform_file_write (c, writer, ", more");
  conform_size (c, "f", 15);
  conform_file_rest (c, reader, ", more");
  conform_file_close (c, writer);
  conform_file_close (c, reader);
}

static void
test_sync (Conform *c)
{
  g_autoptr (LeashFile) file = conform_open (c, "f", LEASH_OPEN_WRITE);
  g_autoptr (GError) error = NULL;

  conform_file_write (c, file, "SOME");
  if (file != NULL && !leash_file_sync (file, c->ctx, &error)
      && !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED))
    conform_fault (c, "sync “f”: expected success, found: %s", error->message);
  conform_file_close (c, file);
  conform_content (c, "f", "SOME-text");
}

/* Lengths */

static void
file_truncate (Conform *c, LeashFile *file, gint64 length)
{
  g_autoptr (GError) error = NULL;

  if (file == NULL || leash_file_truncate (file, c->ctx, length, &error))
    return;
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED))
    conform_skip (c, "its files cannot do “truncate”");
  conform_fault (c, "truncate the open “f”: expected success, found: %s", error->message);
}

static void
test_file_truncate (Conform *c)
{
  g_autoptr (LeashFile) file = conform_open (c, "f", READ_WRITE);

  file_truncate (c, file, 4);
  conform_content (c, "f", "some");
  file_truncate (c, file, 6);
  conform_bytes (c, "f", "some\0\0", 6);
  file_truncate (c, file, 6);
  conform_size (c, "f", 6);
  conform_file_close (c, file);
}

static void
test_truncate_keeps_position (Conform *c)
{
  g_autoptr (LeashFile) file = conform_open (c, "f", READ_WRITE);

  conform_file_seek (c, file, 6, G_SEEK_SET);
  file_truncate (c, file, 2);
  conform_file_rest (c, file, "");
  conform_same_number (c, "truncate", "f", "position", 6, conform_file_seek (c, file, 0, G_SEEK_CUR));
  conform_file_write (c, file, "x");
  conform_file_close (c, file);
  conform_bytes (c, "f", "so\0\0\0\0x", 7);
}

/* What was cut off must not be seen again. */
static void
test_cut_is_gone (Conform *c)
{
  g_autoptr (LeashFile) file = conform_open (c, "f", READ_WRITE);

  file_truncate (c, file, 1);
  file_truncate (c, file, 9);
  conform_file_close (c, file);
  conform_bytes (c, "f", "s\0\0\0\0\0\0\0\0", 9);
}

static void
test_truncate_path (Conform *c)
{
  conform_ok (c, TRUNCATE ("f", 4));
  conform_content (c, "f", "some");
  conform_ok (c, TRUNCATE ("f", 5));
  conform_bytes (c, "f", "some\0", 5);
  conform_ok (c, TRUNCATE ("link", 2));
  conform_content (c, "f", "so");
  conform_type (c, "link", G_FILE_TYPE_SYMBOLIC_LINK);
}

static void
test_truncate_refused (Conform *c)
{
  conform_fails (c, EISDIR, TRUNCATE ("d", 0));
  conform_fails (c, ENOENT, TRUNCATE ("missing", 0));
  conform_fails (c, ENOTDIR, TRUNCATE ("f/x", 0));
  conform_fails (c, EINVAL, TRUNCATE ("f", -1));
  conform_missing (c, "missing");
  conform_content (c, "f", "some-text");
}

static void
test_truncated_elsewhere (Conform *c)
{
  g_autoptr (LeashFile) reader = conform_open (c, "f", LEASH_OPEN_READ);

  conform_file_seek (c, reader, 5, G_SEEK_SET);
  conform_ok (c, OPEN ("f", LEASH_OPEN_WRITE | LEASH_OPEN_TRUNCATE));
  conform_file_rest (c, reader, "");
  conform_write (c, "f", "another text");
  conform_file_rest (c, reader, "er text");
  conform_file_close (c, reader);
}

const ConformTest conform_read_write_tests[] = {
  { "read/whole-file", test_whole, "f=some-text empty=", 0 },
  { "read/byte-by-byte", test_pieces, "f=some-text", 0 },
  { "read/end-stays-the-end", test_end, "f=some-text", 0 },
  { "read/pread-leaves-the-position", test_pread, "f=some-text", 0 },
  { "read/pread-behind-the-end-is-empty", test_pread_behind, "f=some-text", 0 },
  { "read/no-bytes-moves-nothing", test_nothing, "f=some-text", 0 },
  { "read/seek-from-start-position-and-end", test_seek, "f=some-text", 0 },
  { "read/seek-behind-the-end-changes-nothing", test_seek_behind, "f=some-text", 0 },
  { "read/seek-before-the-start-is-refused", test_seek_negative, "f=some-text", 0 },
  { "read/file-for-reading-is-not-written", test_read_only, "f=some-text", 0 },
  { "read/stat-of-an-open-file-is-that-of-its-path", test_file_stat, "f=some-text", 0 },
  { "write/file-for-writing-is-not-read", test_write_only, "f=some-text", 0 },
  { "write/overwrites-and-extends", test_overwrite, "f=some-text", 0 },
  { "write/pwrite-leaves-the-position", test_pwrite, "f=some-text", 0 },
  { "write/no-bytes-change-nothing", test_write_nothing, "f=some-text", 0 },
  { "write/hole-reads-as-zeros", test_hole, NULL, 0 },
  { "write/far-offset-takes-no-space", test_far_offset, NULL, LEASH_FS_FEATURE_SPARSE },
  { "write/append-goes-to-the-end-that-is", test_append, "f=some-text", 0 },
  { "write/append-goes-to-the-end-after-a-seek", test_append_after_seek, "f=some-text", 0 },
  { "write/append-refuses-offsets", test_append_refuses_offsets, "f=some-text", 0 },
  { "write/is-seen-by-other-handles-at-once", test_seen_at_once, "f=some-text", 0 },
  { "write/sync-succeeds", test_sync, "f=some-text", 0 },
  { "truncate/open-file-is-cut-and-lengthened", test_file_truncate, "f=some-text", 0 },
  { "truncate/position-stays", test_truncate_keeps_position, "f=some-text", 0 },
  { "truncate/what-is-cut-off-is-gone", test_cut_is_gone, "f=some-text", 0 },
  { "truncate/path-is-cut-and-lengthened", test_truncate_path, "f=some-text link>f", 0 },
  { "truncate/what-is-no-file-is-refused", test_truncate_refused, "f=some-text d/", 0 },
  { "truncate/reader-sees-the-new-end", test_truncated_elsewhere, "f=some-text", 0 },
  { NULL, NULL, NULL, 0 },
};
