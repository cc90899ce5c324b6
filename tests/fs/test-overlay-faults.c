/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Changes of an overlay that are cut off at each of their steps: every call that a change makes on upper, and
 * on lower, fails once. If the change fails, what is seen is as before; if it succeeds all the same, it is as
 * after. Nothing temporary is left, and lower never changes.
 *
 * Trees are in memory, and are looked at by another overlay on the same layers, without faults.
 */
#include "fs-differential.h"

typedef gboolean (*Change) (LeashFs *fs, LeashContext *ctx, GError **error);

/* That closing it may fail is none of the overlay's. */
static gboolean
open_file (LeashFs *fs, LeashContext *ctx, const char *path, guint flags, GError **error)
{
  LeashFile *file = leash_fs_open (fs, ctx, path, LEASH_OPEN_WRITE | flags, 0640, error);

  leash_file_unref (file);
  return file != NULL;
}

static void
write_file (LeashFs *fs, LeashContext *ctx, const char *path, const char *content)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LeashFile) file
      = leash_fs_open (fs, ctx, path, LEASH_OPEN_WRITE | LEASH_OPEN_CREATE, 0644, &error);

  g_assert_no_error (error);
  g_assert_cmpint (leash_file_write (file, ctx, content, strlen (content), NULL), ==,
                   (gssize) strlen (content));
}

/* Whiteouts, an opaque directory, merged ones, and what only one has. */
static const char *const upper_content[] = {
  "merged/",   "own/",         "gone/",     "hollow/",           "over",
  "new",       ".wh.missing",  "own/thing", "gone/.wh..wh..opq", "merged/.wh.hidden",
  "merged/up", "hollow/.wh.x",
};

static const char *const lower_content[] = {
  "dir/", "dir/sub/",      "empty/",     "gone/", "merged/", "hollow/",    "dir/a",    "dir/sub/b",
  "file", "merged/hidden", "merged/low", "over",  "missing", "gone/inner", "hollow/x",
};

static LeashFs *
new_layer (LeashContext *ctx, const char *const *content, guint n)
{
  LeashFs *fs = leash_memory_fs_new ();

  for (guint i = 0; i < n; i++)
    if (g_str_has_suffix (content[i], "/"))
      g_assert_true (leash_fs_mkdir (fs, ctx, content[i], 0755, NULL));
    else
      write_file (fs, ctx, content[i], content[i]);
  return fs;
}

/* What is in a file system, but for times. */
static char *
describe (LeashFs *fs, LeashContext *ctx)
{
  Differential d = { .ctx = ctx };
  GString *tree = g_string_new (NULL);

  describe_tree (&d, fs, "", tree);
  return g_string_free (tree, FALSE);
}

typedef struct
{
  LeashFs *layer[2]; /* upper, lower */
  LeashFs *seen;
  LeashFs *faulty[2];
  LeashFs *overlay; /* over the faulty ones */
  char *lower;      /* what was in it */
  char *before;
} Run;

static void
run_init (Run *run, Fixture *fixture)
{
  run->layer[0] = new_layer (fixture->ctx, upper_content, G_N_ELEMENTS (upper_content));
  run->layer[1] = new_layer (fixture->ctx, lower_content, G_N_ELEMENTS (lower_content));
  g_assert_true (leash_fs_symlink (run->layer[1], fixture->ctx, "dir/a", "link", NULL));
  run->seen = leash_overlay_fs_new (run->layer[0], run->layer[1]);
  for (guint i = 0; i < 2; i++)
    run->faulty[i] = leash_fault_fs_new (run->layer[i]);
  run->overlay = leash_overlay_fs_new (run->faulty[0], run->faulty[1]);
  run->lower = describe (run->layer[1], fixture->ctx);
  run->before = describe (run->seen, fixture->ctx);
}

static void
run_clear (Run *run, Fixture *fixture)
{
  g_autofree char *upper = describe (run->layer[0], fixture->ctx);
  g_autofree char *lower = describe (run->layer[1], fixture->ctx);

  g_assert_null (strstr (upper, ".wh..wh.leash"));
  g_assert_cmpstr (lower, ==, run->lower);
  g_object_unref (run->overlay);
  g_object_unref (run->seen);
  for (guint i = 0; i < 2; i++)
    {
      g_object_unref (run->faulty[i]);
      g_object_unref (run->layer[i]);
    }
  g_free (run->lower);
  g_free (run->before);
}

