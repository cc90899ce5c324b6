/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* leash_walk() */
#include "files-fixture.h"

/* What a walk came by, one word for each visit: the path behind the top, and marks. */
typedef struct
{
  Files *files;
  GString *told;
  const char *skip; /* a name, or NULL */
  const char *stop;
  const char *fail;
  LeashContext *cancel; /* when stop comes */
  gsize top_length;
  guint n;
  guint max_fds;
} Trace;

static const char *
behind_top (const Trace *trace, const char *path)
{
  return path[trace->top_length] == '/' ? path + trace->top_length + 1 : path + trace->top_length;
}

static LeashWalkAction
trace_entry (const LeashWalkEntry *entry, gpointer user_data, GError **error)
{
  Trace *trace = user_data;
  g_autofree char *base = g_path_get_basename (entry->path);

  g_assert_nonnull (entry->fs);
  if (entry->depth > 0)
    g_assert_cmpstr (entry->name, ==, base);
  else
    g_assert_cmpstr (entry->name, ==, entry->path);
  trace->n++;
  g_string_append_printf (trace->told, "%s%s%s%s ", behind_top (trace, entry->path),
                          entry->type == G_FILE_TYPE_DIRECTORY ? "/" : "",
                          entry->type == G_FILE_TYPE_SYMBOLIC_LINK ? "@" : "",
                          entry->error != NULL ? "!"
                          : entry->is_after    ? "<"
                                               : "");
  if (g_strcmp0 (base, trace->fail) == 0)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_FAILED, "the function failed");
  if (g_strcmp0 (base, trace->stop) == 0 && trace->cancel != NULL)
    leash_context_cancel (trace->cancel, NULL);
  else if (g_strcmp0 (base, trace->stop) == 0)
    return LEASH_WALK_STOP;
  return g_strcmp0 (base, trace->skip) == 0 ? LEASH_WALK_SKIP : LEASH_WALK_CONTINUE;
}

static gboolean
walk_in (LeashContext *ctx, Files *files, const char *top, LeashWalkFlags flags, Trace *trace, GError **error)
{
  g_autofree char *path = files_path (files, top);

  trace->files = files;
  trace->told = g_string_new (NULL);
  trace->top_length = strlen (path);
  return leash_walk (ctx, path, flags, trace_entry, trace, error);
}

/* Walks, and compares what was told. */
static void
assert_walk (Files *files, const char *top, LeashWalkFlags flags, Trace trace, const char *expected)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (walk_in (files->ctx, files, top, flags, &trace, &error));
  g_assert_no_error (error);
  g_assert_cmpstr (trace.told->str, ==, expected);
  g_string_free (trace.told, TRUE);
}

static void
make_tree (Files *files)
{
  files_mkdir (files, "top");
  files_mkdir (files, "top/b");
  files_mkdir (files, "top/b/empty");
  files_mkdir (files, "top/d");
  files_write (files, "top/a", "");
  files_write (files, "top/b/1", "");
  files_write (files, "top/b/2", "");
  files_write (files, "top/d/x", "");
  files_symlink (files, "b", "top/c");
  files_symlink (files, "nowhere", "top/e");
}

static void
test_sorted (Files *files, gconstpointer kind)
{
  make_tree (files);
  assert_walk (files, "top", LEASH_WALK_SORTED, (Trace){ 0 }, "/ a b/ b/1 b/2 b/empty/ c@ d/ d/x e@ ");
  assert_walk (files, "top", LEASH_WALK_SORTED | LEASH_WALK_AFTER, (Trace){ 0 },
               "/ a b/ b/1 b/2 b/empty/ b/empty/< b/< c@ d/ d/x d/< e@ /< ");
  assert_walk (files, "top/a", LEASH_WALK_SORTED | LEASH_WALK_AFTER, (Trace){ 0 }, " ");
  assert_walk (files, "top/b/empty", LEASH_WALK_AFTER, (Trace){ 0 }, "/ /< ");
  assert_walk (files, "top/c", 0, (Trace){ 0 }, "@ ");
  assert_walk (files, "top/c/", LEASH_WALK_SORTED, (Trace){ 0 }, "/ 1 2 empty/ ");
}

static int
compare_words (gconstpointer a, gconstpointer b)
{
  return strcmp (*(char *const *) a, *(char *const *) b);
}

