/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is done with files, through Leash with a tracker, beside the system calls alone and GIO: where Leash
 * is built, which is a disk as a rule, and in memory, where the file system in memory is measured beside them
 * too. And what that one takes for an empty file. bench-file.c has the host's open, read and close in more
 * detail.
 */
#include <leash/leash.h>

#include <dirent.h>
#include <fts.h>
#include <glib/gstdio.h>
#include <sys/stat.h>

#include "bench.h"

#define N_ENTRIES 1000 /* in the directory that is read */
#define N_DIRS 1000    /* of the tree that is walked, with */
#define N_FILES 100    /* in each */
#define N_EMPTY 1000000
#define TEXT "some text\n"

/* One place that all candidates work in. The one in memory has the same paths. */
typedef struct
{
  const char *top, *file, *written, *temporary, *dir, *tree;
  LeashContext *ctx; /* with a tracker */
} Work;

static void
check (gboolean done, const char *path)
{
  if (!done)
    g_error ("what is measured failed on %s: %s", path, g_strerror (errno));
}

/* Opening, reading, closing */

static void
read_raw (gpointer user_data, guint n)
{
  const Work *work = user_data;
  char buffer[4096];

  for (guint i = 0; i < n; i++)
    {
      int fd = open (work->file, O_RDONLY | O_CLOEXEC);

      check (read (fd, buffer, sizeof buffer) > 0 && close (fd) == 0, work->file);
    }
}

static void
read_leash (gpointer user_data, guint n)
{
  const Work *work = user_data;
  char buffer[4096];

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (LeashFile) file = leash_open (work->ctx, work->file, LEASH_OPEN_READ, 0, NULL);

      check (file != NULL && leash_file_read (file, work->ctx, buffer, sizeof buffer, NULL) > 0
                 && leash_file_close (file, NULL),
             work->file);
    }
}

static void
read_gio (gpointer user_data, guint n)
{
  const Work *work = user_data;
  g_autoptr (GFile) file = g_file_new_for_path (work->file);
  char buffer[4096];

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (GFileInputStream) stream = g_file_read (file, NULL, NULL);

      check (stream != NULL
                 && g_input_stream_read (G_INPUT_STREAM (stream), buffer, sizeof buffer, NULL, NULL) > 0
                 && g_input_stream_close (G_INPUT_STREAM (stream), NULL, NULL),
             work->file);
    }
}

/* Looking up */

static void
stat_raw (gpointer user_data, guint n)
{
  const Work *work = user_data;
  struct stat found;

  for (guint i = 0; i < n; i++)
    check (stat (work->file, &found) == 0, work->file);
}

static void
stat_leash (gpointer user_data, guint n)
{
  const Work *work = user_data;
  LeashStat found;

  for (guint i = 0; i < n; i++)
    check (leash_stat (work->ctx, work->file, &found, NULL), work->file);
}

static void
stat_gio (gpointer user_data, guint n)
{
  const Work *work = user_data;
  g_autoptr (GFile) file = g_file_new_for_path (work->file);

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (GFileInfo) found
          = g_file_query_info (file, "standard::type,standard::size,unix::*,time::*", 0, NULL, NULL);

      check (found != NULL, work->file);
    }
}

/* Writing a file as a whole: a temporary one, synced, takes its place, and the directory is synced too */

