/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A file system of one directory whose power fails. Each file has what is on the device and what was done since it was last
 * synced; so has the directory. At the nth change the power goes: that change may be half done, and whatever is asked afterwards fails.
 * crash_fs_recover() is the disk as it may be found then, by a seed: of what was not synced all, nothing, or any part of it is there, a write
 * cut into sectors. The same seed makes the same disk.
 *
 * For one thread.
 */
#pragma once

#include <leash/leash.h>
#include <string.h>

#define SECTOR 512

typedef struct
{
  gboolean is_truncation; /* to offset */
  gint64 offset;
  GBytes *bytes; /* of a write */
} Change;

typedef struct
{
  gint ref_count; /* of names and open files */
  guint64 number;
  GByteArray *now, *durable;
  GPtrArray *changes; /* since durable */
} Content;

typedef struct
{
  char *name;
  Content *content; /* NULL: it was removed */
} NameChange;

#define CRASH_TYPE_FS (crash_fs_get_type ())
G_DECLARE_FINAL_TYPE (CrashFs, crash_fs, CRASH, FS, GObject)

struct _CrashFs
{
  GObject parent_instance;
  GHashTable *now, *durable; /* of name to Content */
  GPtrArray *changes;        /* since durable */
  guint64 last_number;
  guint64 n_changes, fails_at; /* 0: never */
  gboolean is_off;
  gboolean is_lying; /* syncing does nothing, and says that it did */
};

static void
change_free (gpointer data)
{
  Change *self = data;

  g_bytes_unref (self->bytes);
  g_free (self);
}

static Content *
content_new (CrashFs *fs, const GByteArray *bytes)
{
  Content *self = g_new0 (Content, 1);

  self->ref_count = 1;
  self->number = ++fs->last_number;
  self->now = g_byte_array_new ();
  self->durable = g_byte_array_new ();
  self->changes = g_ptr_array_new_with_free_func (change_free);
  if (bytes != NULL)
    {
      g_byte_array_append (self->now, bytes->data, bytes->len);
      g_byte_array_append (self->durable, bytes->data, bytes->len);
    }
  return self;
}

static Content *
content_ref (Content *self)
{
  self->ref_count++;
  return self;
}

static void
content_unref (gpointer data)
{
  Content *self = data;

  if (self == NULL || --self->ref_count > 0)
    return;
  g_byte_array_unref (self->now);
  g_byte_array_unref (self->durable);
  g_ptr_array_unref (self->changes);
  g_free (self);
}

static void
name_change_free (gpointer data)
{
  NameChange *self = data;

  content_unref (self->content);
  g_free (self->name);
  g_free (self);
}

static void
set_length (GByteArray *bytes, gsize length)
{
  gsize before = bytes->len;

  g_byte_array_set_size (bytes, (guint) length);
  if (length > before)
    memset (bytes->data + before, 0, length - before);
}

static void
put_bytes (GByteArray *bytes, const guint8 *from, gsize count, gsize offset)
{
  if (bytes->len < offset + count)
    set_length (bytes, offset + count);
  memcpy (bytes->data + offset, from, count);
}

static void
apply (const Change *change, GByteArray *to)
{
  gsize count;
  const guint8 *bytes = g_bytes_get_data (change->bytes, &count);

  if (change->is_truncation)
    set_length (to, (gsize) change->offset);
  else
    put_bytes (to, bytes, count, (gsize) change->offset);
}

static void
sync_content (Content *self)
{
  for (guint i = 0; i < self->changes->len; i++)
    apply (g_ptr_array_index (self->changes, i), self->durable);
  g_ptr_array_set_size (self->changes, 0);
}

static void
set_name (GHashTable *names, const NameChange *change)
{
  if (change->content != NULL)
    g_hash_table_insert (names, g_strdup (change->name), content_ref (change->content));
  else
    g_hash_table_remove (names, change->name);
}

static void
sync_names (CrashFs *self)
{
  for (guint i = 0; i < self->changes->len; i++)
    set_name (self->durable, g_ptr_array_index (self->changes, i));
  g_ptr_array_set_size (self->changes, 0);
}

static void
change_name (CrashFs *self, const char *name, Content *content)
{
  NameChange *change = g_new (NameChange, 1);

  change->name = g_strdup (name);
  change->content = content;
  set_name (self->now, change);
  g_ptr_array_add (self->changes, change);
}

static void
change_content (Content *content, gboolean is_truncation, gint64 offset, const void *bytes, gsize count)
{
  Change *change = g_new (Change, 1);

  *change = (Change){ is_truncation, offset, g_bytes_new (bytes, count) };
  apply (change, content->now);
  g_ptr_array_add (content->changes, change);
}

static gboolean
fail (GError **error)
{
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_FAILED, "Input/output error: the power is off");
  return FALSE;
}

