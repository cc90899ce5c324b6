/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The memory file system: what a user of it sees beyond what every file system does. That it does what the
 * kernel does is held by test-fs-differential.c.
 */
#include "fs-fixture.h"

typedef struct
{
  guint n_calls, n_freed; /* atomic */
  gboolean fails;
} Lazy; /* what is behind a lazy content */

/* A file system and a context that carries it, in the fixture's tracker. */
typedef struct
{
  Fixture base;
  LeashFs *fs;
  LeashContext *ctx;
  Lazy lazy; /* outlives fs, which frees it */
} Memory;

static void
set_up_memory (Memory *m, gconstpointer unused)
{
  set_up (&m->base, NULL);
  m->fs = leash_memory_fs_new ();
  m->ctx = leash_context_with_fs (m->base.ctx, m->fs);
}

static void
tear_down_memory (Memory *m, gconstpointer unused)
{
  leash_context_unref (m->ctx);
  g_object_unref (m->fs);
  tear_down (&m->base, NULL);
}

#define ADD_MEMORY(path, func) g_test_add (path, Memory, NULL, set_up_memory, func, tear_down_memory)

static void
write_text (LeashContext *ctx, const char *path, const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LeashFile) file
      = leash_open (ctx, path, LEASH_OPEN_WRITE | LEASH_OPEN_CREATE | LEASH_OPEN_TRUNCATE, 0644, &error);

  g_assert_no_error (error);
  g_assert_cmpint (leash_file_write (file, ctx, text, strlen (text), &error), ==, strlen (text));
  g_assert_no_error (error);
  g_assert_true (leash_file_close (file, &error));
}

static void
assert_text (LeashContext *ctx, const char *path, const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = leash_read_file (ctx, path, &error);

  g_assert_no_error (error);
  g_assert_cmpmem (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), text, strlen (text));
}

static void
test_parents_are_not_made (Memory *m, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (leash_open (m->ctx, "no/a", LEASH_OPEN_WRITE | LEASH_OPEN_CREATE, 0644, &error));
  assert_io_error (error, G_IO_ERROR_NOT_FOUND, "Opening “no/a”: ", g_strerror (ENOENT));
}

static void
test_removed_file_stays_open (Memory *m, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LeashFile) file = NULL;
  LeashStat stat;
  char buffer[8];

  write_text (m->ctx, "a", "text");
  file = leash_open (m->ctx, "a", LEASH_OPEN_READ, 0, &error);
  g_assert_no_error (error);
  g_assert_true (leash_remove (m->ctx, "a", &error));
  write_text (m->ctx, "a", "other");
  g_assert_true (leash_file_stat (file, m->ctx, &stat, &error));
  g_assert_cmpuint (stat.nlink, ==, 0);
  g_assert_cmpint (leash_file_read (file, m->ctx, buffer, sizeof buffer, &error), ==, 4);
  g_assert_cmpmem (buffer, 4, "text", 4);
}

static void
test_user_needs_permission (Memory *m, gconstpointer unused)
{
  const guint32 groups[] = { 7, 8 };
  g_autoptr (GError) error = NULL;

  write_text (m->ctx, "mine", "x");
  g_assert_true (leash_chmod (m->ctx, "mine", 0640, &error));
  g_assert_true (leash_chown (m->ctx, "mine", 0, 8, 0, &error));
  leash_memory_fs_set_credentials (m->fs, 1000, 1000, NULL, 0);
  g_assert_null (leash_open (m->ctx, "mine", LEASH_OPEN_READ, 0, &error));
  assert_io_error (error, G_IO_ERROR_PERMISSION_DENIED, "mine");
  g_assert_false (leash_mkdir (m->ctx, "d", 0755, &error));
  assert_io_error (error, G_IO_ERROR_PERMISSION_DENIED, "d");
  leash_memory_fs_set_credentials (m->fs, 1000, 1000, groups, G_N_ELEMENTS (groups));
  assert_text (m->ctx, "mine", "x");
}

