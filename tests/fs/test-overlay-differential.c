/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An overlay over some content must be the same as a plain copy of the content: random operations on both,
 * and every answer and the trees compared. Beside that: lower does not change, and another overlay over the
 * same layers, which knows nothing of what the first one did, shows the same.
 */
#include "fs-differential.h"

#define N_ROUNDS 6

/* What a test is made of: 'd' is a directory of the host, 'm' memory. */
typedef struct
{
  char plain;
  char upper;
  char lower;
  guint n_steps;
} Kinds;

/* As random as what comes after, but that links do not lead upwards: one that leads out of a root is refused
 * on disk, and not in memory. */
static void
make_content (Differential *d, LeashFs *fs, guint32 seed)
{
  g_rand_set_seed (d->rand, seed);
  for (guint i = 0; i < 80; i++)
    {
      g_autofree char *path = draw_path (d, 0);
      g_autofree char *text = draw_path (d, 0);
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

/* Everything in the directory at path, and then itself. */
static void
make_old (Differential *d, LeashFs *fs, const char *path)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) names = list_sorted (fs, d->ctx, path, &error);

  g_assert_no_error (error);
  for (guint i = 0; i < names->len; i++)
    {
      char *name = names->pdata[i];
      g_autofree char *child = NULL;

      strchr (name, '\t')[0] = '\0';
      child = g_build_filename (path, name, NULL);
      if (atoi (name + strlen (name) + 1) == G_FILE_TYPE_DIRECTORY)
        make_old (d, fs, child);
      else
        leash_fs_set_times (fs, d->ctx, child, 1000, 1000, LEASH_PATH_NO_FOLLOW, &error);
      g_assert_no_error (error);
    }
  leash_fs_set_times (fs, d->ctx, path, 1000, 1000, 0, &error);
  g_assert_no_error (error);
}

static LeashFs *
new_root (Fixture *fixture, char kind, guint round, const char *name)
{
  g_autofree char *numbered = g_strdup_printf ("%s-%u", name, round);
  g_autofree char *path = NULL;
  g_autoptr (GError) error = NULL;
  LeashFs *fs;

  if (kind == 'm')
    return leash_memory_fs_new ();
  path = make_directory (fixture, numbered);
  fs = leash_dir_fs_new (path, &error);
  g_assert_no_error (error);
  return fs;
}

static void
run_round (Fixture *fixture, const Kinds *kinds, guint round)
{
  g_autoptr (LeashFs) plain = new_root (fixture, kinds->plain, round, "plain");
  g_autoptr (LeashFs) upper = new_root (fixture, kinds->upper, round, "upper");
  g_autoptr (LeashFs) lower = new_root (fixture, kinds->lower, round, "lower");
  g_autoptr (LeashFs) copy = new_root (fixture, kinds->lower, round, "copy");
  g_autoptr (LeashFs) overlay = leash_overlay_fs_new (upper, lower);
  g_autoptr (LeashFs) another = leash_overlay_fs_new (upper, lower);
  LeashFs *const all[] = { plain, lower, copy };
  guint32 seed = (guint32) g_test_rand_int ();
  Differential d;

  differential_init (&d, plain, overlay, fixture->ctx);
  d.is_rooted = kinds->plain == 'd';
  for (guint i = 0; i < G_N_ELEMENTS (all); i++)
    {
      make_content (&d, all[i], seed);
      make_old (&d, all[i], ".");
    }
  make_old (&d, upper, ".");
  for (guint i = 1; i <= kinds->n_steps; i++)
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
test_plain_copy (Fixture *fixture, gconstpointer kinds)
{
  for (guint i = 0; i < N_ROUNDS; i++)
    run_round (fixture, kinds, i);
}

int
main (int argc, char **argv)
{
  static const Kinds on_disk = { 'd', 'd', 'd', 2500 };
  static const Kinds in_memory = { 'm', 'm', 'm', 10000 };
  static const Kinds memory_over_disk = { 'm', 'm', 'd', 5000 };

  g_test_init (&argc, &argv, NULL);
  g_test_add ("/overlay/is-as-a-plain-copy/on-disk", Fixture, &on_disk, set_up, test_plain_copy, tear_down);
  g_test_add ("/overlay/is-as-a-plain-copy/in-memory", Fixture, &in_memory, set_up, test_plain_copy,
              tear_down);
  g_test_add ("/overlay/is-as-a-plain-copy/memory-over-disk", Fixture, &memory_over_disk, set_up,
              test_plain_copy, tear_down);
  return g_test_run ();
}
