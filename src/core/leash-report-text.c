/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The report for people. Its parts, each left out where there is nothing to say:
 *
 *     leash: 3 resources still open, from 2 places      the head
 *     2 x file "a.ini", ...                             places, with their stacks
 *     1 x released twice: file "b.ini"                  misuses
 *     2 resources are meant to stay open                a line each
 *     note: ...                                         what was not seen, or is not shown
 *
 * docs/report-format.md describes it.
 */
#include "leash-report-private.h"

#include <string.h>

#include "leash-quote-private.h"

/* Names and threads of a place that are listed before their number is given. */
#define LIST_MAX 3

/* Of a resource, what to list; NULL for nothing. */
typedef const char *(*ResourceString) (const LeashResource *resource);

static const char *
get_name (const LeashResource *resource)
{
  return resource->name;
}

static const char *
get_thread (const LeashResource *resource)
{
  return resource->thread;
}

static const char *
get_adopter_thread (const LeashResource *resource)
{
  return resource->adopter_thread;
}

/* Each once, in the order of the resources. */
static GPtrArray *
list_strings (const LeashPlace *place, ResourceString get, gboolean *ret_has_null)
{
  g_autoptr (GHashTable) known = g_hash_table_new (g_str_hash, g_str_equal);
  GPtrArray *list = g_ptr_array_new ();

  *ret_has_null = FALSE;
  for (guint i = 0; i < place->resources->len; i++)
    {
      const char *string = get (g_ptr_array_index (place->resources, i));

      if (string == NULL)
        *ret_has_null = TRUE;
      else if (g_hash_table_add (known, (gpointer) string))
        g_ptr_array_add (list, (gpointer) string);
    }
  return list;
}

/* "a", "b", "c" and 7 more */
static void
append_list (GString *text, GPtrArray *list, gsize n_left_out)
{
  gsize n_more = list->len - MIN (list->len, LIST_MAX) + n_left_out;

  for (guint i = 0; i < MIN (list->len, LIST_MAX); i++)
    {
      if (i > 0)
        g_string_append (text, ", ");
      leash_quote_append (text, g_ptr_array_index (list, i));
    }
  if (n_more > 0)
    g_string_append_printf (text, " and %" G_GSIZE_FORMAT " more", n_more);
}

static void
append_names (GString *text, const LeashPlace *place)
{
  gboolean has_unnamed;
  g_autoptr (GPtrArray) names = list_strings (place, get_name, &has_unnamed);

  if (names->len == 0)
    return;
  g_string_append_c (text, ' ');
  append_list (text, names, place->n_left_out);
  if (has_unnamed)
    g_string_append (text, " and some without a name");
}

static void
append_threads (GString *text, const char *what, const LeashPlace *place, ResourceString get)
{
  gboolean has_unknown;
  g_autoptr (GPtrArray) threads = list_strings (place, get, &has_unknown);

  if (threads->len == 0)
    return;
  g_string_append_printf (text, "%sby thread%s ", what, threads->len == 1 ? "" : "s");
  append_list (text, threads, 0);
}

/* To two figures or so: whoever reads it compares, and does not measure. */
char *
leash_report_format_age (gint64 microseconds)
{
  gint64 milliseconds = microseconds / 1000, seconds = milliseconds / 1000, minutes = seconds / 60;

  if (milliseconds < 10)
    return g_strdup ("<10 ms");
  if (seconds == 0)
    return g_strdup_printf ("%d ms", (int) milliseconds);
  if (minutes == 0)
    return g_strdup_printf ("%d.%d s", (int) seconds, (int) (milliseconds % 1000 / 100));
  if (minutes < 60)
    return g_strdup_printf ("%d min %d s", (int) minutes, (int) (seconds % 60));
  if (minutes < 24 * 60)
    return g_strdup_printf ("%d h %d min", (int) (minutes / 60), (int) (minutes % 60));
  return g_strdup_printf ("%" G_GINT64_FORMAT " d %d h", minutes / (24 * 60), (int) (minutes / 60 % 24));
}

static void
append_ages (GString *text, LeashSnapshot *snapshot, const LeashPlace *place)
{
  g_autofree char *oldest = leash_report_format_age (snapshot->taken_at - place->first->opened_at);
  g_autofree char *newest = leash_report_format_age (snapshot->taken_at - place->newest_at);

  if (strcmp (oldest, newest) == 0)
    g_string_append_printf (text, ", opened %s ago", oldest);
  else
    g_string_append_printf (text, ", opened %s to %s ago", newest, oldest);
}

static gboolean
has_one_parent (const LeashPlace *place)
{
  for (guint i = 1; i < place->resources->len; i++)
    {
      const LeashResource *resource = g_ptr_array_index (place->resources, i);

      if (g_strcmp0 (resource->parent_name, place->first->parent_name) != 0)
        return FALSE;
    }
  return TRUE;
}

/* conn "db", or conn alone where the resources have several */
static void
append_parent (GString *text, const LeashPlace *place)
{
  leash_escape_append (text, place->first->parent_kind);
  if (place->first->parent_name == NULL || !has_one_parent (place))
    return;
  g_string_append_c (text, ' ');
  leash_quote_append (text, place->first->parent_name);
}

