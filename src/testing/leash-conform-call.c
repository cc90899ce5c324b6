/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Operations as values: making the call, and holding what came against what POSIX has. */
#include "leash-conform-private.h"

static const char *const op_names[] = {
  "open",    "open_dir", "stat",     "lstat", "mkdir", "remove",    "rename", "link",
  "symlink", "readlink", "truncate", "chmod", "chown", "set_times", "statfs", "open_root",
};

G_STATIC_ASSERT (LEASH_FS_OPS_ON_PATHS == (1 << G_N_ELEMENTS (op_names)) - 1);

static const char *
name_of (LeashFsOps op)
{
  return op_names[__builtin_ctz ((guint) op)];
}

static gboolean
needs_write (const Call *call)
{
  return call->op == LEASH_FS_OP_OPEN
         && (call->flags & (LEASH_OPEN_WRITE | LEASH_OPEN_APPEND | LEASH_OPEN_CREATE)) != 0;
}

gboolean
conform_can (Conform *c, const Call *call)
{
  return (c->ops & call->op) != 0 && (!needs_write (call) || (c->features & LEASH_FS_FEATURE_WRITE) != 0);
}

/* Ends the test where what it is about is missing. */
static gboolean
require (Conform *c, const Call *call)
{
  if ((c->ops & call->op) == 0)
    conform_skip (c, "it has no operation “%s”", name_of (call->op));
  else if (!conform_can (c, call))
    conform_needs (c, LEASH_FS_FEATURE_WRITE);
  return !conform_is_skipped (c);
}

/* "rename “a” to “b”" */
static char *
describe (const Call *call)
{
  g_autofree char *path = g_strescape (call->path, NULL);
  g_autofree char *target = call->target != NULL ? g_strescape (call->target, NULL) : NULL;

  if (call->op == LEASH_FS_OP_OPEN)
    return g_strdup_printf ("open “%.60s” with flags 0x%x", path, call->flags);
  if (target == NULL)
    return g_strdup_printf ("%s “%.60s”", name_of (call->op), path);
  return g_strdup_printf ("%s “%.60s” to “%.60s”", name_of (call->op), path, target);
}

static gboolean
close_opened (LeashFile *file, LeashDir *dir, LeashFs *root, GError **error)
{
  gboolean closed
      = file != NULL ? leash_file_close (file, error) : dir == NULL || leash_dir_close (dir, error);
  gboolean opened = file != NULL || dir != NULL || root != NULL;

  g_clear_pointer (&file, leash_file_unref);
  g_clear_pointer (&dir, leash_dir_unref);
  g_clear_object (&root);
  return opened && closed;
}

static gboolean
read_link (Conform *c, const Call *call, GError **error)
{
  g_autofree char *text = leash_fs_readlink (c->fs, c->ctx, call->path, error);

  return text != NULL;
}

static gboolean
perform (Conform *c, const Call *a, GError **error)
{
  LeashStat stat;
  LeashStatFs statfs;

  switch ((guint) a->op)
    {
    case LEASH_FS_OP_OPEN:
      return close_opened (leash_fs_open (c->fs, c->ctx, a->path, a->flags, a->mode, error), NULL, NULL,
                           error);
    case LEASH_FS_OP_OPEN_DIR:
      return close_opened (NULL, leash_fs_open_dir (c->fs, c->ctx, a->path, error), NULL, error);
    case LEASH_FS_OP_OPEN_ROOT:
      return close_opened (NULL, NULL, leash_fs_open_root (c->fs, c->ctx, a->path, a->flags, error), error);
    case LEASH_FS_OP_STAT:
      return leash_fs_stat (c->fs, c->ctx, a->path, &stat, error);
    case LEASH_FS_OP_LSTAT:
      return leash_fs_lstat (c->fs, c->ctx, a->path, &stat, error);
    case LEASH_FS_OP_MKDIR:
      return leash_fs_mkdir (c->fs, c->ctx, a->path, a->mode, error);
    case LEASH_FS_OP_REMOVE:
      return leash_fs_remove (c->fs, c->ctx, a->path, error);
    case LEASH_FS_OP_RENAME:
      return leash_fs_rename_full (c->fs, c->ctx, a->path, a->target, a->flags, error);
    case LEASH_FS_OP_LINK:
      return leash_fs_link (c->fs, c->ctx, a->path, a->target, error);
    case LEASH_FS_OP_SYMLINK:
      return leash_fs_symlink (c->fs, c->ctx, a->target, a->path, error);
    case LEASH_FS_OP_READLINK:
      return read_link (c, a, error);
    case LEASH_FS_OP_TRUNCATE:
      return leash_fs_truncate (c->fs, c->ctx, a->path, a->first, error);
    case LEASH_FS_OP_CHMOD:
      return leash_fs_chmod (c->fs, c->ctx, a->path, a->mode, error);
    case LEASH_FS_OP_CHOWN:
      return leash_fs_chown (c->fs, c->ctx, a->path, a->first, a->second, a->flags, error);
    case LEASH_FS_OP_SET_TIMES:
      return leash_fs_set_times (c->fs, c->ctx, a->path, a->first, a->second, a->flags, error);
    case LEASH_FS_OP_STATFS:
      return leash_fs_statfs (c->fs, c->ctx, a->path, &statfs, error);
    default:
      g_assert_not_reached ();
    }
}

