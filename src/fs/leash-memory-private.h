/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The memory file system from within: what its files share.
 *
 * A tree of nodes; a LeashFs is a view of one: a root in it, and who the caller is taken to be. Roots that
 * leash_fs_open_root() opens are further views of the same tree.
 *
 * Locks, in the order that they are taken in:
 * - an open file's, for its position;
 * - the tree's, for names, links, owners and what views are: readers look up, writers change names;
 * - a node's content's: one of a fixed number of locks, by the node's number. No thread holds two of them;
 * - the pool's, for what is allocated.
 * Times, size and mode are words that are read and written atomically, so that looking and reading need no
 * more than the lock that they hold anyway. None is held over a LeashMemoryContentFunc.
 *
 * Errors are errno codes until the interface's functions make a GError of them, so that paths are compared
 * with the kernel's line by line. OUTSIDE is the one that no kernel has.
 */
#pragma once

#include <errno.h>
#include <pthread.h>
#include <sys/stat.h>

#include <leash/leash-clock.h>
#include <leash/leash-memory-fs.h>

#include "leash-fs-private.h"
#include "leash-resolve-private.h"

#define LEASH_MEMORY_OUTSIDE (-1)
#define LEASH_MEMORY_NAME_MAX 255
#define LEASH_MEMORY_PAGE 4096
#define LEASH_MEMORY_N_CONTENT_LOCKS 64
/* In a node's mode, beside what the kernel has there: the content is lazy, or was. */
#define LEASH_MEMORY_LAZY (1u << 16)

/* Atomic words. Their order among each other does not matter: what must be seen together has a lock. */
#define leash_memory_get(word) __atomic_load_n (&(word), __ATOMIC_RELAXED)
#define leash_memory_put(word, value) __atomic_store_n (&(word), (value), __ATOMIC_RELAXED)

typedef struct _LeashMemoryNames LeashMemoryNames;
typedef struct _LeashMemoryContent LeashMemoryContent;
typedef struct _LeashMemoryNode LeashMemoryNode;

struct _LeashMemoryNode
{
  guint64 number;                        /* never changes; the inode */
  gint64 atime_ns, mtime_ns, ctime_ns;   /* atomic */
  guint64 size;                          /* atomic; files: written with the content's lock; links: never changes */
  union
  {
    LeashMemoryContent *content; /* files: nullable; the content's lock */
    LeashMemoryNames *names;     /* directories: the tree's lock */
    char *text;                  /* symbolic links: never changes */
    LeashMemoryNode *next_free;  /* nodes that are none: the pool's lock */
  };
  guint32 mode;     /* atomic; with the type, as in struct stat; 0: the node is free */
  guint32 refs;     /* atomic; one for all names together, one for each who has it open */
  guint32 nlink;    /* the tree's lock, as the two below */
  guint32 uid, gid;
};

typedef struct
{
  union
  {
    pthread_rwlock_t lock;
    char line[64]; /* two of them would be in each other's way */
  };
} LeashMemoryContentLock;

typedef struct
{
  int refs; /* atomic */
  pthread_rwlock_t lock;
  LeashMemoryNode *root; /* never changes */
  guint64 device;        /* never changes */

  pthread_mutex_t pool_lock; /* for these: */
  gpointer slabs;
  LeashMemoryNode *free;
  guint64 last_number;
  guint64 n_files;
  guint64 max_files; /* 0: no limit */

  guint64 n_pages;   /* atomic */
  guint64 max_pages; /* atomic; 0: no limit */

  LeashMemoryContentLock content_locks[LEASH_MEMORY_N_CONTENT_LOCKS];
} LeashMemoryTree;

/* Who the caller is taken to be. Never changes; user 0 may do everything. */
typedef struct
{
  int refs; /* atomic */
  guint32 uid, gid;
  gsize n_groups;
  guint32 groups[];
} LeashMemoryUser;

typedef struct
{
  LeashMemoryTree *tree; /* owned */
  LeashMemoryNode *root; /* owned */
  gboolean rooted;       /* nothing leads out of root; else root is the tree's */
  LeashMemoryUser *user; /* owned; the tree's lock */
  guint umask;           /* the tree's lock */
} LeashMemoryView;

