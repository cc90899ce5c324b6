/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Story (c): a function reads a configuration: a file, the local file that overrides it, and the names of the
 * plugins in a directory. It works, and its tests pass. But where the second file cannot be opened the first
 * one stays open, and where the directory cannot be read to its end the directory does. Nobody has a test for
 * that: a disk does not fail when one wants it to.
 *
 * The sweep makes it fail, at each call in turn. The leaking version's test shows both bugs, each with the
 * call that failed and the place where the thing was opened; the mended one's passes.
 */
#include <leash/leash.h>
#include <string.h>

/* Counts the lines of a file. Returns -1 with the error set. */
static int
count_lines (LeashContext *ctx, LeashFile *file, GError **error)
{
  char text[512];
  gssize length = leash_file_read (file, ctx, text, sizeof text, error);
  int n = length < 0 ? -1 : 0;

  for (gssize i = 0; i < length; i++)
    n += text[i] == '\n';
  return n;
}

/* What is known of a configuration. */
typedef struct
{
  int n_settings;
  guint n_plugins;
} Config;

static gboolean
count_plugins_leaking (LeashContext *ctx, Config *config, GError **error)
{
  g_autoptr (GError) failure = NULL;
  LeashDir *dir = leash_open_dir (ctx, "plugins", error);
  const LeashDirEntry *entry;

  if (dir == NULL)
    return FALSE;
  while (leash_dir_next (dir, ctx, &entry, &failure))
    config->n_plugins++;
  if (failure != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&failure));
      return FALSE; /* the second bug */
    }
  leash_dir_unref (dir);
  return TRUE;
}

static gboolean
load_leaking (LeashContext *ctx, Config *config, GError **error)
{
  LeashFile *base = leash_open (ctx, "base.ini", LEASH_OPEN_READ, 0, error);
  LeashFile *local;
  int n_base, n_local = -1;

  if (base == NULL)
    return FALSE;
  local = leash_open (ctx, "local.ini", LEASH_OPEN_READ, 0, error);
  if (local == NULL)
    return FALSE; /* the first bug */
  n_base = count_lines (ctx, base, error);
  if (n_base >= 0)
    n_local = count_lines (ctx, local, error);
  config->n_settings = n_base + n_local;
  leash_file_unref (local);
  leash_file_unref (base);
  return n_base >= 0 && n_local >= 0 && count_plugins_leaking (ctx, config, error);
}

static gboolean
count_plugins_mended (LeashContext *ctx, Config *config, GError **error)
{
  g_autoptr (LeashDir) dir = leash_open_dir (ctx, "plugins", error);
  g_autoptr (GError) failure = NULL;
  const LeashDirEntry *entry;

  if (dir == NULL)
    return FALSE;
  while (leash_dir_next (dir, ctx, &entry, &failure))
    config->n_plugins++;
  if (failure == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&failure));
  return FALSE;
}

static gboolean
load_mended (LeashContext *ctx, Config *config, GError **error)
{
  g_autoptr (LeashFile) base = leash_open (ctx, "base.ini", LEASH_OPEN_READ, 0, error);
  g_autoptr (LeashFile) local = NULL;
  int n_base, n_local = -1;

  if (base == NULL)
    return FALSE;
  local = leash_open (ctx, "local.ini", LEASH_OPEN_READ, 0, error);
  if (local == NULL)
    return FALSE;
  n_base = count_lines (ctx, base, error);
  if (n_base >= 0)
    n_local = count_lines (ctx, local, error);
  config->n_settings = n_base + n_local;
  return n_base >= 0 && n_local >= 0 && count_plugins_mended (ctx, config, error);
}

/* What each run finds: the same files, made anew. */
static LeashFs *
make_files (LeashTest *test, gpointer unused)
{
  LeashFs *fs = leash_dir_fs_new (test->dir, NULL);
  g_autoptr (LeashContext) ctx = leash_context_with_fs (test->ctx, fs);

  g_assert_true (leash_write_file (ctx, "base.ini", "a=1\nb=2\n", 8, 0644, NULL));
  g_assert_true (leash_write_file (ctx, "local.ini", "b=3\n", 4, 0644, NULL));
  g_assert_true (leash_mkdir_all (ctx, "plugins/one", 0755, NULL));
  return fs;
}

typedef gboolean (*LoadFunc) (LeashContext *ctx, Config *config, GError **error);

/* What a run does. It may fail, and where nothing fails the result is right. */
static void
load (LeashContext *ctx, gpointer user_data)
{
  const LoadFunc *func = user_data;
  g_autoptr (GError) error = NULL;
  Config config = { 0 };

  if (!(*func) (ctx, &config, &error))
    {
      g_assert_nonnull (error);
      return;
    }
  g_assert_cmpint (config.n_settings, ==, 3);
  g_assert_cmpuint (config.n_plugins, ==, 1);
}

static void
test_every_failure (gconstpointer func)
{
  leash_test_sweep_full (&(LeashSweep){ .func = load, .data = (gpointer) func, .set_up = make_files });
}

int
main (int argc, char **argv)
{
  static const LoadFunc leaking = load_leaking;
  static const LoadFunc mended = load_mended;

  g_test_init (&argc, &argv, NULL);
  g_test_add_data_func ("/sweep-config/leaking", &leaking, test_every_failure);
  g_test_add_data_func ("/sweep-config/mended", &mended, test_every_failure);
  return g_test_run ();
}
