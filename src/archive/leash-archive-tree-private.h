/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is in an archive, as a tree. It is made once and does not change from then on. */
#pragma once

#include <leash/leash-fs-types.h>

/* What a name stands for; hard links share it. */
typedef struct _ArchiveNode ArchiveNode;

struct _ArchiveNode
{
  LeashStat stat;
  gint64 entry;          /* of a regular file: the number of the entry that has its content; -1: it is empty */
  gboolean is_encrypted; /* the content cannot be read */
  char *target;          /* owned; of a symbolic link */
  GHashTable *children;  /* owned; of a directory: its names (owned) and their nodes (borrowed) */
  ArchiveNode *parent;   /* borrowed; of a directory; the root's is the root */
};

typedef struct
{
  ArchiveNode *root; /* borrowed */
  GPtrArray *nodes;  /* owned, with all nodes, those included that an entry of the same name replaced */
  guint64 device;    /* unique in the process */
} ArchiveTree;

/* How a path is looked up. */
typedef enum
{
  ARCHIVE_FOLLOW = 1 << 0, /* a link at the end of the path */
  ARCHIVE_MAKE = 1 << 1    /* what is missing at its end would have to be made: EROFS and not ENOENT */
} ArchiveFind;

ArchiveTree *archive_tree_new  (void);
void         archive_tree_free (ArchiveTree *self);
/* Makes a node of the type; stat's type, mode and times are the caller's to fill. */
ArchiveNode *archive_tree_add  (ArchiveTree *self,
                                GFileType    type);
/* Makes the node what name is in dir. It must be free. */
void         archive_tree_link (ArchiveNode *dir,
                                const char  *name,
                                ArchiveNode *node);
/* Resolves a path as in a chroot. Returns NULL with the host's error. */
ArchiveNode *archive_tree_find (ArchiveTree *self,
                                const char  *path,
                                ArchiveFind  how,
                                GError     **error);

void         archive_set_errno (GError     **error,
                                int          code);