static void
write_raw (gpointer user_data, guint n)
{
  const Work *work = user_data;

  for (guint i = 0; i < n; i++)
    {
      int fd = open (work->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

      check (write (fd, TEXT, strlen (TEXT)) > 0 && fsync (fd) == 0 && close (fd) == 0
                 && rename (work->temporary, work->written) == 0,
             work->written);
      fd = open (work->top, O_RDONLY | O_CLOEXEC);
      check (fsync (fd) == 0 && close (fd) == 0, work->top);
    }
}

static void
write_leash (gpointer user_data, guint n)
{
  const Work *work = user_data;

  for (guint i = 0; i < n; i++)
    check (leash_write_file (work->ctx, work->written, TEXT, strlen (TEXT), 0644, NULL), work->written);
}

static void
write_gio (gpointer user_data, guint n)
{
  const Work *work = user_data;

  for (guint i = 0; i < n; i++)
    check (g_file_set_contents_full (work->written, TEXT, strlen (TEXT),
                                     G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, 0644,
                                     NULL),
           work->written);
}

/* Reading a directory */

static void
list_raw (gpointer user_data, guint n)
{
  const Work *work = user_data;

  for (guint i = 0; i < n; i++)
    {
      DIR *dir = opendir (work->dir);
      guint n_found = 0;

      while (readdir (dir) != NULL)
        n_found++;
      check (n_found == N_ENTRIES + 2 && closedir (dir) == 0, work->dir);
    }
}

static void
list_leash (gpointer user_data, guint n)
{
  const Work *work = user_data;

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (LeashDir) dir = leash_open_dir (work->ctx, work->dir, NULL);
      const LeashDirEntry *entry;
      guint n_found = 0;

      while (leash_dir_next (dir, work->ctx, &entry, NULL) && entry != NULL)
        n_found++;
      check (n_found == N_ENTRIES && leash_dir_close (dir, NULL), work->dir);
    }
}

static void
list_gio (gpointer user_data, guint n)
{
  const Work *work = user_data;
  g_autoptr (GFile) file = g_file_new_for_path (work->dir);

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (GFileEnumerator) all = g_file_enumerate_children (
          file, "standard::name", G_FILE_QUERY_INFO_NOFOLLOW_SYMLINKS, NULL, NULL);
      GFileInfo *info;
      guint n_found = 0;

      while (g_file_enumerator_iterate (all, &info, NULL, NULL, NULL) && info != NULL)
        n_found++;
      check (n_found == N_ENTRIES, work->dir);
    }
}

/* Walking through a tree */

