/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The conformance suite on every file system that comes with Leash; meson runs this program once for each, by
 * the paths of the tests. Those of the kernel run as an ordinary user too, where the tests are run by root.
 */
#include "fs-fixture.h"

#include <leash/leash-fs-conformance.h>

/* Nobody: of the tests that an ordinary user is refused in. */
#define ORDINARY_ID 65534

/* A directory of the disk for one test, which the process is in while the test runs. */
typedef struct
{
  char *path;
  char *before; /* where the process was */
} Place;

static void
leave (gpointer data)
{
  Place *place = data;

  if (geteuid () != getuid ())
    g_assert_cmpint (seteuid (getuid ()), ==, 0);
  g_assert_cmpint (chdir (place->before), ==, 0);
  remove_tree (place->path);
  free (place->path);
  free (place->before);
  g_free (place);
}

/* Makes a directory that goes with fs. */
static Place *
enter (LeashFs *fs)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = g_dir_make_tmp ("leash-test-XXXXXX", &error);
  Place *place = g_new0 (Place, 1);

  g_assert_no_error (error);
  place->path = realpath (path, NULL);
  place->before = realpath (".", NULL);
  g_object_set_data_full (G_OBJECT (fs), "place", place, leave);
  return place;
}

/* The process's working directory; as an ordinary user where as_user is not NULL. */
static LeashFs *
make_host (LeashFs *content, gpointer as_user, GError **error)
{
  g_autoptr (LeashFs) fs = leash_host_fs_new ();
  Place *place = enter (fs);

  g_assert_cmpint (chdir (place->path), ==, 0);
  if (as_user != NULL)
    {
      g_assert_cmpint (chown (place->path, ORDINARY_ID, ORDINARY_ID), ==, 0);
      g_assert_cmpint (seteuid (ORDINARY_ID), ==, 0);
    }
  return g_steal_pointer (&fs);
}

static LeashFs *
make_dir (LeashFs *content, gpointer as_user, GError **error)
{
  g_autoptr (LeashFs) host = leash_host_fs_new ();
  Place *place = enter (host);
  g_autoptr (LeashFs) fs = leash_dir_fs_new (place->path, error);

  g_assert_nonnull (fs);
  if (as_user != NULL)
    {
      g_assert_cmpint (chown (place->path, ORDINARY_ID, ORDINARY_ID), ==, 0);
      g_assert_cmpint (seteuid (ORDINARY_ID), ==, 0);
    }
  g_object_set_data_full (G_OBJECT (fs), "host", g_steal_pointer (&host), g_object_unref);
  return g_steal_pointer (&fs);
}

/* Over what it is to show, with its changes in memory. That a reader sees what is changed under it is the one
 * thing that it does not do, as overlayfs does not. */
static LeashFs *
make_overlay (LeashFs *content, gpointer unused, GError **error)
{
  g_autoptr (LeashFs) upper = leash_memory_fs_new ();

  if (g_str_has_suffix (g_test_get_path (), "/reader-sees-the-new-end"))
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                           "a file that is open for reading when it is copied up keeps its content");
      return NULL;
    }
  return leash_overlay_fs_new (upper, content);
}

/* Of what it is to show, between two layers that are empty. */
static LeashFs *
make_union (LeashFs *content, gpointer unused, GError **error)
{
  g_autoptr (LeashFs) empty = leash_memory_fs_new ();
  LeashFs *const layers[] = { empty, content, empty };

  return leash_union_fs_new (layers, G_N_ELEMENTS (layers));
}

/* GIO on the disk, which has no streams that read and append. */
static LeashFs *
make_gfile (LeashFs *content, gpointer unused, GError **error)
{
  g_autoptr (LeashFs) host = NULL;
  g_autoptr (GFile) root = NULL;
  LeashFs *fs;
  Place *place;

  if (g_str_has_suffix (g_test_get_path (), "/all-flags-do-as-posix-says"))
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                           "GIO has no streams that read and append, which are among all flags");
      return NULL;
    }
  host = leash_host_fs_new ();
  place = enter (host);
  root = g_file_new_for_path (place->path);
  fs = leash_gfile_fs_new (root);
  g_object_set_data_full (G_OBJECT (fs), "host", g_steal_pointer (&host), g_object_unref);
  return fs;
}

static LeashFs *
make_memory (LeashFs *content, gpointer unused, GError **error)
{
  return leash_memory_fs_new ();
}

static LeashFs *
make_read_only (LeashFs *content, gpointer unused, GError **error)
{
  return leash_read_only_fs_new (content);
}

static LeashFs *
make_sub_of (LeashFs *outer, GError **error)
{
  if (!leash_fs_mkdir (outer, leash_context_background (), "sub", 0755, error))
    return NULL;
  return leash_sub_fs_new (outer, "sub", error);
}

static LeashFs *
make_sub (LeashFs *content, gpointer unused, GError **error)
{
  g_autoptr (LeashFs) memory = leash_memory_fs_new ();

  return make_sub_of (memory, error);
}

/* Of a file system that opens no roots. */
static LeashFs *
make_sub_by_names (LeashFs *content, gpointer unused, GError **error)
{
  g_autoptr (LeashFs) upper = leash_memory_fs_new ();
  g_autoptr (LeashFs) lower = leash_memory_fs_new ();
  g_autoptr (LeashFs) overlay = leash_overlay_fs_new (upper, lower);

  return make_sub_of (overlay, error);
}

/* Without a rule nothing fails but what fails in memory. */
static LeashFs *
make_fault (LeashFs *content, gpointer unused, GError **error)
{
  g_autoptr (LeashFs) memory = leash_memory_fs_new ();

  return leash_fault_fs_new (memory);
}

static LeashFs *
make_trace (LeashFs *content, gpointer unused, GError **error)
{
  g_autoptr (LeashFs) memory = leash_memory_fs_new ();

  return leash_trace_fs_new (memory, 0);
}

static void
skip_user (void)
{
  g_test_skip ("the tests are not run by root, and so as an ordinary user anyway");
}

/* The tests as an ordinary user, where that is not what they are run as. */
static void
add_as_user (const char *path, LeashFsConformanceFactory factory)
{
  if (getuid () == 0)
    leash_fs_conformance_add_full (path, factory, (gpointer) "user", NULL);
  else
    g_test_add_func (path, skip_user);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  leash_fs_conformance_add ("/host", make_host);
  leash_fs_conformance_add ("/dir", make_dir);
  leash_fs_conformance_add ("/fault", make_fault);
  leash_fs_conformance_add ("/gfile", make_gfile);
  leash_fs_conformance_add ("/memory", make_memory);
  leash_fs_conformance_add ("/overlay", make_overlay);
  leash_fs_conformance_add ("/read-only", make_read_only);
  leash_fs_conformance_add ("/sub", make_sub);
  leash_fs_conformance_add ("/sub-by-names", make_sub_by_names);
  leash_fs_conformance_add ("/trace", make_trace);
  leash_fs_conformance_add ("/union", make_union);
  add_as_user ("/host-as-user", make_host);
  add_as_user ("/dir-as-user", make_dir);
  return g_test_run ();
}