static void
test_unsorted (Files *files, gconstpointer kind)
{
  Trace trace = { 0 };
  g_auto (GStrv) words = NULL;
  g_autofree char *sorted = NULL;
  g_autoptr (GError) error = NULL;

  make_tree (files);
  g_assert_true (walk_in (files->ctx, files, "top", 0, &trace, &error));
  g_assert_no_error (error);
  g_assert_true (g_str_has_prefix (trace.told->str, "/ "));
  words = g_strsplit (g_strchomp (trace.told->str), " ", -1);
  qsort (words, g_strv_length (words), sizeof *words, compare_words);
  sorted = g_strjoinv (" ", words);
  g_assert_cmpstr (sorted, ==, "/ a b/ b/1 b/2 b/empty/ c@ d/ d/x e@");
  g_string_free (trace.told, TRUE);
}

static void
test_skip_and_stop (Files *files, gconstpointer kind)
{
  const LeashWalkFlags flags = LEASH_WALK_SORTED | LEASH_WALK_AFTER;

  make_tree (files);
  assert_walk (files, "top", flags, (Trace){ .skip = "b" }, "/ a b/ c@ d/ d/x d/< e@ /< ");
  assert_walk (files, "top", flags, (Trace){ .skip = "top" }, "/ ");
  assert_walk (files, "top", flags, (Trace){ .skip = "a" },
               "/ a b/ b/1 b/2 b/empty/ b/empty/< b/< c@ d/ d/x d/< e@ /< ");
  assert_walk (files, "top", flags, (Trace){ .stop = "1" }, "/ a b/ b/1 ");
  assert_walk (files, "top", flags, (Trace){ .stop = "top" }, "/ ");
  assert_walk (files, "top/b", 0, (Trace){ .stop = "b" }, "/ ");
}

static void
test_stopped_leaves_nothing_open (Files *files, gconstpointer kind)
{
  static const char *const names[] = { "top", "a", "b", "1", "empty", "c", "d", "x", "e" };

  make_tree (files);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      Trace trace = { .stop = names[i] };
      g_autoptr (GError) error = NULL;

      g_assert_true (walk_in (files->ctx, files, "top", 0, &trace, &error));
      g_assert_cmpuint (count_fds (), ==, files->base.n_fds);
      g_assert_cmpuint (leash_tracker_count_open (files->base.tracker), ==, 0);
      g_string_free (trace.told, TRUE);
    }
}

static void
test_function_fails (Files *files, gconstpointer kind)
{
  Trace trace = { .fail = "x" };
  g_autoptr (GError) error = NULL;

  make_tree (files);
  g_assert_false (walk_in (files->ctx, files, "top", LEASH_WALK_SORTED, &trace, &error));
  assert_io_error (error, G_IO_ERROR_FAILED, "the function failed");
  g_assert_cmpstr (trace.told->str, ==, "/ a b/ b/1 b/2 b/empty/ c@ d/ d/x ");
  g_string_free (trace.told, TRUE);
}

static void
test_links_are_followed (Files *files, gconstpointer kind)
{
  make_tree (files);
  assert_walk (files, "top", LEASH_WALK_SORTED | LEASH_WALK_FOLLOW, (Trace){ 0 },
               "/ a b/ b/1 b/2 b/empty/ c/ c/1 c/2 c/empty/ d/ d/x e@ ");
  /* Twice, side by side, is no loop; back up is. */
  files_symlink (files, "..", "top/d/up");
  files_symlink (files, ".", "top/d/self");
  assert_walk (files, "top", LEASH_WALK_SORTED | LEASH_WALK_FOLLOW, (Trace){ .skip = "b" },
               "/ a b/ c/ c/1 c/2 c/empty/ d/ d/self/ d/self/! d/up/ d/up/! d/x e@ ");
}

static void
test_unreadable (Files *files, gconstpointer kind)
{
  g_autofree char *b = path_of (&files->base, "top/b");
  const LeashWalkFlags flags = LEASH_WALK_SORTED | LEASH_WALK_AFTER;

  make_tree (files);
  g_assert_cmpint (chmod (files->base.dir, 0755), ==, 0);
  g_assert_cmpint (chmod (b, 0), ==, 0);
  files_set_root (FALSE);
  assert_walk (files, "top", flags, (Trace){ 0 }, "/ a b/ b/! b/< c@ d/ d/x d/< e@ /< ");
  assert_walk (files, "top", flags, (Trace){ .skip = "b" }, "/ a b/ c@ d/ d/x d/< e@ /< ");
  files_set_root (TRUE);
  g_assert_cmpint (chmod (b, 0755), ==, 0);
}

static LeashWalkAction
expect_error (const LeashWalkEntry *entry, gpointer user_data, GError **error)
{
  guint *n = user_data;

  if (entry->error == NULL)
    return LEASH_WALK_CONTINUE;
  ++*n;
  g_assert_error (entry->error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED);
  g_assert_nonnull (strstr (entry->error->message, "Opening the directory “"));
  g_propagate_error (error, g_error_copy (entry->error));
  return LEASH_WALK_CONTINUE;
}

