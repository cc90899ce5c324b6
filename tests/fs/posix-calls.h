/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Random calls as values: drawn, written as C, and made on a LeashFs or by the kernel's own calls, with the answer as
 * a text. A call has all that it depends on but the tree and its open files, so that a sequence of them can be cut
 * to pieces and made again.
 *
 * Names are few, so that calls meet. Paths are odd ones: many slashes, dots, "..", too long names, absolute.
 */
#pragma once

#include "fs-fixture.h"

#include <fcntl.h>
#include <stdio.h>

#define N_SLOTS 4
#define N_USERS 3

/* User 0, and two others in a group of their own and one more. */
static const guint32 user_ids[N_USERS] = { 0, 1000, 1001 };
static const guint32 user_groups[] = { 2000 };

/* An operation of LeashFsOps, with what it is called with. */
typedef struct
{
  LeashFsOps op;
  guint user;
  char path[1024]; /* of three of the longest names and what is between them */
  char target[1024];
  guint flags;
  guint mode;
  gint64 a, b; /* lengths, offsets, owners, times */
  guint slot;
} Call;

static inline guint
draw (GRand *rand, guint n)
{
  return (guint) g_rand_int_range (rand, 0, (gint32) n);
}

static inline void
draw_path (GRand *rand, char *path, gsize size)
{
  static const char *const names[] = { "a", "a", "a", "b", "b", "c", "d" };
  static const char *const odd[] = { ".", "..", "../..", "missing", "//" };
  static const char *const ends[] = { "/", "//", "/.", "/..", "/./" };
  GString *made = g_string_new (draw (rand, 16) == 0 ? "/" : draw (rand, 20) == 0 ? ".." : "");
  guint n = 1 + draw (rand, 5) / 2;

  for (guint i = 0; i < n; i++)
    {
      if (made->len > 0 && !g_str_has_suffix (made->str, "/"))
        g_string_append (made, "/");
      if (draw (rand, 150) == 0)
        for (guint length = 255 + draw (rand, 2); length > 0; length--)
          g_string_append_c (made, 'n');
      else
        g_string_append (made, draw (rand, 20) == 0 ? odd[draw (rand, G_N_ELEMENTS (odd))]
                                                    : names[draw (rand, G_N_ELEMENTS (names))]);
    }
  if (draw (rand, 14) == 0)
    g_string_append (made, ends[draw (rand, G_N_ELEMENTS (ends))]);
  g_assert_cmpuint (g_strlcpy (path, made->str, size), <, size);
  g_string_free (made, TRUE);
}

/* What one kind of call needs beside paths. */
static inline void
draw_arguments (GRand *rand, Call *call)
{
  static const guint opens[]
      = { LEASH_OPEN_READ,
          LEASH_OPEN_READ | LEASH_OPEN_CREATE,
          LEASH_OPEN_WRITE | LEASH_OPEN_CREATE,
          LEASH_OPEN_READ | LEASH_OPEN_WRITE | LEASH_OPEN_CREATE,
          LEASH_OPEN_READ | LEASH_OPEN_WRITE | LEASH_OPEN_CREATE | LEASH_OPEN_EXCLUSIVE,
          LEASH_OPEN_WRITE | LEASH_OPEN_TRUNCATE,
          LEASH_OPEN_READ | LEASH_OPEN_WRITE | LEASH_OPEN_TRUNCATE | LEASH_OPEN_CREATE,
          LEASH_OPEN_READ | LEASH_OPEN_WRITE | LEASH_OPEN_APPEND | LEASH_OPEN_CREATE,
          LEASH_OPEN_READ | LEASH_OPEN_WRITE };
  static const guint renames[] = { 0, 0, 0, LEASH_RENAME_NO_REPLACE, LEASH_RENAME_EXCHANGE };
  static const gint64 owners[] = { -1, 0, 1000, 1001, 2000 };
  static const gint64 sizes[] = { 0, 1, 100, 4096, 16383, 16384, 16385, 50000, 100000 };

  call->flags = draw (rand, 2) * LEASH_PATH_NO_FOLLOW;
  call->a = sizes[draw (rand, G_N_ELEMENTS (sizes))];
  call->b = 1 + draw (rand, 3) * draw (rand, 9000);
  if (call->op == LEASH_FS_OP_OPEN)
    call->flags = opens[draw (rand, G_N_ELEMENTS (opens))];
  else if (call->op == LEASH_FS_OP_RENAME)
    call->flags = renames[draw (rand, G_N_ELEMENTS (renames))];
  else if (call->op == LEASH_FS_OP_SEEK)
    call->flags = draw (rand, 3);
  else if (call->op == LEASH_FS_OP_CHOWN)
    {
      call->a = owners[draw (rand, G_N_ELEMENTS (owners))];
      call->b = owners[draw (rand, G_N_ELEMENTS (owners))];
    }
  else if (call->op == LEASH_FS_OP_SET_TIMES)
    {
      const gint64 times[] = { LEASH_TIME_KEEP, LEASH_TIME_NOW, 1000000000, 5000000000 };

      call->a = times[draw (rand, 4)];
      call->b = times[draw (rand, 4)];
    }
}

