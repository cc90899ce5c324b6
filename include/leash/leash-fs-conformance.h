/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tests for who implements a LeashFs, in a library of their own, leash-testing-1; leash.h does not include them.
 *
 *     static LeashFs *
 *     make (LeashFs *content, gpointer user_data, GError **error)
 *     {
 *       return my_fs_new ();
 *     }
 *
 *     int
 *     main (int argc, char **argv)
 *     {
 *       g_test_init (&argc, &argv, NULL);
 *       leash_fs_conformance_add ("/my-fs", make);
 *       return g_test_run ();
 *     }
 */
#pragma once

#include <leash/leash-fs.h>

G_BEGIN_DECLS

/**
 * LeashFsConformanceFactory:
 * @content: a file system that holds what the new one is to show; often nothing
 * @user_data: what was given with the function
 * @error: return location for an error
 *
 * Makes the file system that one test is done on, and that nobody else uses. It is freed at the test's end; what must
 * be cleaned up then, a directory on the disk for example, hangs on it (g_object_set_data_full()).
 *
 * A file system that can be written to may leave @content alone and come empty: the test writes into it what is in
 * @content. One that is for reading must show what is there: an archive packs it, a layer lies over it. What it
 * cannot hold, such as symbolic links, is refused with %G_IO_ERROR_NOT_SUPPORTED; the test is then skipped, with the
 * error's message as the reason.
 *
 * @content lives as long as the test. Paths are relative ones in all tests but those of absolute paths: a file system
 * of the process's working directory is made in a directory of the test's own.
 *
 * Returns: (transfer full): the file system, %NULL with @error set
 */
typedef LeashFs *(*LeashFsConformanceFactory) (LeashFs  *content,
                                               gpointer  user_data,
                                               GError  **error);

LEASH_AVAILABLE_IN_0_1
void leash_fs_conformance_add      (const char                *path,
                                    LeashFsConformanceFactory  factory);
LEASH_AVAILABLE_IN_0_1
void leash_fs_conformance_add_full (const char                *path,
                                    LeashFsConformanceFactory  factory,
                                    gpointer                   user_data,
                                    GDestroyNotify             destroy);

G_END_DECLS