static guint
walk_at (int parent, const char *name)
{
  int fd = openat (parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  DIR *dir = fdopendir (fd);
  struct dirent *entry;
  guint n_found = 1;

  while ((entry = readdir (dir)) != NULL)
    if (entry->d_type != DT_DIR)
      n_found++;
    else if (strcmp (entry->d_name, ".") != 0 && strcmp (entry->d_name, "..") != 0)
      n_found += walk_at (fd, entry->d_name);
  closedir (dir);
  return n_found;
}

static void
walk_by_openat (gpointer user_data, guint n)
{
  const Work *work = user_data;

  for (guint i = 0; i < n; i++)
    check (walk_at (AT_FDCWD, work->tree) == 1 + N_DIRS * (N_FILES + 1), work->tree);
}

static void
walk_by_fts (gpointer user_data, guint n)
{
  const Work *work = user_data;

  for (guint i = 0; i < n; i++)
    {
      FTS *all = fts_open ((char *const[]){ (char *) work->tree, NULL }, FTS_PHYSICAL | FTS_NOSTAT, NULL);
      FTSENT *entry;
      guint n_found = 0;

      while ((entry = fts_read (all)) != NULL)
        n_found += entry->fts_info != FTS_DP;
      check (n_found == 1 + N_DIRS * (N_FILES + 1) && fts_close (all) == 0, work->tree);
    }
}

static LeashWalkAction
count (const LeashWalkEntry *entry, gpointer n_found, GError **error)
{
  (*(guint *) n_found)++;
  return LEASH_WALK_CONTINUE;
}

static void
walk_leash (gpointer user_data, guint n)
{
  const Work *work = user_data;

  for (guint i = 0; i < n; i++)
    {
      guint n_found = 0;

      check (leash_walk (work->ctx, work->tree, 0, count, &n_found, NULL)
                 && n_found == 1 + N_DIRS * (N_FILES + 1),
             work->tree);
    }
}

/* Rows */

static const struct
{
  const char *name;
  BenchFunc raw, leash, gio;
  guint n;
  gboolean is_call; /* one of Leash's for one of the kernel's: what it costs more is a number of its own */
} operations[] = {
  { "reading a file", read_raw, read_leash, read_gio, 2000, TRUE },
  { "looking up a file", stat_raw, stat_leash, stat_gio, 4000, TRUE },
  { "reading a directory of 1,000", list_raw, list_leash, list_gio, 40, FALSE },
  { "replacing a file", write_raw, write_leash, write_gio, 400, FALSE },
};

static void
tell (const char *what, const char *where, const char *who, const char *unit, double value, double at_most)
{
  g_autofree char *name = g_strdup_printf ("%s, %s: %s", what, where, who);

  bench_print_figure (name, unit, value, at_most);
}

/* in_memory is NULL where there is nothing to compare it with. */
static void
measure_operation (guint o, const char *where, Work *host, Work *in_memory)
{
  const char *name = operations[o].name;
  BenchCandidate candidates[] = {
    { .name = "system calls", .func = operations[o].raw, .user_data = host },
    { .name = "Leash", .func = operations[o].leash, .user_data = host },
    { .name = "GIO", .func = operations[o].gio, .user_data = host },
    { .name = "memory", .func = operations[o].leash, .user_data = in_memory },
  };

  bench_run (candidates, in_memory != NULL ? 4 : 3, operations[o].n);
  tell (name, where, "system calls", "ns", bench_median (candidates[0].ns), 0);
  if (operations[o].is_call)
    tell (name, where, "Leash more than system calls", "ns",
          bench_median (candidates[1].ns) - bench_median (candidates[0].ns), 0);
  tell (name, where, "Leash / system calls", "x", bench_ratio (&candidates[1], &candidates[0]), 1.05);
  tell (name, where, "GIO / system calls", "x", bench_ratio (&candidates[2], &candidates[0]), 0);
  if (in_memory != NULL)
    tell (name, where, "file system in memory / system calls", "x",
          bench_ratio (&candidates[3], &candidates[0]), 1);
}

static void
measure_walk (const char *where, Work *host, Work *in_memory)
{
  const char *name = "walk of 100,000 files";
  BenchCandidate candidates[] = {
    { .name = "openat", .func = walk_by_openat, .user_data = host, .warm_up = 1 },
    { .name = "fts", .func = walk_by_fts, .user_data = host, .warm_up = 1 },
    { .name = "Leash", .func = walk_leash, .user_data = host, .warm_up = 1 },
    { .name = "memory", .func = walk_leash, .user_data = in_memory, .warm_up = 1 },
  };

  bench_run (candidates, in_memory != NULL ? 4 : 3, 1);
  tell (name, where, "openat() and readdir()", "ms", bench_median (candidates[0].ns) / 1e6, 0);
  tell (name, where, "Leash / openat() and readdir()", "x", bench_ratio (&candidates[2], &candidates[0]),
        1.1);
  tell (name, where, "Leash / fts", "x", bench_ratio (&candidates[2], &candidates[1]), 1.1);
  if (in_memory != NULL)
    tell (name, where, "file system in memory / openat() and readdir()", "x",
          bench_ratio (&candidates[3], &candidates[0]), 1);
}

/* What there is before: made through Leash, so that it is the same on disk and in memory. */
static void
make_file (LeashContext *ctx, const char *dir, guint number)
{
  g_autofree char *path = g_strdup_printf ("%s/file-%06u", dir, number);
  g_autoptr (LeashFile) file = leash_open (ctx, path, LEASH_OPEN_WRITE | LEASH_OPEN_CREATE, 0644, NULL);

  check (file != NULL && leash_file_close (file, NULL), path);
}

static void
populate (const Work *work)
{
  check (leash_write_file (work->ctx, work->file, TEXT, strlen (TEXT), 0644, NULL), work->file);
  check (leash_mkdir (work->ctx, work->dir, 0755, NULL) && leash_mkdir (work->ctx, work->tree, 0755, NULL),
         work->dir);
  for (guint i = 0; i < N_ENTRIES; i++)
    make_file (work->ctx, work->dir, i);
  for (guint i = 0; i < N_DIRS; i++)
    {
      g_autofree char *dir = g_strdup_printf ("%s/dir-%04u", work->tree, i);

      check (leash_mkdir (work->ctx, dir, 0755, NULL), dir);
      for (guint j = 0; j < N_FILES; j++)
        make_file (work->ctx, dir, j);
    }
}

static void
measure_place (const char *where, const char *parent, LeashContext *ctx, gboolean with_memory)
{
  g_autoptr (LeashFs) fs = leash_memory_fs_new ();
  g_autoptr (LeashContext) memory_ctx = leash_context_with_fs (ctx, fs);
  g_autofree char *top = g_build_filename (parent, "leash-bench-XXXXXX", NULL);
  g_autofree char *file = NULL, *written = NULL, *temporary = NULL, *dir = NULL, *tree = NULL;

  check (g_mkdtemp (top) != NULL, top);
  file = g_build_filename (top, "file", NULL);
  written = g_build_filename (top, "written", NULL);
  temporary = g_build_filename (top, "written.tmp", NULL);
  dir = g_build_filename (top, "dir", NULL);
  tree = g_build_filename (top, "tree", NULL);

  Work host = { top, file, written, temporary, dir, tree, ctx };
  Work in_memory = { top, file, written, temporary, dir, tree, memory_ctx };

  populate (&host);
  if (with_memory)
    {
      check (leash_mkdir_all (memory_ctx, top, 0755, NULL), top);
      populate (&in_memory);
    }
  for (guint o = 0; o < G_N_ELEMENTS (operations); o++)
    if (with_memory || operations[o].leash != write_leash) /* a disk's sync is all that would be seen */
      measure_operation (o, where, &host, with_memory ? &in_memory : NULL);
  measure_walk (where, &host, with_memory ? &in_memory : NULL);
  check (leash_remove_all (ctx, top, NULL), top);
}

static gsize
get_resident_bytes (void)
{
  g_autofree char *text = NULL;
  unsigned long total, resident;

  check (g_file_get_contents ("/proc/self/statm", &text, NULL, NULL), "/proc/self/statm");
  check (sscanf (text, "%lu %lu", &total, &resident) == 2, "/proc/self/statm");
  return resident * (gsize) sysconf (_SC_PAGESIZE);
}

/* In a process that starts small. */
static void
measure_memory (void)
{
  guint n = bench_scale (N_EMPTY);
  pid_t child = fork ();

  check (child >= 0, "fork");
  if (child == 0)
    {
      g_autoptr (LeashFs) fs = leash_memory_fs_new ();
      g_autoptr (LeashContext) ctx = leash_context_with_fs (leash_context_background (), fs);
      gsize before = get_resident_bytes ();

      for (guint i = 0; i < n; i++)
        {
          g_autofree char *dir = g_strdup_printf ("/dir-%04u", i / 1000);

          check (i % 1000 != 0 || leash_mkdir (ctx, dir, 0755, NULL), dir);
          make_file (ctx, dir, i);
        }
      bench_target ("an empty file in memory", "bytes", (double) (get_resident_bytes () - before) / n, 200);
      _exit (0);
    }
  waitpid (child, NULL, 0);
}

int
main (int argc, char **argv)
{
  bench_init (argc, argv);
  measure_memory ();

  g_autoptr (LeashTracker) tracker = leash_tracker_new ();
  g_autoptr (LeashContext) ctx = leash_context_with_tracker (leash_context_background (), tracker);
  g_autofree char *here = g_get_current_dir ();

  measure_place ("where it is built", here, ctx, FALSE);
  measure_place ("in memory", g_access ("/dev/shm", W_OK) == 0 ? "/dev/shm" : g_get_tmp_dir (), ctx, TRUE);
  return 0;
}