static inline void
draw_call (GRand *rand, gboolean one_user, gboolean sticky, Call *call)
{
  static const LeashFsOps ops[] = {
    LEASH_FS_OP_OPEN,    LEASH_FS_OP_OPEN,     LEASH_FS_OP_OPEN,    LEASH_FS_OP_OPEN,      LEASH_FS_OP_OPEN_DIR,
    LEASH_FS_OP_STAT,    LEASH_FS_OP_STAT,     LEASH_FS_OP_LSTAT,   LEASH_FS_OP_MKDIR,     LEASH_FS_OP_MKDIR,
    LEASH_FS_OP_MKDIR,   LEASH_FS_OP_MKDIR,    LEASH_FS_OP_REMOVE,  LEASH_FS_OP_REMOVE,    LEASH_FS_OP_RENAME,
    LEASH_FS_OP_RENAME,  LEASH_FS_OP_RENAME,   LEASH_FS_OP_LINK,    LEASH_FS_OP_SYMLINK,   LEASH_FS_OP_SYMLINK,
    LEASH_FS_OP_READLINK, LEASH_FS_OP_TRUNCATE, LEASH_FS_OP_CHMOD,  LEASH_FS_OP_CHOWN,     LEASH_FS_OP_SET_TIMES,
    LEASH_FS_OP_READ,    LEASH_FS_OP_WRITE,    LEASH_FS_OP_WRITE,   LEASH_FS_OP_SEEK,      LEASH_FS_OP_FILE_STAT,
    LEASH_FS_OP_FILE_TRUNCATE, LEASH_FS_OP_CLOSE,
  };
  static const guint modes[] = { 0755, 0755, 0777, 0777, 0777, 0777, 0777, 0775, 0700, 0644, 0, 0555, 0333, 0444, 02775, 02777, 04755, 06711,
                                 0020, 0070, 01777 };

  memset (call, 0, sizeof *call);
  call->op = ops[draw (rand, G_N_ELEMENTS (ops))];
  call->user = one_user ? 0 : draw (rand, N_USERS);
  call->slot = draw (rand, N_SLOTS);
  call->mode = modes[draw (rand, G_N_ELEMENTS (modes))];
  if (!sticky)
    call->mode &= 06777;
  draw_path (rand, call->path, sizeof call->path);
  draw_path (rand, call->target, sizeof call->target);
  draw_arguments (rand, call);
}

/* Operations on what is open have no path. */
static inline gboolean
is_on_slot (const Call *call)
{
  return call->op >= LEASH_FS_OP_READ;
}

static inline gboolean
has_target (const Call *call)
{
  return call->op == LEASH_FS_OP_RENAME || call->op == LEASH_FS_OP_LINK || call->op == LEASH_FS_OP_SYMLINK;
}

