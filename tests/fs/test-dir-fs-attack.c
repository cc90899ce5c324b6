/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The rooted directory, attacked: every operation by every way out, links that change under it, mounts, hard
 * links, and the links of /proc. RACE_TRIES says how often each race is tried.
 */
#include "rooted-fixture.h"

#include <sched.h>
#include <sys/mount.h>

static guint
n_tries (void)
{
  const char *text = g_getenv ("RACE_TRIES");

  return text != NULL ? (guint) g_ascii_strtoull (text, NULL, 10) : 20000;
}

/* The operations that came after opening: each must refuse what leads outside. */

typedef gboolean (*Operation) (LeashContext *ctx, const char *path, GError **error);

static gboolean
do_truncate (LeashContext *ctx, const char *path, GError **error)
{
  return leash_truncate (ctx, path, 0, error);
}

static gboolean
do_chmod (LeashContext *ctx, const char *path, GError **error)
{
  return leash_chmod (ctx, path, 0, error);
}

static gboolean
do_chown (LeashContext *ctx, const char *path, GError **error)
{
  return leash_chown (ctx, path, 4711, 4711, 0, error);
}

static gboolean
do_set_times (LeashContext *ctx, const char *path, GError **error)
{
  return leash_set_times (ctx, path, 1, 1, 0, error);
}

static gboolean
do_statfs (LeashContext *ctx, const char *path, GError **error)
{
  LeashStatFs stat;

  return leash_statfs (ctx, path, &stat, error);
}

static gboolean
do_open_root (LeashContext *ctx, const char *path, GError **error)
{
  g_autoptr (LeashFs) root = leash_fs_open_root (leash_context_get_fs (ctx), ctx, path, 0, error);

  return root != NULL;
}

/* What follows links acts on the path itself, */
static const Operation following[]
    = { do_truncate, do_chmod, do_chown, do_set_times, do_statfs, do_open_root };

static gboolean
do_readlink (LeashContext *ctx, const char *path, GError **error)
{
  g_autofree char *text = leash_readlink (ctx, path, error);

  return text != NULL;
}

static gboolean
do_symlink (LeashContext *ctx, const char *path, GError **error)
{
  return leash_symlink (ctx, "anywhere", path, error);
}

static gboolean
do_link_from (LeashContext *ctx, const char *path, GError **error)
{
  return leash_link (ctx, path, "linked", error);
}

static gboolean
do_link_to (LeashContext *ctx, const char *path, GError **error)
{
  return leash_link (ctx, "file", path, error);
}

static gboolean
do_exchange (LeashContext *ctx, const char *path, GError **error)
{
  return leash_rename_full (ctx, "file", path, LEASH_RENAME_EXCHANGE, error);
}

static gboolean
do_lchown (LeashContext *ctx, const char *path, GError **error)
{
  return leash_chown (ctx, path, 4711, 4711, LEASH_PATH_NO_FOLLOW, error);
}

static gboolean
do_set_link_times (LeashContext *ctx, const char *path, GError **error)
{
  return leash_set_times (ctx, path, 1, 1, LEASH_PATH_NO_FOLLOW, error);
}

static gboolean
do_open_root_itself (LeashContext *ctx, const char *path, GError **error)
{
  g_autoptr (LeashFs) root
      = leash_fs_open_root (leash_context_get_fs (ctx), ctx, path, LEASH_PATH_NO_FOLLOW, error);

  return root != NULL;
}

/* and what acts on a name in the directory that leads outside. */
static const Operation naming[] = { do_readlink, do_symlink, do_link_from,      do_link_to,
                                    do_exchange, do_lchown,  do_set_link_times, do_open_root_itself };

static void
assert_refused (Operation operation, LeashContext *ctx, const char *path)
{
  g_autoptr (GError) error = NULL;

  g_test_message ("%s", path);
  g_assert_false (operation (ctx, path, &error));
  assert_outside (error);
}

static void
test_operations_stay_inside (Rooted *rooted, gconstpointer walk)
{
  g_autofree char *secret = path_of (&rooted->base, "secret");
  struct stat before, after;

  if (!can_run (rooted, walk))
    return;
  g_assert_cmpint (stat (secret, &before), ==, 0);
  for (guint i = 0; i < G_N_ELEMENTS (ways_out); i++)
    {
      g_autofree char *below = g_strconcat (ways_out[i], "/below", NULL);

      for (guint j = 0; j < G_N_ELEMENTS (following); j++)
        assert_refused (following[j], rooted->ctx, ways_out[i]);
      for (guint j = 0; j < G_N_ELEMENTS (naming); j++)
        assert_refused (naming[j], rooted->ctx, below);
    }
  g_assert_cmpint (stat (secret, &after), ==, 0);
  g_assert_cmpuint (after.st_mode, ==, before.st_mode);
  g_assert_cmpuint (after.st_uid, ==, before.st_uid);
  g_assert_cmpint (after.st_mtim.tv_sec, ==, before.st_mtim.tv_sec);
}

