/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Conform: what a test of the conformance suite is written with.
 *
 * A test says what must be so, in a line each, and goes on when it is not: faults are collected with operation and
 * path, and the test fails once, at its end, with the list. A function that has nothing to work with, because an
 * earlier step failed, does nothing.
 *
 * What the file system says it cannot do ends the test as skipped, with that as the reason; from there on nothing
 * is a fault. So a test has no code for what is missing.
 *
 * Operations are values (Call), so that a table of them can be held against one path or one error.
 */
#pragma once

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include <leash/leash.h>

typedef struct
{
  LeashFs *fs;
  LeashContext *ctx;     /* what calls are made with; a test may put another one in for a while */
  LeashTracker *tracker; /* of the context that the test begins with */
  LeashFsOps ops;
  LeashFsFeatures features;
  gsize n_misuses; /* that the test causes on purpose */

  pthread_mutex_t lock; /* of the two below: a test may have threads */
  GPtrArray *faults; /* of char *, owned */
  char *skipped;     /* why, NULL when it is not; owned */
} Conform;

typedef struct
{
  const char *name; /* "TOPIC/WHAT-IS-SO" */
  void (*run) (Conform *c);
  const char *tree; /* what is there at the beginning; see leash-conform-tree.c; NULL for nothing */
  LeashFsFeatures features; /* that the test is of; without them it is skipped */
} ConformTest;

/* How a suite's tests are added (leash-conform-suite.c) */
typedef void (*ConformFactory) (void); /* any function */
typedef struct _ConformSubject ConformSubject;

typedef struct
{
  ConformSubject *subject;
  const char *name; /* static */
  gconstpointer test;
} ConformCase;

typedef void (*ConformRun) (const ConformCase *self);

/* What is added under one path. */
struct _ConformSubject
{
  guint n_left; /* of its tests, which were not run yet */
  ConformRun run;
  ConformFactory factory;
  gpointer user_data;
  GDestroyNotify destroy;
  GArray *cases; /* of ConformCase, owned */
};

ConformSubject *conform_subject_new (ConformRun     run,
                                     ConformFactory factory,
                                     gpointer       user_data,
                                     GDestroyNotify destroy);
void     conform_subject_put (ConformSubject *subject,
                              const char     *name,
                              gconstpointer   test);
/* Called once, when all are put. */
void     conform_subject_add (ConformSubject *subject,
                              const char     *path);

void     conform_init        (Conform       *c);
void     conform_clear       (Conform       *c);
/* What the tracker holds, and what was misused. */
void     conform_check_nothing_is_open (Conform *c);
/* Tells GLib how the test went. */
void     conform_tell        (Conform       *c);
/* -1 where the system does not tell. Without events: threads keep such to be woken by, as GIO's and Leash's own. */
int      conform_count_descriptors (gboolean with_events);

/* The tables of tests end with one that has no name. */
extern const ConformTest conform_dirs_tests[];
extern const ConformTest conform_handles_tests[];
extern const ConformTest conform_links_tests[];
extern const ConformTest conform_metadata_tests[];
extern const ConformTest conform_open_tests[];
extern const ConformTest conform_paths_tests[];
extern const ConformTest conform_read_write_tests[];
extern const ConformTest conform_rename_tests[];
extern const ConformTest conform_threads_tests[];

/* An operation on a path, to be made with the macros below. */
typedef struct
{
  LeashFsOps op;
  const char *path;
  const char *target; /* the second path, the text of a symbolic link */
  guint flags;
  guint mode;
  gint64 first, second; /* the length; uid and gid; both times */
} Call;

#define OPEN(p, f) ((Call){ .op = LEASH_FS_OP_OPEN, .path = (p), .flags = (f), .mode = 0666 })
#define OPEN_DIR(p) ((Call){ .op = LEASH_FS_OP_OPEN_DIR, .path = (p) })
#define STAT(p) ((Call){ .op = LEASH_FS_OP_STAT, .path = (p) })
#define LSTAT(p) ((Call){ .op = LEASH_FS_OP_LSTAT, .path = (p) })
#define MKDIR(p) ((Call){ .op = LEASH_FS_OP_MKDIR, .path = (p), .mode = 0777 })
#define REMOVE(p) ((Call){ .op = LEASH_FS_OP_REMOVE, .path = (p) })
#define RENAME(p, t) ((Call){ .op = LEASH_FS_OP_RENAME, .path = (p), .target = (t) })
#define RENAME_FULL(p, t, f) ((Call){ .op = LEASH_FS_OP_RENAME, .path = (p), .target = (t), .flags = (f) })
#define LINK(p, t) ((Call){ .op = LEASH_FS_OP_LINK, .path = (p), .target = (t) })
#define SYMLINK(text, p) ((Call){ .op = LEASH_FS_OP_SYMLINK, .path = (p), .target = (text) })
#define READLINK(p) ((Call){ .op = LEASH_FS_OP_READLINK, .path = (p) })
#define TRUNCATE(p, n) ((Call){ .op = LEASH_FS_OP_TRUNCATE, .path = (p), .first = (n) })
#define CHMOD(p, m) ((Call){ .op = LEASH_FS_OP_CHMOD, .path = (p), .mode = (m) })
#define CHOWN(p, u, g, f) \
  ((Call){ .op = LEASH_FS_OP_CHOWN, .path = (p), .first = (u), .second = (g), .flags = (f) })
#define SET_TIMES(p, a, m, f) \
  ((Call){ .op = LEASH_FS_OP_SET_TIMES, .path = (p), .first = (a), .second = (m), .flags = (f) })
