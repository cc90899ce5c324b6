/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Two file systems that must be the same: random operations on both, each answer compared, and the whole trees
 * again and again. A difference ends the program with the operations that led to it.
 *
 * Paths are of few names, so that they meet; links lead anywhere, through each other and upwards. Where the two
 * need not agree, on what leads out of a root, an operation is left out: when the first one says so.
 *
 * Times are compared only if they were set: those of changes are all "now".
 */
#pragma once

#include "fs-fixture.h"

#define N_OPEN 4

typedef struct
{
  LeashFs *fs[2]; /* borrowed; the first is the one that is right */
  LeashContext *ctx;
  GRand *rand;
  LeashFile *files[2][N_OPEN]; /* open for writing, or NULL, the same in both */
  GString *log;
  guint n_done;
  guint n_failed; /* in the same way, on both */
  gint64 start_ns;
  gboolean is_rooted; /* the first one is */
} Differential;

/* An operation with its arguments; which of them count depends on op. */
typedef struct
{
  LeashFsOps op;
  char *path;
  char *target;
  guint flags;
  guint mode;
  gint64 number;
} Step;

static inline guint
draw (Differential *d, guint n)
{
  return (guint) g_rand_int_range (d->rand, 0, (gint32) n);
}

static inline char *
draw_path (Differential *d, guint n_odd)
{
  static const char *const odd[] = { "..", ".", "", "nowhere" };
  static const char *const names[] = { "a", "b", "c", "d", "e" };
  GString *path = g_string_new (names[draw (d, G_N_ELEMENTS (names))]);
  guint n = draw (d, 4);

  for (guint i = 0; i < n; i++)
    g_string_append_printf (path, "/%s",
                            draw (d, 100) < n_odd ? odd[draw (d, G_N_ELEMENTS (odd))]
                                                  : names[draw (d, G_N_ELEMENTS (names))]);
  return g_string_free (path, FALSE);
}