static void
test_umask_is_taken_off (Memory *m, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  LeashStat stat;

  g_assert_true (leash_mkdir (m->ctx, "a", 0777, &error));
  g_assert_true (leash_stat (m->ctx, "a", &stat, &error));
  g_assert_cmpuint (stat.mode, ==, 0755);
  leash_memory_fs_set_umask (m->fs, 0077);
  g_assert_true (leash_mkdir (m->ctx, "b", 0777, &error));
  g_assert_true (leash_stat (m->ctx, "b", &stat, &error));
  g_assert_cmpuint (stat.mode, ==, 0700);
}

static void
test_times_are_of_a_fake_clock (Memory *m, gconstpointer unused)
{
  g_autoptr (LeashClock) clock = leash_clock_new_fake (1000000);
  g_autoptr (LeashContext) ctx = leash_context_with_clock (m->ctx, clock);
  g_autoptr (GError) error = NULL;
  LeashStat stat;

  g_assert_true (leash_mkdir (ctx, "d", 0755, &error));
  leash_clock_advance (clock, 5);
  write_text (ctx, "d/a", "x");
  g_assert_true (leash_stat (ctx, "d", &stat, &error));
  g_assert_cmpint (stat.atime_ns, ==, 1000000000);
  g_assert_cmpint (stat.mtime_ns, ==, 1000005000);
  g_assert_true (leash_set_times (ctx, "d/a", 17, LEASH_TIME_KEEP, 0, &error));
  g_assert_true (leash_stat (ctx, "d/a", &stat, &error));
  g_assert_cmpint (stat.atime_ns, ==, 17);
  g_assert_cmpint (stat.mtime_ns, ==, 1000005000);
}

/* As on a disk that is mounted "relatime". */
static void
test_reading_changes_the_time_of_access (Memory *m, gconstpointer unused)
{
  g_autoptr (LeashClock) clock = leash_clock_new_fake (1000000);
  g_autoptr (LeashContext) ctx = leash_context_with_clock (m->ctx, clock);
  /* The first after the file was written, and the first a day later. */
  const gint64 expected[] = { 1000010000, 1000010000, 86401000020000 };
  const gint64 waits[] = { 10, 10, G_GINT64_CONSTANT (86400) * 1000000 };
  LeashStat stat;

  write_text (ctx, "a", "x");
  for (guint i = 0; i < G_N_ELEMENTS (waits); i++)
    {
      leash_clock_advance (clock, waits[i]);
      assert_text (ctx, "a", "x");
      g_assert_true (leash_stat (ctx, "a", &stat, NULL));
      g_assert_cmpint (stat.atime_ns, ==, expected[i]);
    }
}

static void
test_space_ends (Memory *m, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LeashFile) file = NULL;
  g_autofree char *block = g_malloc0 (65536);
  LeashStatFs stat;

  leash_memory_fs_set_limits (m->fs, 40960, 0);
  file = leash_open (m->ctx, "a", LEASH_OPEN_WRITE | LEASH_OPEN_CREATE, 0644, &error);
  g_assert_no_error (error);
  /* The first write is short, the next has nothing left. */
  g_assert_cmpint (leash_file_write (file, m->ctx, block, 65536, &error), ==, 40960);
  g_assert_cmpint (leash_file_write (file, m->ctx, block, 1, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_NO_SPACE, "a");
  g_assert_true (leash_file_truncate (file, m->ctx, 4097, &error));
  g_assert_true (leash_statfs (m->ctx, "/", &stat, &error));
  g_assert_cmpuint (stat.total_bytes, ==, 40960);
  g_assert_cmpuint (stat.free_bytes, ==, 32768);
  /* Removed, its space is given back when nobody has it open. */
  g_assert_true (leash_remove (m->ctx, "a", &error));
  g_assert_true (leash_statfs (m->ctx, "/", &stat, &error));
  g_assert_cmpuint (stat.free_bytes, ==, 32768);
  g_assert_true (leash_file_close (file, &error));
  g_assert_true (leash_statfs (m->ctx, "/", &stat, &error));
  g_assert_cmpuint (stat.free_bytes, ==, 40960);
}

static void
test_files_end (Memory *m, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;

  leash_memory_fs_set_limits (m->fs, 0, 3);
  g_assert_true (leash_mkdir (m->ctx, "a", 0755, &error));
  g_assert_true (leash_symlink (m->ctx, "a", "b", &error));
  g_assert_false (leash_mkdir (m->ctx, "c", 0755, &error));
  assert_io_error (error, G_IO_ERROR_NO_SPACE, "c");
  g_assert_true (leash_remove (m->ctx, "b", &error));
  g_assert_true (leash_mkdir (m->ctx, "c", 0755, &error));
}