static void
test_error_can_be_the_walks (Files *files, gconstpointer kind)
{
  g_autofree char *top = files_path (files, "top");
  g_autofree char *b = path_of (&files->base, "top/b");
  g_autoptr (GError) error = NULL;
  guint n = 0;

  make_tree (files);
  g_assert_cmpint (chmod (files->base.dir, 0755), ==, 0);
  g_assert_cmpint (chmod (b, 0), ==, 0);
  files_set_root (FALSE);
  g_assert_false (leash_walk (files->ctx, top, 0, expect_error, &n, &error));
  files_set_root (TRUE);
  assert_io_error (error, G_IO_ERROR_PERMISSION_DENIED, "Opening the directory “", "top/b”: ");
  g_assert_cmpuint (n, ==, 1);
  g_assert_cmpint (chmod (b, 0755), ==, 0);
}

static void
test_cancelled (Files *files, gconstpointer kind)
{
  static const LeashWalkFlags flags[] = { 0, LEASH_WALK_SORTED, LEASH_WALK_FOLLOW };

  make_tree (files);
  for (guint i = 0; i < G_N_ELEMENTS (flags); i++)
    {
      g_autoptr (LeashContext) ctx = leash_context_with_cancel (files->ctx);
      Trace trace = { .stop = "a", .cancel = ctx };
      g_autoptr (GError) error = NULL;

      g_assert_false (walk_in (ctx, files, "top", flags[i], &trace, &error));
      assert_io_error (error, G_IO_ERROR_CANCELLED, "");
      g_assert_null (strstr (trace.told->str, "!"));
      g_string_free (trace.told, TRUE);
      trace = (Trace){ 0 };
      g_assert_false (walk_in (ctx, files, "top", flags[i], &trace, &error));
      assert_io_error (error, G_IO_ERROR_CANCELLED, "Looking up “");
      g_assert_cmpuint (trace.n, ==, 0);
      g_string_free (trace.told, TRUE);
    }
}

static void
test_failures (Files *files, gconstpointer kind)
{
  Trace trace = { 0 };
  g_autoptr (GError) error = NULL;

  g_assert_false (leash_walk (files->ctx, "missing", 0, trace_entry, &trace, &error));
  assert_io_error (error, G_IO_ERROR_NOT_FOUND, "Looking up “missing”: ");
  g_assert_false (leash_walk (files->ctx, "", 0, trace_entry, &trace, &error));
  assert_io_error (error, G_IO_ERROR_NOT_FOUND, "Walking “”: the path is empty");
  g_assert_false (leash_walk (files->ctx, ".", 64, trace_entry, &trace, &error));
  assert_io_error (error, G_IO_ERROR_INVALID_ARGUMENT, "Walking “.”: the flags have bits");
  g_assert_cmpuint (trace.n, ==, 0);
}

static LeashWalkAction
look_deep (const LeashWalkEntry *entry, gpointer user_data, GError **error)
{
  Trace *trace = user_data;
  g_autoptr (GError) failure = NULL;
  LeashStat stat;

  if (entry->is_after)
    return LEASH_WALK_CONTINUE;
  g_assert_null (entry->error);
  g_assert_cmpuint (entry->depth, ==, trace->n);
  if (trace->n++ % 64 == 0)
    trace->max_fds = MAX (trace->max_fds, count_fds ());
  leash_fs_lstat (entry->fs, trace->files->ctx, entry->fs_path, &stat, &failure);
  g_assert_no_error (failure);
  g_assert_cmpint (stat.type, ==, entry->type);
  return LEASH_WALK_CONTINUE;
}

