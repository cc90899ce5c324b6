/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One pass over an archive, whose entries are checked and put into a tree. Contents are not kept: a node has
 * the number of its entry.
 *
 * Nobody wrote the archive for us, so each entry is taken for hostile. It gets a place in the tree by names
 * alone, none of them "..", from the root, through directories and no links; so that nothing an archive says
 * leads out of it, nor to where another of its entries has pointed. What a link says is text; whoever follows
 * it is kept in the root when the path is resolved.
 *
 * Sizes are held to the limits as they are announced, before libarchive unpacks anything of them; what is
 * announced is what a file has later, or reading it fails. A whole archive that is compressed is counted as
 * well by what came out so far, whatever that is.
 *
 * Where an entry comes twice the last one holds, as unpacking one after the other would have it. Directories
 * that no entry made are made when they are needed.
 */
#include "leash-archive-scan-private.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

/* What an archive may unpack to whatever its size. */
#define FREE_BYTES (1024 * 1024)

typedef struct
{
  const LeashArchiveLimits *limits;
  ArchiveReader *reader;
  ArchiveTree *tree;
  LeashContext *ctx;
  guint64 source_size;
  guint64 total; /* of all contents so far */
  ArchiveEntry entry;
} Scan;

LeashArchiveLimits
archive_limits_complete (const LeashArchiveLimits *limits)
{
  LeashArchiveLimits complete = { 0 };

  if (limits != NULL)
    complete = *limits;
#define DEFAULT(field, value) complete.field = complete.field != 0 ? complete.field : (value)
  DEFAULT (max_entries, 250000);
  DEFAULT (max_total_bytes, G_GUINT64_CONSTANT (4) << 30);
  DEFAULT (max_file_bytes, 256 << 20);
  DEFAULT (max_ratio, 200);
  DEFAULT (cache_bytes, 16 << 20);
  DEFAULT (max_path_bytes, PATH_MAX - 1);
  DEFAULT (max_depth, 64);
#undef DEFAULT
  return complete;
}

/* Whether number is within a limit; else says which. */
static gboolean
check_limit (guint64 number, guint64 limit, const char *what, GError **error)
{
  if (number <= limit)
    return TRUE;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE,
               "%s: %" G_GUINT64_FORMAT ", and the limit is %" G_GUINT64_FORMAT, what, number, limit);
  return FALSE;
}

/* Sizes: what the contents have together, and what came out of the compressed whole. */
static gboolean
check_total (Scan *scan, GError **error)
{
  guint64 unpacked = MAX (scan->total, archive_reader_get_unpacked (scan->reader));
  guint64 allowed;

  if (!check_limit (scan->total, scan->limits->max_total_bytes, "the bytes of all contents so far", error))
    return FALSE;
  if (__builtin_mul_overflow (scan->source_size, scan->limits->max_ratio, &allowed)
      || unpacked <= MAX (allowed, FREE_BYTES))
    return TRUE;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE,
               "the archive of %" G_GUINT64_FORMAT " bytes unpacks to %" G_GUINT64_FORMAT
               " so far, and the limit is %" G_GUINT64_FORMAT " times its size",
               scan->source_size, unpacked, scan->limits->max_ratio);
  return FALSE;
}

static gboolean
add_size (Scan *scan, GError **error)
{
  const char *what = "the bytes of the content";
  guint64 *size = &scan->entry.stat.size;

  if (!scan->entry.has_size
      && !archive_reader_measure (scan->reader, scan->ctx, scan->limits->max_file_bytes, size, error))
    return FALSE;
  if (!check_limit (*size, scan->limits->max_file_bytes, what, error))
    return FALSE;
  scan->total += MIN (*size, G_MAXUINT64 - scan->total);
  return check_total (scan, error);
}

/* Names */

static gboolean
refuse (GError **error, GIOErrorEnum code, const char *reason)
{
  g_set_error_literal (error, G_IO_ERROR, (int) code, reason);
  return FALSE;
}

static gboolean
check_name (const char *name, GError **error)
{
  if (strcmp (name, "..") == 0)
    return refuse (error, G_IO_ERROR_PERMISSION_DENIED, "there is a “..” in its name");
  return check_limit (strlen (name), NAME_MAX, "the bytes of one of its names", error);
}