static void
test_holes_take_nothing (Memory *m, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LeashFile) file = NULL;
  char buffer[16];

  leash_memory_fs_set_limits (m->fs, 3 * 16384, 0);
  file = leash_open (m->ctx, "a", LEASH_OPEN_READ | LEASH_OPEN_WRITE | LEASH_OPEN_CREATE, 0644, &error);
  g_assert_no_error (error);
  g_assert_cmpint (leash_file_pwrite (file, m->ctx, "end", 3, G_GINT64_CONSTANT (1) << 40, &error), ==, 3);
  g_assert_cmpint (leash_file_pwrite (file, m->ctx, "middle", 6, 1 << 30, &error), ==, 6);
  g_assert_no_error (error);
  g_assert_cmpint (leash_file_pread (file, m->ctx, buffer, 8, (1 << 30) - 2, &error), ==, 8);
  g_assert_cmpmem (buffer, 8, "\0\0middle", 8);
  g_assert_cmpint (leash_file_pread (file, m->ctx, buffer, 8, G_GINT64_CONSTANT (1) << 40, &error), ==, 3);
}

static void
test_bytes_are_shared_until_written (Memory *m, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *text = g_strnfill (40000, 'x');
  g_autoptr (GBytes) bytes = g_bytes_new (text, 40000);
  g_autoptr (LeashFile) file = NULL;

  g_assert_true (leash_memory_fs_add_bytes (m->fs, "a/b/c", bytes, 0600, &error));
  g_assert_no_error (error);
  file = leash_open (m->ctx, "a/b/c", LEASH_OPEN_WRITE, 0, &error);
  g_assert_cmpint (leash_file_pwrite (file, m->ctx, "yy", 2, 16383, &error), ==, 2);
  g_assert_true (leash_file_truncate (file, m->ctx, 33000, &error));
  text[16383] = text[16384] = 'y';
  text[33000] = '\0';
  assert_text (m->ctx, "/a/b/c", text);
  g_assert_cmpint (((const char *) g_bytes_get_data (bytes, NULL))[16384], ==, 'x');
  g_assert_false (leash_memory_fs_add_bytes (m->fs, "a/b/c", bytes, 0600, &error));
  assert_io_error (error, G_IO_ERROR_EXISTS, "Adding “a/b/c”");
}

static GBytes *
bring (LeashContext *ctx, gpointer user_data, GError **error)
{
  Lazy *lazy = user_data;

  __atomic_fetch_add (&lazy->n_calls, 1, __ATOMIC_RELAXED);
  if (!lazy->fails)
    return g_bytes_new_static ("lazy", 4);
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_FAILED, "the archive is broken");
  return NULL;
}

static void
free_lazy (gpointer user_data)
{
  ((Lazy *) user_data)->n_freed++;
}

static void
test_lazy_content_comes_once (Memory *m, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LeashFs) copy = NULL;
  g_autoptr (LeashContext) copy_ctx = NULL;
  LeashStat stat;

  m->lazy.fails = TRUE;
  g_assert_true (leash_memory_fs_add_lazy (m->fs, "d/a", 4, 0644, 77, bring, &m->lazy, free_lazy, &error));
  g_assert_no_error (error);
  g_assert_true (leash_stat (m->ctx, "d/a", &stat, &error));
  g_assert_cmpuint (stat.size, ==, 4);
  g_assert_cmpint (stat.mtime_ns, ==, 77);
  g_assert_cmpuint (m->lazy.n_calls, ==, 0);
  g_assert_null (leash_open (m->ctx, "d/a", LEASH_OPEN_READ, 0, &error));
  assert_io_error (error, G_IO_ERROR_FAILED, "Opening “d/a”: the archive is broken");
  m->lazy.fails = FALSE;
  copy = leash_memory_fs_snapshot (m->fs);
  copy_ctx = leash_context_with_fs (m->base.ctx, copy);
  assert_text (m->ctx, "d/a", "lazy");
  assert_text (copy_ctx, "d/a", "lazy");
  assert_text (m->ctx, "d/a", "lazy");
  g_assert_cmpuint (m->lazy.n_calls, ==, 2);
  g_assert_cmpuint (m->lazy.n_freed, ==, 1);
}

