/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A rooted directory to be attacked. Each test runs twice: with the kernel's openat2(), and with the walk that
 * stands in for it. The tree, in the test's directory:
 *
 *     secret                       outside; its content must never be seen, nor change
 *     root/file                    "inside"
 *     root/sub/deep/bottom         "bottom"
 *     root/...                     links that stay inside, and links that try to get out; see build_tree()
 */
#pragma once

#include "fs-fixture.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "leash-dir-fs-private.h"

typedef struct
{
  Fixture base;
  LeashFs *fs;
  LeashContext *ctx; /* carries fs */
} Rooted;

/* Name and target of each link; the first half stays inside. */
static const char *const good_links[][2] = {
  { "root/in", "sub/deep" },
  { "root/indir", "sub" },
  { "root/sub/back", "../file" },
  { "root/self", "." },
  { "root/dangling", "sub/made" },
  { "root/slashed", "sub/" },
  { "root/sub/around", "../sub/../indir/deep/bottom" },
};

static const char *const bad_links[][2] = {
  { "root/up", "../secret" },
  { "root/sub/up2", "../../secret" },
  { "root/chain1", "chain2" },
  { "root/chain2", "sub/up2" },
  { "root/updir", ".." },
  { "root/sub/updir2", "../../." },
  { "root/reenter", "../root/file" },
  { "root/dangling-out", "../made-outside" },
};

static void
build_tree (Rooted *rooted)
{
  Fixture *base = &rooted->base;
  g_autofree char *root = make_directory (base, "root");
  g_autofree char *sub = make_directory (base, "root/sub");
  g_autofree char *deep = make_directory (base, "root/sub/deep");
  g_autofree char *secret = make_file (base, "secret", "secret!");
  g_autofree char *file = make_file (base, "root/file", "inside");
  g_autofree char *bottom = make_file (base, "root/sub/deep/bottom", "bottom");

  for (guint i = 0; i < G_N_ELEMENTS (good_links); i++)
    make_link (base, good_links[i][1], good_links[i][0]);
  for (guint i = 0; i < G_N_ELEMENTS (bad_links); i++)
    make_link (base, bad_links[i][1], bad_links[i][0]);
  make_link (base, secret, "root/abs");
  make_link (base, root, "root/absroot");
  make_link (base, base->dir, "root/sub/absdir");
  make_link (base, "loop", "root/loop");
  make_link (base, "loop-b", "root/loop-a");
  make_link (base, "loop-a", "root/loop-b");
}

static LeashFs *
new_fs (const char *path, gboolean walk)
{
  g_autoptr (GError) error = NULL;
  LeashFs *fs = leash_dir_fs_new (path, &error);

  g_assert_no_error (error);
  if (walk)
    leash_dir_fs_set_walk (fs, TRUE);
  return fs;
}

static void
rooted_set_up (Rooted *rooted, gconstpointer walk)
{
  g_autofree char *root = NULL;

  set_up (&rooted->base, NULL);
  build_tree (rooted);
  root = path_of (&rooted->base, "root");
  rooted->fs = new_fs (root, walk != NULL);
  rooted->ctx = leash_context_with_fs (rooted->base.ctx, rooted->fs);
}

static void
rooted_tear_down (Rooted *rooted, gconstpointer walk)
{
  g_autofree char *secret = path_of (&rooted->base, "secret");
  g_autofree char *outside = path_of (&rooted->base, "made-outside");

  assert_content (secret, "secret!");
  g_assert_cmpint (access (outside, F_OK), ==, -1);
  leash_context_unref (rooted->ctx);
  g_object_unref (rooted->fs);
  tear_down (&rooted->base, NULL);
}

/* Whether the kernel's way is there to be tested; the walk always is. */
static gboolean
can_run (Rooted *rooted, gconstpointer walk)
{
  if (walk != NULL || !leash_dir_fs_get_walk (rooted->fs))
    return TRUE;
  g_test_skip ("this kernel has no openat2(), or does not let us use it");
  return FALSE;
}

G_GNUC_UNUSED static char *
read_path (LeashContext *ctx, const char *path, GError **error)
{
  g_autoptr (LeashFile) file = leash_open (ctx, path, LEASH_OPEN_READ, 0, error);
  char buffer[64] = "";
  gssize n;

  if (file == NULL)
    return NULL;
  n = leash_file_read (file, ctx, buffer, sizeof buffer - 1, error);
  leash_file_close (file, NULL);
  return n >= 0 ? g_strdup (buffer) : NULL;
}

/* Every way out that there is in the tree, as a path of a file. */
static const char *const ways_out[] = {
  "..",
  "../secret",
  "../root/file",
  "sub/../../secret",
  "sub/deep/../../../secret",
  "up",
  "sub/up2",
  "indir/up2",
  "chain1",
  "chain2",
  "updir",
  "updir/secret",
  "updir/root/file",
  "sub/updir2/secret",
  "in/../../../secret",
  "reenter",
  "abs",
  "absroot/file",
  "sub/absdir/secret",
  "self/../secret",
  "/",
  "/etc/passwd",
  "//file",
};

#define assert_outside(error) \
  assert_io_error (error, G_IO_ERROR_PERMISSION_DENIED, "leads outside of the root")

G_GNUC_UNUSED static void
add (const char *name, void (*test) (Rooted *, gconstpointer))
{
  g_autofree char *native = g_strconcat ("/fs/rooted/openat2/", name, NULL);
  g_autofree char *walking = g_strconcat ("/fs/rooted/walk/", name, NULL);

  g_test_add (native, Rooted, NULL, rooted_set_up, test, rooted_tear_down);
  g_test_add (walking, Rooted, "walk", rooted_set_up, test, rooted_tear_down);
}

#define ADD_ONE(path, walk, test) g_test_add (path, Rooted, walk, rooted_set_up, test, rooted_tear_down)
