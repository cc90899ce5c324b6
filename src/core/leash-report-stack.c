/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A stack as text: one line a frame, in two columns, function and place. Colours are the terminal's own first
 * eight and its bold and faint, so that they follow a dark or a light theme.
 */
#include "leash-report-private.h"

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
  static const char spaces[] = "                                                                ";

  for (; n > sizeof spaces - 1; n -= sizeof spaces - 1)
    g_string_append_len (text, spaces, sizeof spaces - 1);
  g_string_append_len (text, spaces, (gssize) n);
}

static void
append_line (LeashPrinter *printer, const LeashLine *line, guint indent, glong column)
{
  append_spaces (printer->text, indent);
  g_string_append (printer->text, line->function);
  append_spaces (printer->text, (gsize) MAX (column - line->width, 0) + 2);
  leash_printer_begin (printer, LEASH_PAINT_DIM);
  g_string_append (printer->text, line->place);
  leash_printer_end (printer);
  g_string_append_c (printer->text, '\n');
}

static void
append_frames (LeashPrinter *printer, GArray *frames, guint indent)
{
  g_autofree LeashLine **lines = g_new (LeashLine *, frames->len);
  glong column = 0;

  for (guint i = 0; i < frames->len; i++)
    {
      lines[i] = leash_printer_get_line (printer, &g_array_index (frames, LeashFrame, i));
      if (lines[i]->width <= COLUMN_MAX)
        column = MAX (column, lines[i]->width);
    }
  for (guint i = 0; i < frames->len; i++)
    append_line (printer, lines[i], indent, column);
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