/* Splits a path into names, without "." and empty ones. Returns NULL where it has others than an entry may
 * have. */
static char **
split_path (Scan *scan, const char *path, GError **error)
{
  g_auto (GStrv) names = NULL;
  guint n = 0;

  if (!check_limit (strlen (path), scan->limits->max_path_bytes, "the bytes of its path", error))
    return NULL;
  if (path[0] == '/')
    {
      refuse (error, G_IO_ERROR_PERMISSION_DENIED, "its name is absolute");
      return NULL;
    }
  names = g_strsplit (path, "/", -1);
  for (guint i = 0; names[i] != NULL; i++)
    {
      char *name = names[i];

      names[i] = NULL;
      if (name[0] == '\0' || strcmp (name, ".") == 0)
        g_free (name);
      else
        names[n++] = name;
    }
  for (guint i = 0; i < n; i++)
    if (!check_name (names[i], error))
      return NULL;
  return check_limit (n, scan->limits->max_depth, "the names in its path", error) ? g_steal_pointer (&names)
                                                                                  : NULL;
}

/* The directory that the last of names is in; those that are missing are made. names are not empty. */
static ArchiveNode *
find_parent (Scan *scan, char **names, GError **error)
{
  ArchiveNode *dir = scan->tree->root;

  for (; names[1] != NULL; names++)
    {
      ArchiveNode *child = g_hash_table_lookup (dir->children, names[0]);

      if (child == NULL)
        {
          child = archive_tree_add (scan->tree, G_FILE_TYPE_DIRECTORY);
          child->stat.mode = 0755;
          child->stat.mtime_ns = child->stat.atime_ns = child->stat.ctime_ns = scan->entry.stat.mtime_ns;
          archive_tree_link (dir, names[0], child);
        }
      if (child->children == NULL)
        {
          g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                       "“%s” in its path is no directory in the archive", names[0]);
          return NULL;
        }
      dir = child;
    }
  return dir;
}

static const char *
last_of (char **names)
{
  return names[g_strv_length (names) - 1];
}

/* Frees a name for what comes later in the archive. */
static gboolean
replace (ArchiveNode *dir, const char *name, GError **error)
{
  ArchiveNode *old = g_hash_table_lookup (dir->children, name);

  if (old == NULL)
    return TRUE;
  if (old->children != NULL && g_hash_table_size (old->children) > 0)
    return refuse (error, G_IO_ERROR_INVALID_DATA, "it would replace a directory that has entries");
  g_hash_table_remove (dir->children, name);
  old->stat.nlink--;
  return TRUE;
}

/* Entries */

static void
set_content (Scan *scan, ArchiveNode *node)
{
  node->stat.size = scan->entry.stat.size;
  node->entry = archive_reader_get_position (scan->reader) - 1;
  node->is_encrypted = scan->entry.is_encrypted;
}

/* Gives the node what the entry says of it, but for what it is and which. */
static void
set_stat (Scan *scan, ArchiveNode *node)
{
  LeashStat stat = scan->entry.stat;

  stat.inode = node->stat.inode;
  stat.device = node->stat.device;
  stat.nlink = node->stat.nlink;
  stat.size = 0;
  node->stat = stat;
  if (stat.type == G_FILE_TYPE_REGULAR)
    set_content (scan, node);
}

static gboolean
set_target (Scan *scan, ArchiveNode *node, GError **error)
{
  const char *target = scan->entry.target != NULL ? scan->entry.target : "";

  if (!check_limit (strlen (target), scan->limits->max_path_bytes, "the bytes of what the link says", error))
    return FALSE;
  node->target = g_strdup (target);
  node->stat.size = strlen (target);
  return TRUE;
}

/* A name of its own for something that is there, with its content where the archive has that here. */
static gboolean
add_hard_link (Scan *scan, ArchiveNode *dir, const char *name, GError **error)
{
  g_auto (GStrv) names = split_path (scan, scan->entry.hard_link, error);
  ArchiveNode *node = scan->tree->root;

  if (names == NULL)
    return FALSE;
  for (guint i = 0; names[i] != NULL && node != NULL; i++)
    node = node->children != NULL ? g_hash_table_lookup (node->children, names[i]) : NULL;
  if (node == NULL || node->children != NULL)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                   "it is a hard link to “%s”, which is no file before it in the archive",
                   scan->entry.hard_link);
      return FALSE;
    }
  if (scan->entry.has_size && scan->entry.stat.size > 0 && node->stat.type == G_FILE_TYPE_REGULAR)
    set_content (scan, node);
  if (g_hash_table_lookup (dir->children, name) == node)
    return TRUE;
  if (!replace (dir, name, error))
    return FALSE;
  archive_tree_link (dir, name, node);
  return TRUE;
}

