/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a test does with a memory file system before it is used: who uses it, how large it is, what is in it.
 * And copies of it as it is, so that many tests begin with one set-up.
 *
 * A snapshot is made by copying nodes and names, some hundred bytes for each, and sharing contents. To share
 * names too, as a persistent tree would, was rejected: it would make every change pay for the rare copy.
 */
#include "leash-memory-private.h"

#include <string.h>

/**
 * leash_memory_fs_set_credentials:
 * @fs: a file system of leash_memory_fs_new()
 * @uid: the user
 * @gid: the group
 * @groups: (array length=n_groups) (nullable): further groups
 * @n_groups: how many
 *
 * Says who the callers of @fs are taken to be. User 0 may do everything. The root directory is user 0's and
 * has mode 0755: what others are to use is made and given to them before.
 *
 * Holds for what begins after it, and for @fs alone: roots that leash_fs_open_root() has opened keep what
 * they had, so that several users can share a tree.
 *
 * Since: 0.1
 */
void
leash_memory_fs_set_credentials (LeashFs *fs, guint32 uid, guint32 gid, const guint32 *groups, gsize n_groups)
{
  LeashMemoryView *view = leash_memory_fs_get_view (fs);
  LeashMemoryUser *old;

  g_return_if_fail (view != NULL);
  g_return_if_fail (groups != NULL || n_groups == 0);

  pthread_rwlock_wrlock (&view->tree->lock);
  old = view->user;
  view->user = leash_memory_user_new (uid, gid, groups, n_groups);
  pthread_rwlock_unlock (&view->tree->lock);
  leash_memory_user_unref (old);
}

/**
 * leash_memory_fs_set_umask:
 * @fs: a file system of leash_memory_fs_new()
 * @umask: which permissions new files and directories do not get, 0777 at most
 *
 * Sets the umask, for @fs alone: see leash_memory_fs_set_credentials().
 *
 * Since: 0.1
 */
void
leash_memory_fs_set_umask (LeashFs *fs, guint umask)
{
  LeashMemoryView *view = leash_memory_fs_get_view (fs);

  g_return_if_fail (view != NULL);
  g_return_if_fail (umask <= 0777);

  pthread_rwlock_wrlock (&view->tree->lock);
  view->umask = umask;
  pthread_rwlock_unlock (&view->tree->lock);
}

/**
 * leash_memory_fs_set_limits:
 * @fs: a file system of leash_memory_fs_new()
 * @n_bytes: how much its files may hold, in bytes; full pages of 4,096 count. 0: no limit
 * @n_files: how many files, directories and links there may be, the root among them. 0: no limit
 *
 * Makes the file system as small as a disk: what does not fit fails with %G_IO_ERROR_NO_SPACE, and the write
 * that reaches the limit is short. Holes take no space. What is there already stays, also where it is too
 * much.
 *
 * Since: 0.1
 */
void
leash_memory_fs_set_limits (LeashFs *fs, guint64 n_bytes, guint64 n_files)
{
  LeashMemoryView *view = leash_memory_fs_get_view (fs);

  g_return_if_fail (view != NULL);

  leash_memory_put (view->tree->max_pages, leash_memory_pages_of (n_bytes));
  pthread_mutex_lock (&view->tree->pool_lock);
  view->tree->max_files = n_files;
  pthread_mutex_unlock (&view->tree->pool_lock);
}

/* Makes the directories that path needs. With the tree's lock held for writing, as the next one. */
static int
make_parents (const LeashMemoryView *view, const char *path, gint64 now_ns)
{
  g_autofree char *parent = g_strdup (path);
  int code = 0;

  for (char *slash = strchr (parent + 1, '/'); slash != NULL && code == 0; slash = strchr (slash + 1, '/'))
    {
      *slash = '\0';
      code = leash_memory_mkdir (view, parent, 0755, now_ns);
      *slash = '/';
      code = code == EEXIST ? 0 : code;
    }
  return code;
}

/* The content is taken over when that works. */
static int
add (const LeashMemoryView *view, const char *path, guint mode, LeashMemoryContent *content, guint64 size)
{
  gint64 now_ns = leash_memory_now (NULL);
  LeashMemoryPlace place;
  int code = leash_memory_walk (view, path, LEASH_MEMORY_EXCLUSIVE, &place);

  if (code == ENOENT)
    {
      code = make_parents (view, path, now_ns);
      if (code == 0)
        code = leash_memory_walk (view, path, LEASH_MEMORY_EXCLUSIVE, &place);
    }
  if (code == 0 && place.node != NULL)
    code = EEXIST;
  if (code == 0)
    code = leash_memory_make (view, &place, S_IFREG | mode, now_ns);
  if (code != 0)
    return code;
  place.node->content = content;
  place.node->size = size;
  return 0;
}