static void
append_head (LeashPrinter *printer, const LeashPlace *place)
{
  leash_printer_count (printer, leash_place_count (place));
  leash_printer_begin (printer, LEASH_PAINT_KIND);
  leash_escape_append (printer->text, place->first->kind);
  leash_printer_end (printer);
  append_names (printer->text, place);
}

/* 2 x stmt "select 1", opened 1.2 s ago by thread "main" from conn "db", which was closed before */
static void
append_place_line (LeashPrinter *printer, LeashSnapshot *snapshot, const LeashPlace *place)
{
  append_head (printer, place);
  append_ages (printer->text, snapshot, place);
  append_threads (printer->text, " ", place, get_thread);
  if (place->first->parent_kind != NULL)
    {
      g_string_append (printer->text, " from ");
      append_parent (printer->text, place);
    }
  if ((place->first->flags & LEASH_RESOURCE_PARENT_CLOSED) != 0)
    g_string_append (printer->text, ", which was closed before");
  if ((place->first->flags & LEASH_RESOURCE_ADOPTED) != 0)
    append_threads (printer->text, ", adopted ", place, get_adopter_thread);
  leash_report_overdue (printer, place);
  if (place->estimate > 0)
    g_string_append_printf (printer->text, ", a sample of about %" G_GSIZE_FORMAT, place->estimate);
  g_string_append_c (printer->text, '\n');
}

static void
append_labelled_stack (LeashPrinter *printer, const char *label, LeashStackId stack)
{
  if (stack == 0)
    return;
  g_string_append_printf (printer->text, "  %s\n", label);
  leash_printer_stack (printer, stack, 4);
}

static void
append_place (LeashPrinter *printer, LeashSnapshot *snapshot, const LeashPlace *place)
{
  const LeashResource *first = place->first;

  append_place_line (printer, snapshot, place);
  leash_printer_stack (printer, first->stack, 4);
  append_labelled_stack (printer, "adopted at", first->adopter_stack);
  if ((first->flags & LEASH_RESOURCE_PARENT_CLOSED) != 0)
    {
      append_labelled_stack (printer, "parent opened at", first->parent_stack);
      append_labelled_stack (printer, "parent closed at", first->parent_close_stack);
    }
  leash_report_history (printer, snapshot, place);
}

static gsize
count_from (GPtrArray *places, guint first)
{
  gsize n = 0;

  for (guint i = first; i < places->len; i++)
    n += leash_place_count (g_ptr_array_index (places, i));
  return n;
}

static void
append_left_out (LeashPrinter *printer, GPtrArray *places, guint n_shown)
{
  guint n_places = places->len - n_shown;
  gsize n = count_from (places, n_shown);

  if (n_places > 0)
    g_string_append_printf (printer->text,
                            "... and %" G_GSIZE_FORMAT " more resource%s from %u place%s, not shown "
                            "(LEASH_PLACES)\n",
                            n, n == 1 ? "" : "s", n_places, n_places == 1 ? "" : "s");
}

static void
append_places (LeashPrinter *printer, LeashSnapshot *snapshot, GPtrArray *places, guint max_places)
{
  guint n_shown = max_places > 0 ? MIN (places->len, max_places) : places->len;

  for (guint i = 0; i < n_shown; i++)
    append_place (printer, snapshot, g_ptr_array_index (places, i));
  append_left_out (printer, places, n_shown);
}

/* What is meant to stay open gets a line a place: nobody is looking for it. */
static void
append_kept (LeashPrinter *printer, LeashSnapshot *snapshot, guint max_places)
{
  g_autoptr (GPtrArray) places = leash_report_group (snapshot, TRUE);
  guint n_shown = max_places > 0 ? MIN (places->len, max_places) : places->len;
  gsize n = count_from (places, 0);

  if (n == 0)
    return;
  g_string_append_printf (printer->text,
                          n == 1 ? "%" G_GSIZE_FORMAT " resource is meant to stay open\n"
                                 : "%" G_GSIZE_FORMAT " resources are meant to stay open\n",
                          n);
  for (guint i = 0; i < n_shown; i++)
    {
      const LeashPlace *place = g_ptr_array_index (places, i);

      g_string_append (printer->text, "    ");
      append_head (printer, place);
      append_threads (printer->text, ", opened ", place, get_thread);
      g_string_append_c (printer->text, '\n');
    }
  append_left_out (printer, places, n_shown);
}

G_GNUC_PRINTF (2, 3)
static void
append_note (LeashPrinter *printer, const char *format, ...)
{
  va_list arguments;

  leash_printer_begin (printer, LEASH_PAINT_DIM);
  g_string_append (printer->text, "note: ");
  va_start (arguments, format);
  g_string_append_vprintf (printer->text, format, arguments);
  va_end (arguments);
  leash_printer_end (printer);
  g_string_append_c (printer->text, '\n');
}

