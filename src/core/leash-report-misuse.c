/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Misuses in the report for people: what was done wrong, to what, and every stack that tells how it came to
 * be. */
#include "leash-report-private.h"

#include <string.h>

#include "leash-quote-private.h"

/* What each of a misuse's stacks is, in the order in which it happened. NULL where the type has none. */
typedef struct
{
  const char *title;
  const char *parent; /* parent_stack */
  const char *opened; /* opened_stack */
  const char *closed; /* closed_stack */
  const char *done;   /* stack */
} Labels;

/* In LeashMisuseType's order. */
static const Labels labels[] = {
  { "released twice", NULL, "opened at", "released first at", "released again at" },
  { "released through a context with another tracker", NULL, "opened at", "released at", "released so at" },
  { "released, but not tracked", NULL, NULL, NULL, "released at" },
  { "opened on a tracker that had ended", NULL, NULL, NULL, "opened at" },
  { "closed after its parent", "parent opened at", "opened at", "parent closed at", "closed at" },
  { "handle tracked again while still open", NULL, "first tracked at", "closed at", "tracked again at" },
  { "used after it was closed", NULL, "opened at", "closed at", "used at" },
  { "ended before a tracker nested in it", NULL, NULL, NULL, "ended at" },
};

const char *
leash_report_misuse_title (LeashMisuseType type)
{
  return labels[type].title;
}

static void
append_stack (LeashPrinter *printer, const char *label, LeashStackId stack)
{
  if (label == NULL || stack == 0)
    return;
  g_string_append_printf (printer->text, "  %s\n", label);
  leash_printer_stack (printer, stack, 4);
}

/* 3 x released twice: file "a.ini" */
static void
append_head (LeashPrinter *printer, const LeashMisuse *misuse)
{
  leash_printer_count (printer, misuse->count);
  leash_printer_begin (printer, LEASH_PAINT_MISUSE);
  leash_escape_append (printer->text, misuse->what != NULL ? misuse->what : labels[misuse->type].title);
  leash_printer_end (printer);
  g_string_append (printer->text, ": ");
  leash_printer_begin (printer, LEASH_PAINT_KIND);
  if (strcmp (misuse->kind, "(forgotten)") == 0)
    g_string_append (printer->text, "something closed so long ago that its name is forgotten");
  else
    leash_escape_append (printer->text, misuse->kind);
  leash_printer_end (printer);
  if (misuse->name != NULL)
    {
      g_string_append_c (printer->text, ' ');
      leash_quote_append (printer->text, misuse->name);
    }
  g_string_append_c (printer->text, '\n');
}

static void
append_misuse (LeashPrinter *printer, const LeashMisuse *misuse)
{
  const Labels *label = &labels[misuse->type];
  gboolean is_open = misuse->type == LEASH_MISUSE_USE_AFTER_CLOSE && misuse->closed_stack == 0;

  append_head (printer, misuse);
  append_stack (printer, label->parent, misuse->parent_stack);
  append_stack (printer, label->opened, misuse->opened_stack);
  append_stack (printer, label->closed, misuse->closed_stack);
  append_stack (printer, is_open ? "happened at" : label->done, misuse->stack);
}

void
leash_report_misuses (LeashPrinter *printer, LeashSnapshot *snapshot, guint max_places)
{
  guint n = snapshot->misuses->len;
  guint n_shown = max_places > 0 ? MIN (n, max_places) : n;

  for (guint i = 0; i < n_shown; i++)
    append_misuse (printer, &g_array_index (snapshot->misuses, LeashMisuse, i));
  if (n_shown < n)
    g_string_append_printf (printer->text, "... and %u more misuse%s, not shown (LEASH_PLACES)\n",
                            n - n_shown, n - n_shown == 1 ? "" : "s");
}