/* A root within the root is as closed as that, and stays its directory. */
static void
test_root_within (Rooted *rooted, gconstpointer walk)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LeashFs) sub = NULL;
  g_autoptr (LeashContext) ctx = NULL;
  g_autofree char *content = NULL;
  g_autofree char *old = path_of (&rooted->base, "root/sub");
  g_autofree char *renamed = path_of (&rooted->base, "root/renamed");

  if (!can_run (rooted, walk))
    return;
  g_assert_null (leash_fs_open_root (rooted->fs, rooted->ctx, "indir", LEASH_PATH_NO_FOLLOW, &error));
  assert_io_error (error, G_IO_ERROR_NOT_DIRECTORY, "Opening the root “indir”: ");
  sub = leash_fs_open_root (rooted->fs, rooted->ctx, "indir", 0, &error);
  g_assert_no_error (error);
  ctx = leash_context_with_fs (rooted->ctx, sub);
  g_assert_cmpint (rename (old, renamed), ==, 0);
  content = read_path (ctx, "deep/bottom", &error);
  g_assert_cmpstr (content, ==, "bottom");
  g_assert_null (read_path (ctx, "back", &error));
  assert_outside (error);
  g_assert_null (read_path (ctx, "../file", &error));
  assert_outside (error);
}

/* Hard links and mounts are no way out of the tree, but parts of it: who may make them may. */
static void
test_hard_links_are_inside (Rooted *rooted, gconstpointer walk)
{
  g_autofree char *secret = path_of (&rooted->base, "secret");
  g_autofree char *linked = path_of (&rooted->base, "root/hard");
  g_autofree char *content = NULL;

  if (!can_run (rooted, walk))
    return;
  g_assert_cmpint (link (secret, linked), ==, 0);
  content = read_path (rooted->ctx, "hard", NULL);
  g_assert_cmpstr (content, ==, "secret!");
}

/* Makes mounts that only this thread sees. */
static gboolean
may_mount (void)
{
  return unshare (CLONE_NEWNS) == 0 && mount ("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

static gpointer
look_through_mount (gpointer data)
{
  Rooted *rooted = data;
  g_autofree char *point = make_directory (&rooted->base, "root/sub/mounted");
  g_autofree char *root = path_of (&rooted->base, "root");
  g_autoptr (LeashFs) fs = NULL;
  g_autoptr (LeashContext) ctx = NULL;
  g_autofree char *inner = NULL;
  g_autofree char *back = NULL;
  g_autoptr (GError) error = NULL;

  if (!may_mount () || mount (rooted->base.dir, point, NULL, MS_BIND, NULL) != 0)
    return (gpointer) "this user may not mount";
  /* One that was opened before sees the mounts of where it was opened. */
  fs = new_fs (root, leash_dir_fs_get_walk (rooted->fs));
  ctx = leash_context_with_fs (rooted->base.ctx, fs);
  inner = read_path (ctx, "sub/mounted/secret", &error);
  g_assert_no_error (error);
  g_assert_cmpstr (inner, ==, "secret!");
  /* ".." of a mount's root is where it is mounted, and not the parent of what is mounted. */
  back = read_path (ctx, "sub/mounted/../../file", &error);
  g_assert_no_error (error);
  g_assert_cmpstr (back, ==, "inside");
  g_assert_null (read_path (ctx, "sub/mounted/../../../secret", &error));
  assert_outside (error);
  g_clear_pointer (&ctx, leash_context_unref);
  g_clear_object (&fs);
  g_assert_cmpint (umount (point), ==, 0);
  return NULL;
}

static void
test_bind_mounts (Rooted *rooted, gconstpointer walk)
{
  const char *reason;

  if (!can_run (rooted, walk))
    return;
  reason = g_thread_join (g_thread_new ("mounter", look_through_mount, rooted));
  if (reason != NULL)
    g_test_skip (reason);
}

static void
test_magic_links (Rooted *rooted, gconstpointer walk)
{
  static const char *const paths[]
      = { "root/etc/passwd", "root", "cwd", "exe", "cwd/.", "fd/0", "task/../root/etc" };
  g_autoptr (LeashFs) fs = new_fs ("/proc/self", walk != NULL);
  g_autofree char *content = NULL;
  LeashStat stat;

  if (!can_run (rooted, walk))
    return;
  for (guint i = 0; i < G_N_ELEMENTS (paths); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (leash_fs_open (fs, rooted->ctx, paths[i], LEASH_OPEN_READ, 0, &error));
      g_assert_nonnull (error);
      /* The kernel names the links, the walk reads where they say they lead. */
      if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TOO_MANY_LINKS))
        g_assert_true (
            g_error_matches (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED)
            || (strcmp (paths[i], "fd/0") == 0 && g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND)));
    }
  /* The negative control: what is no magic link can be looked at. */
  g_assert_true (leash_fs_stat (fs, rooted->ctx, "status", &stat, NULL));
}

