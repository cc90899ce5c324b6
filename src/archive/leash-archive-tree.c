/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The tree of an archive. Directories are hash tables of names; what a name stands for lies apart, as in a
 * file system of the kernel's, so that hard links are two names of one node. Nothing changes once the archive
 * was read, and so nothing needs a lock.
 *
 * A memory file system was rejected for it: an archive has owners who would have to be overruled, times that
 * it would set, and devices that it could not make.
 */
#include "leash-archive-tree-private.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

/* As many links as the kernel follows. */
#define MAX_LINKS 40

void
archive_set_errno (GError **error, int code)
{
  g_set_error_literal (error, G_IO_ERROR, (int) g_io_error_from_errno (code), g_strerror (code));
}

static void
node_free (gpointer data)
{
  ArchiveNode *node = data;

  g_free (node->target);
  g_clear_pointer (&node->children, g_hash_table_unref);
  g_free (node);
}

ArchiveTree *
archive_tree_new (void)
{
  static guint n_trees = 0;
  ArchiveTree *self = g_new0 (ArchiveTree, 1);

  self->nodes = g_ptr_array_new_with_free_func (node_free);
  self->device = __atomic_add_fetch (&n_trees, 1, __ATOMIC_RELAXED);
  self->root = archive_tree_add (self, G_FILE_TYPE_DIRECTORY);
  self->root->stat.mode = 0755;
  self->root->stat.nlink = 1;
  self->root->parent = self->root;
  return self;
}

void
archive_tree_free (ArchiveTree *self)
{
  g_ptr_array_unref (self->nodes);
  g_free (self);
}

ArchiveNode *
archive_tree_add (ArchiveTree *self, GFileType type)
{
  ArchiveNode *node = g_new0 (ArchiveNode, 1);

  g_ptr_array_add (self->nodes, node);
  node->entry = -1;
  node->stat.type = type;
  node->stat.inode = self->nodes->len;
  node->stat.device = self->device;
  if (type == G_FILE_TYPE_DIRECTORY)
    node->children = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  return node;
}

void
archive_tree_link (ArchiveNode *dir, const char *name, ArchiveNode *node)
{
  g_hash_table_insert (dir->children, g_strdup (name), node);
  node->stat.nlink++;
  if (node->stat.type == G_FILE_TYPE_DIRECTORY)
    node->parent = dir;
}

/* Returns the child by the first length bytes of name, NULL with the errno set. */
static ArchiveNode *
get_child (ArchiveNode *dir, const char *name, gsize length)
{
  char copy[NAME_MAX + 1];
  ArchiveNode *child;

  if (length > NAME_MAX)
    {
      errno = ENAMETOOLONG;
      return NULL;
    }
  memcpy (copy, name, length);
  copy[length] = '\0';
  child = g_hash_table_lookup (dir->children, copy);
  if (child == NULL)
    errno = ENOENT;
  return child;
}

static ArchiveNode *
fail (int code)
{
  errno = code;
  return NULL;
}

static ArchiveNode *walk (ArchiveTree *self, ArchiveNode *at, const char *path, ArchiveFind how,
                          guint *n_links);

/* Goes from a directory to one name; rest is what stands behind it. Returns NULL with the errno set. */
static ArchiveNode *
step (ArchiveTree *self, ArchiveNode *at, const char *name, const char *rest, ArchiveFind how, guint *n_links)
{
  gsize length = (gsize) (rest - name);
  gboolean is_last = rest[strspn (rest, "/")] == '\0';
  ArchiveNode *child;

  if (at->children == NULL)
    return fail (ENOTDIR);
  if (length == 1 && name[0] == '.')
    return at;
  if (length == 2 && name[0] == '.' && name[1] == '.')
    return at->parent;
  if (is_last && rest[0] == '/' && (how & ARCHIVE_MAKE) != 0)
    return fail (EISDIR);
  child = get_child (at, name, length);
  if (child == NULL && errno == ENOENT && is_last && (how & ARCHIVE_MAKE) != 0)
    return fail (EROFS);
  if (child != NULL && child->target != NULL && (rest[0] == '/' || (how & ARCHIVE_FOLLOW) != 0))
    {
      if ((*n_links)++ == MAX_LINKS)
        return fail (ELOOP);
      child = child->target[0] != '\0'
                  ? walk (self, at, child->target, is_last ? how | ARCHIVE_FOLLOW : ARCHIVE_FOLLOW, n_links)
                  : fail (ENOENT);
    }
  return child != NULL && rest[0] == '/' && child->children == NULL ? fail (ENOTDIR) : child;
}

static ArchiveNode *
walk (ArchiveTree *self, ArchiveNode *at, const char *path, ArchiveFind how, guint *n_links)
{
  const char *name = path + strspn (path, "/");

  if (path[0] == '/')
    at = self->root;
  while (at != NULL && name[0] != '\0')
    {
      const char *rest = name + strcspn (name, "/");

      at = step (self, at, name, rest, how, n_links);
      name = rest + strspn (rest, "/");
    }
  return at;
}

ArchiveNode *
archive_tree_find (ArchiveTree *self, const char *path, ArchiveFind how, GError **error)
{
  guint n_links = 0;
  ArchiveNode *found = walk (self, self->root, path, how, &n_links);

  if (found == NULL)
    archive_set_errno (error, errno);
  return found;
}