/* Takes content over, and counts it. */
static gboolean
add_content (LeashMemoryView *view, const char *path, guint mode, LeashMemoryContent *content, guint64 size,
             GError **error)
{
  LeashMemoryView set_up;
  int code = 0;

  content->n_pages = leash_memory_take_pages (view->tree, leash_memory_pages_of (size));
  if (content->n_pages < leash_memory_pages_of (size))
    code = ENOSPC;
  pthread_rwlock_wrlock (&view->tree->lock);
  set_up = *view;
  set_up.umask = 0;
  if (code == 0)
    code = add (&set_up, path, content->lazy != NULL ? mode | LEASH_MEMORY_LAZY : mode, content, size);
  pthread_rwlock_unlock (&view->tree->lock);
  if (code != 0)
    leash_memory_content_free (view->tree, content);
  return leash_memory_check (code, error);
}

static gboolean
check_added (const char *path, guint mode, guint64 size, GError **error)
{
  if (!leash_fs_check_path (path, error) || !leash_fs_check_mode (mode, error))
    return FALSE;
  return leash_memory_check (size > G_MAXINT64 ? EFBIG : 0, error);
}

/**
 * leash_memory_fs_add_bytes:
 * @fs: a file system of leash_memory_fs_new()
 * @path: (type filename): a file that is not there
 * @content: what is in it
 * @mode: its permissions, 07777 at most; no umask is taken off
 * @error: return location for an error
 *
 * Makes a file, and the directories above it, with mode 0755. It belongs to the user that @fs was given, and
 * is made by its rights. @content is shared until somebody writes to the file.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
leash_memory_fs_add_bytes (LeashFs *fs, const char *path, GBytes *content, guint mode, GError **error)
{
  LeashMemoryView *view = leash_memory_fs_get_view (fs);
  gboolean done;

  g_return_val_if_fail (view != NULL, FALSE);
  g_return_val_if_fail (path != NULL, FALSE);
  g_return_val_if_fail (content != NULL, FALSE);

  done = check_added (path, mode, 0, error)
         && add_content (view, path, mode, leash_memory_content_new (content), g_bytes_get_size (content),
                         error);
  if (!done)
    leash_attempt_prefix (error, "Adding", path);
  return done;
}

/**
 * leash_memory_fs_add_lazy:
 * @fs: a file system of leash_memory_fs_new()
 * @path: (type filename): a file that is not there
 * @size: its size, in bytes, which counts from now on
 * @mode: its permissions, as in leash_memory_fs_add_bytes()
 * @mtime_ns: when it was written last, in nanoseconds since 1970; or %LEASH_TIME_NOW
 * @func: (scope notified) (closure user_data) (destroy destroy): brings the content when it is first opened
 * @user_data: what @func is called with
 * @destroy: (nullable): frees @user_data when the content is here or the file gone, in any thread, possibly
 * with locks of @fs held: it must not use @fs. It is called too when this function fails
 * @error: return location for an error
 *
 * As leash_memory_fs_add_bytes(), for content that is expensive to have, and may not be wanted. It is brought
 * by opening, unless that empties the file, and by leash_fs_truncate().
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
leash_memory_fs_add_lazy (LeashFs *fs, const char *path, guint64 size, guint mode, gint64 mtime_ns,
                          LeashMemoryContentFunc func, gpointer user_data, GDestroyNotify destroy,
                          GError **error)
{
  LeashMemoryView *view = leash_memory_fs_get_view (fs);
  LeashMemoryContent *content;
  gboolean done;

  g_return_val_if_fail (view != NULL, FALSE);
  g_return_val_if_fail (path != NULL, FALSE);
  g_return_val_if_fail (func != NULL, FALSE);

  content = g_new0 (LeashMemoryContent, 1);
  content->lazy = leash_memory_lazy_new (size, func, user_data, destroy);
  if (check_added (path, mode, size, error))
    done = add_content (view, path, mode, g_steal_pointer (&content), size, error)
           && leash_fs_set_times (fs, leash_context_background (), path, LEASH_TIME_KEEP, mtime_ns, 0, error);
  else
    done = FALSE;
  if (content != NULL)
    leash_memory_content_free (view->tree, content);
  if (!done)
    leash_attempt_prefix (error, "Adding", path);
  return done;
}

/* A copy that is under way. */
typedef struct
{
  LeashMemoryTree *from, *to;
  GHashTable *linked; /* nodes with several names, and their copies */
  GPtrArray *dirs;    /* directories whose names are to be copied, each before its copy */
} Copy;

static void
copy_content (Copy *copy, LeashMemoryNode *node, LeashMemoryNode *made)
{
  pthread_rwlock_t *lock = leash_memory_content_lock (copy->from, node);

  pthread_rwlock_rdlock (lock);
  made->size = leash_memory_get (node->size);
  made->content = leash_memory_content_share (node->content);
  pthread_rwlock_unlock (lock);
  if (made->content != NULL)
    copy->to->n_pages += made->content->n_pages;
}

