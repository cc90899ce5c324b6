/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of SQLite's VFS on a LeashFs share: see leash-sqlite-vfs.c. */
#pragma once

#include <leash/leash-file.h>
#include <leash/leash-track.h>
#include <sqlite3.h>

/* Never changes once it is registered, but for n_files. */
typedef struct
{
  sqlite3_vfs base;  /* first: SQLite's pointer is ours */
  sqlite3_vfs *host; /* SQLite's own, for what is no file's */
  LeashFs *fs;
  LeashContext *ctx; /* carries fs; nothing ends it */
  LeashTag *tag;
  char name[32];
  gint n_files; /* atomic: how many are open */
} LeashSqliteVfs;

/* leash-sqlite-vfs-error.c. Takes the error over, for sqlite3_vfs.xGetLastError() in this thread and SQLite's log. No room is
 * SQLITE_FULL whatever code says. Returns the code. */
int         leash_sqlite_fail            (int              code,
                                          GError          *error);
int         leash_sqlite_fail_plainly    (int              code,
                                          const char      *format,
                                          ...) G_GNUC_PRINTF (2, 3);
/* What sqlite3_system_errno() is told. */
int         leash_sqlite_get_errno       (void);

/*
 * leash-sqlite-vfs-lock.c. What connections lock in a file, by SQLite's names. They are bytes of the file where the kernel locks
 * them, the same that SQLite's own VFS uses.
 */
typedef enum
{
  LEASH_SQLITE_PENDING,
  LEASH_SQLITE_RESERVED,
  LEASH_SQLITE_SHARED,
  LEASH_SQLITE_WAL, /* eight of them */
  LEASH_SQLITE_DMS = LEASH_SQLITE_WAL + SQLITE_SHM_NLOCK, /* the "dead man's switch": somebody uses the shared memory */
  LEASH_SQLITE_N_PARTS
} LeashSqlitePart;

typedef enum
{
  LEASH_SQLITE_FREE,
  LEASH_SQLITE_READ,
  LEASH_SQLITE_WRITE
} LeashSqliteHold;

typedef struct _LeashSqliteNode LeashSqliteNode;

/* What one connection holds of a file. */
typedef struct
{
  int fd;                /* whose bytes the kernel locks, borrowed; -1 where there is none */
  LeashSqliteNode *node; /* a reference, where there is none; else NULL */
  guint8 held[LEASH_SQLITE_N_PARTS];
} LeashSqliteHolder;

/* file is where fd comes from, if it has one; path is a node's name where files have no numbers. */
gboolean    leash_sqlite_holder_init     (LeashSqliteHolder *self,
                                          LeashSqliteVfs  *vfs,
                                          LeashFile       *file,
                                          const char      *path,
                                          GError         **error);
/* Everything must have been let go before: a descriptor that a forked child has too keeps its locks when it is closed. */
void        leash_sqlite_holder_clear    (LeashSqliteHolder *self);
/* Holds n parts otherwise, all or none of them. SQLITE_OK, SQLITE_BUSY or, without an error text, SQLITE_IOERR. */
int         leash_sqlite_hold            (LeashSqliteHolder *self,
                                          guint            first,
                                          guint            n,
                                          LeashSqliteHold  hold);
/* Whether another one holds the part in any way. FALSE when the kernel does not say. */
gboolean    leash_sqlite_is_held         (LeashSqliteHolder *self,
                                          LeashSqlitePart  part,
                                          gboolean        *ret_is_held);
/* A part of the memory that all connections of the process to the file share; NULL where it is not there and not to
 * be made. It goes with the last one that has called this. */
void       *leash_sqlite_node_get_region (LeashSqliteNode *node,
                                          guint            region,
                                          gsize            size,
                                          gboolean         make);
void        leash_sqlite_node_use_memory (LeashSqliteNode *node);
void        leash_sqlite_node_leave_memory (LeashSqliteNode *node);

/* leash-sqlite-vfs-shm.c. */
typedef struct _LeashSqliteShm LeashSqliteShm;

/* An open file. SQLite allocates it, and lets no two threads in at a time. */
typedef struct
{
  sqlite3_file base; /* first */
  LeashSqliteVfs *vfs;
  LeashFile *file;
  char *path;
  gboolean removes;  /* closing removes it */
  gboolean is_new_name; /* the directory is to be synced with the file, once */
  LeashSqliteHolder holder; /* of the database's own file only */
  int level;                /* SQLITE_LOCK_… */
  LeashSqliteShm *shm;      /* NULL before it is used */
} LeashSqliteFile;

int         leash_sqlite_shm_map         (sqlite3_file    *base,
                                          int              region,
                                          int              size,
                                          int              extend,
                                          void volatile  **ret_memory);
int         leash_sqlite_shm_lock        (sqlite3_file    *base,
                                          int              first,
                                          int              n,
                                          int              flags);
void        leash_sqlite_shm_barrier     (sqlite3_file    *base);
int         leash_sqlite_shm_unmap       (sqlite3_file    *base,
                                          int              deletes);

/* leash-sqlite-vfs-file.c. */
extern const sqlite3_io_methods leash_sqlite_io_methods;

/* Syncs the directory that path is in, where directories are opened as files. */
gboolean    leash_sqlite_sync_names      (LeashSqliteVfs  *vfs,
                                          const char      *path,
                                          GError         **error);
/* A database's permission bits, for what lies beside it: nobody else may read that either. */
guint       leash_sqlite_get_mode        (LeashSqliteVfs  *vfs,
                                          const char      *database);