static inline int
compare_strings (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* The entries, sorted: name and type. NULL with the error set. */
static inline GPtrArray *
list_sorted (LeashFs *fs, LeashContext *ctx, const char *path, GError **error)
{
  g_autoptr (LeashDir) dir = leash_fs_open_dir (fs, ctx, path, error);
  g_autoptr (GError) failure = NULL;
  GPtrArray *names;
  const LeashDirEntry *entry;

  if (dir == NULL)
    return NULL;
  names = g_ptr_array_new_with_free_func (g_free);
  while (leash_dir_next (dir, ctx, &entry, &failure))
    g_ptr_array_add (names, g_strdup_printf ("%s\t%d", entry->name, entry->type));
  g_assert_no_error (failure);
  leash_dir_close (dir, NULL);
  g_ptr_array_sort (names, compare_strings);
  return names;
}

/* A path of something that is there, down to some level; "." when there is nothing. */
static inline char *
draw_existing (Differential *d)
{
  GString *path = g_string_new (".");
  g_autoptr (GPtrArray) names = NULL;

  do
    {
      g_clear_pointer (&names, g_ptr_array_unref);
      names = list_sorted (d->fs[0], d->ctx, path->str, NULL);
      if (names != NULL && names->len > 0)
        g_string_append_printf (path, "/%s", (char *) names->pdata[draw (d, names->len)]);
      g_string_truncate (path, strcspn (path->str, "\t"));
    }
  while (names != NULL && names->len > 0 && draw (d, 5) < 3);
  if (path->len > 2)
    g_string_erase (path, 0, 2);
  return g_string_free (path, FALSE);
}

static inline char *
draw_link_text (Differential *d)
{
  static const char *const ups[] = { "", "", "", "../", "./" };
  g_autofree char *path = draw_path (d, 3);

  return g_strconcat (ups[draw (d, G_N_ELEMENTS (ups))], path, NULL);
}

/* Set times are before the test's start, in whole seconds. */
static inline gint64
draw_time (Differential *d)
{
  return (gint64) draw (d, 1000000) * 1000000000;
}

static inline Step
draw_step (Differential *d)
{
  static const LeashFsOps ops[] = {
    LEASH_FS_OP_OPEN,      LEASH_FS_OP_OPEN,  LEASH_FS_OP_OPEN,     LEASH_FS_OP_OPEN_DIR, LEASH_FS_OP_STAT,
    LEASH_FS_OP_LSTAT,     LEASH_FS_OP_MKDIR, LEASH_FS_OP_MKDIR,    LEASH_FS_OP_MKDIR,    LEASH_FS_OP_REMOVE,
    LEASH_FS_OP_REMOVE,    LEASH_FS_OP_REMOVE, LEASH_FS_OP_RENAME,  LEASH_FS_OP_RENAME,   LEASH_FS_OP_RENAME,
    LEASH_FS_OP_LINK,      LEASH_FS_OP_SYMLINK, LEASH_FS_OP_READLINK,
    LEASH_FS_OP_TRUNCATE,  LEASH_FS_OP_CHMOD, LEASH_FS_OP_SET_TIMES, LEASH_FS_OP_WRITE,   LEASH_FS_OP_CLOSE,
  };
  static const guint opens[] = {
    LEASH_OPEN_READ,
    LEASH_OPEN_WRITE | LEASH_OPEN_CREATE,
    LEASH_OPEN_WRITE | LEASH_OPEN_CREATE | LEASH_OPEN_EXCLUSIVE,
    LEASH_OPEN_WRITE | LEASH_OPEN_APPEND,
    LEASH_OPEN_READ | LEASH_OPEN_WRITE | LEASH_OPEN_TRUNCATE,
    LEASH_OPEN_READ | LEASH_OPEN_CREATE,
  };
  static const guint renames[] = { 0, 0, 0, LEASH_RENAME_NO_REPLACE, LEASH_RENAME_EXCHANGE };
  Step step = { .op = ops[draw (d, G_N_ELEMENTS (ops))] };

  step.path = draw (d, 2) != 0 ? draw_existing (d) : draw_path (d, 10);

  /* Whoever runs the test may always do everything in its directories. */
  step.mode = 0700 | draw (d, 0100);
  step.number = step.op == LEASH_FS_OP_SET_TIMES ? draw_time (d) : draw (d, 20);
  if (step.op == LEASH_FS_OP_SYMLINK)
    step.target = draw_link_text (d);
  if (step.op == LEASH_FS_OP_RENAME || step.op == LEASH_FS_OP_LINK)
    step.target = draw_path (d, 10);
  if (step.op == LEASH_FS_OP_OPEN)
    step.flags = opens[draw (d, G_N_ELEMENTS (opens))];
  if (step.op == LEASH_FS_OP_RENAME)
    step.flags = renames[draw (d, G_N_ELEMENTS (renames))];
  if (step.op == LEASH_FS_OP_SET_TIMES)
    step.flags = draw (d, 2) != 0 ? LEASH_PATH_NO_FOLLOW : 0;
  return step;
}

static inline void
describe_stat (Differential *d, GString *to, const LeashStat *stat)
{
  g_string_append_printf (to, " type %d", stat->type);
  if (stat->type != G_FILE_TYPE_SYMBOLIC_LINK)
    g_string_append_printf (to, " mode %o", stat->mode);
  if (stat->type != G_FILE_TYPE_DIRECTORY)
    g_string_append_printf (to, " size %" G_GUINT64_FORMAT " nlink %" G_GUINT64_FORMAT, stat->size, stat->nlink);
  if (stat->mtime_ns < d->start_ns)
    g_string_append_printf (to, " mtime %" G_GINT64_FORMAT, stat->mtime_ns);
  g_string_append_printf (to, " owner %u %u", stat->uid, stat->gid);
}

static inline void
run_open (Differential *d, guint which, const Step *step, GString *to, GError **error)
{
  LeashFile *file = leash_fs_open (d->fs[which], d->ctx, step->path, step->flags, step->mode, error);
  char buffer[64];
  gssize n;

  if (file == NULL)
    return;
  if ((step->flags & LEASH_OPEN_READ) != 0)
    {
      n = leash_file_read (file, d->ctx, buffer, sizeof buffer, error);
      g_string_append_printf (to, " read %" G_GSSIZE_FORMAT " %.*s", n, (int) MAX (n, 0), buffer);
    }
  if ((step->flags & LEASH_OPEN_WRITE) != 0 && d->files[which][step->number % N_OPEN] == NULL)
    d->files[which][step->number % N_OPEN] = file;
  else
    leash_file_unref (file);
}

static inline void
run_on_file (Differential *d, guint which, const Step *step, GString *to, GError **error)
{
  LeashFile **file = &d->files[which][step->number % N_OPEN];
  g_autofree char *content = g_strnfill (step->mode % 40, (char) ('a' + step->number));

  if (*file == NULL)
    return;
  if (step->op == LEASH_FS_OP_WRITE)
    leash_file_write (*file, d->ctx, content, strlen (content), error);
  else
    g_clear_pointer (file, leash_file_unref);
}

static inline void
run_looking (Differential *d, guint which, const Step *step, GString *to, GError **error)
{
  g_autoptr (GPtrArray) names = NULL;
  g_autofree char *text = NULL;
  LeashFs *fs = d->fs[which];
  LeashStat found;

  if (step->op == LEASH_FS_OP_READLINK)
    {
      text = leash_fs_readlink (fs, d->ctx, step->path, error);
      g_string_append_printf (to, " %s", text);
    }
  else if (step->op == LEASH_FS_OP_OPEN_DIR)
    {
      names = list_sorted (fs, d->ctx, step->path, error);
      for (guint i = 0; names != NULL && i < names->len; i++)
        g_string_append_printf (to, " %s", (char *) names->pdata[i]);
    }
  else if (step->op == LEASH_FS_OP_STAT ? leash_fs_stat (fs, d->ctx, step->path, &found, error)
                                        : leash_fs_lstat (fs, d->ctx, step->path, &found, error))
    describe_stat (d, to, &found);
}

static inline void
run_step (Differential *d, guint which, const Step *step, GString *to, GError **error)
{
  LeashFs *fs = d->fs[which];

  switch (step->op)
    {
    case LEASH_FS_OP_OPEN:
      run_open (d, which, step, to, error);
      break;
    case LEASH_FS_OP_WRITE:
    case LEASH_FS_OP_CLOSE:
      run_on_file (d, which, step, to, error);
      break;
    case LEASH_FS_OP_MKDIR:
      leash_fs_mkdir (fs, d->ctx, step->path, step->mode, error);
      break;
    case LEASH_FS_OP_REMOVE:
      leash_fs_remove (fs, d->ctx, step->path, error);
      break;
    case LEASH_FS_OP_RENAME:
      leash_fs_rename_full (fs, d->ctx, step->path, step->target, step->flags, error);
      break;
    case LEASH_FS_OP_LINK:
      leash_fs_link (fs, d->ctx, step->path, step->target, error);
      break;
    case LEASH_FS_OP_SYMLINK:
      leash_fs_symlink (fs, d->ctx, step->target, step->path, error);
      break;
    case LEASH_FS_OP_TRUNCATE:
      leash_fs_truncate (fs, d->ctx, step->path, step->number, error);
      break;
    case LEASH_FS_OP_CHMOD:
      leash_fs_chmod (fs, d->ctx, step->path, step->mode, error);
      break;
    case LEASH_FS_OP_SET_TIMES:
      leash_fs_set_times (fs, d->ctx, step->path, step->number, step->number, step->flags, error);
      break;
    default:
      run_looking (d, which, step, to, error);
    }
}

/* What came of it on one of the two: "ok …", or the error's number. */
static inline char *
outcome_of (Differential *d, guint which, const Step *step, gboolean *ret_failed)
{
  g_autoptr (GError) error = NULL;
  GString *outcome = g_string_new ("ok");

  run_step (d, which, step, outcome, &error);
  *ret_failed = error != NULL;
  if (error != NULL)
    g_string_printf (outcome, "error %d", error->code);
  return g_string_free (outcome, FALSE);
}

static inline void
differ (Differential *d, const char *what, const char *first, const char *second)
{
  g_autofree char *log = d->log->len > 4000 ? g_strdup (d->log->str + d->log->len - 4000) : g_strdup (d->log->str);

  g_error ("%s\n%s: “%s”, and the other: “%s”", log, what, first, second);
}

static inline gboolean
leads_out (Differential *d, const char *path)
{
  g_autoptr (GError) error = NULL;
  LeashStat found;

  return path != NULL && !leash_fs_stat (d->fs[0], d->ctx, path, &found, &error)
         && g_error_matches (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED);
}

/* The path's last name is "." or ".."; no other name here ends in a dot. */
static inline gboolean
ends_in_dot (const char *path)
{
  gsize n = strlen (path);

  while (n > 0 && path[n - 1] == '/')
    n--;
  return n > 0 && path[n - 1] == '.';
}

/* Removing and renaming what has no name of its own fails everywhere, but rooted ones have a code of their own. */
static inline gboolean
is_nameless (Differential *d, const Step *step)
{
  if (!d->is_rooted || (step->op != LEASH_FS_OP_REMOVE && step->op != LEASH_FS_OP_RENAME))
    return FALSE;
  return ends_in_dot (step->path) || (step->target != NULL && ends_in_dot (step->target));
}

static inline void
differential_step (Differential *d)
{
  Step step = draw_step (d);
  g_autofree char *path = step.path;
  g_autofree char *target = step.target;
  g_autofree char *first = NULL;
  g_autofree char *second = NULL;
  gboolean failed;

  if (is_nameless (d, &step) || leads_out (d, path) || (step.op != LEASH_FS_OP_SYMLINK && leads_out (d, target)))
    return;
  first = outcome_of (d, 0, &step, &failed);
  g_string_append_printf (d->log, "%u: op %d “%s” “%s” flags %u mode %o number %" G_GINT64_FORMAT ": %s\n",
                          d->n_done++, __builtin_ctz ((guint) step.op), path, target, step.flags, step.mode,
                          step.number, first);
  d->n_failed += failed ? 1 : 0;
  second = outcome_of (d, 1, &step, &failed);
  if (strcmp (first, second) != 0)
    differ (d, "it", first, second);
}

static inline char *
read_start (LeashFs *fs, LeashContext *ctx, const char *path)
{
  g_autoptr (LeashFile) file = leash_fs_open (fs, ctx, path, LEASH_OPEN_READ, 0, NULL);
  char buffer[256] = "";

  g_assert_nonnull (file);
  g_assert_cmpint (leash_file_read (file, ctx, buffer, sizeof buffer - 1, NULL), >=, 0);
  return g_strdup (buffer);
}

/* Everything in the directory at path, which is "" for the root, in order. */
static inline void
describe_tree (Differential *d, LeashFs *fs, const char *path, GString *to)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) names = list_sorted (fs, d->ctx, path[0] != '\0' ? path : ".", &error);

  g_assert_no_error (error);
  for (guint i = 0; i < names->len; i++)
    {
      char *name = names->pdata[i];
      g_autofree char *child = NULL;
      g_autofree char *text = NULL;
      LeashStat found;

      strchr (name, '\t')[0] = '\0';
      child = path[0] != '\0' ? g_strconcat (path, "/", name, NULL) : g_strdup (name);
      g_assert_true (leash_fs_lstat (fs, d->ctx, child, &found, &error));
      g_string_append (to, child);
      describe_stat (d, to, &found);
      if (found.type == G_FILE_TYPE_SYMBOLIC_LINK)
        text = leash_fs_readlink (fs, d->ctx, child, NULL);
      if (found.type == G_FILE_TYPE_REGULAR)
        text = read_start (fs, d->ctx, child);
      g_string_append_printf (to, " %s\n", text);
      if (found.type == G_FILE_TYPE_DIRECTORY)
        describe_tree (d, fs, child, to);
    }
}

static inline void
differential_compare_trees (Differential *d, LeashFs *right, LeashFs *other)
{
  g_autoptr (GString) first = g_string_new (NULL);
  g_autoptr (GString) second = g_string_new (NULL);

  describe_tree (d, right, "", first);
  describe_tree (d, other, "", second);
  if (!g_string_equal (first, second))
    differ (d, "the tree is", first->str, second->str);
}

static inline void
differential_init (Differential *d, LeashFs *right, LeashFs *other, LeashContext *ctx)
{
  *d = (Differential){ .fs = { right, other }, .ctx = ctx, .log = g_string_new (NULL) };
  d->rand = g_rand_new_with_seed ((guint32) g_test_rand_int ());
  d->start_ns = (g_get_real_time () - G_USEC_PER_SEC) * 1000;
}

static inline void
differential_clear (Differential *d)
{
  for (guint i = 0; i < 2 * N_OPEN; i++)
    g_clear_pointer (&d->files[i / N_OPEN][i % N_OPEN], leash_file_unref);
  g_rand_free (d->rand);
  g_string_free (d->log, TRUE);
}