/* Races */

typedef struct
{
  char *a;      /* owned; exchanged with b, again and again */
  char *b;      /* owned */
  gint stopped; /* atomic */
  GThread *thread;
} Swapper;

static gpointer
swap (gpointer data)
{
  Swapper *swapper = data;

  while (!__atomic_load_n (&swapper->stopped, __ATOMIC_RELAXED))
    g_assert_cmpint (renameat2 (AT_FDCWD, swapper->a, AT_FDCWD, swapper->b, RENAME_EXCHANGE), ==, 0);
  return NULL;
}

static void
swapper_start (Swapper *swapper, Rooted *rooted, const char *a, const char *b)
{
  swapper->a = path_of (&rooted->base, a);
  swapper->b = path_of (&rooted->base, b);
  swapper->thread = g_thread_new ("swapper", swap, swapper);
}

static void
swapper_stop (Swapper *swapper)
{
  __atomic_store_n (&swapper->stopped, 1, __ATOMIC_RELAXED);
  g_thread_join (swapper->thread);
  g_free (swapper->a);
  g_free (swapper->b);
}

/*
 * Reads path at_least so often, and until it was read once; each time it is refused or says "inside". Returns
 * how often it said so.
 */
static guint
read_under_attack (Rooted *rooted, const char *path, guint at_least)
{
  guint n_read = 0;

  /* A busy machine may let the other thread run only while one of the two is in its place. */
  for (guint i = 0; i < at_least || (n_read == 0 && i < 1000000); i++)
    {
      g_autofree char *content = read_path (rooted->ctx, path, NULL);

      if (content == NULL)
        continue;
      g_assert_cmpstr (content, ==, "inside");
      n_read++;
    }
  return n_read;
}

/* Whether somebody who does not look out is led outside by the same attack. */
static gboolean
naive_is_fooled (Rooted *rooted, const char *path, guint n_tries)
{
  g_autofree char *joined = g_strconcat (rooted->base.dir, "/root/", path, NULL);

  for (guint i = 0; i < n_tries; i++)
    {
      g_autofree char *content = NULL;

      g_file_get_contents (joined, &content, NULL, NULL);
      if (g_strcmp0 (content, "secret!") == 0)
        return TRUE;
    }
  return FALSE;
}

static void
attack (Rooted *rooted, const char *a, const char *b, const char *path)
{
  Swapper swapper = { 0 };

  swapper_start (&swapper, rooted, a, b);
  g_assert_true (naive_is_fooled (rooted, path, 1000000));
  g_assert_cmpuint (read_under_attack (rooted, path, n_tries ()), >, 0);
  swapper_stop (&swapper);
}

/* A directory on the way, and a link to one outside, change places. */
static void
test_race_on_the_way (Rooted *rooted, gconstpointer walk)
{
  g_autofree char *victim = make_directory (&rooted->base, "root/victim");
  g_autofree char *inner = make_file (&rooted->base, "root/victim/secret", "inside");

  if (!can_run (rooted, walk))
    return;
  make_link (&rooted->base, "..", "root/bait");
  attack (rooted, "root/victim", "root/bait", "victim/secret");
}

/* A file, and a link to one outside, change places. */
static void
test_race_at_the_end (Rooted *rooted, gconstpointer walk)
{
  g_autofree char *victim = make_file (&rooted->base, "root/victim", "inside");

  if (!can_run (rooted, walk))
    return;
  make_link (&rooted->base, "../secret", "root/bait");
  attack (rooted, "root/victim", "root/bait", "victim");
}

/* A directory is moved out of the root while somebody is in it and goes up. */
static void
test_race_on_the_way_up (Rooted *rooted, gconstpointer walk)
{
  g_autofree char *a = make_directory (&rooted->base, "root/a");
  g_autofree char *b = make_directory (&rooted->base, "root/a/b");
  g_autofree char *outside = make_directory (&rooted->base, "outside");
  g_autofree char *place = make_directory (&rooted->base, "outside/b");
  g_autofree char *inner = make_file (&rooted->base, "root/secret", "inside");
  Swapper swapper = { 0 };

  if (!can_run (rooted, walk))
    return;
  /* The same bytes lie at "b/../../secret" of both places, once inside and once not. */
  swapper_start (&swapper, rooted, "root/a/b", "outside/b");
  g_assert_cmpuint (read_under_attack (rooted, "a/b/../../secret", n_tries ()), >, 0);
  swapper_stop (&swapper);
}