/* The tree, and its nodes: leash-memory-tree.c */
LeashMemoryTree *leash_memory_tree_new     (void);
LeashMemoryTree *leash_memory_tree_ref     (LeashMemoryTree *tree);
void             leash_memory_tree_unref   (LeashMemoryTree *tree);
/* Returns NULL when there are as many files as there may be. The node has one reference, and no name. */
LeashMemoryNode *leash_memory_node_new     (LeashMemoryTree *tree,
                                            guint            mode,
                                            gint64           now_ns);
LeashMemoryNode *leash_memory_node_ref     (LeashMemoryNode *node);
void             leash_memory_node_unref   (LeashMemoryTree *tree,
                                            LeashMemoryNode *node);
void             leash_memory_node_stat    (LeashMemoryTree *tree,
                                            LeashMemoryNode *node,
                                            LeashStat       *ret_stat);
/* Some of n pages, as many as there are. */
guint64          leash_memory_take_pages   (LeashMemoryTree *tree,
                                            guint64          n);
void             leash_memory_give_pages   (LeashMemoryTree *tree,
                                            guint64          n);
/* By the context's clock if that is a fake one, else by the system's. */
gint64           leash_memory_now          (LeashContext    *ctx);
/* After a look at the content, as mounts are by default on Linux: written only where it tells something. */
void             leash_memory_touch_atime  (LeashMemoryNode *node,
                                            LeashContext    *ctx);

static inline gboolean
leash_memory_node_is (LeashMemoryNode *node, guint type)
{
  return (leash_memory_get (node->mode) & S_IFMT) == type;
}

/* After a change of the content, or of a directory's names. */
static inline void
leash_memory_touch (LeashMemoryNode *node, gint64 now_ns)
{
  leash_memory_put (node->mtime_ns, now_ns);
  leash_memory_put (node->ctime_ns, now_ns);
}

static inline pthread_rwlock_t *
leash_memory_content_lock (LeashMemoryTree *tree, LeashMemoryNode *node)
{
  return &tree->content_locks[node->number % LEASH_MEMORY_N_CONTENT_LOCKS].lock;
}

/* A directory's names: leash-memory-names.c */
typedef struct
{
  LeashMemoryNode *node;                /* NULL: removed */
  guint64 sequence : 56;                /* rises from entry to entry */
  guint64 length : 8;
  union
  {
    char here[16]; /* without NUL */
    char *there;   /* owned; where length is above 16 */
  };
} LeashMemoryEntry;

struct _LeashMemoryNames
{
  LeashMemoryNode *parent; /* borrowed; a root's is itself */
  LeashMemoryEntry *entries;
  guint32 *index;    /* NULL while capacity is small; twice capacity, positions + 1 */
  guint32 n_used;    /* of entries, removed ones among them */
  guint32 n_live;
  guint32 capacity;  /* of entries; 0, or a power of two */
  guint64 last_sequence;
};

LeashMemoryNames *leash_memory_names_new    (LeashMemoryNode   *parent);
void              leash_memory_names_free   (LeashMemoryNames  *names);
/* Valid until the next leash_memory_names_add(). */
LeashMemoryEntry *leash_memory_names_find   (LeashMemoryNames  *names,
                                             const char        *name,
                                             gsize              length);
/* The name is not there. */
void              leash_memory_names_add    (LeashMemoryNames  *names,
                                             const char        *name,
                                             gsize              length,
                                             LeashMemoryNode   *node);
void              leash_memory_names_remove (LeashMemoryNames  *names,
                                             LeashMemoryEntry  *entry);
/* The first entry with a higher sequence, NULL when there is none. */
LeashMemoryEntry *leash_memory_names_after  (LeashMemoryNames  *names,
                                             guint64            sequence);

static inline const char *
leash_memory_entry_name (const LeashMemoryEntry *entry)
{
  return entry->length <= sizeof entry->here ? entry->here : entry->there;
}

