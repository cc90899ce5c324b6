/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A program's configuration: `name = value` a line, from app.conf and then from each .conf file of app.conf.d
 * in the order of their names, each overriding what came before. It is written once; the tests run it on the
 * disk, in memory, and on a disk that fails at each call in turn.
 */
#include <string.h>

#include "on-each.h"

static gboolean
parse (GHashTable *settings, const char *path, const char *text, GError **error)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);

  for (guint i = 0; lines[i] != NULL; i++)
    {
      char *line = g_strstrip (lines[i]);
      char *equals = strchr (line, '=');

      if (line[0] == '\0' || line[0] == '#')
        continue;
      if (equals == NULL || equals == line)
        {
          g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "%s:%u: no setting: %s", path, i + 1,
                       line);
          return FALSE;
        }
      *equals = '\0';
      g_hash_table_replace (settings, g_strdup (g_strchomp (line)), g_strdup (g_strchug (equals + 1)));
    }
  return TRUE;
}

static gboolean
load_file (LeashContext *ctx, GHashTable *settings, const char *path, GError **error)
{
  g_autoptr (GBytes) content = leash_read_file (ctx, path, error);
  g_autofree char *text = NULL;

  if (content == NULL)
    return FALSE;
  text = g_strndup (g_bytes_get_data (content, NULL), g_bytes_get_size (content));
  return parse (settings, path, text, error);
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* The names that end in .conf, sorted; none when the directory is missing. */
static GPtrArray *
list_additions (LeashContext *ctx, const char *path, GError **error)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GError) failed = NULL;
  g_autoptr (LeashDir) dir = leash_open_dir (ctx, path, &failed);
  const LeashDirEntry *entry;

  while (dir != NULL && leash_dir_next (dir, ctx, &entry, &failed))
    if (g_str_has_suffix (entry->name, ".conf"))
      g_ptr_array_add (names, g_strdup (entry->name));
  if (failed != NULL && !g_error_matches (failed, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
    {
      g_propagate_error (error, g_steal_pointer (&failed));
      return NULL;
    }
  g_ptr_array_sort (names, compare_names);
  return g_steal_pointer (&names);
}

/* Returns the settings, or NULL with the error set; half a configuration is none. */
static GHashTable *
load_config (LeashContext *ctx, const char *path, GError **error)
{
  g_autoptr (GHashTable) settings = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_autofree char *dir = g_strconcat (path, ".d", NULL);
  g_autoptr (GPtrArray) names = NULL;

  if (!load_file (ctx, settings, path, error) || (names = list_additions (ctx, dir, error)) == NULL)
    return NULL;
  for (guint i = 0; i < names->len; i++)
    {
      g_autofree char *addition = g_build_filename (dir, names->pdata[i], NULL);

      if (!load_file (ctx, settings, addition, error))
        return NULL;
    }
  return g_steal_pointer (&settings);
}

/* Tests */

static void
put (LeashContext *ctx, const char *path, const char *text)
{
  g_autoptr (GError) error = NULL;

  leash_write_file (ctx, path, text, strlen (text), 0644, &error);
  g_assert_no_error (error);
}

static void
write_config (LeashContext *ctx)
{
  g_autoptr (GError) error = NULL;

  put (ctx, "app.conf", "# the defaults\nhost = localhost\nport = 80\n");
  leash_mkdir (ctx, "app.conf.d", 0755, &error);
  g_assert_no_error (error);
  put (ctx, "app.conf.d/20-site.conf", "host = example.org\n");
  put (ctx, "app.conf.d/10-site.conf", "host = example.net\n");
  put (ctx, "app.conf.d/README", "not a setting\n");
}

static void
additions_override (LeashContext *ctx, gpointer unused)
{
  g_autoptr (GHashTable) settings = NULL;
  g_autoptr (GError) error = NULL;

  write_config (ctx);
  settings = load_config (ctx, "app.conf", &error);
  g_assert_no_error (error);
  g_assert_cmpstr (g_hash_table_lookup (settings, "host"), ==, "example.org");
  g_assert_cmpstr (g_hash_table_lookup (settings, "port"), ==, "80");
}

static void
errors_name_the_line (LeashContext *ctx, gpointer unused)
{
  g_autoptr (GError) error = NULL;

  put (ctx, "app.conf", "host = localhost\nport 80\n");
  g_assert_null (load_config (ctx, "app.conf", &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
  g_assert_cmpstr (error->message, ==, "app.conf:2: no setting: port 80");
}

static void
missing_file_is_named (LeashContext *ctx, gpointer unused)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (load_config (ctx, "app.conf", &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_assert_nonnull (strstr (error->message, "app.conf"));
}

/* What a run of the sweep begins with; and what it runs, with each call of it failing in turn. */
static LeashFs *
make_disk (LeashTest *test, gpointer unused)
{
  LeashFs *fs = leash_memory_fs_new ();
  g_autoptr (LeashContext) ctx = leash_context_with_fs (test->ctx, fs);

  write_config (ctx);
  return fs;
}

static void
load_once (LeashContext *ctx, gpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GHashTable) settings = load_config (ctx, "app.conf", &error);

  /* All of it or nothing, and an error that says what failed. */
  g_assert_true ((settings == NULL) == (error != NULL));
  if (settings != NULL)
    g_assert_cmpstr (g_hash_table_lookup (settings, "host"), ==, "example.org");
}

static void
test_fault (void)
{
  leash_test_sweep_full (&(LeashSweep){ .func = load_once, .set_up = make_disk });
}

int
main (int argc, char **argv)
{
  static const LeashTestFunc tests[] = { additions_override, errors_name_the_line, missing_file_is_named };

  g_test_init (&argc, &argv, NULL);
  add_on_each ("/config-loader/additions-override", &tests[0]);
  add_on_each ("/config-loader/errors-name-the-line", &tests[1]);
  add_on_each ("/config-loader/missing-file-is-named", &tests[2]);
  g_test_add_func ("/config-loader/fault", test_fault);
  return g_test_run ();
}
