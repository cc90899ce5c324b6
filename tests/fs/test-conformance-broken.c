/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * That the conformance suite finds what it is for: file systems that are broken in one way each, as those
 * that people write are. Each must fail a test that is named here, with a fault that says what is wrong.
 *
 * Every one is the file system in memory behind one function that is wrong.
 */
#include "../conformance-broken.h"
#include "fs-fixture.h"

#include <fcntl.h>

#include <leash/leash-fs-conformance.h>

typedef struct
{
  GObject parent_instance;
  LeashFs *inner;   /* owned */
  const char *flaw; /* the name of one of flaws */
} BrokenFs;

typedef GObjectClass BrokenFsClass;

/* What is wrong, the test that finds it, and what it says: ? is a quotation mark, which not every locale has.
 */
static const Flaw flaws[] = {
  { "makes-parents", "open/missing-parents-are-not-made",
    "*?missing/f?*expected ?No such file*found success*" },
  { "ignores-exclusive", "open/exclusive-refuses-what-is-there",
    "*?f?*expected ?File exists?, found success*" },
  { "ignores-truncate", "open/truncate-empties", "*stat ?f?: size: expected 0, found 4*" },
  { "directory-is-a-file", "open/directory-is-not-opened-for-writing",
    "*?d?*?Is a directory?, found success*" },
  { "wrong-code", "open/missing-is-not-found", "*?missing?*expected ?No such file*Input/output error*" },
  { "foreign-error", "open/missing-is-not-found",
    "*?missing?*expected an error of GIO's, found one of g-file*" },
  { "no-error", "open/missing-is-not-found", "*?missing?*expected ?No such file*without giving a reason*" },
  { "leaks-file", "list/every-entry-once", "*expected nothing to be open, found:*??1 x file \"f\"*", TRUE },
  { "leaks-descriptor", "list/every-entry-once", "*descriptors: expected *" },
  { "ignores-append", "write/append-goes-to-the-end-that-is", "*read ?f?: expected *" },
  { "lists-twice", "list/every-entry-once", "*open_dir ?.?: expected ?d f?, found ?d d f f?*" },
  { "lists-dots", "list/empty-directory-has-none", "*open_dir ?d?: expected ??, found ?.?*" },
  { "removes-full", "remove/directory-with-entries-is-refused", "*remove ?d?*not empty*found success*" },
  { "mkdir-exists", "mkdir/what-is-there-is-refused", "*mkdir ?d?: expected ?File exists?, found success*" },
  { "cleans-paths", "paths/dots-cross-out-no-name",
    "*?missing/../f?: expected ?No such file*found success*" },
  { "ignores-case", "names/case-and-form-are-kept", "*open_dir ?.?*" },
  { "ignores-slash", "paths/slash-behind-a-file-is-refused",
    "*?f/?*expected ?Not a directory?, found success*" },
};

static void broken_fs_init_iface (LeashFsInterface *iface);
static GType broken_fs_get_type (void);

G_DEFINE_FINAL_TYPE_WITH_CODE (BrokenFs, broken_fs, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (LEASH_TYPE_FS, broken_fs_init_iface))

static void
broken_fs_finalize (GObject *object)
{
  g_object_unref (((BrokenFs *) object)->inner);
  G_OBJECT_CLASS (broken_fs_parent_class)->finalize (object);
}

static void
broken_fs_class_init (BrokenFsClass *klass)
{
  klass->finalize = broken_fs_finalize;
}

static void
broken_fs_init (BrokenFs *self)
{
}

#define INNER(fs) (((BrokenFs *) (fs))->inner)
#define IFACE(fs) LEASH_FS_GET_IFACE (INNER (fs))

static gboolean
has_flaw (LeashFs *fs, const char *name)
{
  return strcmp (((BrokenFs *) fs)->flaw, name) == 0;
}

/* What the flaws that are of paths make of one. */
static char *
take_path (LeashFs *fs, const char *path)
{
  char *taken = has_flaw (fs, "ignores-case") ? g_ascii_strdown (path, -1) : g_strdup (path);
  gsize length = strlen (taken);

  if (has_flaw (fs, "ignores-slash") && length > 1 && taken[length - 1] == '/')
    taken[length - 1] = '\0';
  if (has_flaw (fs, "cleans-paths") && g_str_has_prefix (path, "missing/../"))
    memmove (taken, taken + strlen ("missing/../"), length - strlen ("missing/../") + 1);
  return taken;
}

/* What the flaws that are of errors make of one. */
static void
spoil_error (LeashFs *fs, GError **error)
{
  if (has_flaw (fs, "no-error"))
    g_clear_error (error);
  if (has_flaw (fs, "wrong-code"))
    {
      g_clear_error (error);
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_FAILED, "Input/output error");
    }
  if (has_flaw (fs, "foreign-error"))
    {
      g_clear_error (error);
      g_set_error_literal (error, G_FILE_ERROR, G_FILE_ERROR_NOENT, "not there");
    }
}

static LeashFile *
broken_open (LeashFs *fs, LeashContext *ctx, const char *path, LeashOpenFlags flags, guint mode,
             GError **error)
{
  g_autofree char *taken = take_path (fs, path);
  LeashFile *file;

  if (has_flaw (fs, "makes-parents") && strcmp (path, "missing/f") == 0)
    IFACE (fs)->mkdir (INNER (fs), ctx, "missing", 0755, NULL);
  if (has_flaw (fs, "ignores-exclusive"))
    flags &= ~(guint) LEASH_OPEN_EXCLUSIVE;
  if (has_flaw (fs, "ignores-truncate"))
    flags &= ~(guint) LEASH_OPEN_TRUNCATE;
  if (has_flaw (fs, "ignores-append"))
    flags &= ~(guint) LEASH_OPEN_APPEND;
  if (has_flaw (fs, "directory-is-a-file") && strcmp (path, "d") == 0)
    return IFACE (fs)->open (INNER (fs), ctx, "d/f", flags, mode, error);
  file = IFACE (fs)->open (INNER (fs), ctx, taken, flags, mode, error);
  if (file == NULL)
    spoil_error (fs, error);
  return file;
}

