/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Resolving a path name by name, as the kernel does.
 *
 * What was walked is a path without links, "." or "..", so that ".." cuts its last name off; what is to be
 * walked is text. A link's text is put before the rest of it, in the other of two buffers. Every name but the
 * last is looked at, for what is behind it must be in a directory; so what is a loop for the kernel is one
 * here, and a name behind a file is an error and not cut off by a "..".
 *
 * The result holds for as long as nobody changes the tree: who shares it with others has a lock, or resolves
 * in the kernel, as leash-beneath.c does.
 *
 * Limits: the path walked, and the rest with a link put before it, may be no longer than PATH_MAX. Whether a
 * directory may be searched is found when a name in it is looked at: not by "directory/.." nor "directory/.".
 */
#include "leash-resolve-private.h"

#include <errno.h>
#include <string.h>

#include "leash-attempt-private.h"

/* As many as the kernel follows. */
#define MAX_LINKS 40

/* What goes on beside the result, whose path is what was walked. */
typedef struct
{
  const LeashResolver *resolver;
  LeashResolveMode mode;
  LeashResolved *found;
  gsize length; /* of found->path; 0 at the root */
  guint n_links;
  char *rest;       /* points into buffers[0] */
  char *buffers[2]; /* of PATH_MAX bytes each */
} Walk;

static gboolean
fail (GError **error, int code)
{
  leash_attempt_set_errno (error, code);
  return FALSE;
}

static gboolean
refuse_outside (GError **error)
{
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED, "it leads outside of the root");
  return FALSE;
}

/* Makes path end behind its first length bytes. */
static void
cut (Walk *walk, gsize length)
{
  walk->length = length;
  walk->found->path[length] = '\0';
}

static void
cut_last (Walk *walk)
{
  const char *slash = memrchr (walk->found->path, '/', walk->length);

  cut (walk, slash != NULL ? (gsize) (slash - walk->found->path) : 0);
}

static gboolean
append (Walk *walk, const char *name, gsize length, GError **error)
{
  char *path = walk->found->path;

  if (length > NAME_MAX || walk->length + 1 + length >= PATH_MAX)
    return fail (error, ENAMETOOLONG);
  if (walk->length > 0)
    path[walk->length++] = '/';
  memcpy (path + walk->length, name, length);
  cut (walk, walk->length + length);
  return TRUE;
}

/* Where a path or a link's text begins. */
static gboolean
start (Walk *walk, GError **error)
{
  if (walk->rest[0] != '/')
    return TRUE;
  if (!walk->resolver->clamps)
    return refuse_outside (error);
  cut (walk, 0);
  walk->found->last = LEASH_LAST_ROOT;
  return TRUE;
}

static gboolean
go_up (Walk *walk, GError **error)
{
  if (walk->length == 0 && !walk->resolver->clamps)
    return refuse_outside (error);
  cut_last (walk);
  return TRUE;
}

/* Puts the text of the link that path is before the rest, which begins with a slash or is empty. */
static gboolean
expand (Walk *walk, GError **error)
{
  g_autofree char *text = NULL;
  char *buffer = walk->buffers[1];
  int length;

  if (walk->n_links++ == MAX_LINKS)
    return fail (error, ELOOP);
  text = walk->resolver->readlink (walk->resolver->data, walk->found->path, error);
  if (text == NULL)
    return FALSE;
  if (text[0] == '\0')
    return fail (error, ENOENT);
  length = g_snprintf (buffer, PATH_MAX, "%s%s", text, walk->rest);
  if (length >= PATH_MAX)
    return fail (error, ENAMETOOLONG);
  walk->buffers[1] = walk->buffers[0];
  walk->rest = walk->buffers[0] = buffer;
  cut_last (walk);
  return start (walk, error);
}

