/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Opening, reading and closing a small file, which is in the page cache: the system calls alone, and through
 * Leash without and with a tracker. Where Leash is built, which is a disk as a rule, and in memory.
 */
#include <leash/leash.h>

#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "bench.h"

typedef struct
{
  const char *path;
  LeashContext *ctx;
} Work;

static void
raw (gpointer user_data, guint n)
{
  const Work *work = user_data;
  char buffer[4096];

  for (guint i = 0; i < n; i++)
    {
      int fd = open (work->path, O_RDONLY | O_CLOEXEC);

      if (read (fd, buffer, sizeof buffer) <= 0 || close (fd) != 0)
        g_error ("%s cannot be read", work->path);
    }
}

static void
through_leash (gpointer user_data, guint n)
{
  const Work *work = user_data;
  char buffer[4096];

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (LeashFile) file = leash_open (work->ctx, work->path, LEASH_OPEN_READ, 0, NULL);

      if (file == NULL || leash_file_read (file, work->ctx, buffer, sizeof buffer, NULL) <= 0
          || !leash_file_close (file, NULL))
        g_error ("%s cannot be read", work->path);
    }
}

/* What the file lies on, in a few words. */
static const char *
name_file_system (const char *path)
{
  static const struct
  {
    guint32 type;
    const char *name;
  } known[]
      = { { 0x01021994, "tmpfs" }, { 0xEF53, "ext" }, { 0x58465342, "xfs" },     { 0x9123683E, "btrfs" },
          { 0x2FC12FC1, "zfs" },   { 0x6969, "nfs" }, { 0x794C7630, "overlay" }, { 0x65735546, "fuse" } };
  struct statfs status;

  if (statfs (path, &status) != 0)
    g_error ("%s cannot be looked at", path);
  for (guint i = 0; i < G_N_ELEMENTS (known); i++)
    if (known[i].type == (guint32) status.f_type)
      return known[i].name;
  return "of a kind that this program has no name for";
}

static void
tell (const char *where, const char *what, const char *unit, double value, double at_most)
{
  g_autofree char *name = g_strdup_printf ("open, read, close, %s: %s", where, what);

  bench_target (name, unit, value, at_most);
}

static void
tell_file_system (const char *where, const char *path)
{
  g_autofree char *name = g_strdup_printf ("open, read, close, %s: the file system", where);

  bench_note (name, name_file_system (path));
}

static void
measure (const char *where, const char *folder, LeashContext *ctx)
{
  g_autofree char *path = g_build_filename (folder, "leash-bench-XXXXXX", NULL);
  Work untracked = { .path = path, .ctx = leash_context_background () };
  Work tracked = { .path = path, .ctx = ctx };
  BenchCandidate candidates[] = {
    { .name = "system calls", .func = raw, .user_data = &tracked },
    { .name = "no tracker", .func = through_leash, .user_data = &untracked },
    { .name = "tracked", .func = through_leash, .user_data = &tracked },
  };
  int fd = g_mkstemp (path);

  if (fd < 0 || write (fd, "some text\n", 10) != 10 || close (fd) != 0)
    g_error ("no file can be written in %s", folder);
  bench_run (candidates, G_N_ELEMENTS (candidates), 4000);
  tell_file_system (where, path);
  g_unlink (path);
  for (guint i = 0; i < G_N_ELEMENTS (candidates); i++)
    tell (where, candidates[i].name, "ns", bench_median (candidates[i].ns), 0);
  tell (where, "no tracker / system calls", "x", bench_ratio (&candidates[1], &candidates[0]), 0);
  tell (where, "tracked / system calls", "x", bench_ratio (&candidates[2], &candidates[0]), 1.03);
}

int
main (int argc, char **argv)
{
  g_autoptr (LeashTracker) tracker = leash_tracker_new ();
  g_autoptr (LeashContext) ctx = leash_context_with_tracker (leash_context_background (), tracker);
  g_autofree char *here = g_get_current_dir ();

  bench_init (argc, argv);
  measure ("where it is built", here, ctx);
  measure ("in memory", g_access ("/dev/shm", W_OK) == 0 ? "/dev/shm" : g_get_tmp_dir (), ctx);
  return 0;
}