static void
test_deep (Files *files, gconstpointer kind)
{
  static const char name[] = "a-name-of-some-length-as-names-are";
  g_autofree char *top = files_path (files, "deep");
  g_autofree char *real = path_of (&files->base, "deep");
  Trace trace = { .files = files };
  g_autoptr (GError) error = NULL;

  /* So that stations are closed and opened again: each is of 1024 bytes or more. */
  files_make_deep (files, "deep", name, 1300);
  leash_walk (files->ctx, top, LEASH_WALK_AFTER, look_deep, &trace, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (trace.n, ==, 1302);
  g_assert_cmpuint (trace.max_fds, <=, files->base.n_fds + 40);
  g_assert_true (leash_remove_all (files->base.ctx, real, &error));
}

static LeashWalkAction
count_entry (const LeashWalkEntry *entry, gpointer user_data, GError **error)
{
  ++*(guint *) user_data;
  return LEASH_WALK_CONTINUE;
}

static void
test_wide (Files *files, gconstpointer kind)
{
  g_autofree char *top = files_path (files, "");
  g_autoptr (GError) error = NULL;
  guint n = 0;

  for (guint i = 0; i < 40; i++)
    {
      g_autofree char *dir = g_strdup_printf ("%u", i);

      files_mkdir (files, dir);
      for (guint j = 0; j < 50; j++)
        {
          g_autofree char *name = g_strdup_printf ("%u/%u", i, j);

          files_write (files, name, "");
        }
    }
  g_assert_true (leash_walk (files->ctx, top, 0, count_entry, &n, &error));
  g_assert_cmpuint (n, ==, 1 + 40 + 40 * 50);
  n = 0;
  g_assert_true (leash_walk (files->ctx, top, LEASH_WALK_SORTED, count_entry, &n, &error));
  g_assert_cmpuint (n, ==, 1 + 40 + 40 * 50);
}

static LeashWalkAction
remove_it (const LeashWalkEntry *entry, gpointer user_data, GError **error)
{
  if (entry->depth > 0 && (entry->type != G_FILE_TYPE_DIRECTORY || entry->is_after))
    leash_fs_remove (entry->fs, user_data, entry->fs_path, error);
  return LEASH_WALK_CONTINUE;
}

static void
test_function_removes (Files *files, gconstpointer kind)
{
  g_autofree char *top = files_path (files, "top");
  g_autoptr (GError) error = NULL;

  make_tree (files);
  leash_walk (files->ctx, top, LEASH_WALK_AFTER, remove_it, files->ctx, &error);
  g_assert_no_error (error);
  files_assert_list (files, "top", "");
}

static void
test_odd_names (Files *files, gconstpointer kind)
{
  files_mkdir (files, "top");
  files_mkdir (files, "top/\xff\xfe");
  files_write (files, "top/\xff\xfe/\n", "");
  files_write (files, "top/...", "");
  assert_walk (files, "top", LEASH_WALK_SORTED, (Trace){ 0 }, "/ ... \xff\xfe/ \xff\xfe/\n ");
}

static void
test_root (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  guint n = 0;

  leash_walk (fixture->ctx, "/proc/self/task/", LEASH_WALK_SORTED, count_entry, &n, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (n, >, 10);
}

static LeashWalkAction
note_path (const LeashWalkEntry *entry, gpointer user_data, GError **error)
{
  if (entry->depth == 1)
    g_assert_cmpstr (entry->path + 1, ==, entry->name);
  return entry->depth == 0 ? LEASH_WALK_CONTINUE : LEASH_WALK_SKIP;
}

static void
test_slash (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;

  leash_walk (fixture->ctx, "/", LEASH_WALK_SORTED, note_path, NULL, &error);
  g_assert_no_error (error);
}

static void
test_null_arguments (Files *files, gconstpointer kind)
{
  expect_critical ("leash_walk", "ctx != NULL");
  g_assert_false (leash_walk (NULL, "a", 0, count_entry, NULL, NULL));
  expect_critical ("leash_walk", "path != NULL");
  g_assert_false (leash_walk (files->ctx, NULL, 0, count_entry, NULL, NULL));
  expect_critical ("leash_walk", "func != NULL");
  g_assert_false (leash_walk (files->ctx, "a", 0, NULL, NULL, NULL));
  assert_expected ();
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  files_add ("/fs/walk", "sorted", test_sorted);
  files_add ("/fs/walk", "unsorted", test_unsorted);
  files_add ("/fs/walk", "skip-and-stop", test_skip_and_stop);
  files_add ("/fs/walk", "stopped-leaves-nothing-open", test_stopped_leaves_nothing_open);
  files_add ("/fs/walk", "error-of-the-function-ends-it", test_function_fails);
  files_add ("/fs/walk", "links-are-followed-once", test_links_are_followed);
  files_add_on_disk ("/fs/walk", "goes-on-behind-what-cannot-be-read", test_unreadable);
  files_add_on_disk ("/fs/walk", "error-of-an-entry-names-it", test_error_can_be_the_walks);
  files_add ("/fs/walk", "cancelled-context-ends-it", test_cancelled);
  files_add ("/fs/walk", "failure-names-the-path", test_failures);
  files_add_on_disk ("/fs/walk", "deeper-than-paths-can-be", test_deep);
  files_add ("/fs/walk", "two-thousand-files", test_wide);
  files_add ("/fs/walk", "function-may-remove-what-it-sees", test_function_removes);
  files_add ("/fs/walk", "names-need-not-be-text", test_odd_names);
  ADD ("/fs/walk/slash-behind-the-top-is-kept", test_root);
  ADD ("/fs/walk/root-has-one-slash", test_slash);
  files_add ("/fs/walk", "null-argument-is-named", test_null_arguments);
  return g_test_run ();
}