/* What is seen after a change to which nothing happens. */
static char *
describe_after (Fixture *fixture, Change change)
{
  g_autoptr (GError) error = NULL;
  char *after;
  Run run;

  run_init (&run, fixture);
  change (run.overlay, fixture->ctx, &error);
  g_assert_no_error (error);
  after = describe (run.seen, fixture->ctx);
  g_assert_cmpstr (after, !=, run.before);
  run_clear (&run, fixture);
  return after;
}

/* Fails the nth call on one of the layers. Returns FALSE when there are fewer. */
static gboolean
cut_off (Fixture *fixture, Change change, const char *after, guint layer, guint nth)
{
  const LeashFaultRule rule = { .first = nth, .times = 1, .effect = LEASH_FAULT_ERRNO, .code = EIO };
  g_autoptr (GError) error = NULL;
  g_autofree char *seen = NULL;
  g_autofree char *last = NULL;
  gboolean changed;
  gboolean struck;
  guint id;
  Run run;

  run_init (&run, fixture);
  id = leash_fault_fs_add (run.faulty[layer], &rule);
  changed = change (run.overlay, fixture->ctx, &error);
  struck = leash_fault_fs_count_struck (run.faulty[layer], id) > 0;
  last = leash_fault_fs_get_last (run.faulty[layer]);
  leash_fault_fs_remove (run.faulty[layer], id);
  seen = describe (run.seen, fixture->ctx);
  if (strcmp (seen, changed ? after : run.before) != 0)
    g_error ("call %u on layer %u, %s: %s, and what is seen is\n%s\nand not\n%s", nth, layer, last,
             changed ? "it succeeded" : error->message, seen, changed ? after : run.before);
  run_clear (&run, fixture);
  return struck;
}

static void
test_cut_off (Fixture *fixture, gconstpointer data)
{
  Change change = *(const Change *) data;
  g_autofree char *after = describe_after (fixture, change);

  for (guint layer = 0; layer < 2; layer++)
    {
      guint nth = 1;

      while (cut_off (fixture, change, after, layer, nth))
        nth++;
      g_test_message ("%u calls on layer %u", nth - 1, layer);
      g_assert_cmpuint (nth, >, 2);
    }
}

/* The changes. Those of two operations end with the first that fails. */

static gboolean
change_content (LeashFs *fs, LeashContext *ctx, GError **error)
{
  return leash_fs_truncate (fs, ctx, "dir/sub/b", 3, error);
}

static gboolean
change_mode (LeashFs *fs, LeashContext *ctx, GError **error)
{
  return leash_fs_chmod (fs, ctx, "link", 0600, error);
}

static gboolean
create (LeashFs *fs, LeashContext *ctx, GError **error)
{
  return open_file (fs, ctx, "dir/sub/new", LEASH_OPEN_CREATE | LEASH_OPEN_EXCLUSIVE, error);
}

static gboolean
create_over_whiteout (LeashFs *fs, LeashContext *ctx, GError **error)
{
  return open_file (fs, ctx, "missing", LEASH_OPEN_CREATE, error);
}

static gboolean
mkdir_over_whiteout (LeashFs *fs, LeashContext *ctx, GError **error)
{
  return leash_fs_mkdir (fs, ctx, "missing", 0755, error);
}

static gboolean
link_from_lower (LeashFs *fs, LeashContext *ctx, GError **error)
{
  return leash_fs_link (fs, ctx, "dir/a", "missing", error);
}

static gboolean
remove_lower (LeashFs *fs, LeashContext *ctx, GError **error)
{
  return leash_fs_remove (fs, ctx, "dir/sub/b", error);
}

static gboolean
remove_both (LeashFs *fs, LeashContext *ctx, GError **error)
{
  return leash_fs_remove (fs, ctx, "over", error);
}

static gboolean
remove_merged (LeashFs *fs, LeashContext *ctx, GError **error)
{
  return leash_fs_remove (fs, ctx, "hollow", error);
}

