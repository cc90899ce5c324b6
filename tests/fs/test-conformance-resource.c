/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The conformance suite on resources: each test's content is written to the disk and compiled into a bundle,
 * by the compiler that is the first argument. Bundles have files only, with the directories that those are
 * in.
 */
#include "fs-fixture.h"

#include <leash/leash-files.h>
#include <leash/leash-fs-conformance.h>
#include <leash/leash-walk.h>

static const char *compiler;

typedef struct
{
  LeashFs *content;
  LeashFs *place; /* where it is written to */
  GString *list;  /* the bundle's description */
} Bundle;

static gboolean
is_empty (const LeashWalkEntry *entry)
{
  LeashContext *ctx = leash_context_background ();
  g_autoptr (LeashDir) dir = leash_fs_open_dir (entry->fs, ctx, entry->fs_path, NULL);
  const LeashDirEntry *first;

  return !leash_dir_next (dir, ctx, &first, NULL);
}

static LeashWalkAction
add_entry (const LeashWalkEntry *entry, gpointer data, GError **error)
{
  Bundle *self = data;
  LeashContext *ctx = leash_context_background ();
  g_autofree char *escaped = NULL;

  if (entry->type == G_FILE_TYPE_DIRECTORY && entry->depth == 0)
    return LEASH_WALK_CONTINUE;
  if (entry->type == G_FILE_TYPE_SYMBOLIC_LINK || !g_utf8_validate (entry->name, -1, NULL)
      || strpbrk (entry->name, "\n\r\t\\") != NULL
      || (entry->type == G_FILE_TYPE_DIRECTORY && is_empty (entry)))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, "a bundle has no “%s”", entry->name);
      return LEASH_WALK_STOP;
    }
  if (entry->type == G_FILE_TYPE_DIRECTORY)
    {
      leash_fs_mkdir (self->place, ctx, entry->path, 0755, error);
      return LEASH_WALK_CONTINUE;
    }
  escaped = g_markup_escape_text (entry->path + strlen ("./"), -1);
  g_string_append_printf (self->list, "<file>%s</file>", escaped);
  leash_copy_full (ctx, self->content, entry->path, self->place, entry->path, 0, NULL, NULL, error);
  return LEASH_WALK_CONTINUE;
}

static GResource *
compile (const char *place, GError **error)
{
  g_autofree char *list = g_build_filename (place, ".gresource.xml", NULL);
  g_autofree char *bundle = g_build_filename (place, ".gresource", NULL);
  const char *const command[] = { compiler, list, "--sourcedir", place, "--target", bundle, NULL };
  int status;

  if (!g_spawn_sync (NULL, (char **) command, NULL, 0, NULL, NULL, NULL, NULL, &status, error)
      || !g_spawn_check_wait_status (status, error))
    return NULL;
  return g_resource_load (bundle, error);
}

/* With content written to place, which is there and empty. */
static GResource *
make_bundle (LeashFs *content, const char *place, GError **error)
{
  g_autoptr (LeashContext) ctx = leash_context_with_fs (leash_context_background (), content);
  g_autoptr (LeashFs) dir = leash_dir_fs_new (place, error);
  g_autoptr (GString) list = g_string_new ("<gresources><gresource prefix=\"/\">");
  Bundle self = { content, dir, list };
  g_autofree char *path = g_build_filename (place, ".gresource.xml", NULL);

  if (!leash_walk (ctx, ".", 0, add_entry, &self, error))
    return NULL;
  g_string_append (list, "</gresource></gresources>");
  return g_file_set_contents (path, list->str, -1, error) ? compile (place, error) : NULL;
}

static LeashFs *
make (LeashFs *content, gpointer unused, GError **error)
{
  g_autofree char *place = g_dir_make_tmp ("leash-test-XXXXXX", error);
  g_autoptr (GResource) resource = NULL;

  g_assert_nonnull (place);
  resource = make_bundle (content, place, error);
  remove_tree (place);
  return resource != NULL ? leash_resource_fs_new (resource) : NULL;
}

int
main (int argc, char **argv)
{
  compiler = argv[1];
  argv[1] = argv[0];
  argc--;
  argv++;
  g_test_init (&argc, &argv, NULL);
  leash_fs_conformance_add ("/resource", make);
  return g_test_run ();
}
