/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Story (b): a function reads records, `name=value` a line, from files. At the first line that is no record
 * it returns early, and forgets to close the file.
 *
 * Both versions read real files. The leaking one's test fails, with the place where the file was opened; the
 * mended one's passes.
 */
#include <leash/leash.h>
#include <string.h>

/* Counts the records in a text; fails at a line that is none. */
static gboolean
count_records (const char *path, const char *text, guint *ret_n, GError **error)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  guint n = 0;

  for (guint i = 0; lines[i] != NULL; i++)
    {
      if (lines[i][0] == '\0')
        continue;
      if (strchr (lines[i], '=') == NULL)
        {
          g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "%s:%u: no record: %s", path, i + 1,
                       lines[i]);
          return FALSE;
        }
      n++;
    }
  *ret_n = n;
  return TRUE;
}

static gboolean
read_records_leaking (LeashContext *ctx, const char *path, guint *ret_n, GError **error)
{
  LeashFile *file = leash_open (ctx, path, LEASH_OPEN_READ, 0, error);
  char text[4096];
  gssize length;

  if (file == NULL)
    return FALSE;
  length = leash_file_read (file, ctx, text, sizeof text - 1, error);
  if (length < 0)
    return FALSE; /* the bug, once */
  text[length] = '\0';
  if (!count_records (path, text, ret_n, error))
    return FALSE; /* and again: nobody closes the file */
  leash_file_unref (file);
  return TRUE;
}

static gboolean
read_records_mended (LeashContext *ctx, const char *path, guint *ret_n, GError **error)
{
  g_autoptr (LeashFile) file = leash_open (ctx, path, LEASH_OPEN_READ, 0, error);
  char text[4096];
  gssize length;

  if (file == NULL)
    return FALSE;
  length = leash_file_read (file, ctx, text, sizeof text - 1, error);
  if (length < 0)
    return FALSE;
  text[length] = '\0';
  return count_records (path, text, ret_n, error);
}

typedef gboolean (*ReadFunc) (LeashContext *ctx, const char *path, guint *ret_n, GError **error);

/* Reads all the files; the broken ones do not keep it from the others. */
static guint
read_all (LeashContext *ctx, ReadFunc read_records, const char *dir, const char *const *names)
{
  guint total = 0;

  for (guint i = 0; names[i] != NULL; i++)
    {
      g_autofree char *path = g_build_filename (dir, names[i], NULL);
      guint n = 0;

      if (read_records (ctx, path, &n, NULL))
        total += n;
    }
  return total;
}

static void
write_file (const char *dir, const char *name, const char *text)
{
  g_autofree char *path = g_build_filename (dir, name, NULL);
  g_autoptr (GError) error = NULL;

  g_file_set_contents (path, text, -1, &error);
  g_assert_no_error (error);
}

static void
test_broken_records (gconstpointer read_records)
{
  static const char *const names[] = { "a.ini", "b.ini", "c.ini", NULL };
  g_auto (LeashTest) test = leash_test_begin ();

  write_file (test.dir, "a.ini", "color=red\nsize 7\n");
  write_file (test.dir, "b.ini", "color\n");
  write_file (test.dir, "c.ini", "color=blue\nsize=9\n");
  g_assert_cmpuint (read_all (test.ctx, *(const ReadFunc *) read_records, test.dir, names), ==, 2);
}

int
main (int argc, char **argv)
{
  static const ReadFunc leaking = read_records_leaking;
  static const ReadFunc mended = read_records_mended;

  g_test_init (&argc, &argv, NULL);
  g_test_add_data_func ("/read-records/leaking", &leaking, test_broken_records);
  g_test_add_data_func ("/read-records/mended", &mended, test_broken_records);
  return g_test_run ();
}
