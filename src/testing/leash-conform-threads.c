/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Several threads on one tree, and reads at random places of a large file. */
#include "leash-conform-private.h"

#define N_THREADS 4
#define ROUNDS 50
#define BIG 300000

typedef struct
{
  Conform *c;
  guint number;
  guint won; /* how often this thread made what only one may make */
} Worker;

static guint
run_threads (Conform *c, GThreadFunc func)
{
  Worker workers[N_THREADS];
  GThread *threads[N_THREADS];
  guint won = 0;

  for (guint i = 0; i < N_THREADS; i++)
    {
      workers[i] = (Worker){ c, i, 0 };
      threads[i] = g_thread_new ("conform", func, &workers[i]);
    }
  for (guint i = 0; i < N_THREADS; i++)
    {
      g_thread_join (threads[i]);
      won += workers[i].won;
    }
  return won;
}

static gpointer
make_own_files (gpointer data)
{
  Worker *self = data;

  for (guint i = 0; i < ROUNDS && !conform_is_skipped (self->c); i++)
    {
      g_autofree char *path = g_strdup_printf ("d/%u-%u", self->number, i);
      g_autofree char *moved = g_strconcat (path, "-moved", NULL);

      conform_write (self->c, path, path);
      conform_ok (self->c, RENAME (path, moved));
      conform_content (self->c, moved, path);
      conform_ok (self->c, REMOVE (moved));
    }
  return NULL;
}

static void
test_own_files (Conform *c)
{
  run_threads (c, make_own_files);
  conform_list (c, "d", "");
}

static gpointer
make_exclusively (gpointer data)
{
  Worker *self = data;

  for (guint i = 0; i < ROUNDS; i++)
    {
      g_autofree char *path = g_strdup_printf ("d/%u", i);
      Call call = OPEN (path, FLAGS_MAKE | LEASH_OPEN_EXCLUSIVE);

      self->won += conform_call (self->c, &call, NULL);
    }
  return NULL;
}

static void
test_exclusive (Conform *c)
{
  if (conform_needs (c, LEASH_FS_FEATURE_WRITE))
    conform_same_number (c, "open", "d/0 …", "made exclusively", ROUNDS, run_threads (c, make_exclusively));
}

static gpointer
append_lines (gpointer data)
{
  Worker *self = data;
  g_autoptr (LeashFile) file = conform_open (self->c, "f", LEASH_OPEN_APPEND);

  for (guint i = 0; i < ROUNDS; i++)
    conform_file_write (self->c, file, "a line of 20 bytes.\n");
  conform_file_close (self->c, file);
  return NULL;
}

static void
test_append (Conform *c)
{
  run_threads (c, append_lines);
  conform_size (c, "f", N_THREADS * ROUNDS * 20);
}

/* Reads at random places, each thread by a seed of its own. */
static gpointer
read_anywhere (gpointer data)
{
  Worker *self = data;
  Conform *c = self->c;
  g_autoptr (GRand) random = g_rand_new_with_seed (self->number + 1);
  g_autoptr (LeashFile) file = conform_open (c, "big", LEASH_OPEN_READ);
  guint8 found[5000], expected[5000];

  for (guint i = 0; file != NULL && i < 4 * ROUNDS; i++)
    {
      gint64 offset = g_rand_int_range (random, 0, BIG + 1000);
      gsize count = (gsize) g_rand_int_range (random, 1, sizeof found);
      gssize n = leash_file_pread (file, c->ctx, found, count, offset, NULL);

      conform_tree_fill (expected, sizeof expected, (guint64) offset);
      if (n < 0 || (n > 0 && offset + n > BIG) || (offset < BIG && n == 0)
          || memcmp (found, expected, (gsize) n) != 0)
        conform_fault (c, "pread “big”, %" G_GSIZE_FORMAT " bytes at %" G_GINT64_FORMAT ": found others",
                       count, offset);
    }
  conform_file_close (c, file);
  return NULL;
}

static void
test_random_reads (Conform *c)
{
  run_threads (c, read_anywhere);
}

static gpointer
replace (gpointer data)
{
  Worker *self = data;

  for (guint i = 0; i < ROUNDS && !conform_is_skipped (self->c); i++)
    {
      g_autofree char *path = g_strdup_printf ("new%u", self->number);

      if (self->number == 0)
        conform_content (self->c, "f", "text");
      else
        {
          conform_write (self->c, path, "text");
          conform_ok (self->c, RENAME (path, "f"));
        }
    }
  return NULL;
}

static void
test_replace (Conform *c)
{
  run_threads (c, replace);
  conform_list (c, ".", "f");
}

const ConformTest conform_threads_tests[] = {
  { "threads/each-with-files-of-its-own", test_own_files, "d/", 0 },
  { "threads/only-one-makes-a-file-exclusively", test_exclusive, "d/", 0 },
  { "threads/nothing-that-is-appended-is-lost", test_append, "f=", 0 },
  { "threads/reads-anywhere-are-what-is-there", test_random_reads, "big*300000", 0 },
  { "threads/replaced-file-is-always-there", test_replace, "f=text", LEASH_FS_FEATURE_ATOMIC_RENAME },
  { NULL, NULL, NULL, 0 },
};