static void
copy_attributes (LeashMemoryNode *node, LeashMemoryNode *made)
{
  made->atime_ns = leash_memory_get (node->atime_ns);
  made->mtime_ns = leash_memory_get (node->mtime_ns);
  made->ctime_ns = leash_memory_get (node->ctime_ns);
  made->mode = leash_memory_get (node->mode);
  made->uid = node->uid;
  made->gid = node->gid;
}

/* What is beneath a directory is copied later, so that no depth is too deep. */
static LeashMemoryNode *
copy_node (Copy *copy, LeashMemoryNode *node, LeashMemoryNode *parent)
{
  guint mode = leash_memory_get (node->mode);
  LeashMemoryNode *made = leash_memory_node_new (copy->to, mode, 0);

  copy_attributes (node, made);
  made->nlink = node->nlink;
  if (S_ISDIR (mode))
    {
      made->names = leash_memory_names_new (parent);
      g_ptr_array_add (copy->dirs, node);
      g_ptr_array_add (copy->dirs, made);
    }
  else if (S_ISLNK (mode))
    {
      made->size = node->size;
      made->text = g_strdup (node->text);
    }
  else
    copy_content (copy, node, made);
  return made;
}

static LeashMemoryNode *
copy_linked (Copy *copy, LeashMemoryNode *node, LeashMemoryNode *parent)
{
  LeashMemoryNode *made;

  if (node->nlink < 2 || leash_memory_node_is (node, S_IFDIR))
    return copy_node (copy, node, parent);
  made = g_hash_table_lookup (copy->linked, node);
  if (made != NULL)
    {
      made->nlink++;
      return made;
    }
  made = copy_node (copy, node, parent);
  /* Names elsewhere than beneath the root are not copied. */
  made->nlink = 1;
  g_hash_table_insert (copy->linked, node, made);
  return made;
}

static void
copy_names (Copy *copy, LeashMemoryNode *dir, LeashMemoryNode *made)
{
  for (guint32 i = 0; i < dir->names->n_used; i++)
    {
      const LeashMemoryEntry *entry = &dir->names->entries[i];

      if (entry->node != NULL)
        leash_memory_names_add (made->names, leash_memory_entry_name (entry), entry->length,
                                copy_linked (copy, entry->node, made));
    }
}

/* Everything beneath root becomes what is beneath the other tree's root. */
static void
copy_tree (LeashMemoryTree *from, LeashMemoryNode *root, LeashMemoryTree *to)
{
  Copy copy = { .from = from, .to = to };

  copy.linked = g_hash_table_new (NULL, NULL);
  copy.dirs = g_ptr_array_new ();
  copy_attributes (root, to->root);
  to->root->nlink = MAX (root->nlink, 2);
  g_ptr_array_add (copy.dirs, root);
  g_ptr_array_add (copy.dirs, to->root);
  while (copy.dirs->len > 0)
    {
      LeashMemoryNode *made = g_ptr_array_steal_index (copy.dirs, copy.dirs->len - 1);
      LeashMemoryNode *dir = g_ptr_array_steal_index (copy.dirs, copy.dirs->len - 1);

      copy_names (&copy, dir, made);
    }
  g_ptr_array_unref (copy.dirs);
  g_hash_table_unref (copy.linked);
}

/**
 * leash_memory_fs_snapshot:
 * @fs: a file system of leash_memory_fs_new(), or a root of one
 *
 * Makes a copy that changes on its own. Contents are shared until one of both writes to them, so that only
 * names cost time: half a second for a million. User, umask and limits are copied. Of files that are open but
 * removed there is no copy. Of a root, what is beneath it is copied, and "/" is that directory.
 *
 * The names are those of one moment, and so is what is in each file; who writes to two files meanwhile may
 * find one in the copy as it was before, and the other after.
 *
 * Returns: (transfer full): the copy
 *
 * Since: 0.1
 */
LeashFs *
leash_memory_fs_snapshot (LeashFs *fs)
{
  LeashMemoryView *view = leash_memory_fs_get_view (fs);
  LeashMemoryTree *tree;
  LeashFs *copy;

  g_return_val_if_fail (view != NULL, NULL);

  tree = leash_memory_tree_new ();
  pthread_rwlock_rdlock (&view->tree->lock);
  copy_tree (view->tree, view->root, tree);
  copy = leash_memory_fs_new_view (tree, leash_memory_node_ref (tree->root), FALSE,
                                   leash_memory_user_ref (view->user), view->umask);
  pthread_rwlock_unlock (&view->tree->lock);
  tree->max_pages = leash_memory_get (view->tree->max_pages);
  pthread_mutex_lock (&view->tree->pool_lock);
  tree->max_files = view->tree->max_files;
  pthread_mutex_unlock (&view->tree->pool_lock);
  return copy;
}