static gboolean
remove_opaque (LeashFs *fs, LeashContext *ctx, GError **error)
{
  return leash_fs_remove (fs, ctx, "gone", error);
}

static gboolean
rename_lower (LeashFs *fs, LeashContext *ctx, GError **error)
{
  return leash_fs_rename (fs, ctx, "file", "dir/sub/file", error);
}

static gboolean
rename_over (LeashFs *fs, LeashContext *ctx, GError **error)
{
  return leash_fs_rename (fs, ctx, "dir/a", "over", error);
}

static gboolean
rename_tree (LeashFs *fs, LeashContext *ctx, GError **error)
{
  return leash_fs_rename (fs, ctx, "dir", "missing", error);
}

static gboolean
rename_merged_over_empty (LeashFs *fs, LeashContext *ctx, GError **error)
{
  return leash_fs_rename (fs, ctx, "merged", "hollow", error);
}

static gboolean
rename_merged_over_opaque (LeashFs *fs, LeashContext *ctx, GError **error)
{
  return leash_fs_rename (fs, ctx, "merged", "gone", error);
}

static gboolean
rename_own_over_lower (LeashFs *fs, LeashContext *ctx, GError **error)
{
  return leash_fs_rename (fs, ctx, "own", "empty", error);
}

static gboolean
exchange (LeashFs *fs, LeashContext *ctx, GError **error)
{
  return leash_fs_rename_full (fs, ctx, "merged", "file", LEASH_RENAME_EXCHANGE, error);
}

static const struct
{
  const char *name;
  Change change;
} changes[] = {
  { "/overlay/cut-off/content", change_content },
  { "/overlay/cut-off/mode", change_mode },
  { "/overlay/cut-off/create", create },
  { "/overlay/cut-off/create-over-whiteout", create_over_whiteout },
  { "/overlay/cut-off/mkdir-over-whiteout", mkdir_over_whiteout },
  { "/overlay/cut-off/link-from-lower", link_from_lower },
  { "/overlay/cut-off/remove-lower", remove_lower },
  { "/overlay/cut-off/remove-both", remove_both },
  { "/overlay/cut-off/remove-merged", remove_merged },
  { "/overlay/cut-off/remove-opaque", remove_opaque },
  { "/overlay/cut-off/rename-lower", rename_lower },
  { "/overlay/cut-off/rename-over", rename_over },
  { "/overlay/cut-off/rename-tree", rename_tree },
  { "/overlay/cut-off/rename-merged-over-empty", rename_merged_over_empty },
  { "/overlay/cut-off/rename-merged-over-opaque", rename_merged_over_opaque },
  { "/overlay/cut-off/rename-own-over-lower", rename_own_over_lower },
  { "/overlay/cut-off/exchange", exchange },
};

/* Copying a file up needs room. */
static void
test_no_space (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *big = NULL;
  g_autofree char *seen = NULL;
  g_autofree char *before = NULL;
  g_autoptr (GError) error = NULL;
  Run run;

  run_init (&run, fixture);
  big = g_strnfill (200000, 'x');
  write_file (run.layer[1], fixture->ctx, "dir/big", big);
  g_free (run.lower);
  run.lower = describe (run.layer[1], fixture->ctx);
  before = describe (run.seen, fixture->ctx);
  leash_fault_fs_fill (run.faulty[0], 150000);
  g_assert_false (open_file (run.overlay, fixture->ctx, "dir/big", LEASH_OPEN_APPEND, &error));
  assert_io_error (error, G_IO_ERROR_NO_SPACE, "Opening “dir/big”: No space");
  g_assert_false (leash_fs_rename (run.overlay, fixture->ctx, "dir", "moved", &error));
  assert_io_error (error, G_IO_ERROR_NO_SPACE, "Renaming “dir” to “moved”: ");
  seen = describe (run.seen, fixture->ctx);
  g_assert_cmpstr (seen, ==, before);
  run_clear (&run, fixture);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (changes); i++)
    g_test_add (changes[i].name, Fixture, &changes[i].change, set_up, test_cut_off, tear_down);
  ADD ("/overlay/no-space", test_no_space);
  return g_test_run ();
}
