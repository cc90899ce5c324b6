/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What happened to the resources of a place, in the report for people. They may be many, each with a history
 * of its own: that of the one opened first is shown, of those that have one. It has been open for longest,
 * and the line above it tells its age. The report for programs has them all.
 */
#include "leash-quote-private.h"
#include "leash-report-private.h"

static const LeashResource *
find_history (const LeashPlace *place)
{
  for (guint i = 0; i < place->resources->len; i++)
    {
      const LeashResource *resource = g_ptr_array_index (place->resources, i);

      if (resource->n_events > 0)
        return resource;
    }
  return NULL;
}

/* touched 1.2 s ago by thread "worker" ("read") */
static void
append_event (LeashPrinter *printer, LeashSnapshot *snapshot, const LeashHistoryEvent *event)
{
  static const char *const words[] = { "touched", "handed over", "adopted" }; /* in their type's order */
  static const char *const joints[] = { "by", "to", "by" };
  g_autofree char *age = leash_report_format_age (snapshot->taken_at - event->at);

  g_string_append_printf (printer->text, "  %s %s ago %s thread ", words[event->type], age,
                          joints[event->type]);
  leash_quote_append (printer->text, event->thread);
  if (event->what != NULL)
    {
      g_string_append (printer->text, " (");
      leash_quote_append (printer->text, event->what);
      g_string_append_c (printer->text, ')');
    }
  g_string_append_c (printer->text, '\n');
  leash_printer_stack (printer, event->stack, 4);
}

void
leash_report_history (LeashPrinter *printer, LeashSnapshot *snapshot, const LeashPlace *place)
{
  const LeashResource *resource = find_history (place);

  if (resource == NULL)
    return;
  if (place->resources->len > 1)
    {
      g_string_append (printer->text, "  of one of them");
      if (resource->name != NULL)
        {
          g_string_append (printer->text, ", ");
          leash_quote_append (printer->text, resource->name);
        }
      g_string_append (printer->text, ":\n");
    }
  for (guint i = 0; i < resource->n_events; i++)
    append_event (printer, snapshot, &resource->events[i]);
  if (resource->n_events_not_kept > 0)
    g_string_append_printf (printer->text, "  %" G_GUINT64_FORMAT " more event%s not kept\n",
                            resource->n_events_not_kept, resource->n_events_not_kept == 1 ? "" : "s");
}