static gboolean
add_node (Scan *scan, ArchiveNode *dir, const char *name, GError **error)
{
  ArchiveNode *old = g_hash_table_lookup (dir->children, name);
  ArchiveNode *node;

  if (old != NULL && old->children != NULL && scan->entry.stat.type == G_FILE_TYPE_DIRECTORY)
    {
      set_stat (scan, old);
      return TRUE;
    }
  if (!replace (dir, name, error))
    return FALSE;
  node = archive_tree_add (scan->tree, scan->entry.stat.type);
  set_stat (scan, node);
  archive_tree_link (dir, name, node);
  return node->stat.type != G_FILE_TYPE_SYMBOLIC_LINK || set_target (scan, node, error);
}

static gboolean
place_entry (Scan *scan, GError **error)
{
  g_auto (GStrv) names = NULL;
  ArchiveNode *dir;

  if (scan->entry.name == NULL)
    return refuse (error, G_IO_ERROR_INVALID_DATA, "its name cannot be read");
  names = split_path (scan, scan->entry.name, error);
  if (names == NULL)
    return FALSE;
  if (names[0] == NULL)
    {
      if (scan->entry.stat.type != G_FILE_TYPE_DIRECTORY || scan->entry.hard_link != NULL)
        return refuse (error, G_IO_ERROR_INVALID_DATA, "the root is no directory");
      set_stat (scan, scan->tree->root);
      return TRUE;
    }
  dir = find_parent (scan, names, error);
  if (dir == NULL)
    return FALSE;
  return scan->entry.hard_link != NULL ? add_hard_link (scan, dir, last_of (names), error)
                                       : add_node (scan, dir, last_of (names), error);
}

/* What is refused may be left out; what is too much may not. */
static gboolean
place_or_skip (Scan *scan, GError **error)
{
  g_autoptr (GError) failure = NULL;

  if (place_entry (scan, &failure))
    return TRUE;
  if (scan->limits->skip_refused && !g_error_matches (failure, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&failure));
  return FALSE;
}

static gboolean
add_entry (Scan *scan, GError **error)
{
  g_autofree char *shown = g_filename_display_name (scan->entry.name != NULL ? scan->entry.name : "");
  gboolean has_content = scan->entry.stat.type == G_FILE_TYPE_REGULAR;
  /* A path makes as many directories as it has names. */
  guint64 n_entries = MAX ((guint64) archive_reader_get_position (scan->reader), scan->tree->nodes->len);

  if (check_limit (n_entries, scan->limits->max_entries, "the number of entries so far", error)
      && (has_content ? add_size (scan, error) : check_total (scan, error)) && place_or_skip (scan, error))
    return TRUE;
  g_prefix_error (error, "entry “%s”: ", shown);
  return FALSE;
}

static gboolean
add_all (Scan *scan, GError **error)
{
  g_autoptr (GError) failure = NULL;

  while (archive_reader_next (scan->reader, scan->ctx, &scan->entry, &failure))
    if (!add_entry (scan, error))
      return FALSE;
  if (failure == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&failure));
  return FALSE;
}

ArchiveTree *
archive_scan (const ArchiveSource *source, const LeashArchiveLimits *limits, LeashContext *ctx,
              guint64 *ret_total, GError **error)
{
  g_autoptr (ArchiveReader) reader = archive_reader_new (source, limits->zip_charset, ctx, error);
  Scan scan = { .limits = limits, .reader = reader, .ctx = ctx, .source_size = source->size };

  if (reader == NULL)
    return NULL;
  scan.tree = archive_tree_new ();
  if (!add_all (&scan, error))
    {
      archive_tree_free (scan.tree);
      return NULL;
    }
  *ret_total = scan.total;
  return scan.tree;
}
