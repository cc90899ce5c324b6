/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files and directories under names that nobody can guess: 80 bits of the kernel's, in 16 characters that no
 * file system folds into one another. GLib's random numbers were rejected: who has seen some can tell the
 * next. The name is made exclusively all the same, for it may be there by chance.
 */
#include "leash-files-private.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#define N_BYTES 10
#define N_CHARACTERS 16
#define MAX_TRIES 100

/* What is made under the name. */
typedef struct
{
  LeashFs *fs;
  LeashContext *ctx;
  guint mode;
  gboolean is_dir;
  const char *link_text; /* NULL unless it is to be a symbolic link */
  LeashFile *file;       /* owned by who asked; NULL when it is something else */
} Temp;

static gboolean
fill_random (char *ret_name, GError **error)
{
  static const char characters[] = "abcdefghijklmnopqrstuvwxyz234567";
  guint8 bytes[N_BYTES];

  /* So few come in one piece, without waiting once the system is up. */
  while (getrandom (bytes, sizeof bytes, 0) != sizeof bytes)
    if (errno != EINTR)
      {
        leash_attempt_set_errno (error, errno);
        return FALSE;
      }
  for (guint i = 0; i < N_CHARACTERS; i++)
    {
      guint bit = 5 * i;
      guint pair = (guint) bytes[bit / 8] << 8 | (bit / 8 + 1 < N_BYTES ? bytes[bit / 8 + 1] : 0);

      ret_name[i] = characters[(pair >> (11 - bit % 8)) & 31];
    }
  return TRUE;
}

static char *
make_name (const char *dir, const char *prefix, const char *suffix, GError **error)
{
  char random[N_CHARACTERS + 1] = "";
  const char *slash = dir[strlen (dir) - 1] == '/' ? "" : "/";

  if (!fill_random (random, error))
    return NULL;
  /* A name in the working directory is left without "./", as the program would have written it. */
  if (strcmp (dir, ".") == 0)
    return g_strconcat (prefix, random, suffix, NULL);
  return g_strconcat (dir, slash, prefix, random, suffix, NULL);
}

static gboolean
make (Temp *temp, const char *path, GError **error)
{
  const LeashOpenFlags flags = LEASH_OPEN_READ | LEASH_OPEN_WRITE | LEASH_OPEN_CREATE | LEASH_OPEN_EXCLUSIVE;

  if (temp->is_dir)
    return leash_fs_mkdir (temp->fs, temp->ctx, path, temp->mode, error);
  if (temp->link_text != NULL)
    return leash_fs_symlink (temp->fs, temp->ctx, temp->link_text, path, error);
  temp->file = leash_fs_open (temp->fs, temp->ctx, path, flags, temp->mode, error);
  return temp->file != NULL;
}

static gboolean
check_part (const char *part, GError **error)
{
  if (strchr (part, '/') == NULL)
    return TRUE;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
               "“%s” is to be a part of a name, and has a slash", part);
  return FALSE;
}

/* Returns the path, NULL with the error set. */
static char *
make_unused (Temp *temp, const char *dir, const char *prefix, const char *suffix, GError **error)
{
  g_autofree char *path = NULL;
  g_autoptr (GError) failure = NULL;

  if (!leash_fs_check_path (dir, error) || !check_part (prefix, error) || !check_part (suffix, error))
    return NULL;
  for (guint i = 0; i < MAX_TRIES; i++)
    {
      g_clear_pointer (&path, g_free);
      g_clear_error (&failure);
      path = make_name (dir, prefix, suffix, error);
      if (path == NULL || make (temp, path, &failure))
        return g_steal_pointer (&path);
      if (!g_error_matches (failure, G_IO_ERROR, G_IO_ERROR_EXISTS))
        break;
    }
  g_propagate_error (error, g_steal_pointer (&failure));
  return NULL;
}

LeashFile *
leash_files_make_temp (LeashFs *fs, LeashContext *ctx, const char *dir, const char *prefix,
                       const char *suffix, guint mode, GError **error)
{
  Temp temp = { .fs = fs, .ctx = ctx, .mode = mode };
  g_autofree char *path = make_unused (&temp, dir, prefix, suffix, error);

  return path != NULL ? temp.file : NULL;
}

char *
leash_files_make_temp_link (LeashFs *fs, LeashContext *ctx, const char *dir, const char *text, GError **error)
{
  Temp temp = { .fs = fs, .ctx = ctx, .link_text = text };

  return make_unused (&temp, dir, ".leash-", "", error);
}

/**
 * leash_temp_file:
 * @ctx: a context
 * @dir: (type filename): the directory that it is made in; g_get_tmp_dir() on the host, if no other
 * @prefix: (type filename) (nullable): what its name begins with
 * @suffix: (type filename) (nullable): what its name ends with
 * @error: return location for an error
 *
 * Makes a file for reading and writing on the file system that @ctx carries, for nobody but its owner (0600),
 * under a name that nobody can guess and that was not there. leash_file_get_path() tells its path. It is the
 * caller's to remove.
 *
 * Returns: (transfer full): the file, %NULL with @error set
 *
 * Since: 0.1
 */
LeashFile *
leash_temp_file (LeashContext *ctx, const char *dir, const char *prefix, const char *suffix, GError **error)
{
  LeashFile *file;

  g_return_val_if_fail (ctx != NULL, NULL);
  g_return_val_if_fail (dir != NULL, NULL);

  file = leash_files_make_temp (leash_context_get_fs (ctx), ctx, dir, prefix != NULL ? prefix : "",
                                suffix != NULL ? suffix : "", 0600, error);
  if (file == NULL)
    leash_attempt_prefix (error, "Making a temporary file in", dir);
  return file;
}

/**
 * leash_temp_dir:
 * @ctx: a context
 * @dir: (type filename): the directory that it is made in; g_get_tmp_dir() on the host, if no other
 * @prefix: (type filename) (nullable): what its name begins with
 * @suffix: (type filename) (nullable): what its name ends with
 * @error: return location for an error
 *
 * Makes a directory on the file system that @ctx carries, for nobody but its owner (0700), under a name that
 * nobody can guess and that was not there. It is the caller's to remove, by leash_remove_all().
 *
 * Returns: (transfer full) (type filename): its path, %NULL with @error set
 *
 * Since: 0.1
 */
char *
leash_temp_dir (LeashContext *ctx, const char *dir, const char *prefix, const char *suffix, GError **error)
{
  Temp temp = { .ctx = ctx, .mode = 0700, .is_dir = TRUE };
  char *path;

  g_return_val_if_fail (ctx != NULL, NULL);
  g_return_val_if_fail (dir != NULL, NULL);

  temp.fs = leash_context_get_fs (ctx);
  path = make_unused (&temp, dir, prefix != NULL ? prefix : "", suffix != NULL ? suffix : "", error);
  if (path == NULL)
    leash_attempt_prefix (error, "Making a temporary directory in", dir);
  return path;
}