/* A directory that has each entry twice, or its dots. */
typedef struct
{
  GPtrArray *names;
  guint next;
} ListedTwice;

static gboolean
listed_next (gpointer impl, LeashContext *ctx, LeashDirEntry *ret_entry, GError **error)
{
  ListedTwice *self = impl;

  if (self->next == self->names->len)
    return FALSE;
  ret_entry->name = g_ptr_array_index (self->names, self->next++);
  return TRUE;
}

static gboolean
listed_close (gpointer impl, GError **error)
{
  return TRUE;
}

static void
listed_free (gpointer impl)
{
  g_ptr_array_unref (((ListedTwice *) impl)->names);
  g_free (impl);
}

static LeashDir *
list_wrongly (LeashFs *fs, LeashContext *ctx, const char *path)
{
  static const LeashDirOps ops = { .size = sizeof (LeashDirOps), .next = listed_next, .close = listed_close };
  g_autoptr (LeashContext) untracked = leash_context_with_cancel (leash_context_background ());
  g_autoptr (LeashDir) dir = leash_fs_open_dir (INNER (fs), untracked, path, NULL);
  ListedTwice *self = g_new0 (ListedTwice, 1);
  const LeashDirEntry *entry;

  self->names = g_ptr_array_new_with_free_func (g_free);
  while (leash_dir_next (dir, untracked, &entry, NULL))
    for (guint i = has_flaw (fs, "lists-twice") ? 2 : 1; i > 0; i--)
      g_ptr_array_add (self->names, g_strdup (entry->name));
  if (has_flaw (fs, "lists-dots"))
    g_ptr_array_add (self->names, g_strdup ("."));
  return leash_dir_new (&ops, self, listed_free, path);
}

static LeashDir *
broken_open_dir (LeashFs *fs, LeashContext *ctx, const char *path, GError **error)
{
  if (has_flaw (fs, "lists-twice") || has_flaw (fs, "lists-dots"))
    return list_wrongly (fs, ctx, path);
  if (has_flaw (fs, "leaks-descriptor"))
    g_assert_cmpint (open ("/dev/null", O_RDONLY | O_CLOEXEC), >=, 0);
  /* The context's tracker is told, and nobody closes it. */
  if (has_flaw (fs, "leaks-file"))
    g_assert_nonnull (leash_track (ctx, "file", "f"));
  return IFACE (fs)->open_dir (INNER (fs), ctx, path, error);
}

static gboolean
broken_stat (LeashFs *fs, LeashContext *ctx, const char *path, LeashStat *ret_stat, GError **error)
{
  g_autofree char *taken = take_path (fs, path);

  return IFACE (fs)->stat (INNER (fs), ctx, taken, ret_stat, error);
}

static gboolean
broken_lstat (LeashFs *fs, LeashContext *ctx, const char *path, LeashStat *ret_stat, GError **error)
{
  return IFACE (fs)->lstat (INNER (fs), ctx, path, ret_stat, error);
}

static gboolean
broken_mkdir (LeashFs *fs, LeashContext *ctx, const char *path, guint mode, GError **error)
{
  return IFACE (fs)->mkdir (INNER (fs), ctx, path, mode, has_flaw (fs, "mkdir-exists") ? NULL : error)
         || has_flaw (fs, "mkdir-exists");
}

static gboolean
broken_remove (LeashFs *fs, LeashContext *ctx, const char *path, GError **error)
{
  if (has_flaw (fs, "removes-full"))
    IFACE (fs)->remove (INNER (fs), ctx, "d/f", NULL);
  return IFACE (fs)->remove (INNER (fs), ctx, path, error);
}

static gboolean
broken_symlink (LeashFs *fs, LeashContext *ctx, const char *target, const char *path, GError **error)
{
  return IFACE (fs)->symlink (INNER (fs), ctx, target, path, error);
}

static LeashFsFeatures
broken_get_features (LeashFs *fs)
{
  return leash_fs_get_features (INNER (fs));
}

static void
broken_fs_init_iface (LeashFsInterface *iface)
{
  iface->version = LEASH_FS_INTERFACE_VERSION;
  iface->open = broken_open;
  iface->open_dir = broken_open_dir;
  iface->stat = broken_stat;
  iface->lstat = broken_lstat;
  iface->mkdir = broken_mkdir;
  iface->remove = broken_remove;
  iface->symlink = broken_symlink;
  iface->get_features = broken_get_features;
}

static LeashFs *
make_broken (LeashFs *content, gpointer flaw, GError **error)
{
  BrokenFs *fs = g_object_new (broken_fs_get_type (), NULL);

  fs->inner = leash_memory_fs_new ();
  fs->flaw = flaw;
  return LEASH_FS (fs);
}

int
main (int argc, char **argv)
{
  program = argv[0];
  g_test_init (&argc, &argv, NULL);
  leash_fs_conformance_add_full ("/broken/subprocess/sound", make_broken, (gpointer) "sound", NULL);
  for (guint i = 0; i < G_N_ELEMENTS (flaws); i++)
    {
      g_autofree char *path = get_suite_path (flaws[i].name);

      leash_fs_conformance_add_full (path, make_broken, (gpointer) flaws[i].name, NULL);
      add_flaw ("fs", &flaws[i]);
    }
  return g_test_run ();
}