/* A file's content: leash-memory-content.c. All with its lock held, but freeing. */
gsize               leash_memory_content_read     (LeashMemoryNode    *node,
                                                   void               *buffer,
                                                   gsize               count,
                                                   guint64             offset);
/* Returns how many bytes found room. */
gsize               leash_memory_content_write    (LeashMemoryTree    *tree,
                                                   LeashMemoryNode    *node,
                                                   const void         *buffer,
                                                   gsize               count,
                                                   guint64             offset);
void                leash_memory_content_truncate (LeashMemoryTree    *tree,
                                                   LeashMemoryNode    *node,
                                                   guint64             length);
void                leash_memory_content_free     (LeashMemoryTree    *tree,
                                                   LeashMemoryContent *content);
/* With its pages taken by the caller. */
LeashMemoryContent *leash_memory_content_new      (GBytes             *bytes);
/* Shares the blocks; NULL for NULL. The pages of the copy are to be taken by the caller. */
LeashMemoryContent *leash_memory_content_share    (LeashMemoryContent *content);

static inline guint64
leash_memory_pages_of (guint64 n_bytes)
{
  return n_bytes / LEASH_MEMORY_PAGE + (n_bytes % LEASH_MEMORY_PAGE != 0);
}

/* Content that comes at the first opening: leash-memory-lazy.c */
typedef struct _LeashMemoryLazy LeashMemoryLazy;

struct _LeashMemoryContent
{
  guint64 n_pages;
  LeashMemoryLazy *lazy; /* owned, NULL when the content is here */
  guint n_chunks;
  guint capacity;
  struct
  {
    guint64 number; /* of the chunk in the file */
    gpointer block; /* owned */
  } chunks[];       /* by number; a chunk that is not among them is a hole */
};

LeashMemoryLazy    *leash_memory_lazy_new         (guint64             size,
                                                   LeashMemoryContentFunc func,
                                                   gpointer            user_data,
                                                   GDestroyNotify      destroy);
LeashMemoryLazy    *leash_memory_lazy_ref         (LeashMemoryLazy    *lazy);
void                leash_memory_lazy_unref       (LeashMemoryLazy    *lazy);
/* Makes sure that the content is here; no lock is held. */
gboolean            leash_memory_lazy_fill        (LeashMemoryTree    *tree,
                                                   LeashMemoryNode    *node,
                                                   LeashContext       *ctx,
                                                   GError            **error);

/* Who may do what: leash-memory-user.c */
LeashMemoryUser    *leash_memory_user_new         (guint32             uid,
                                                   guint32             gid,
                                                   const guint32      *groups,
                                                   gsize               n_groups);
LeashMemoryUser    *leash_memory_user_ref         (LeashMemoryUser    *user);
void                leash_memory_user_unref       (LeashMemoryUser    *user);
/* wanted: of 4 (read), 2 (write) and 1 (search). */
gboolean            leash_memory_user_may         (const LeashMemoryUser *user,
                                                   LeashMemoryNode    *node,
                                                   guint               wanted);
gboolean            leash_memory_user_owns        (const LeashMemoryUser *user,
                                                   LeashMemoryNode    *node);
gboolean            leash_memory_user_is_in       (const LeashMemoryUser *user,
                                                   guint32             gid);
/* Whether a name may be made in a directory, and one be taken away: 0 or an errno. */
int                 leash_memory_user_may_create  (const LeashMemoryUser *user,
                                                   LeashMemoryNode    *dir);
int                 leash_memory_user_may_delete  (const LeashMemoryUser *user,
                                                   LeashMemoryNode    *dir,
                                                   LeashMemoryNode    *node);
/* Which of the set-id bits a file loses when its owner changes; by a write, unless user 0 writes. */
guint               leash_memory_user_lost_bits   (const LeashMemoryUser *user,
                                                   LeashMemoryNode    *node);

/* Paths: leash-memory-walk.c. All with the tree's lock held. */
typedef enum
{
  LEASH_MEMORY_FOLLOW,
  LEASH_MEMORY_NO_FOLLOW, /* of the last name, unless a slash stands behind it */
  LEASH_MEMORY_CREATE,    /* as FOLLOW, but the last name may be missing */
  LEASH_MEMORY_EXCLUSIVE, /* as that, but it is never followed */
  LEASH_MEMORY_PARENT     /* the last name is not looked up */
} LeashMemoryHow;