/* What every failure must be, whatever it is of: an error of GIO's, which names the path. */
static void
check_failure (Conform *c, const Call *call, const GError *error)
{
  g_autofree char *what = describe (call);
  g_autofree char *path = g_filename_display_name (call->path);
  g_autofree char *quoted = g_strdup_printf ("“%.60s", path);

  if (error == NULL)
    conform_fault (c, "%s: expected an error with the failure, found none", what);
  else if (error->domain != G_IO_ERROR)
    conform_fault (c, "%s: expected an error of GIO's, found one of %s: %s", what,
                   g_quark_to_string (error->domain), error->message);
  else if (strstr (error->message, quoted) == NULL)
    conform_fault (c, "%s: expected the path in the error, found: %s", what, error->message);
}

gboolean
conform_call (Conform *c, const Call *call, GError **error)
{
  g_autoptr (GError) failure = NULL;
  gboolean done = perform (c, call, &failure);

  if (done && failure != NULL)
    conform_fault (c, "%s: expected no error with the success, found: %s", op_names[0], failure->message);
  if (!done)
    check_failure (c, call, failure);
  if (failure != NULL)
    g_propagate_error (error, g_steal_pointer (&failure));
  return done;
}

void
conform_ok (Conform *c, Call call)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *what = describe (&call);

  if (require (c, &call) && !conform_call (c, &call, &error) && error != NULL)
    conform_fault (c, "%s: expected success, found: %s", what, error->message);
}

static gboolean
has_code (const GError *error, int code)
{
  return g_error_matches (error, G_IO_ERROR, (int) g_io_error_from_errno (code));
}

void
conform_error (Conform *c, const char *operation, const char *path, int code, GError **error)
{
  if (*error == NULL)
    conform_fault (c, "%s “%.60s”: expected “%s”, found success", operation, path, g_strerror (code));
  else if (!has_code (*error, code))
    conform_fault (c, "%s “%.60s”: expected “%s”, found: %s", operation, path, g_strerror (code),
                   (*error)->message);
  g_clear_error (error);
}

void
conform_fails_or (Conform *c, int code, int other, Call call)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *what = describe (&call);

  if (!require (c, &call))
    return;
  if (conform_call (c, &call, &error))
    conform_fault (c, "%s: expected “%s”, found success", what, g_strerror (code));
  else if (error != NULL && !has_code (error, code) && !has_code (error, other))
    conform_fault (c, "%s: expected “%s”, found: %s", what, g_strerror (code), error->message);
}

void
conform_fails (Conform *c, int code, Call call)
{
  conform_fails_or (c, code, code, call);
}

void
conform_each_fails (Conform *c, int code, const char *path)
{
  const Call calls[] = {
    OPEN (path, LEASH_OPEN_READ),
    OPEN (path, LEASH_OPEN_WRITE),
    OPEN (path, FLAGS_MAKE),
    OPEN_DIR (path),
    STAT (path),
    LSTAT (path),
    MKDIR (path),
    REMOVE (path),
    RENAME (path, "unused"),
    RENAME ("f", path),
    LINK (path, "unused"),
    LINK ("f", path),
    SYMLINK ("f", path),
    READLINK (path),
    TRUNCATE (path, 0),
    CHMOD (path, 0700),
    CHOWN (path, -1, -1, 0),
    CHOWN (path, -1, -1, LEASH_PATH_NO_FOLLOW),
    SET_TIMES (path, LEASH_TIME_NOW, LEASH_TIME_NOW, 0),
    SET_TIMES (path, LEASH_TIME_NOW, LEASH_TIME_NOW, LEASH_PATH_NO_FOLLOW),
    STATFS (path),
    OPEN_ROOT (path, 0),
    OPEN_ROOT (path, LEASH_PATH_NO_FOLLOW),
  };

  for (guint i = 0; i < G_N_ELEMENTS (calls); i++)
    if (conform_can (c, &calls[i]))
      conform_fails (c, code, calls[i]);
}
