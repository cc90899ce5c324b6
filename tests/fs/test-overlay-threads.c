/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An overlay that several threads change, while others look. A change is made of steps: nobody may see a
 * state between two, in which what lower has would show again. Each reader's rule is one that a single wrong
 * step breaks. Lower:
 *
 *     gone       "lower": removed and made again, over and over; what is read is never lower's again
 *     kept       "lower": replaced by renaming over it; it is always there, and always whole
 *     dir/inner  removed with its directory, which is made again; the new one is empty
 *     tree/leaf  renamed with its directory between two names; it is there under one of them
 */
#include "fs-fixture.h"

#define N_ROUNDS 300

typedef struct
{
  Fixture base;
  LeashContext *ctx; /* carries the overlay */
  gint writers;      /* atomic: that are still at it */
  gint seen;         /* atomic: by readers, of what a writer made */
} Shared;

static void
shared_set_up (Shared *shared, gconstpointer unused)
{
  static const char *const made[] = { "upper/",     "lower/",     "lower/dir/",      "lower/tree/",
                                      "lower/gone", "lower/kept", "lower/dir/inner", "lower/tree/leaf" };
  g_autoptr (LeashFs) fs = NULL;
  LeashFs *layers[2];

  set_up (&shared->base, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (made); i++)
    g_free (g_str_has_suffix (made[i], "/") ? make_directory (&shared->base, made[i])
                                            : make_file (&shared->base, made[i], "lower"));
  for (guint i = 0; i < 2; i++)
    {
      g_autofree char *path = path_of (&shared->base, made[i]);

      layers[i] = leash_dir_fs_new (path, NULL);
    }
  fs = leash_overlay_fs_new (layers[0], layers[1]);
  shared->ctx = leash_context_with_fs (shared->base.ctx, fs);
  for (guint i = 0; i < 2; i++)
    g_object_unref (layers[i]);
}

static void
shared_tear_down (Shared *shared, gconstpointer unused)
{
  leash_context_unref (shared->ctx);
  tear_down (&shared->base, NULL);
}

/* The content, or NULL when there is none. Any other error ends the test. */
static char *
read_path (Shared *shared, const char *path)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LeashFile) file = leash_open (shared->ctx, path, LEASH_OPEN_READ, 0, &error);
  char buffer[16] = "";

  if (file == NULL)
    {
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
      return NULL;
    }
  g_assert_cmpint (leash_file_read (file, shared->ctx, buffer, sizeof buffer - 1, &error), >=, 0);
  return g_strdup (buffer);
}

static void
write_path (Shared *shared, const char *path)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LeashFile) file = leash_open (
      shared->ctx, path, LEASH_OPEN_WRITE | LEASH_OPEN_CREATE | LEASH_OPEN_EXCLUSIVE, 0644, &error);

  g_assert_no_error (error);
  g_assert_cmpint (leash_file_write (file, shared->ctx, "upper", 5, &error), ==, 5);
  g_assert_true (leash_file_close (file, &error));
}

static void
must (gboolean done, GError *error)
{
  g_assert_no_error (error);
  g_assert_true (done);
}

/* Writers: each has names of its own. */

static void
replace_gone (Shared *shared)
{
  GError *error = NULL;

  must (leash_remove (shared->ctx, "gone", &error), error);
  write_path (shared, "gone");
}

static void
replace_kept (Shared *shared)
{
  GError *error = NULL;

  write_path (shared, "kept.new");
  must (leash_rename (shared->ctx, "kept.new", "kept", &error), error);
}

static void
replace_dir (Shared *shared)
{
  GError *error = NULL;

  leash_remove (shared->ctx, "dir/inner", NULL);
  must (leash_remove (shared->ctx, "dir", &error), error);
  must (leash_mkdir (shared->ctx, "dir", 0755, &error), error);
}

static void
move_tree (Shared *shared)
{
  GError *error = NULL;

  must (leash_rename (shared->ctx, "tree", "moved", &error), error);
  must (leash_rename (shared->ctx, "moved", "tree", &error), error);
}

typedef struct
{
  Shared *shared;
  void (*work) (Shared *shared);
} Job;

static gpointer
write_on (gpointer data)
{
  Job *job = data;

  for (guint i = 0; i < N_ROUNDS; i++)
    job->work (job->shared);
  g_atomic_int_add (&job->shared->writers, -1);
  return NULL;
}