static inline void
print_call (const Call *call, GString *to)
{
  static const char *const names[]
      = { "open",  "open_dir", "stat",      "lstat",  "mkdir", "remove",    "rename",    "link",
          "symlink", "readlink", "truncate", "chmod",  "chown", "set_times", "statfs",    "open_root",
          "read",  "write",    "seek",      "file_stat", "file_truncate", "sync", "close" };
  const char *name = names[__builtin_ctz ((guint) call->op)];

  g_string_append_printf (to, "/* user %u */ ", user_ids[call->user]);
  if (is_on_slot (call))
    g_string_append_printf (to, "%s (file[%u]", name, call->slot);
  else if (has_target (call))
    g_string_append_printf (to, "%s (\"%s\", \"%s\"", name, call->path, call->target);
  else
    g_string_append_printf (to, "%s (\"%s\"", name, call->path);
  if ((call->op & (LEASH_FS_OP_MKDIR | LEASH_FS_OP_CHMOD)) != 0)
    g_string_append_printf (to, ", 0%o", call->mode);
  if (call->op == LEASH_FS_OP_OPEN)
    g_string_append_printf (to, ", 0x%x, 0%o /* file[%u] */", call->flags, call->mode, call->slot);
  if ((call->op & (LEASH_FS_OP_RENAME | LEASH_FS_OP_CHOWN | LEASH_FS_OP_SET_TIMES | LEASH_FS_OP_SEEK)) != 0)
    g_string_append_printf (to, ", 0x%x", call->flags);
  if ((call->op
       & (LEASH_FS_OP_TRUNCATE | LEASH_FS_OP_CHOWN | LEASH_FS_OP_SET_TIMES | LEASH_FS_OP_READ | LEASH_FS_OP_WRITE
          | LEASH_FS_OP_SEEK | LEASH_FS_OP_FILE_TRUNCATE))
      != 0)
    g_string_append_printf (to, ", %" G_GINT64_FORMAT ", %" G_GINT64_FORMAT, call->a, call->b);
  g_string_append (to, ");");
}

/* What POSIX promises of a stat: times only when they were set, and not since. */
static inline void
describe_stat (const LeashStat *stat, GString *to)
{
  g_string_append_printf (to, " type %d mode %o nlink %" G_GUINT64_FORMAT " owner %u %u", stat->type, stat->mode,
                          stat->nlink, stat->uid, stat->gid);
  if (stat->type != G_FILE_TYPE_DIRECTORY)
    g_string_append_printf (to, " size %" G_GUINT64_FORMAT, stat->size);
  if (stat->mtime_ns < 10000000000)
    g_string_append_printf (to, " mtime %" G_GINT64_FORMAT, stat->mtime_ns);
}

static inline void
describe_content (const char *content, gssize n, GString *to)
{
  guint32 hash = 5381;

  for (gssize i = 0; i < n; i++)
    hash = hash * 33 + (guint8) content[i];
  g_string_append_printf (to, " %" G_GSSIZE_FORMAT " bytes %08x", n, hash);
}

static inline int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* As a set: sorted. */
static inline void
describe_names (GPtrArray *names, GString *to)
{
  g_ptr_array_sort (names, compare_names);
  for (guint i = 0; i < names->len; i++)
    g_string_append_printf (to, " %s", (char *) names->pdata[i]);
}

static inline const char *
content_of (const Call *call)
{
  static char content[65536];

  memset (content, 'a' + (int) (call->b % 26), (gsize) call->b);
  return content;
}

/* Made on a LeashFs. Answers are "ok …"; the caller makes "error N" of an error. */

static inline gboolean
list_leash (LeashFs *fs, LeashContext *ctx, const char *path, GString *to, GError **error)
{
  g_autoptr (LeashDir) dir = leash_fs_open_dir (fs, ctx, path, error);
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  const LeashDirEntry *entry;

  if (dir == NULL)
    return FALSE;
  while (leash_dir_next (dir, ctx, &entry, NULL))
    g_ptr_array_add (names, g_strdup_printf ("%s:%d", entry->name, entry->type));
  describe_names (names, to);
  return leash_dir_close (dir, error);
}

