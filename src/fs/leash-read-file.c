/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A file's whole content. What fstat() says of the size is a hint only: files grow while they are read, and
 * those of /proc have none. So it is read until the end comes, into memory that has one byte more than the
 * hint, so that a file as long as it said takes two reads and no copy.
 */
#include "leash-files-private.h"

/* Where there is no hint; what /proc tells fits mostly. */
#define FIRST_SIZE ((gsize) 4096)

typedef struct
{
  LeashFile *file; /* owned */
  guint8 *bytes;   /* owned */
  gsize length;
  gsize size;  /* what is allocated; limit + 1 at most */
  gsize limit; /* length may not pass it */
} Content;

static void
content_clear (Content *content)
{
  g_free (content->bytes);
  leash_file_unref (content->file);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Content, content_clear)

static gboolean
refuse (const Content *content, GError **error)
{
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE,
               "it has more than %" G_GSIZE_FORMAT " bytes, which is the limit", content->limit);
  leash_attempt_prefix (error, "Reading", leash_file_get_path (content->file));
  return FALSE;
}

static gboolean
grow (Content *content, gsize size, GError **error)
{
  guint8 *grown;

  if (content->length > content->limit)
    return refuse (content, error);
  size = MIN (MAX (size, FIRST_SIZE), content->limit + 1);
  grown = g_try_realloc (content->bytes, size);
  if (grown == NULL)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED,
                   "there is no memory for %" G_GSIZE_FORMAT " bytes of it", size);
      leash_attempt_prefix (error, "Reading", leash_file_get_path (content->file));
      return FALSE;
    }
  content->bytes = grown;
  content->size = size;
  return TRUE;
}

/* What the file says of its size is believed for the first allocation only. */
static gboolean
prepare (Content *content, LeashContext *ctx, GError **error)
{
  LeashStat stat;

  if (!leash_file_stat (content->file, ctx, &stat, NULL) || stat.type != G_FILE_TYPE_REGULAR)
    return grow (content, 0, error);
  if (stat.size > content->limit)
    return refuse (content, error);
  return grow (content, (gsize) stat.size + 1, error);
}

static gboolean
read_rest (Content *content, LeashContext *ctx, GError **error)
{
  for (;;)
    {
      gssize n;

      if (content->length == content->size
          && !grow (content, content->size < G_MAXSIZE / 2 ? 2 * content->size : G_MAXSIZE, error))
        return FALSE;
      n = leash_file_read (content->file, ctx, content->bytes + content->length,
                           content->size - content->length, error);
      if (n <= 0)
        return n == 0;
      content->length += (gsize) n;
    }
}

/* Memory that was allocated for more than there is goes back. */
static GBytes *
take (Content *content)
{
  if (content->size - content->length > content->length / 8)
    content->bytes = g_realloc (content->bytes, MAX (content->length, 1));
  return g_bytes_new_take (g_steal_pointer (&content->bytes), content->length);
}

/**
 * leash_read_file:
 * @ctx: a context
 * @path: (type filename): which file
 * @error: return location for an error
 *
 * Reads a file of the file system that @ctx carries, all of it: as leash_read_file_full() with a limit of
 * %LEASH_READ_FILE_LIMIT bytes.
 *
 * Returns: (transfer full): the content, %NULL with @error set
 *
 * Since: 0.1
 */
GBytes *
leash_read_file (LeashContext *ctx, const char *path, GError **error)
{
  g_return_val_if_fail (ctx != NULL, NULL);
  g_return_val_if_fail (path != NULL, NULL);

  return leash_read_file_full (ctx, path, LEASH_READ_FILE_LIMIT, error);
}

/**
 * leash_read_file_full:
 * @ctx: a context
 * @path: (type filename): which file
 * @limit: how many bytes to read at most
 * @error: return location for an error
 *
 * Reads a file of the file system that @ctx carries until its end. It need not know its size: files of /proc,
 * pipes and files that grow meanwhile are read too. What has more than @limit bytes fails with
 * %G_IO_ERROR_MESSAGE_TOO_LARGE, and what never ends does so when it has come to @limit.
 *
 * @ctx is looked at between reads.
 *
 * Returns: (transfer full): the content, %NULL with @error set
 *
 * Since: 0.1
 */
GBytes *
leash_read_file_full (LeashContext *ctx, const char *path, gsize limit, GError **error)
{
  g_auto (Content) content = { .limit = MIN (limit, G_MAXSSIZE - 1) };

  g_return_val_if_fail (ctx != NULL, NULL);
  g_return_val_if_fail (path != NULL, NULL);

  content.file = leash_open (ctx, path, LEASH_OPEN_READ, 0, error);
  if (content.file == NULL || !prepare (&content, ctx, error) || !read_rest (&content, ctx, error))
    return NULL;
  return take (&content);
}
