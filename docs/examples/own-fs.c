/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A file system of one's own: texts by their names, without directories, for reading. What it opens is
 * tracked like that of any other, and the conformance suite says whether it behaves.
 */
#include <errno.h>
#include <string.h>

#include <leash/leash-fs-conformance.h>
#include <leash/leash.h>

typedef struct
{
  GObject parent_instance;
  GHashTable *texts; /* of GBytes by name; owned */
} TextsFs;

typedef GObjectClass TextsFsClass;

static void texts_fs_init_iface (LeashFsInterface *iface);
static GType texts_fs_get_type (void);

G_DEFINE_FINAL_TYPE_WITH_CODE (TextsFs, texts_fs, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (LEASH_TYPE_FS, texts_fs_init_iface))

static void
texts_fs_finalize (GObject *object)
{
  g_hash_table_unref (((TextsFs *) object)->texts);
  G_OBJECT_CLASS (texts_fs_parent_class)->finalize (object);
}

static void
texts_fs_class_init (TextsFsClass *klass)
{
  klass->finalize = texts_fs_finalize;
}

static void
texts_fs_init (TextsFs *self)
{
  self->texts = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_bytes_unref);
}

/* An error gives the reason only: what was attempted, and on what, is put before it. */
static gpointer
fail (int code, GError **error)
{
  g_set_error_literal (error, G_IO_ERROR, (int) g_io_error_from_errno (code), g_strerror (code));
  return NULL;
}

/* Tells what a path leads to, and gives the text where it is one. */
static gboolean
look_up (LeashFs *fs, const char *path, LeashStat *ret_stat, GBytes **ret_text, GError **error)
{
  gsize length = strcspn (path, "/");
  g_autofree char *name = g_strndup (path, length);

  if (length > 255)
    return fail (ENAMETOOLONG, error) != NULL;
  *ret_text = g_hash_table_lookup (((TextsFs *) fs)->texts, name);
  if (*ret_text != NULL && path[length] == '/')
    return fail (ENOTDIR, error) != NULL;
  if (*ret_text == NULL && path[strspn (path, "./")] != '\0')
    return fail (ENOENT, error) != NULL;
  ret_stat->type = *ret_text != NULL ? G_FILE_TYPE_REGULAR : G_FILE_TYPE_DIRECTORY;
  ret_stat->mode = *ret_text != NULL ? 0444 : 0555;
  ret_stat->size = *ret_text != NULL ? g_bytes_get_size (*ret_text) : 0;
  return TRUE;
}

static LeashFile *
texts_open (LeashFs *fs, LeashContext *ctx, const char *path, LeashOpenFlags flags, guint mode,
            GError **error)
{
  LeashStat stat = { 0 };
  GBytes *text;

  if (!look_up (fs, path, &stat, &text, error))
    return NULL;
  if (text == NULL)
    return fail (EISDIR, error);
  if (flags != LEASH_OPEN_READ)
    return fail (EROFS, error);
  return leash_file_new_from_bytes (text, &stat, path);
}

static gboolean
texts_stat (LeashFs *fs, LeashContext *ctx, const char *path, LeashStat *ret_stat, GError **error)
{
  GBytes *text;

  return look_up (fs, path, ret_stat, &text, error);
}

static void
texts_fs_init_iface (LeashFsInterface *iface)
{
  iface->version = LEASH_FS_INTERFACE_VERSION;
  iface->open = texts_open;
  iface->stat = texts_stat;
  iface->lstat = texts_stat;
}

/* Takes over what a test begins with, or says why not. */
static LeashFs *
make_texts (LeashFs *content, gpointer unused, GError **error)
{
  g_autoptr (LeashContext) ctx = leash_context_with_fs (leash_context_background (), content);
  g_autoptr (LeashDir) dir = leash_open_dir (ctx, ".", error);
  g_autoptr (GObject) made = g_object_new (texts_fs_get_type (), NULL);
  const LeashDirEntry *entry;

  while (leash_dir_next (dir, ctx, &entry, NULL))
    {
      GBytes *text;

      if (entry->type != G_FILE_TYPE_REGULAR)
        {
          g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, "it has files only");
          return NULL;
        }
      text = leash_read_file (ctx, entry->name, error);
      if (text == NULL)
        return NULL;
      g_hash_table_insert (((TextsFs *) made)->texts, g_strdup (entry->name), text);
    }
  return LEASH_FS (g_steal_pointer (&made));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  leash_fs_conformance_add ("/texts", make_texts);
  return g_test_run ();
}