/* Whether the power is on still; a change calls this when it is done. */
static gboolean
is_done (CrashFs *self, GError **error)
{
  if (++self->n_changes == self->fails_at)
    self->is_off = TRUE;
  return !self->is_off || fail (error);
}

typedef struct
{
  CrashFs *fs;      /* a reference */
  Content *content; /* likewise; NULL for the directory */
} OpenFile;

static gssize
crash_pread (gpointer impl, LeashContext *ctx, void *buffer, gsize count, gint64 offset, GError **error)
{
  OpenFile *self = impl;
  gsize length = self->content->now->len;

  if (self->fs->is_off)
    return fail (error) - 1;
  if ((guint64) offset >= length)
    return 0;
  count = MIN (count, length - (gsize) offset);
  memcpy (buffer, self->content->now->data + offset, count);
  return (gssize) count;
}

static gssize
crash_pwrite (gpointer impl, LeashContext *ctx, const void *buffer, gsize count, gint64 offset, GError **error)
{
  OpenFile *self = impl;

  if (self->fs->is_off)
    return fail (error) - 1;
  change_content (self->content, FALSE, offset, buffer, count);
  return is_done (self->fs, error) ? (gssize) count : -1;
}

static gboolean
crash_truncate (gpointer impl, LeashContext *ctx, gint64 length, GError **error)
{
  OpenFile *self = impl;

  if (self->fs->is_off)
    return fail (error);
  change_content (self->content, TRUE, length, NULL, 0);
  return is_done (self->fs, error);
}

/* One that the power goes in does nothing. */
static gboolean
crash_sync (gpointer impl, LeashContext *ctx, GError **error)
{
  OpenFile *self = impl;

  if (self->fs->is_off)
    return fail (error);
  if (!is_done (self->fs, error))
    return FALSE;
  if (!self->fs->is_lying && self->content != NULL)
    sync_content (self->content);
  else if (!self->fs->is_lying)
    sync_names (self->fs);
  return TRUE;
}

static gboolean
crash_file_stat (gpointer impl, LeashContext *ctx, LeashStat *ret_stat, GError **error)
{
  OpenFile *self = impl;

  if (self->fs->is_off)
    return fail (error);
  ret_stat->type = self->content != NULL ? G_FILE_TYPE_REGULAR : G_FILE_TYPE_DIRECTORY;
  ret_stat->mode = 0644;
  ret_stat->size = self->content != NULL ? self->content->now->len : 0;
  ret_stat->inode = self->content != NULL ? self->content->number : G_MAXUINT64;
  return TRUE;
}

static gboolean
crash_close (gpointer impl, GError **error)
{
  return TRUE;
}

static void
free_open (gpointer impl)
{
  OpenFile *self = impl;

  content_unref (self->content);
  g_object_unref (self->fs);
  g_free (self);
}

static const LeashFileOps crash_file_ops = {
  .size = sizeof (LeashFileOps),
  .pread = crash_pread,
  .pwrite = crash_pwrite,
  .stat = crash_file_stat,
  .truncate = crash_truncate,
  .sync = crash_sync,
  .close = crash_close,
};

static LeashFile *
crash_open (LeashFs *fs, LeashContext *ctx, const char *path, LeashOpenFlags flags, guint mode, GError **error)
{
  CrashFs *self = CRASH_FS (fs);
  Content *content = g_hash_table_lookup (self->now, path);
  OpenFile *file;

  if (self->is_off && !fail (error))
    return NULL;
  if (content == NULL && strcmp (path, ".") != 0)
    {
      if ((flags & LEASH_OPEN_CREATE) == 0)
        {
          g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "No such file or directory");
          return NULL;
        }
      content = content_new (self, NULL);
      change_name (self, path, content);
      if (!is_done (self, error))
        return NULL;
    }
  file = g_new (OpenFile, 1);
  file->fs = g_object_ref (self);
  file->content = content != NULL ? content_ref (content) : NULL;
  return leash_file_new (&crash_file_ops, file, free_open, path, flags);
}

static gboolean
crash_stat (LeashFs *fs, LeashContext *ctx, const char *path, LeashStat *ret_stat, GError **error)
{
  CrashFs *self = CRASH_FS (fs);
  OpenFile file = { self, g_hash_table_lookup (self->now, path) };

  if (self->is_off)
    return fail (error);
  if (file.content != NULL || strcmp (path, ".") == 0)
    return crash_file_stat (&file, ctx, ret_stat, error);
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "No such file or directory");
  return FALSE;
}

static gboolean
crash_remove (LeashFs *fs, LeashContext *ctx, const char *path, GError **error)
{
  CrashFs *self = CRASH_FS (fs);

  if (self->is_off)
    return fail (error);
  if (!g_hash_table_contains (self->now, path))
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "No such file or directory");
      return FALSE;
    }
  change_name (self, path, NULL);
  return is_done (self, error);
}

