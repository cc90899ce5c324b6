/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is open: it is tracked by the path that was given, outlives its name, and refuses use after it is
 * closed. */
#include "leash-conform-private.h"

/* That one resource is tracked, and how. */
static void
check_tracked (Conform *c, const char *kind, const char *path)
{
  g_autoptr (LeashSnapshot) snapshot = leash_snapshot_new (c->tracker);
  const LeashResource *resource;

  if (!leash_has_tracking () || conform_is_skipped (c))
    return;
  conform_same_number (c, "open", path, "tracked resources", 1,
                       (gint64) leash_snapshot_get_length (snapshot));
  if (leash_snapshot_get_length (snapshot) != 1)
    return;
  resource = leash_snapshot_get_resource (snapshot, 0);
  conform_same_text (c, "tracked", path, kind, resource->kind);
  if (strcmp (kind, "root") != 0)
    conform_same_text (c, "tracked", path, path, resource->name);
}

static void
test_file_tracked (Conform *c)
{
  g_autoptr (LeashFile) file = conform_open (c, "d//./f", LEASH_OPEN_READ);

  check_tracked (c, "file", "d//./f");
  if (file != NULL)
    conform_same_text (c, "get_path", "d//./f", "d//./f", leash_file_get_path (file));
  conform_file_close (c, file);
  conform_same_number (c, "close", "d//./f", "tracked", 0, (gint64) leash_tracker_count_open (c->tracker));
}

static void
test_dir_tracked (Conform *c)
{
  g_autoptr (LeashDir) dir = NULL;

  conform_ok (c, OPEN_DIR ("d"));
  dir = conform_is_skipped (c) ? NULL : leash_fs_open_dir (c->fs, c->ctx, "d/.", NULL);
  if (dir == NULL)
    return;
  check_tracked (c, "dir", "d/.");
  leash_dir_close (dir, NULL);
  conform_same_number (c, "close", "d/.", "tracked", 0, (gint64) leash_tracker_count_open (c->tracker));
}

static void
test_root_tracked (Conform *c)
{
  LeashFs *root;

  conform_ok (c, OPEN_ROOT ("d", 0));
  root = conform_is_skipped (c) ? NULL : leash_fs_open_root (c->fs, c->ctx, "d", 0, NULL);
  if (root == NULL)
    return;
  check_tracked (c, "root", "d");
  g_object_unref (root);
  conform_same_number (c, "unref", "d", "tracked", 0, (gint64) leash_tracker_count_open (c->tracker));
}

static void
test_failure_untracked (Conform *c)
{
  conform_fails (c, ENOENT, OPEN ("missing", LEASH_OPEN_READ));
  conform_same_number (c, "open", "missing", "tracked", 0, (gint64) leash_tracker_count_open (c->tracker));
}

static void
test_unref_closes (Conform *c)
{
  LeashFile *file = conform_open (c, "f", LEASH_OPEN_READ);

  leash_file_unref (file);
  conform_same_number (c, "unref", "f", "tracked", 0, (gint64) leash_tracker_count_open (c->tracker));
}

static void
test_closed_refuses (Conform *c)
{
  g_autoptr (LeashFile) file = conform_open (c, "f", LEASH_OPEN_READ);
  g_autoptr (GError) error = NULL;
  LeashStat stat;
  char byte;

  if (file == NULL)
    return;
  conform_file_close (c, file);
  if (leash_file_read (file, c->ctx, &byte, 1, &error) >= 0
      || !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CLOSED))
    conform_fault (c, "read the closed “f”: expected it to be refused");
  g_clear_error (&error);
  if (leash_file_stat (file, c->ctx, &stat, &error)
      || !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CLOSED))
    conform_fault (c, "stat of the closed “f”: expected it to be refused");
  g_clear_error (&error);
  if (leash_file_close (file, &error) || !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CLOSED))
    conform_fault (c, "close the closed “f”: expected it to be refused");
  c->n_misuses = 3;
}

static void
test_unlinked (Conform *c)
{
  g_autoptr (LeashFile) file = conform_open (c, "f", LEASH_OPEN_READ | LEASH_OPEN_WRITE);

  conform_ok (c, REMOVE ("f"));
  conform_missing (c, "f");
  conform_write (c, "f", "another");
  conform_file_rest (c, file, "text");
  conform_file_write (c, file, ", more");
  conform_file_pread (c, file, 0, 20, "text, more");
  conform_file_close (c, file);
  conform_content (c, "f", "another");
}

static void
test_outlives_fs (Conform *c)
{
  LeashFs *root;
  g_autoptr (LeashFile) file = NULL;

  conform_ok (c, OPEN_ROOT ("d", 0));
  root = conform_is_skipped (c) ? NULL : leash_fs_open_root (c->fs, c->ctx, "d", 0, NULL);
  if (root == NULL)
    return;
  file = leash_fs_open (root, c->ctx, "f", LEASH_OPEN_READ, 0, NULL);
  g_object_unref (root);
  if (file == NULL)
    conform_fault (c, "open “f” in the root “d”: expected success");
  conform_file_rest (c, file, "text");
  conform_file_close (c, file);
}

