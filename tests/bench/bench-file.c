/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Opening, reading and closing a real file: the system calls alone, and through Leash without and with a
 * tracker. */
#include <leash/leash.h>

#include <fcntl.h>
#include <glib/gstdio.h>
#include <unistd.h>

#include "bench.h"

typedef struct
{
  char *path;
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

int
main (int argc, char **argv)
{
  g_autoptr (LeashTracker) tracker = leash_tracker_new ();
  g_autoptr (LeashContext) ctx = leash_context_with_tracker (leash_context_background (), tracker);
  Work untracked = { .ctx = leash_context_background () }, tracked = { .ctx = ctx };
  BenchCandidate candidates[] = {
    { .name = "system calls", .func = raw, .user_data = &tracked },
    { .name = "leash, no tracker", .func = through_leash, .user_data = &untracked },
    { .name = "leash, tracked", .func = through_leash, .user_data = &tracked },
  };
  int fd;

  bench_init (argc, argv);
  fd = g_file_open_tmp ("leash-bench-XXXXXX", &tracked.path, NULL);

  if (fd < 0 || write (fd, "some text\n", 10) != 10 || close (fd) != 0)
    g_error ("no temporary file can be written");
  untracked.path = tracked.path;
  bench_run (candidates, G_N_ELEMENTS (candidates), 2000);
  for (guint i = 0; i < G_N_ELEMENTS (candidates); i++)
    {
      g_autofree char *name = g_strdup_printf ("open, read, close: %s", candidates[i].name);

      bench_figure (name, "ns", bench_median (candidates[i].ns));
    }
  bench_figure ("open, read, close without a tracker / system calls", "x",
                bench_ratio (&candidates[1], &candidates[0]));
  bench_target ("open, read, close, tracked / system calls", "x",
                bench_ratio (&candidates[2], &candidates[0]), 1.03);
  g_unlink (tracked.path);
  g_free (tracked.path);
  return 0;
}