typedef struct
{
  LeashMemoryNode *dir; /* where the last name is */
  const char *name;     /* in the path, or in a link */
  gsize length;
  LeashLast last;
  gboolean needs_dir;    /* a slash stood behind it */
  LeashMemoryNode *node; /* NULL: missing, or not looked up */
} LeashMemoryPlace;

int                 leash_memory_walk             (const LeashMemoryView *view,
                                                   const char         *path,
                                                   LeashMemoryHow      how,
                                                   LeashMemoryPlace   *ret_place);
/* Looks up the last name of a place found by PARENT: 0 also when it is missing. */
int                 leash_memory_walk_last        (LeashMemoryPlace   *place);

/* Changes of names: leash-memory-change.c, with the tree's lock held for writing. 0 or an errno. */
int                 leash_memory_make             (const LeashMemoryView *view,
                                                   LeashMemoryPlace   *place,
                                                   guint               mode,
                                                   gint64              now_ns);
int                 leash_memory_mkdir            (const LeashMemoryView *view,
                                                   const char         *path,
                                                   guint               mode,
                                                   gint64              now_ns);
int                 leash_memory_symlink          (const LeashMemoryView *view,
                                                   const char         *target,
                                                   const char         *path,
                                                   gint64              now_ns);
int                 leash_memory_link             (const LeashMemoryView *view,
                                                   const char         *path,
                                                   const char         *new_path,
                                                   gint64              now_ns);
int                 leash_memory_remove           (const LeashMemoryView *view,
                                                   const char         *path,
                                                   gint64              now_ns);
int                 leash_memory_rename           (const LeashMemoryView *view,
                                                   const char         *old_path,
                                                   const char         *new_path,
                                                   LeashRenameFlags    flags,
                                                   gint64              now_ns);

/* Modes, owners and times: leash-memory-attributes.c, as those. */
int                 leash_memory_chmod            (const LeashMemoryUser *user,
                                                   LeashMemoryNode    *node,
                                                   guint               mode,
                                                   gint64              now_ns);
int                 leash_memory_chown            (const LeashMemoryUser *user,
                                                   LeashMemoryNode    *node,
                                                   gint64              uid,
                                                   gint64              gid,
                                                   gint64              now_ns);
int                 leash_memory_set_times        (const LeashMemoryUser *user,
                                                   LeashMemoryNode    *node,
                                                   gint64              atime_ns,
                                                   gint64              mtime_ns,
                                                   gint64              now_ns);

/* Open files and directories: leash-memory-file.c. Both take over a reference to the node. */
LeashFile          *leash_memory_file_new         (LeashMemoryTree    *tree,
                                                   LeashMemoryNode    *node,
                                                   LeashMemoryUser    *user,
                                                   const char         *path,
                                                   LeashOpenFlags      flags);
LeashDir           *leash_memory_dir_new          (LeashMemoryTree    *tree,
                                                   LeashMemoryNode    *node,
                                                   const char         *path);
/* Sets a file's length, as truncate() does; its content is here. */
void                leash_memory_set_length       (LeashMemoryTree    *tree,
                                                   LeashMemoryNode    *node,
                                                   const LeashMemoryUser *user,
                                                   guint64             length,
                                                   gboolean            always_touch,
                                                   LeashContext       *ctx);

/* The object: leash-memory-fs.c */
LeashMemoryView    *leash_memory_fs_get_view      (LeashFs            *fs); /* NULL when it is none */
LeashFs            *leash_memory_fs_new_view      (LeashMemoryTree    *tree, /* taken over, as the others */
                                                   LeashMemoryNode    *root,
                                                   gboolean            rooted,
                                                   LeashMemoryUser    *user,
                                                   guint               umask);
/* TRUE for 0, else sets the error. */
gboolean            leash_memory_check            (int                 code,
                                                   GError            **error);
