/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An overlay over some content must be the same as a plain copy of the content: random operations on both,
 * and every answer and the trees compared. Beside that: lower does not change, and another overlay over the
 * same layers, which knows nothing of what the first one did, shows the same.
 */
#include "fs-differential.h"

#include <fcntl.h>

#define N_ROUNDS 12
#define N_STEPS 2500

/* As random as what comes after. */
static void
make_content (Differential *d, LeashFs *fs, guint32 seed)
{
  g_rand_set_seed (d->rand, seed);
  for (guint i = 0; i < 80; i++)
    {
      g_autofree char *path = draw_path (d, 0);
      g_autofree char *text = draw_link_text (d);
      guint kind = draw (d, 6);

      if (kind < 3)
        leash_fs_mkdir (fs, d->ctx, path, 0700 | draw (d, 0100), NULL);
      else if (kind == 3)
        leash_fs_symlink (fs, d->ctx, text, path, NULL);
      else
        {
          g_autoptr (LeashFile) file = leash_fs_open (
              fs, d->ctx, path, LEASH_OPEN_WRITE | LEASH_OPEN_CREATE | LEASH_OPEN_EXCLUSIVE, 0644, NULL);

          if (file != NULL)
            leash_file_write (file, d->ctx, path, strlen (path), NULL);
        }
    }
}

static int
make_old (const char *path, const struct stat *found, int type, struct FTW *where)
{
  const struct timespec times[] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };

  return utimensat (AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW);
}

static LeashFs *
new_root (Fixture *fixture, guint round, const char *name)
{
  g_autofree char *numbered = g_strdup_printf ("%s-%u", name, round);
  g_autofree char *path = make_directory (fixture, numbered);
  g_autoptr (GError) error = NULL;
  LeashFs *fs = leash_dir_fs_new (path, &error);

  g_assert_no_error (error);
  return fs;
}

static void
run_round (Fixture *fixture, guint round)
{
  g_autoptr (LeashFs) plain = new_root (fixture, round, "plain");
  g_autoptr (LeashFs) upper = new_root (fixture, round, "upper");
  g_autoptr (LeashFs) lower = new_root (fixture, round, "lower");
  g_autoptr (LeashFs) copy = new_root (fixture, round, "copy");
  g_autoptr (LeashFs) overlay = leash_overlay_fs_new (upper, lower);
  g_autoptr (LeashFs) another = leash_overlay_fs_new (upper, lower);
  LeashFs *const all[] = { plain, lower, copy };
  guint32 seed = (guint32) g_test_rand_int ();
  Differential d;

  differential_init (&d, plain, overlay, fixture->ctx);
  for (guint i = 0; i < G_N_ELEMENTS (all); i++)
    make_content (&d, all[i], seed);
  g_assert_cmpint (nftw (fixture->dir, make_old, 32, FTW_PHYS), ==, 0);
  for (guint i = 1; i <= N_STEPS; i++)
    {
      differential_step (&d);
      if (i % 250 == 0)
        {
          differential_compare_trees (&d, plain, overlay);
          differential_compare_trees (&d, plain, another);
        }
    }
  differential_compare_trees (&d, copy, lower);
  g_test_message ("%u operations, of which %u failed", d.n_done, d.n_failed);
  /* Both must have come often. */
  g_assert_cmpuint (d.n_failed, >, d.n_done / 20);
  g_assert_cmpuint (d.n_failed, <, d.n_done - d.n_done / 20);
  differential_clear (&d);
}

static void
test_plain_copy (Fixture *fixture, gconstpointer unused)
{
  for (guint i = 0; i < N_ROUNDS; i++)
    run_round (fixture, i);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("/overlay/is-as-a-plain-copy", test_plain_copy);
  return g_test_run ();
}