#define STATFS(p) ((Call){ .op = LEASH_FS_OP_STATFS, .path = (p) })
#define OPEN_ROOT(p, f) ((Call){ .op = LEASH_FS_OP_OPEN_ROOT, .path = (p), .flags = (f) })

#define FLAGS_MAKE (LEASH_OPEN_WRITE | LEASH_OPEN_CREATE)

/* A name of 255 bytes, and one more. */
#define NAME_15 "nnnnnnnnnnnnnnn"
#define NAME_60 NAME_15 NAME_15 NAME_15 NAME_15
#define NAME_255 NAME_60 NAME_60 NAME_60 NAME_60 NAME_15
#define NAME_256 NAME_255 "n"

/* What is found wrong, and what ends a test (leash-conform.c) */
void     conform_fault       (Conform       *c,
                              const char    *format,
                              ...) G_GNUC_PRINTF (2, 3);
void     conform_skip        (Conform       *c,
                              const char    *format,
                              ...) G_GNUC_PRINTF (2, 3);
gboolean conform_is_skipped  (Conform       *c);
/* "operation “path”: what, expected X, found Y", if they differ. what may be NULL. */
void     conform_same_number (Conform       *c,
                              const char    *operation,
                              const char    *path,
                              const char    *what,
                              gint64         expected,
                              gint64         found);
void     conform_same_text   (Conform       *c,
                              const char    *operation,
                              const char    *path,
                              const char    *expected,
                              const char    *found);
/* Whether it has the feature; else the test is skipped. */
gboolean conform_needs       (Conform       *c,
                              LeashFsFeatures feature);

/* Operations (leash-conform-call.c) */
/* Whether the file system has what the call needs. */
gboolean conform_can         (Conform       *c,
                              const Call    *call);
/* Makes the call, and closes what it opened. */
gboolean conform_call        (Conform       *c,
                              const Call    *call,
                              GError       **error);
void     conform_ok          (Conform       *c,
                              Call           call);
/* Fails with the code that GIO has for an errno. The second is allowed as well. */
void     conform_fails       (Conform       *c,
                              int            code,
                              Call           call);
void     conform_fails_or    (Conform       *c,
                              int            code,
                              int            other,
                              Call           call);
/* Checks an error that came otherwise, and clears it. */
void     conform_error       (Conform       *c,
                              const char    *operation,
                              const char    *path,
                              int            code,
                              GError       **error);
/* Every operation that it has, on a path that none of them can act on; “f” is a file. */
void     conform_each_fails  (Conform       *c,
                              int            code,
                              const char    *path);

/* Looking and writing (leash-conform-look.c) */
LeashFile *conform_open      (Conform       *c,
                              const char    *path,
                              LeashOpenFlags flags);
void     conform_write       (Conform       *c,
                              const char    *path,
                              const char    *text);
void     conform_content     (Conform       *c,
                              const char    *path,
                              const char    *text);
/* Of any bytes */
void     conform_bytes       (Conform       *c,
                              const char    *path,
                              const char    *bytes,
                              gsize          count);
/* Both are as they would be with the C library's strings: no NUL within. */
void     conform_file_write  (Conform       *c,
                              LeashFile     *file,
                              const char    *text);
/* Reads from the position to the end. */
void     conform_file_rest   (Conform       *c,
                              LeashFile     *file,
                              const char    *text);
/* At an offset: up to count bytes are read, and are the text. */
void     conform_file_pread  (Conform       *c,
                              LeashFile     *file,
                              gint64         offset,
                              gsize          count,
                              const char    *text);
void     conform_file_pwrite (Conform       *c,
                              LeashFile     *file,
                              gint64         offset,
                              const char    *text);
void     conform_file_close  (Conform       *c,
                              LeashFile     *file);
gint64   conform_file_seek   (Conform       *c,
                              LeashFile     *file,
                              gint64         offset,
                              GSeekType      whence);
/* Tells of a path; all zeros when that failed. */
LeashStat conform_stat       (Conform       *c,
                              const char    *path);
LeashStat conform_lstat      (Conform       *c,
                              const char    *path);
void     conform_size        (Conform       *c,
                              const char    *path,
                              guint64        size);
/* By lstat */
void     conform_type        (Conform       *c,
                              const char    *path,
                              GFileType      type);
void     conform_missing     (Conform       *c,
                              const char    *path);
/* The names in a directory, sorted, with spaces between. */
char    *conform_names       (Conform       *c,
                              const char    *path);
void     conform_list        (Conform       *c,
                              const char    *path,
                              const char    *names);
void     conform_target      (Conform       *c,
                              const char    *path,
                              const char    *text);

/* What a test begins with (leash-conform-tree.c) */
gboolean conform_tree_build  (LeashFs       *fs,
                              LeashContext  *ctx,
                              const char    *tree,
                              GError       **error);
/* Makes it in a directory of the file system that is tested. */
void     conform_tree_build_in (Conform     *c,
                              const char    *dir,
                              const char    *tree);
/* Whether the file system shows the first of the tree. */
gboolean conform_tree_is_there (LeashFs     *fs,
                              LeashContext  *ctx,
                              const char    *tree);
/* A file system that holds a tree, empty where it is NULL. */
LeashFs *conform_tree_new    (const char    *tree,
                              GError       **error);
/* The bytes from an offset of the files that are made by their size. */
void     conform_tree_fill   (guint8        *bytes,
                              gsize          count,
                              guint64        offset);
