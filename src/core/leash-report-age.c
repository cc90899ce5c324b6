/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is overdue, and what was and returned after all, in the report for people. */
#include "leash-quote-private.h"
#include "leash-report-private.h"

gsize
leash_report_count_overdue (const LeashPlace *place)
{
  gsize n = place->n_overdue_left_out;

  for (guint i = 0; i < place->resources->len; i++)
    n += (((const LeashResource *) g_ptr_array_index (place->resources, i))->flags & LEASH_RESOURCE_OVERDUE)
         != 0;
  return n;
}

/* ", overdue", or ", 2 of them overdue" */
void
leash_report_overdue (LeashPrinter *printer, const LeashPlace *place)
{
  gsize n = leash_report_count_overdue (place);

  if (n == 0)
    return;
  g_string_append (printer->text, ", ");
  if (n < leash_place_count (place))
    g_string_append_printf (printer->text, "%" G_GSIZE_FORMAT " of them ", n);
  leash_printer_begin (printer, LEASH_PAINT_MISUSE);
  g_string_append (printer->text, "overdue");
  leash_printer_end (printer);
}

/* 2 x file, overdue and returned after all, open for up to 3.2 s */
void
leash_report_returned (LeashPrinter *printer, LeashSnapshot *snapshot, guint max_places)
{
  guint n = snapshot->returned->len, n_shown = max_places > 0 ? MIN (n, max_places) : n;

  for (guint i = 0; i < n_shown; i++)
    {
      const LeashReturned *returned = &g_array_index (snapshot->returned, LeashReturned, i);
      g_autofree char *age = leash_report_format_age (returned->longest);

      leash_printer_count (printer, returned->count);
      leash_printer_begin (printer, LEASH_PAINT_KIND);
      leash_escape_append (printer->text, returned->kind);
      leash_printer_end (printer);
      g_string_append_printf (printer->text, ", overdue and returned after all, open for up to %s\n", age);
      leash_printer_stack (printer, returned->stack, 4);
    }
  if (n > n_shown)
    g_string_append_printf (printer->text,
                            "... and what returned after all from %u more place%s, not shown "
                            "(LEASH_PLACES)\n",
                            n - n_shown, n - n_shown == 1 ? "" : "s");
}