static void
act_under_attack (Rooted *rooted)
{
  LeashStat stat;

  if (leash_stat (rooted->ctx, "victim/secret", &stat, NULL))
    g_assert_cmpuint (stat.size, ==, strlen ("inside"));
  if (leash_lstat (rooted->ctx, "victim/secret", &stat, NULL))
    g_assert_cmpuint (stat.size, ==, strlen ("inside"));
  if (leash_mkdir (rooted->ctx, "victim/made-outside", 0755, NULL))
    while (!leash_remove (rooted->ctx, "victim/made-outside", NULL))
      ;
  if (leash_rename (rooted->ctx, "victim/secret", "victim/made-outside", NULL))
    while (!leash_rename (rooted->ctx, "victim/made-outside", "victim/secret", NULL))
      ;
}

/* The other operations, against the same attack: nothing outside is seen, made, removed or renamed. */
static void
test_race_of_names (Rooted *rooted, gconstpointer walk)
{
  g_autofree char *victim = make_directory (&rooted->base, "root/victim");
  g_autofree char *inner = make_file (&rooted->base, "root/victim/secret", "inside");
  g_autofree char *made = path_of (&rooted->base, "made-outside");
  g_autofree char *secret = path_of (&rooted->base, "secret");
  Swapper swapper = { 0 };

  if (!can_run (rooted, walk))
    return;
  make_link (&rooted->base, "..", "root/bait");
  swapper_start (&swapper, rooted, "root/victim", "root/bait");
  for (guint i = 0; i < n_tries () / 5; i++)
    {
      act_under_attack (rooted);
      g_assert_cmpint (access (made, F_OK), ==, -1);
      g_assert_cmpint (access (secret, F_OK), ==, 0);
    }
  swapper_stop (&swapper);
}

/* What is made, changed and read by the other operations, against the same attack. */
static void
change_under_attack (Rooted *rooted)
{
  LeashContext *ctx = rooted->ctx;

  leash_truncate (ctx, "victim/secret", 3, NULL);
  leash_chmod (ctx, "victim/secret", 0600, NULL);
  leash_set_times (ctx, "victim/secret", 1, 1, 0, NULL);
  leash_set_times (ctx, "victim/secret", 1, 1, LEASH_PATH_NO_FOLLOW, NULL);
  if (leash_link (ctx, "victim/secret", "victim/made-outside", NULL)
      || leash_symlink (ctx, "x", "victim/made-outside", NULL))
    while (!leash_remove (ctx, "victim/made-outside", NULL))
      ;
}

static void
test_race_of_changes (Rooted *rooted, gconstpointer walk)
{
  g_autofree char *victim = make_directory (&rooted->base, "root/victim");
  g_autofree char *inner = make_file (&rooted->base, "root/victim/secret", "inside");
  g_autofree char *made = path_of (&rooted->base, "made-outside");
  g_autofree char *secret = path_of (&rooted->base, "secret");
  Swapper swapper = { 0 };
  struct stat found;

  if (!can_run (rooted, walk))
    return;
  make_link (&rooted->base, "..", "root/bait");
  swapper_start (&swapper, rooted, "root/victim", "root/bait");
  for (guint i = 0; i < n_tries () / 5; i++)
    {
      change_under_attack (rooted);
      g_assert_cmpint (access (made, F_OK), ==, -1);
      g_assert_cmpint (stat (secret, &found), ==, 0);
      g_assert_cmpint (found.st_size, ==, strlen ("secret!"));
      g_assert_cmpint (found.st_mtim.tv_sec, >, 1);
    }
  swapper_stop (&swapper);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  add ("every-operation-stays-inside", test_operations_stay_inside);
  add ("root-within-is-closed-and-stays", test_root_within);
  add ("hard-links-are-inside", test_hard_links_are_inside);
  add ("bind-mounts-are-inside-and-go-back-inside", test_bind_mounts);
  add ("magic-links-are-refused", test_magic_links);
  add ("race-on-the-way-stays-inside", test_race_on_the_way);
  add ("race-at-the-end-stays-inside", test_race_at_the_end);
  add ("race-on-the-way-up-stays-inside", test_race_on_the_way_up);
  add ("race-of-names-stays-inside", test_race_of_names);
  add ("race-of-changes-stays-inside", test_race_of_changes);
  return g_test_run ();
}
