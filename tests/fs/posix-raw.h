/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The calls of posix-calls.h, made by the C library and the kernel alone. 0 or an errno. */
#pragma once

#include "posix-calls.h"

static inline int
raw_result (long result)
{
  return result < 0 ? errno : 0;
}

static inline int
raw_open_flags (guint flags)
{
  int mode = (flags & LEASH_OPEN_WRITE) == 0 ? O_RDONLY : (flags & LEASH_OPEN_READ) != 0 ? O_RDWR : O_WRONLY;

  return mode | ((flags & LEASH_OPEN_CREATE) != 0 ? O_CREAT : 0)
         | ((flags & LEASH_OPEN_EXCLUSIVE) != 0 ? O_EXCL : 0)
         | ((flags & LEASH_OPEN_TRUNCATE) != 0 ? O_TRUNC : 0)
         | ((flags & LEASH_OPEN_APPEND) != 0 ? O_APPEND : 0);
}

static inline void
raw_describe (const struct stat *found, GString *to)
{
  LeashStat stat = { .mode = found->st_mode & 07777, .nlink = found->st_nlink, .size = (guint64) found->st_size };

  stat.type = S_ISDIR (found->st_mode)   ? G_FILE_TYPE_DIRECTORY
              : S_ISLNK (found->st_mode) ? G_FILE_TYPE_SYMBOLIC_LINK
                                         : G_FILE_TYPE_REGULAR;
  stat.uid = found->st_uid;
  stat.gid = found->st_gid;
  stat.mtime_ns = found->st_mtim.tv_sec * G_GINT64_CONSTANT (1000000000) + found->st_mtim.tv_nsec;
  describe_stat (&stat, to);
}

static inline int
raw_list (const char *path, GString *to)
{
  DIR *stream = opendir (path);
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  struct dirent *entry;

  if (stream == NULL)
    return errno;
  while ((entry = readdir (stream)) != NULL)
    if (strcmp (entry->d_name, ".") != 0 && strcmp (entry->d_name, "..") != 0)
      g_ptr_array_add (names, g_strdup_printf ("%s:%d", entry->d_name,
                                               entry->d_type == DT_DIR   ? G_FILE_TYPE_DIRECTORY
                                               : entry->d_type == DT_LNK ? G_FILE_TYPE_SYMBOLIC_LINK
                                                                         : G_FILE_TYPE_REGULAR));
  closedir (stream);
  describe_names (names, to);
  return 0;
}

static inline int
raw_remove (const char *path)
{
  if (unlink (path) == 0)
    return 0;
  return errno == EISDIR || errno == EPERM ? raw_result (rmdir (path)) : errno;
}

static inline struct timespec
raw_time (gint64 time_ns)
{
  if (time_ns == LEASH_TIME_KEEP || time_ns == LEASH_TIME_NOW)
    return (struct timespec){ 0, time_ns == LEASH_TIME_NOW ? UTIME_NOW : UTIME_OMIT };
  return (struct timespec){ time_ns / 1000000000, time_ns % 1000000000 };
}

static inline int
raw_slot (int *slot, gboolean appends, const Call *call, GString *to)
{
  static char buffer[65536];
  static const int whences[] = { SEEK_SET, SEEK_CUR, SEEK_END };
  struct stat found;
  gssize n;
  int code;

  switch (call->op)
    {
    case LEASH_FS_OP_READ:
      n = call->flags != 0 ? pread (*slot, buffer, (gsize) call->b, call->a) : read (*slot, buffer, (gsize) call->b);
      code = raw_result (n);
      describe_content (buffer, n, to);
      return code;
    case LEASH_FS_OP_WRITE:
      n = call->flags != 0 && !appends ? pwrite (*slot, content_of (call), (gsize) call->b, call->a)
                                       : write (*slot, content_of (call), (gsize) call->b);
      code = raw_result (n);
      g_string_append_printf (to, " %" G_GSSIZE_FORMAT, n);
      return code;
    case LEASH_FS_OP_SEEK:
      n = lseek (*slot, call->flags == 0 ? call->a : -call->a, whences[call->flags]);
      code = raw_result (n);
      g_string_append_printf (to, " at %" G_GSSIZE_FORMAT, n);
      return code;
    case LEASH_FS_OP_FILE_TRUNCATE:
      return raw_result (ftruncate (*slot, call->a));
    case LEASH_FS_OP_FILE_STAT:
      code = raw_result (fstat (*slot, &found));
      raw_describe (&found, to);
      return code;
    default:
      code = raw_result (close (*slot));
      *slot = -1;
      return code;
    }
}

static inline int
raw_look (const Call *call, GString *to)
{
  char text[PATH_MAX];
  struct stat found;
  int follow = call->op == LEASH_FS_OP_LSTAT ? AT_SYMLINK_NOFOLLOW : 0;
  int code;

  if (call->op == LEASH_FS_OP_OPEN_DIR)
    return raw_list (call->path, to);
  if (call->op == LEASH_FS_OP_READLINK)
    {
      gssize n = readlink (call->path, text, sizeof text);

      code = raw_result (n);
      g_string_append_printf (to, " %.*s", (int) MAX (n, 0), text);
      return code;
    }
  code = raw_result (fstatat (AT_FDCWD, call->path, &found, follow));
  if (code == 0)
    raw_describe (&found, to);
  return code;
}

static inline int
raw_call (int *slots, gboolean appends, const Call *c, GString *to)
{
  const struct timespec times[] = { raw_time (c->a), raw_time (c->b) };
  int at = (c->flags & LEASH_PATH_NO_FOLLOW) != 0 ? AT_SYMLINK_NOFOLLOW : 0;
  guint rename_flags = ((c->flags & LEASH_RENAME_NO_REPLACE) != 0 ? RENAME_NOREPLACE : 0)
                       | ((c->flags & LEASH_RENAME_EXCHANGE) != 0 ? RENAME_EXCHANGE : 0);

  switch (c->op)
    {
    case LEASH_FS_OP_OPEN:
      if (slots[c->slot] >= 0)
        close (slots[c->slot]);
      slots[c->slot] = open (c->path, raw_open_flags (c->flags) | O_CLOEXEC, c->mode);
      return raw_result (slots[c->slot]);
    case LEASH_FS_OP_MKDIR:
      return raw_result (mkdir (c->path, c->mode));
    case LEASH_FS_OP_REMOVE:
      return raw_remove (c->path);
    case LEASH_FS_OP_RENAME:
      return raw_result (renameat2 (AT_FDCWD, c->path, AT_FDCWD, c->target, rename_flags));
    case LEASH_FS_OP_LINK:
      return raw_result (link (c->path, c->target));
    case LEASH_FS_OP_SYMLINK:
      return raw_result (symlink (c->target, c->path));
    case LEASH_FS_OP_TRUNCATE:
      return raw_result (truncate (c->path, c->a));
    case LEASH_FS_OP_CHMOD:
      return raw_result (chmod (c->path, c->mode));
    case LEASH_FS_OP_CHOWN:
      return raw_result (fchownat (AT_FDCWD, c->path, (uid_t) c->a, (gid_t) c->b, at));
    case LEASH_FS_OP_SET_TIMES:
      return raw_result (utimensat (AT_FDCWD, c->path, times, at));
    default:
      return is_on_slot (c) ? raw_slot (&slots[c->slot], appends, c, to) : raw_look (c, to);
    }
}