/* Roots */

static void
expect_refused (Conform *c, LeashFs *root, const char *path)
{
  g_autoptr (GError) error = NULL;
  LeashStat stat;

  if (leash_fs_stat (root, c->ctx, path, &stat, &error))
    conform_fault (c, "stat “%s” in the root “d”: expected it to be refused, found success", path);
  else if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED))
    conform_fault (c, "stat “%s” in the root “d”: expected permission to be denied, found: %s", path,
                   error->message);
}

static void
test_root_holds (Conform *c)
{
  const char *const out[] = { "..", "../f", "/f", "/", "up", "up/f", "s/../../f", "abs" };
  LeashFs *root;
  LeashStat stat;

  conform_ok (c, OPEN_ROOT ("d", 0));
  root = conform_is_skipped (c) ? NULL : leash_fs_open_root (c->fs, c->ctx, "d", 0, NULL);
  if (root == NULL)
    return;
  for (guint i = 0; i < G_N_ELEMENTS (out); i++)
    expect_refused (c, root, out[i]);
  if (!leash_fs_stat (root, c->ctx, "s/../f", &stat, NULL))
    conform_fault (c, "stat “s/../f” in the root “d”: expected success");
  g_object_unref (root);
}

static void
test_root_stays (Conform *c)
{
  LeashFs *root;
  LeashStat stat;

  conform_ok (c, OPEN_ROOT ("d", 0));
  root = conform_is_skipped (c) ? NULL : leash_fs_open_root (c->fs, c->ctx, "d", 0, NULL);
  if (root == NULL)
    return;
  conform_ok (c, RENAME ("d", "moved"));
  conform_ok (c, MKDIR ("d"));
  if (!leash_fs_stat (root, c->ctx, "f", &stat, NULL) && !conform_is_skipped (c))
    conform_fault (c, "stat “f” in the root that was renamed: expected success");
  g_object_unref (root);
}

static void
test_root_refused (Conform *c)
{
  conform_fails (c, ENOTDIR, OPEN_ROOT ("f", 0));
  conform_fails (c, ENOENT, OPEN_ROOT ("missing", 0));
  conform_ok (c, OPEN_ROOT ("link", 0));
  conform_fails_or (c, ENOTDIR, ELOOP, OPEN_ROOT ("link", LEASH_PATH_NO_FOLLOW));
}

/* Contexts */

static void
test_done_context (Conform *c)
{
  LeashContext *ctx = c->ctx;
  g_autoptr (LeashContext) done = leash_context_with_cancel (ctx);
  const Call calls[] = { OPEN ("f", LEASH_OPEN_READ),
                         OPEN ("new", FLAGS_MAKE),
                         STAT ("f"),
                         OPEN_DIR ("."),
                         MKDIR ("new"),
                         REMOVE ("f"),
                         RENAME ("f", "new"),
                         TRUNCATE ("f", 0) };

  leash_context_cancel (done, NULL);
  c->ctx = done;
  for (guint i = 0; i < G_N_ELEMENTS (calls); i++)
    if (conform_can (c, &calls[i]))
      conform_fails (c, ECANCELED, calls[i]);
  c->ctx = ctx;
  conform_content (c, "f", "text");
}

const ConformTest conform_handles_tests[] = {
  { "tracking/file-has-the-path-that-was-given", test_file_tracked, "d/ d/f=text", 0 },
  { "tracking/directory-has-the-path-that-was-given", test_dir_tracked, "d/ d/f=text", 0 },
  { "tracking/root-is-tracked", test_root_tracked, "d/ d/f=text", 0 },
  { "tracking/failed-open-is-not", test_failure_untracked, "f=text", 0 },
  { "tracking/last-reference-closes", test_unref_closes, "f=text", 0 },
  { "handles/closed-file-refuses-every-use", test_closed_refuses, "f=text", 0 },
  { "handles/removed-file-is-used-on", test_unlinked, "f=text", LEASH_FS_FEATURE_OPEN_AFTER_REMOVE },
  { "handles/file-outlives-its-file-system", test_outlives_fs, "d/ d/f=text", 0 },
  { "root/nothing-leads-out", test_root_holds, "f=out d/ d/f=in d/s/ d/s/x=1 d/up>.. d/abs>/", 0 },
  { "root/stays-the-directory-that-it-is", test_root_stays, "d/ d/f=text", 0 },
  { "root/what-is-no-directory-is-refused", test_root_refused, "f=text d/ d/f=text link>d", 0 },
  { "context/cancelled-one-does-nothing", test_done_context, "f=text", 0 },
  { NULL, NULL, NULL, 0 },
};