static LeashFsFeatures
crash_get_features (LeashFs *fs)
{
  return LEASH_FS_FEATURE_WRITE | LEASH_FS_FEATURE_INODES | LEASH_FS_FEATURE_OPEN_AFTER_REMOVE;
}

static void
crash_fs_iface_init (LeashFsInterface *iface)
{
  iface->version = LEASH_FS_INTERFACE_VERSION;
  iface->open = crash_open;
  iface->stat = crash_stat;
  iface->lstat = crash_stat;
  iface->remove = crash_remove;
  iface->get_features = crash_get_features;
}

G_DEFINE_FINAL_TYPE_WITH_CODE (CrashFs, crash_fs, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (LEASH_TYPE_FS, crash_fs_iface_init))

static void
crash_fs_finalize (GObject *object)
{
  CrashFs *self = CRASH_FS (object);

  g_hash_table_unref (self->now);
  g_hash_table_unref (self->durable);
  g_ptr_array_unref (self->changes);
  G_OBJECT_CLASS (crash_fs_parent_class)->finalize (object);
}

static void
crash_fs_class_init (CrashFsClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = crash_fs_finalize;
}

static void
crash_fs_init (CrashFs *self)
{
  self->now = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, content_unref);
  self->durable = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, content_unref);
  self->changes = g_ptr_array_new_with_free_func (name_change_free);
}

static CrashFs *
crash_fs_new (void)
{
  return g_object_new (CRASH_TYPE_FS, NULL);
}

/* Everything is on the device; from now on, the nth change is the last. */
static void
crash_fs_fail_at (CrashFs *self, guint64 nth)
{
  GHashTableIter each;
  gpointer content;

  g_hash_table_iter_init (&each, self->now);
  while (g_hash_table_iter_next (&each, NULL, &content))
    sync_content (content);
  sync_names (self);
  self->n_changes = 0;
  self->fails_at = nth;
}

/* How much of what was not synced arrives. */
typedef struct
{
  GRand *dice;
  double chance;   /* of each sector */
  gboolean in_order; /* what arrives did so before all that does not */
} Luck;

static Luck
make_luck (guint32 seed)
{
  static const double chances[] = { 0, 1, 0.5, 0.1, 0.9 };

  return (Luck){ g_rand_new_with_seed (seed), chances[seed % G_N_ELEMENTS (chances)], seed % 2 == 0 };
}

static gboolean
arrives (const Luck *luck)
{
  return g_rand_double (luck->dice) < luck->chance;
}

static void
apply_torn (const Change *change, GByteArray *to, const Luck *luck)
{
  gsize count;
  const guint8 *bytes = g_bytes_get_data (change->bytes, &count);

  if (change->is_truncation)
    {
      if (arrives (luck))
        apply (change, to);
      return;
    }
  for (gsize done = 0; done < count;)
    {
      gsize offset = (gsize) change->offset + done;
      gsize length = MIN (SECTOR - offset % SECTOR, count - done);

      if (arrives (luck))
        put_bytes (to, bytes + done, length, offset);
      done += length;
    }
}

/* How many of n come before the first that does not arrive. */
static guint
get_prefix (guint n, const Luck *luck)
{
  return luck->chance >= 1 ? n : luck->chance <= 0 ? 0 : (guint) g_rand_int_range (luck->dice, 0, (gint32) n + 1);
}

static GByteArray *
recover_content (const Content *content, const Luck *luck)
{
  GByteArray *found = g_byte_array_new ();
  guint prefix = get_prefix (content->changes->len, luck);

  g_byte_array_append (found, content->durable->data, content->durable->len);
  for (guint i = 0; i < content->changes->len; i++)
    {
      const Change *change = g_ptr_array_index (content->changes, i);

      if (!luck->in_order || i == prefix)
        apply_torn (change, found, luck);
      else if (i < prefix)
        apply (change, found);
    }
  return found;
}

static CrashFs *
crash_fs_recover (CrashFs *self, guint32 seed)
{
  Luck luck = make_luck (seed);
  CrashFs *found = crash_fs_new ();
  g_autoptr (GHashTable) names = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, content_unref);
  guint prefix = get_prefix (self->changes->len, &luck);
  GHashTableIter each;
  gpointer name, content;

  g_hash_table_iter_init (&each, self->durable);
  while (g_hash_table_iter_next (&each, &name, &content))
    g_hash_table_insert (names, g_strdup (name), content_ref (content));
  for (guint i = 0; i < prefix; i++)
    set_name (names, g_ptr_array_index (self->changes, i));
  g_hash_table_iter_init (&each, names);
  while (g_hash_table_iter_next (&each, &name, &content))
    {
      g_autoptr (GByteArray) bytes = recover_content (content, &luck);

      change_name (found, name, content_new (found, bytes));
    }
  crash_fs_fail_at (found, 0);
  g_rand_free (luck.dice);
  return found;
}
