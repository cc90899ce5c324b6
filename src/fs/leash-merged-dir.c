/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The entries of one directory in several layers.
 *
 * All are read when the directory is opened: what was changed by then is there, what is changed later is not,
 * and no layer's directory stays open. To stream the last layer's entries would save their memory, and would
 * show a name that another thread removes meanwhile, by a whiteout in a layer that has been read.
 */
#include "leash-merged-dir-private.h"

#include <string.h>

#include "leash-layers-private.h"

struct _LeashMergedDir
{
  GStringChunk *names; /* of the entries and of what is hidden */
  GHashTable *seen;    /* name to the number of the layer that had it, or a whiteout for it, first */
  GArray *entries;     /* of LeashDirEntry */
  guint layer;         /* the one that is read, from 1 */
  guint next;          /* the entry that comes next, when it is open */
};

LeashMergedDir *
leash_merged_dir_new (void)
{
  LeashMergedDir *self = g_new0 (LeashMergedDir, 1);

  self->names = g_string_chunk_new (1024);
  self->seen = g_hash_table_new (g_str_hash, g_str_equal);
  self->entries = g_array_new (FALSE, FALSE, sizeof (LeashDirEntry));
  return self;
}

void
leash_merged_dir_free (LeashMergedDir *self)
{
  g_hash_table_unref (self->seen);
  g_array_unref (self->entries);
  g_string_chunk_free (self->names);
  g_free (self);
}

/* Returns the name's own copy, or NULL when a layer before this one has it. */
static const char *
see (LeashMergedDir *self, const char *name)
{
  gpointer known;
  gpointer layer;

  if (g_hash_table_lookup_extended (self->seen, name, &known, &layer))
    return GPOINTER_TO_UINT (layer) == self->layer ? known : NULL;
  known = g_string_chunk_insert (self->names, name);
  g_hash_table_insert (self->seen, known, GUINT_TO_POINTER (self->layer));
  return known;
}

static void
add_entry (LeashMergedDir *self, const LeashDirEntry *entry, gboolean whiteouts)
{
  LeashDirEntry added = *entry;

  if (whiteouts && g_str_has_prefix (entry->name, LEASH_WHITEOUT))
    {
      see (self, entry->name + strlen (LEASH_WHITEOUT));
      return;
    }
  added.name = see (self, entry->name);
  if (added.name != NULL)
    g_array_append_val (self->entries, added);
}

gboolean
leash_merged_dir_add (LeashMergedDir *self, LeashFs *fs, LeashContext *ctx, const char *path,
                      gboolean whiteouts, GError **error)
{
  g_autoptr (LeashDir) dir = leash_layer_open_dir (fs, ctx, path, error);
  LeashDirEntry entry;
  LeashFsCall next = { .op = LEASH_FS_OP_NEXT, .dir = dir, .ret_entry = &entry };

  if (dir == NULL)
    return FALSE;
  self->layer++;
  while (leash_fs_call_perform (NULL, ctx, &next, error))
    {
      if (entry.name == NULL)
        return TRUE;
      add_entry (self, &entry, whiteouts);
    }
  return FALSE;
}

guint
leash_merged_dir_get_count (LeashMergedDir *self)
{
  return self->entries->len;
}

const LeashDirEntry *
leash_merged_dir_get (LeashMergedDir *self, guint i)
{
  return &g_array_index (self->entries, LeashDirEntry, i);
}

static gboolean
merged_dir_next (gpointer impl, LeashContext *ctx, LeashDirEntry *ret_entry, GError **error)
{
  LeashMergedDir *self = impl;

  if (self->next == self->entries->len)
    return FALSE;
  *ret_entry = *leash_merged_dir_get (self, self->next++);
  return TRUE;
}

static gboolean
merged_dir_close (gpointer impl, GError **error)
{
  return TRUE;
}

static void
merged_dir_destroy (gpointer impl)
{
  leash_merged_dir_free (impl);
}

static const LeashDirOps merged_dir_ops = {
  .size = sizeof (LeashDirOps),
  .next = merged_dir_next,
  .close = merged_dir_close,
};

LeashDir *
leash_merged_dir_open (LeashMergedDir *self, const char *path)
{
  return leash_dir_new (&merged_dir_ops, self, merged_dir_destroy, path);
}