static void
append_level_note (LeashPrinter *printer, LeashSnapshot *snapshot)
{
  if (snapshot->level == LEASH_LEVEL_OFF)
    append_note (printer, "tracking is off: what was opened since it was turned off is not known");
  else if (snapshot->level == LEASH_LEVEL_COUNT)
    append_note (printer, "stacks are not taken at level count; LEASH_LEVEL=full takes them");
  else if (snapshot->level == LEASH_LEVEL_SAMPLE && snapshot->sample_every > 1)
    append_note (printer, "every resource is counted; stacks were taken of about 1 in %u (level sample)",
                 snapshot->sample_every);
}

/* What no tracker's own list tells of. */
static void
append_unseen_notes (LeashPrinter *printer, LeashSnapshot *snapshot)
{
  if (snapshot->n_reentries > 0)
    append_note (printer,
                 "%" G_GUINT64_FORMAT " time%s something was opened, closed or used inside of Leash itself, "
                 "as by a signal handler: not tracked",
                 snapshot->n_reentries, snapshot->n_reentries == 1 ? "" : "s");
  if (snapshot->n_strays > 0)
    append_note (printer,
                 "%" G_GUINT64_FORMAT
                 " time%s something was closed or used whose tracker was gone: not looked at",
                 snapshot->n_strays, snapshot->n_strays == 1 ? "" : "s");
}

static void
append_notes (LeashPrinter *printer, LeashSnapshot *snapshot)
{
  append_level_note (printer, snapshot);
  if ((printer->seen & LEASH_STACK_CUT_SHORT) != 0)
    append_note (printer, "\"(cut short)\" marks stacks that reach code without unwind information");
  if ((printer->seen & LEASH_STACK_LIMITED) != 0)
    append_note (printer, "\"...\" marks stacks with more frames than are kept (LEASH_DEPTH)");
  if (snapshot->n_stacks_not_kept > 0)
    append_note (printer, "%" G_GUINT64_FORMAT " time%s a stack was not kept: LEASH_DEPOT_LIMIT is reached",
                 snapshot->n_stacks_not_kept, snapshot->n_stacks_not_kept == 1 ? "" : "s");
  if (snapshot->n_stacks_after_fork > 0)
    append_note (printer,
                 "%" G_GUINT64_FORMAT " stack%s not taken: this is the child of a fork "
                 "(leash_stack_resume_after_fork)",
                 snapshot->n_stacks_after_fork, snapshot->n_stacks_after_fork == 1 ? " was" : "s were");
  if (snapshot->n_misuses_dropped > 0)
    append_note (printer, "%" G_GUINT64_FORMAT " more misuse%s counted, and not kept",
                 snapshot->n_misuses_dropped, snapshot->n_misuses_dropped == 1 ? " was" : "s were");
  if (snapshot->n_returned_dropped > 0)
    append_note (printer,
                 "%" G_GUINT64_FORMAT " more that %s overdue returned, from places that were not kept",
                 snapshot->n_returned_dropped, snapshot->n_returned_dropped == 1 ? "was" : "were");
  append_unseen_notes (printer, snapshot);
}

/* "leash: 3 resources still open, from 2 places" */
static void
append_title (LeashPrinter *printer, LeashSnapshot *snapshot, guint n_places)
{
  gsize n_leaks = leash_snapshot_count_leaks (snapshot);
  guint64 n_misuses = leash_report_count_misuses (snapshot);
  g_autofree char *limit = leash_report_format_age (snapshot->overdue_after);
  g_autofree char *what
      = g_strdup (snapshot->is_difference ? "opened in between and still open" : "still open");

  if (snapshot->overdue_after > 0)
    {
      g_free (what);
      what = g_strdup_printf ("open for longer than %s", limit);
    }
  leash_printer_begin (printer, LEASH_PAINT_COUNT);
  if (n_leaks > 0)
    g_string_append_printf (printer->text, "leash: %" G_GSIZE_FORMAT " resource%s %s, from %u place%s",
                            n_leaks, n_leaks == 1 ? "" : "s", what, n_places, n_places == 1 ? "" : "s");
  else
    g_string_append (printer->text, "leash: nothing is open");
  if (n_misuses > 0)
    g_string_append_printf (printer->text, ", %" G_GUINT64_FORMAT " misuse%s", n_misuses,
                            n_misuses == 1 ? "" : "s");
  leash_printer_end (printer);
  g_string_append_c (printer->text, '\n');
}

char *
leash_report_text (LeashSnapshot *snapshot, LeashReportFlags flags, guint max_places)
{
  g_autoptr (LeashSymbols) symbols = leash_symbols_new ();
  g_autoptr (GPtrArray) places = leash_report_group (snapshot, FALSE);
  g_auto (LeashPrinter) printer = { .text = g_string_new (NULL), .symbols = symbols, .flags = flags };

  append_title (&printer, snapshot, places->len);
  append_places (&printer, snapshot, places, max_places);
  leash_report_misuses (&printer, snapshot, max_places);
  leash_report_returned (&printer, snapshot, max_places);
  append_kept (&printer, snapshot, max_places);
  append_notes (&printer, snapshot);
  return g_string_free (printer.text, FALSE);
}