/* Looks at what was walked. Only an error other than that it is missing is one. */
static gboolean
look (Walk *walk, GError **error)
{
  const LeashResolver *resolver = walk->resolver;
  LeashResolved *found = walk->found;
  g_autoptr (GError) failure = NULL;

  found->exists
      = resolver->lstat (resolver->data, walk->length > 0 ? found->path : ".", &found->stat, &failure);
  if (found->exists || g_error_matches (failure, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&failure));
  return FALSE;
}

static gboolean
follows (const Walk *walk, gboolean is_last)
{
  if (!walk->found->exists || walk->found->stat.type != G_FILE_TYPE_SYMBOLIC_LINK)
    return FALSE;
  if (!is_last)
    return TRUE;
  return walk->mode == LEASH_RESOLVE_FOLLOW || walk->mode == LEASH_RESOLVE_CREATE
         || (walk->mode == LEASH_RESOLVE_NO_FOLLOW && walk->found->needs_dir);
}

/* Walks on to a name that is neither "." nor "..". The rest is what follows it. */
static gboolean
go_down (Walk *walk, const char *name, gsize length, GError **error)
{
  LeashResolved *found = walk->found;
  gsize n_slashes = strspn (walk->rest, "/");
  gboolean is_last = walk->rest[n_slashes] == '\0';

  found->needs_dir = is_last && n_slashes > 0;
  if (found->needs_dir && walk->mode == LEASH_RESOLVE_CREATE)
    return fail (error, EISDIR);
  if (!append (walk, name, length, error) || !look (walk, error))
    return FALSE;
  if (follows (walk, is_last))
    return expand (walk, error);
  if (is_last && walk->mode == LEASH_RESOLVE_PLACE)
    return TRUE;
  if (!found->exists)
    return (is_last && walk->mode == LEASH_RESOLVE_CREATE) || fail (error, ENOENT);
  if ((!is_last || found->needs_dir) && found->stat.type != G_FILE_TYPE_DIRECTORY)
    return fail (error, ENOTDIR);
  return TRUE;
}

static gboolean
step (Walk *walk, GError **error)
{
  LeashResolved *found = walk->found;
  const char *name = walk->rest;
  gsize length = strcspn (name, "/");

  walk->rest += length;
  if (length == 2 && name[0] == '.' && name[1] == '.')
    {
      found->last = LEASH_LAST_DOT_DOT;
      return go_up (walk, error);
    }
  if (length == 1 && name[0] == '.')
    {
      found->last = LEASH_LAST_DOT;
      return TRUE;
    }
  found->last = LEASH_LAST_NAME;
  return go_down (walk, name, length, error);
}

/* What ended with no name of its own has not been looked at. */
static gboolean
finish (Walk *walk, GError **error)
{
  LeashResolved *found = walk->found;
  const char *slash;

  if (found->last != LEASH_LAST_NAME)
    {
      found->needs_dir = TRUE;
      if (!look (walk, error))
        return FALSE;
      if (!found->exists)
        return fail (error, ENOENT);
    }
  if (walk->length == 0)
    memcpy (found->path, ".", 2);
  slash = strrchr (found->path, '/');
  found->name = slash != NULL ? slash + 1 : found->path;
  return TRUE;
}

gboolean
leash_resolve (const LeashResolver *resolver, const char *path, LeashResolveMode mode,
               LeashResolved *ret_resolved, GError **error)
{
  char buffers[2][PATH_MAX];
  Walk walk = { resolver, mode, ret_resolved, .rest = buffers[0], .buffers = { buffers[0], buffers[1] } };

  if (path[0] == '\0')
    return fail (error, ENOENT);
  if (g_strlcpy (buffers[0], path, PATH_MAX) >= PATH_MAX)
    return fail (error, ENAMETOOLONG);
  ret_resolved->last = LEASH_LAST_ROOT;
  cut (&walk, 0);
  if (!start (&walk, error))
    return FALSE;
  for (walk.rest += strspn (walk.rest, "/"); walk.rest[0] != '\0'; walk.rest += strspn (walk.rest, "/"))
    if (!step (&walk, error))
      return FALSE;
  return finish (&walk, error);
}