/* Regression: cut to nothing, which it was before, it came all the same, over what was written. */
static void
test_lazy_content_of_no_size (Memory *m, gconstpointer unused)
{
  g_assert_true (leash_memory_fs_add_lazy (m->fs, "a", 0, 0644, 77, bring, &m->lazy, free_lazy, NULL));
  write_text (m->ctx, "a", "mine");
  assert_text (m->ctx, "a", "mine");
  g_assert_cmpuint (m->lazy.n_freed, ==, 1);
}

static void
test_lazy_content_never_wanted (Memory *m, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (leash_memory_fs_add_lazy (m->fs, "a", 4, 0644, 77, bring, &m->lazy, free_lazy, &error));
  write_text (m->ctx, "a", "mine");
  assert_text (m->ctx, "a", "mine");
  g_assert_false (leash_memory_fs_add_lazy (m->fs, "a", 4, 0644, 77, bring, &m->lazy, free_lazy, &error));
  assert_io_error (error, G_IO_ERROR_EXISTS, "a");
  g_assert_true (leash_memory_fs_add_lazy (m->fs, "b", 5, 0644, 77, bring, &m->lazy, free_lazy, &error));
  g_assert_cmpuint (m->lazy.n_calls, ==, 0);
  g_assert_cmpuint (m->lazy.n_freed, ==, 2);
  g_assert_null (leash_open (m->ctx, "b", LEASH_OPEN_READ, 0, &error));
  assert_io_error (error, G_IO_ERROR_INVALID_DATA, "4 bytes", "5");
}

static void
test_snapshot_changes_on_its_own (Memory *m, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LeashFs) copy = NULL;
  g_autoptr (LeashContext) ctx = NULL;
  LeashStat one, two;

  g_assert_true (leash_mkdir (m->ctx, "d", 0700, &error));
  write_text (m->ctx, "d/a", "before");
  g_assert_true (leash_link (m->ctx, "d/a", "b", &error));
  g_assert_true (leash_symlink (m->ctx, "d/a", "l", &error));
  copy = leash_memory_fs_snapshot (m->fs);
  ctx = leash_context_with_fs (m->base.ctx, copy);
  write_text (m->ctx, "d/a", "after!");
  g_assert_true (leash_remove (m->ctx, "l", &error));
  assert_text (ctx, "l", "before");
  assert_text (m->ctx, "b", "after!");
  g_assert_true (leash_stat (ctx, "b", &one, &error));
  g_assert_true (leash_stat (ctx, "d/a", &two, &error));
  g_assert_cmpuint (one.inode, ==, two.inode);
  g_assert_cmpuint (one.nlink, ==, 2);
  write_text (ctx, "b", "copy");
  assert_text (ctx, "d/a", "copy");
  assert_text (m->ctx, "d/a", "after!");
}

static void
test_root_stays_its_directory (Memory *m, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LeashFs) root = NULL;
  g_autoptr (LeashContext) ctx = NULL;
  LeashStat stat;

  g_assert_true (leash_mkdir_all (m->ctx, "a/b", 0755, &error));
  write_text (m->ctx, "secret", "x");
  g_assert_true (leash_symlink (m->ctx, "../secret", "a/out", &error));
  root = leash_fs_open_root (m->fs, m->ctx, "a", 0, &error);
  g_assert_no_error (error);
  ctx = leash_context_with_fs (m->base.ctx, root);
  g_assert_true (leash_rename (m->ctx, "a", "moved", &error));
  write_text (ctx, "b/f", "inside");
  assert_text (m->ctx, "moved/b/f", "inside");
  g_assert_false (leash_stat (ctx, "b/../..", &stat, &error));
  assert_io_error (error, G_IO_ERROR_PERMISSION_DENIED, "outside");
  g_assert_false (leash_stat (ctx, "/b", &stat, &error));
  assert_io_error (error, G_IO_ERROR_PERMISSION_DENIED, "outside");
  g_assert_false (leash_stat (ctx, "out", &stat, &error));
  assert_io_error (error, G_IO_ERROR_PERMISSION_DENIED, "outside");
  /* A root of its own ends above. */
  g_assert_true (leash_stat (m->ctx, "../../moved/../secret", &stat, &error));
}

