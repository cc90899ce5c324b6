/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Walking through trees of any LeashFs. */
#pragma once

#include <leash/leash-fs.h>

G_BEGIN_DECLS

/**
 * LeashWalkFlags:
 * @LEASH_WALK_SORTED: the entries of a directory come in the order of their names' bytes; else in none
 * @LEASH_WALK_AFTER: each directory is visited again after what is in it
 * @LEASH_WALK_FOLLOW: symbolic links are taken for what they lead to; else they are entries of their own
 *
 * How leash_walk() goes.
 */
typedef enum
{
  LEASH_WALK_SORTED = 1 << 0,
  LEASH_WALK_AFTER = 1 << 1,
  LEASH_WALK_FOLLOW = 1 << 2
} LeashWalkFlags;

/**
 * LeashWalkAction:
 * @LEASH_WALK_CONTINUE: go on
 * @LEASH_WALK_SKIP: go on without what is in this directory, which is not visited again; for what is no
 *   directory the same as %LEASH_WALK_CONTINUE
 * @LEASH_WALK_STOP: end here
 *
 * What is to be done after a visit.
 */
typedef enum
{
  LEASH_WALK_CONTINUE,
  LEASH_WALK_SKIP,
  LEASH_WALK_STOP
} LeashWalkAction;

/**
 * LeashWalkEntry:
 * @path: its path: the one that the walk began with, and the names from there on
 * @name: the last name of @path; at depth 0 all of it
 * @type: what it is
 * @depth: how many directories of the walk it is in
 * @is_after: a directory is visited again, after what is in it
 * @error: (nullable): it could not be looked at, or the directory not be read (to its end), and why
 * @fs: what can be asked about it
 * @fs_path: its path there, which is never too long: leash_fs_lstat() and the like take these two
 *
 * What a walk comes by. All of it is valid until the function that is called with it returns.
 */
typedef struct
{
  const char *path;
  const char *name;
  GFileType type;
  guint depth;
  gboolean is_after;
  const GError *error;
  LeashFs *fs;
  const char *fs_path;
} LeashWalkEntry;

/**
 * LeashWalkFunc:
 * @entry: what was come by
 * @user_data: what leash_walk() was given
 * @error: return location for an error: with it set, the walk ends and fails
 *
 * Called for each entry of a walk.
 *
 * Returns: how to go on
 */
typedef LeashWalkAction (*LeashWalkFunc) (const LeashWalkEntry *entry, gpointer user_data, GError **error);

LEASH_AVAILABLE_IN_0_1
gboolean leash_walk (LeashContext   *ctx,
                     const char     *path,
                     LeashWalkFlags  flags,
                     LeashWalkFunc   func,
                     gpointer        user_data,
                     GError        **error);

G_END_DECLS
