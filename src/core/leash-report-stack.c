/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A stack as text: one line a frame, in two columns, function and place. The place is file:line where that is
 * known, else module+offset, as addr2line takes it. Colours are the terminal's own first eight and its bold
 * and faint, so that they follow a dark or a light theme.
 */
#include "leash-report-private.h"

#include <string.h>

#include "leash-quote-private.h"

/* Functions longer than this do not push the other lines' places out. */
#define COLUMN_MAX 40

void
leash_printer_begin (LeashPrinter *printer, LeashPaint paint)
{
  static const char *const codes[]
      = { "\033[1m", "\033[36m", "\033[31m", "\033[2m" }; /* in LeashPaint's order */

  if ((printer->flags & LEASH_REPORT_COLOR) != 0)
    g_string_append (printer->text, codes[paint]);
}

void
leash_printer_end (LeashPrinter *printer)
{
  if ((printer->flags & LEASH_REPORT_COLOR) != 0)
    g_string_append (printer->text, "\033[0m");
}

void
leash_printer_count (LeashPrinter *printer, guint64 count)
{
  leash_printer_begin (printer, LEASH_PAINT_COUNT);
  g_string_append_printf (printer->text, "%" G_GUINT64_FORMAT, count);
  leash_printer_end (printer);
  g_string_append (printer->text, " x ");
}

static void
append_spaces (GString *text, gsize n)
{
  g_string_append_printf (text, "%*s", (int) n, "");
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

static char *
get_function (const LeashFrame *frame)
{
  GString *name = g_string_new (NULL);

  leash_escape_append (name, frame->function != NULL ? frame->function : "?");
  return g_string_free (name, FALSE);
}

static glong
get_column (GPtrArray *functions)
{
  glong column = 0;

  for (guint i = 0; i < functions->len; i++)
    {
      glong width = g_utf8_strlen (g_ptr_array_index (functions, i), -1);

      if (width <= COLUMN_MAX)
        column = MAX (column, width);
    }
  return column;
}

static void
append_frames (LeashPrinter *printer, GArray *frames, guint indent)
{
  g_autoptr (GPtrArray) functions = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *directory = g_get_current_dir ();
  glong column;

  for (guint i = 0; i < frames->len; i++)
    g_ptr_array_add (functions, get_function (&g_array_index (frames, LeashFrame, i)));
  column = get_column (functions);
  for (guint i = 0; i < frames->len; i++)
    {
      const LeashFrame *frame = &g_array_index (frames, LeashFrame, i);
      const char *function = g_ptr_array_index (functions, i);
      glong padding = column - g_utf8_strlen (function, -1);

      append_spaces (printer->text, indent);
      g_string_append (printer->text, function);
      append_spaces (printer->text, (gsize) MAX (padding, 0) + 2);
      leash_printer_begin (printer, LEASH_PAINT_DIM);
      append_place (printer->text, frame, directory);
      append_marks (printer->text, frame);
      leash_printer_end (printer);
      g_string_append_c (printer->text, '\n');
    }
}

/* What is said where the frames end, but not the program. */
static const char *
get_ending (guint flags)
{
  if ((flags & LEASH_STACK_NOT_KEPT) != 0)
    return "(stack not kept)";
  if ((flags & LEASH_STACK_AFTER_FORK) != 0)
    return "(no more: in a forked child)";
  if ((flags & LEASH_STACK_CUT_SHORT) != 0)
    return "(cut short)";
  if ((flags & LEASH_STACK_LIMITED) != 0)
    return "...";
  return NULL;
}

void
leash_printer_stack (LeashPrinter *printer, LeashStackId id, guint indent)
{
  const LeashStack *stack = leash_depot_get (id);
  g_autoptr (GArray) frames = NULL;
  const char *ending;

  if (stack == NULL)
    return;
  printer->seen |= stack->flags;
  frames = leash_report_frames (printer->symbols, stack, (printer->flags & LEASH_REPORT_ALL_FRAMES) != 0);
  append_frames (printer, frames, indent);
  ending = get_ending (stack->flags);
  if (ending == NULL)
    return;
  append_spaces (printer->text, indent);
  leash_printer_begin (printer, LEASH_PAINT_DIM);
  g_string_append (printer->text, ending);
  leash_printer_end (printer);
  g_string_append_c (printer->text, '\n');
}