/* Entries that stay come once, whatever is added and removed around them, and the end comes. */
static void
test_entries_that_stay_come_once (Memory *m, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LeashDir) dir = NULL;
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  const LeashDirEntry *entry;
  guint n_stayed = 0;

  for (guint i = 0; i < 2000; i++)
    {
      g_autofree char *name = g_strdup_printf ("%s%u", i % 4 == 0 ? "stays" : "goes", i);

      g_assert_true (leash_symlink (m->ctx, "x", name, &error));
    }
  dir = leash_open_dir (m->ctx, ".", &error);
  for (guint i = 0; leash_dir_next (dir, m->ctx, &entry, &error); i++)
    {
      g_autofree char *gone = g_strdup_printf ("goes%u", 1999 - i);
      g_autofree char *added = g_strdup_printf ("added%u", i);

      g_assert_true (g_hash_table_add (seen, g_strdup (entry->name)));
      n_stayed += g_str_has_prefix (entry->name, "stays") ? 1 : 0;
      leash_remove (m->ctx, gone, NULL);
      g_assert_true (leash_symlink (m->ctx, "x", added, &error));
    }
  g_assert_no_error (error);
  g_assert_cmpuint (n_stayed, ==, 500);
}

#define N_THREADS 4
#define N_ROUNDS 2000

typedef struct
{
  Memory *m;
  guint number;
} Worker;

/* All in one directory, on names that they share and names of their own. */
static gpointer
work (gpointer user_data)
{
  Worker *self = user_data;
  LeashContext *ctx = self->m->ctx;
  LeashStat stat;
  char name[32];

  for (guint i = 0; i < N_ROUNDS; i++)
    {
      g_autoptr (LeashFile) file = NULL;
      g_autoptr (LeashDir) dir = NULL;
      const LeashDirEntry *entry;
      char buffer[64];

      g_snprintf (name, sizeof name, "f%u", (i * 7 + self->number) % 5);
      file = leash_open (ctx, name, LEASH_OPEN_READ | LEASH_OPEN_APPEND | LEASH_OPEN_CREATE, 0666, NULL);
      g_assert_nonnull (file);
      g_assert_cmpint (leash_file_write (file, ctx, "abcdefgh", 8, NULL), ==, 8);
      leash_file_pread (file, ctx, buffer, sizeof buffer, 0, NULL);
      leash_file_stat (file, ctx, &stat, NULL);
      if (i % 8 == 0)
        leash_file_truncate (file, ctx, 0, NULL);
      leash_rename (ctx, name, "other", NULL);
      leash_chmod (ctx, "other", 0644, NULL);
      leash_stat (ctx, "other", &stat, NULL);
      leash_remove (ctx, "other", NULL);
      dir = leash_open_dir (ctx, "/", NULL);
      while (leash_dir_next (dir, ctx, &entry, NULL))
        leash_lstat (ctx, entry->name, &stat, NULL);
      if (i % 256 == 0)
        g_object_unref (leash_memory_fs_snapshot (self->m->fs));
    }
  return NULL;
}

static void
test_threads (Memory *m, gconstpointer unused)
{
  Worker workers[N_THREADS];
  GThread *threads[N_THREADS];

  for (guint i = 0; i < N_THREADS; i++)
    {
      workers[i] = (Worker){ m, i };
      threads[i] = g_thread_new ("worker", work, &workers[i]);
    }
  for (guint i = 0; i < N_THREADS; i++)
    g_thread_join (threads[i]);
}

static gpointer
append (gpointer user_data)
{
  Worker *self = user_data;
  g_autoptr (LeashFile) file = leash_open (self->m->ctx, "log", LEASH_OPEN_APPEND, 0, NULL);
  char line[16];

  memset (line, 'a' + (char) self->number, sizeof line);
  for (guint i = 0; i < N_ROUNDS; i++)
    g_assert_cmpint (leash_file_write (file, self->m->ctx, line, sizeof line, NULL), ==, sizeof line);
  return NULL;
}