/* Readers: what they saw first may be lower's; after upper's or nothing it is not lower's any more. */

static void
look_at_gone (Shared *shared, gboolean *left_lower)
{
  g_autofree char *content = read_path (shared, "gone");
  gboolean is_lower = g_strcmp0 (content, "lower") == 0;

  g_assert_false (*left_lower && is_lower);
  *left_lower = *left_lower || !is_lower;
}

static void
look_at_kept (Shared *shared)
{
  g_autofree char *content = read_path (shared, "kept");

  g_assert_nonnull (content);
  g_assert_true (strcmp (content, "lower") == 0 || strcmp (content, "upper") == 0);
}

static void
look_at_dir (Shared *shared, gboolean *left_lower)
{
  LeashStat found;
  gboolean has_inner = leash_stat (shared->ctx, "dir/inner", &found, NULL);

  g_assert_false (*left_lower && has_inner);
  *left_lower = *left_lower || !has_inner;
}

/* A listing is of one moment: kept once, and the tree by one of its names. */
static void
look_at_names (Shared *shared)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LeashDir) dir = leash_open_dir (shared->ctx, "/", &error);
  const LeashDirEntry *entry;
  guint n_kept = 0;
  guint n_trees = 0;

  g_assert_no_error (error);
  while (leash_dir_next (dir, shared->ctx, &entry, &error))
    {
      g_assert_false (g_str_has_prefix (entry->name, ".wh."));
      n_kept += strcmp (entry->name, "kept") == 0 ? 1 : 0;
      n_trees += strcmp (entry->name, "tree") == 0 || strcmp (entry->name, "moved") == 0 ? 1 : 0;
    }
  g_assert_no_error (error);
  g_assert_cmpuint (n_kept, ==, 1);
  g_assert_cmpuint (n_trees, ==, 1);
}

static gpointer
read_on (gpointer data)
{
  Shared *shared = data;
  gboolean left_gone = FALSE;
  gboolean left_dir = FALSE;

  while (g_atomic_int_get (&shared->writers) > 0)
    {
      look_at_gone (shared, &left_gone);
      look_at_kept (shared);
      look_at_dir (shared, &left_dir);
      look_at_names (shared);
      g_atomic_int_inc (&shared->seen);
    }
  return NULL;
}

static void
test_no_step_shows (Shared *shared, gconstpointer unused)
{
  Job jobs[] = {
    { shared, replace_gone }, { shared, replace_kept }, { shared, replace_dir }, { shared, move_tree }
  };
  GThread *writers[G_N_ELEMENTS (jobs)];
  GThread *readers[3];

  shared->writers = G_N_ELEMENTS (jobs);
  for (guint i = 0; i < G_N_ELEMENTS (readers); i++)
    readers[i] = g_thread_new ("reader", read_on, shared);
  for (guint i = 0; i < G_N_ELEMENTS (jobs); i++)
    writers[i] = g_thread_new ("writer", write_on, &jobs[i]);
  for (guint i = 0; i < G_N_ELEMENTS (jobs); i++)
    g_thread_join (writers[i]);
  for (guint i = 0; i < G_N_ELEMENTS (readers); i++)
    g_thread_join (readers[i]);
  g_test_message ("looked %d times", shared->seen);
  g_assert_cmpint (shared->seen, >, 0);
}

/* Threads that copy the same things up. */
static gpointer
append_to (gpointer data)
{
  Shared *shared = data;

  for (guint i = 0; i < 20; i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (LeashFile) file = leash_open (shared->ctx, "tree/leaf", LEASH_OPEN_APPEND, 0, &error);

      g_assert_no_error (error);
      g_assert_cmpint (leash_file_write (file, shared->ctx, "+", 1, &error), ==, 1);
    }
  return NULL;
}

static void
test_one_copy (Shared *shared, gconstpointer unused)
{
  GThread *threads[4];
  LeashStat found;

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("appender", append_to, shared);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  g_assert_true (leash_stat (shared->ctx, "tree/leaf", &found, NULL));
  g_assert_cmpuint (found.size, ==, 5 + 4 * 20);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/overlay/no-step-shows", Shared, NULL, shared_set_up, test_no_step_shows, shared_tear_down);
  g_test_add ("/overlay/one-copy", Shared, NULL, shared_set_up, test_one_copy, shared_tear_down);
  return g_test_run ();
}