static inline gboolean
call_leash_slot (LeashContext *ctx, LeashFile **slot, const Call *call, GString *to, GError **error)
{
  static char buffer[65536];
  LeashFile *file = *slot;
  LeashStat found;
  gssize n;

  switch (call->op)
    {
    case LEASH_FS_OP_READ:
      n = call->flags != 0 ? leash_file_pread (file, ctx, buffer, (gsize) call->b, call->a, error)
                           : leash_file_read (file, ctx, buffer, (gsize) call->b, error);
      describe_content (buffer, n, to);
      return n >= 0;
    case LEASH_FS_OP_WRITE:
      n = call->flags != 0 && (leash_file_get_flags (file) & LEASH_OPEN_APPEND) == 0
              ? leash_file_pwrite (file, ctx, content_of (call), (gsize) call->b, call->a, error)
              : leash_file_write (file, ctx, content_of (call), (gsize) call->b, error);
      g_string_append_printf (to, " %" G_GSSIZE_FORMAT, n);
      return n >= 0;
    case LEASH_FS_OP_SEEK:
      {
        static const GSeekType whences[] = { G_SEEK_SET, G_SEEK_CUR, G_SEEK_END };
        gint64 at = leash_file_seek (file, call->flags == 0 ? call->a : -call->a, whences[call->flags], error);

        g_string_append_printf (to, " at %" G_GINT64_FORMAT, at);
        return at >= 0;
      }
    case LEASH_FS_OP_FILE_TRUNCATE:
      return leash_file_truncate (file, ctx, call->a, error);
    case LEASH_FS_OP_FILE_STAT:
      if (!leash_file_stat (file, ctx, &found, error))
        return FALSE;
      describe_stat (&found, to);
      return TRUE;
    default:
      *slot = NULL;
      leash_file_unref (file);
      return TRUE;
    }
}

static inline gboolean
call_leash_looking (LeashFs *fs, LeashContext *ctx, const Call *call, GString *to, GError **error)
{
  g_autofree char *text = NULL;
  LeashStat found;

  if (call->op == LEASH_FS_OP_OPEN_DIR)
    return list_leash (fs, ctx, call->path, to, error);
  if (call->op == LEASH_FS_OP_READLINK)
    {
      text = leash_fs_readlink (fs, ctx, call->path, error);
      g_string_append_printf (to, " %s", text);
      return text != NULL;
    }
  if (call->op == LEASH_FS_OP_STAT ? !leash_fs_stat (fs, ctx, call->path, &found, error)
                                   : !leash_fs_lstat (fs, ctx, call->path, &found, error))
    return FALSE;
  describe_stat (&found, to);
  return TRUE;
}

static inline gboolean
call_leash (LeashFs *fs, LeashContext *ctx, LeashFile **slots, const Call *c, GString *to, GError **error)
{
  switch (c->op)
    {
    case LEASH_FS_OP_OPEN:
      g_clear_pointer (&slots[c->slot], leash_file_unref);
      slots[c->slot] = leash_fs_open (fs, ctx, c->path, c->flags, c->mode, error);
      return slots[c->slot] != NULL;
    case LEASH_FS_OP_MKDIR:
      return leash_fs_mkdir (fs, ctx, c->path, c->mode, error);
    case LEASH_FS_OP_REMOVE:
      return leash_fs_remove (fs, ctx, c->path, error);
    case LEASH_FS_OP_RENAME:
      return leash_fs_rename_full (fs, ctx, c->path, c->target, c->flags, error);
    case LEASH_FS_OP_LINK:
      return leash_fs_link (fs, ctx, c->path, c->target, error);
    case LEASH_FS_OP_SYMLINK:
      return leash_fs_symlink (fs, ctx, c->target, c->path, error);
    case LEASH_FS_OP_TRUNCATE:
      return leash_fs_truncate (fs, ctx, c->path, c->a, error);
    case LEASH_FS_OP_CHMOD:
      return leash_fs_chmod (fs, ctx, c->path, c->mode, error);
    case LEASH_FS_OP_CHOWN:
      return leash_fs_chown (fs, ctx, c->path, c->a, c->b, c->flags, error);
    case LEASH_FS_OP_SET_TIMES:
      return leash_fs_set_times (fs, ctx, c->path, c->a, c->b, c->flags, error);
    default:
      return is_on_slot (c) ? call_leash_slot (ctx, &slots[c->slot], c, to, error)
                            : call_leash_looking (fs, ctx, c, to, error);
    }
}
