/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The conformance suite on the file systems that stand before another one. */
#include "fs-fixture.h"

#include <leash/leash-fs-conformance.h>

static void
remove_place (gpointer path)
{
  remove_tree (path);
  g_free (path);
}

/* A rooted directory of its own, removed with it. */
static LeashFs *
make_dir (GError **error)
{
  char *path = g_dir_make_tmp ("leash-test-XXXXXX", error);
  LeashFs *fs = leash_dir_fs_new (path, error);

  g_assert_nonnull (fs);
  g_object_set_data_full (G_OBJECT (fs), "place", path, remove_place);
  return fs;
}

static LeashFs *
make_read_only (LeashFs *content, gpointer unused, GError **error)
{
  return leash_read_only_fs_new (content);
}

static LeashFs *
make_fault (LeashFs *content, gpointer unused, GError **error)
{
  g_autoptr (LeashFs) dir = make_dir (error);

  return leash_fault_fs_new (dir);
}

static LeashFs *
make_trace (LeashFs *content, gpointer unused, GError **error)
{
  g_autoptr (LeashFs) dir = make_dir (error);

  return leash_trace_fs_new (dir, LEASH_TRACE_NONE);
}

/* The inner one is kept: what the sub-tree holds of it is no reference to what removes its files. */
static LeashFs *
make_sub (LeashFs *outer, GError **error)
{
  LeashFs *fs;

  if (!leash_fs_mkdir (outer, leash_context_background (), "sub", 0755, error))
    return NULL;
  fs = leash_sub_fs_new (outer, "sub", error);
  g_assert_nonnull (fs);
  g_object_set_data_full (G_OBJECT (fs), "outer", g_object_ref (outer), g_object_unref);
  return fs;
}

static LeashFs *
make_sub_rooted (LeashFs *content, gpointer unused, GError **error)
{
  g_autoptr (LeashFs) dir = make_dir (error);

  return make_sub (dir, error);
}

/* An overlay opens no roots. */
static LeashFs *
make_sub_by_names (LeashFs *content, gpointer unused, GError **error)
{
  g_autoptr (LeashFs) upper = make_dir (error);
  g_autoptr (LeashFs) lower = make_dir (error);
  g_autoptr (LeashFs) overlay = leash_overlay_fs_new (upper, lower);

  return make_sub (overlay, error);
}

int
main (int argc, char **argv)
{
  umask (022);
  g_test_init (&argc, &argv, NULL);
  leash_fs_conformance_add ("/read-only", make_read_only);
  leash_fs_conformance_add ("/fault", make_fault);
  leash_fs_conformance_add ("/trace", make_trace);
  leash_fs_conformance_add ("/sub-rooted", make_sub_rooted);
  leash_fs_conformance_add ("/sub-by-names", make_sub_by_names);
  return g_test_run ();
}