static void
test_appends_are_whole (Memory *m, gconstpointer unused)
{
  Worker workers[N_THREADS];
  GThread *threads[N_THREADS];
  g_autoptr (GBytes) bytes = NULL;
  const char *text;
  gsize size;

  write_text (m->ctx, "log", "");
  for (guint i = 0; i < N_THREADS; i++)
    {
      workers[i] = (Worker){ m, i };
      threads[i] = g_thread_new ("appender", append, &workers[i]);
    }
  for (guint i = 0; i < N_THREADS; i++)
    g_thread_join (threads[i]);
  bytes = leash_read_file (m->ctx, "log", NULL);
  text = g_bytes_get_data (bytes, &size);
  g_assert_cmpuint (size, ==, N_THREADS * N_ROUNDS * 16);
  for (gsize i = 0; i < size; i++)
    g_assert_cmpint (text[i], ==, text[i / 16 * 16]);
}

static gpointer
open_lazy (gpointer user_data)
{
  Worker *self = user_data;

  assert_text (self->m->ctx, "lazy", "lazy");
  return NULL;
}

static void
test_lazy_content_in_threads (Memory *m, gconstpointer unused)
{
  Worker worker = { m, 0 };
  GThread *threads[N_THREADS];

  g_assert_true (leash_memory_fs_add_lazy (m->fs, "lazy", 4, 0644, 0, bring, &m->lazy, free_lazy, NULL));
  for (guint i = 0; i < N_THREADS; i++)
    threads[i] = g_thread_new ("opener", open_lazy, &worker);
  for (guint i = 0; i < N_THREADS; i++)
    g_thread_join (threads[i]);
  g_assert_cmpuint (m->lazy.n_calls, ==, 1);
}

static void
test_another_file_system_is_refused (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashFs) host = leash_host_fs_new ();

  expect_critical ("leash_memory_fs_set_umask", "view != NULL");
  leash_memory_fs_set_umask (host, 0);
  assert_expected ();
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  ADD_MEMORY ("/fs/memory/parents-are-not-made", test_parents_are_not_made);
  ADD_MEMORY ("/fs/memory/removed-file-stays-open", test_removed_file_stays_open);
  ADD_MEMORY ("/fs/memory/user-needs-permission", test_user_needs_permission);
  ADD_MEMORY ("/fs/memory/umask-is-taken-off", test_umask_is_taken_off);
  ADD_MEMORY ("/fs/memory/times-are-of-a-fake-clock", test_times_are_of_a_fake_clock);
  ADD_MEMORY ("/fs/memory/reading-changes-the-time-of-access", test_reading_changes_the_time_of_access);
  ADD_MEMORY ("/fs/memory/space-ends", test_space_ends);
  ADD_MEMORY ("/fs/memory/files-end", test_files_end);
  ADD_MEMORY ("/fs/memory/holes-take-nothing", test_holes_take_nothing);
  ADD_MEMORY ("/fs/memory/bytes-are-shared-until-written", test_bytes_are_shared_until_written);
  ADD_MEMORY ("/fs/memory/lazy-content/comes-once", test_lazy_content_comes_once);
  ADD_MEMORY ("/fs/memory/lazy-content/never-wanted", test_lazy_content_never_wanted);
  ADD_MEMORY ("/fs/memory/lazy-content/of-no-size", test_lazy_content_of_no_size);
  ADD_MEMORY ("/fs/memory/lazy-content/in-threads", test_lazy_content_in_threads);
  ADD_MEMORY ("/fs/memory/snapshot-changes-on-its-own", test_snapshot_changes_on_its_own);
  ADD_MEMORY ("/fs/memory/root-stays-its-directory", test_root_stays_its_directory);
  ADD_MEMORY ("/fs/memory/entries-that-stay-come-once", test_entries_that_stay_come_once);
  ADD_MEMORY ("/fs/memory/threads", test_threads);
  ADD_MEMORY ("/fs/memory/appends-are-whole", test_appends_are_whole);
  ADD ("/fs/memory/another-file-system-is-refused", test_another_file_system_is_refused);

  return g_test_run ();
}
