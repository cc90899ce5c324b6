/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is written of a frame, made once: in a report of a thousand stacks most frames are in many of them. It
 * is looked up by what the frame says, whose strings are the same ones for as long as the symbols live, and
 * so are compared by address.
 *
 * The place is file:line where that is known, else module+offset, as addr2line takes it.
 */
#include "leash-report-private.h"

#include <string.h>

#include "leash-quote-private.h"

static guint
line_hash (gconstpointer key)
{
  const LeashFrame *frame = key;

  return ((guint) (guintptr) frame->function * 31 + (guint) frame->offset) * 31 + frame->line;
}

static gboolean
line_equal (gconstpointer a, gconstpointer b)
{
  const LeashFrame *x = a, *y = b;

  return x->function == y->function && x->file == y->file && x->line == y->line && x->module == y->module
         && x->build_id == y->build_id && x->offset == y->offset && x->inlined == y->inlined
         && x->unloaded == y->unloaded && x->uncertain == y->uncertain;
}

static void
line_free (gpointer data)
{
  LeashLine *line = data;

  g_free (line->function);
  g_free (line->place);
  g_free (line->json);
  g_free (line);
}

/* As seen from the working directory, or from the source directory where the build was told "../src/a.c". */
static const char *
shorten_path (const char *path, const char *directory)
{
  gsize length = strlen (directory);

  if (length > 1 && strncmp (path, directory, length) == 0 && path[length] == '/')
    return path + length + 1;
  while (g_str_has_prefix (path, "../") || g_str_has_prefix (path, "./"))
    path = strchr (path, '/') + 1;
  return path;
}

static void
append_place (GString *text, const LeashFrame *frame, const char *directory)
{
  const char *slash = frame->module != NULL ? strrchr (frame->module, '/') : NULL;

  if (frame->file != NULL)
    {
      leash_escape_append (text, shorten_path (frame->file, directory));
      if (frame->line > 0)
        g_string_append_printf (text, ":%u", frame->line);
      return;
    }
  if (frame->module != NULL)
    leash_escape_append (text, slash != NULL ? slash + 1 : frame->module);
  g_string_append_printf (text, "%s0x%" G_GINTPTR_MODIFIER "x", frame->module != NULL ? "+" : "",
                          frame->offset);
}

static void
append_marks (GString *text, const LeashFrame *frame)
{
  if (frame->inlined)
    g_string_append (text, " (inlined)");
  if (frame->unloaded)
    g_string_append (text, " (unloaded since)");
  if (frame->uncertain)
    g_string_append (text, " (uncertain)");
  if ((frame->unloaded || frame->uncertain) && frame->build_id != NULL)
    g_string_append_printf (text, " build id %s", frame->build_id);
}

static LeashLine *
line_new (const LeashFrame *frame, const char *directory)
{
  LeashLine *line = g_new0 (LeashLine, 1);
  GString *function = g_string_new (NULL), *place = g_string_new (NULL);

  leash_escape_append (function, frame->function != NULL ? frame->function : "?");
  append_place (place, frame, directory);
  append_marks (place, frame);
  line->frame = *frame;
  line->width = g_utf8_strlen (function->str, -1);
  line->function = g_string_free (function, FALSE);
  line->place = g_string_free (place, FALSE);
  return line;
}

LeashLine *
leash_printer_get_line (LeashPrinter *printer, const LeashFrame *frame)
{
  LeashLine *line;

  if (printer->lines == NULL)
    {
      printer->lines = g_hash_table_new_full (line_hash, line_equal, NULL, line_free);
      printer->directory = g_get_current_dir ();
    }
  line = g_hash_table_lookup (printer->lines, frame);
  if (line == NULL)
    {
      line = line_new (frame, printer->directory);
      g_hash_table_insert (printer->lines, &line->frame, line);
    }
  return line;
}

void
leash_printer_clear (LeashPrinter *printer)
{
  g_clear_pointer (&printer->lines, g_hash_table_unref);
  g_clear_pointer (&printer->directory, g_free);
}
