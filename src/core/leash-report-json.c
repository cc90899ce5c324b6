/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The report for programs: one line of JSON, so that a file which reports are appended to can be read line by
 * line. docs/report-format.md has the schema, and a test holds this file to it.
 *
 * The writer keeps no state but the text: a comma is due where the text does not end with what opens
 * something. All text is valid UTF-8; bytes that are not become U+FFFD.
 */
#include "leash-report-private.h"

#include <string.h>
#include <unistd.h>

#include "leash-quote-private.h"

#define SCHEMA 1

static void
separate (GString *json)
{
  if (json->len > 0 && strchr ("{[:", json->str[json->len - 1]) == NULL)
    g_string_append_c (json, ',');
}

static void
add_key (GString *json, const char *key)
{
  separate (json);
  g_string_append_printf (json, "\"%s\":", key);
}

/* A NULL string is null. */
static void
add_string (GString *json, const char *key, const char *string)
{
  add_key (json, key);
  if (string != NULL)
    leash_json_append_string (json, string);
  else
    g_string_append (json, "null");
}

static void
add_number (GString *json, const char *key, gint64 number)
{
  add_key (json, key);
  g_string_append_printf (json, "%" G_GINT64_FORMAT, number);
}

static void
add_boolean (GString *json, const char *key, gboolean value)
{
  add_key (json, key);
  g_string_append (json, value ? "true" : "false");
}

/* Addresses may not fit the numbers of a JSON reader. */
static void
add_address (GString *json, const char *key, guintptr address)
{
  add_key (json, key);
  g_string_append_printf (json, "\"0x%" G_GINTPTR_MODIFIER "x\"", address);
}

static void
open_object (GString *json, char bracket)
{
  separate (json);
  g_string_append_c (json, bracket);
}

static char *
format_frame (const LeashFrame *frame)
{
  GString *json = g_string_new ("{");

  add_string (json, "function", frame->function);
  add_string (json, "file", frame->file);
  add_number (json, "line", frame->line);
  add_string (json, "module", frame->module);
  add_string (json, "build_id", frame->build_id);
  add_address (json, "offset", frame->offset);
  add_boolean (json, "inlined", frame->inlined);
  add_boolean (json, "unloaded", frame->unloaded);
  add_boolean (json, "uncertain", frame->uncertain);
  g_string_append_c (json, '}');
  return g_string_free (json, FALSE);
}

static void
add_frame (LeashPrinter *printer, const LeashFrame *frame)
{
  LeashLine *line = leash_printer_get_line (printer, frame);

  if (line->json == NULL)
    line->json = format_frame (frame);
  separate (printer->text);
  g_string_append (printer->text, line->json);
}

static void
add_marks (GString *json, guint flags)
{
  static const char *const names[] = { "cut-short", "limited", "not-kept", "after-fork", "place-only" };

  add_key (json, "marks");
  g_string_append_c (json, '[');
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    if ((flags & 1u << i) != 0)
      {
        separate (json);
        leash_json_append_string (json, names[i]);
      }
  g_string_append_c (json, ']');
}

/* A stack that there is not is null. */
static void
add_stack (LeashPrinter *printer, const char *key, LeashStackId id)
{
  GString *json = printer->text;
  const LeashStack *stack = leash_depot_get (id);
  g_autoptr (GArray) frames = NULL;

  add_key (json, key);
  if (stack == NULL)
    {
      g_string_append (json, "null");
      return;
    }
  frames = leash_report_frames (printer->symbols, stack, (printer->flags & LEASH_REPORT_ALL_FRAMES) != 0);
  g_string_append_c (json, '{');
  add_number (json, "id", id);
  add_marks (json, stack->flags);
  add_key (json, "frames");
  g_string_append_c (json, '[');
  for (guint i = 0; i < frames->len; i++)
    add_frame (printer, &g_array_index (frames, LeashFrame, i));
  g_string_append (json, "]}");
}

static void
add_event (LeashPrinter *printer, LeashSnapshot *snapshot, const LeashHistoryEvent *event)
{
  static const char *const types[] = { "touched", "handed-over", "adopted" }; /* in their type's order */
  GString *json = printer->text;

  open_object (json, '{');
  add_string (json, "type", types[event->type]);
  add_string (json, "what", event->what);
  add_number (json, "age_us", snapshot->taken_at - event->at);
  add_string (json, "thread", event->thread);
  add_number (json, "tid", event->tid);
  add_stack (printer, "stack", event->stack);
  g_string_append_c (json, '}');
}

static void
add_resource (LeashPrinter *printer, LeashSnapshot *snapshot, const LeashResource *resource)
{
  GString *json = printer->text;

  open_object (json, '{');
  add_string (json, "name", resource->name);
  add_number (json, "age_us", snapshot->taken_at - resource->opened_at);
  add_boolean (json, "overdue", (resource->flags & LEASH_RESOURCE_OVERDUE) != 0);
  add_string (json, "thread", resource->thread);
  add_number (json, "tid", resource->tid);
  add_string (json, "adopter_thread", resource->adopter_thread);
  add_string (json, "parent_name", resource->parent_name);
  if (resource->key != NULL)
    add_address (json, "key", (guintptr) resource->key);
  else
    add_string (json, "key", NULL);
  add_key (json, "events");
  g_string_append_c (json, '[');
  for (guint i = 0; i < resource->n_events; i++)
    add_event (printer, snapshot, &resource->events[i]);
  g_string_append_c (json, ']');
  add_number (json, "events_not_kept", (gint64) resource->n_events_not_kept);
  g_string_append_c (json, '}');
}

static void
add_place (LeashPrinter *printer, LeashSnapshot *snapshot, const LeashPlace *place)
{
  GString *json = printer->text;
  const LeashResource *first = place->first;
  gsize count = leash_place_count (place);

  open_object (json, '{');
  add_string (json, "kind", first->kind);
  add_number (json, "count", (gint64) count);
  add_number (json, "estimate", (gint64) (place->estimate > 0 ? place->estimate : count));
  add_number (json, "overdue", (gint64) leash_report_count_overdue (place));
  add_boolean (json, "adopted", (first->flags & LEASH_RESOURCE_ADOPTED) != 0);
  add_boolean (json, "parent_closed", (first->flags & LEASH_RESOURCE_PARENT_CLOSED) != 0);
  add_string (json, "parent_kind", first->parent_kind);
  add_stack (printer, "stack", first->stack);
  add_stack (printer, "adopter_stack", first->adopter_stack);
  add_stack (printer, "parent_stack", first->parent_stack);
  add_stack (printer, "parent_close_stack", first->parent_close_stack);
  add_key (json, "resources");
  g_string_append_c (json, '[');
  for (guint i = 0; i < place->resources->len; i++)
    add_resource (printer, snapshot, g_ptr_array_index (place->resources, i));
  g_string_append (json, "]}");
}

static void
add_places (LeashPrinter *printer, const char *key, LeashSnapshot *snapshot, gboolean kept)
{
  g_autoptr (GPtrArray) places = leash_report_group (snapshot, kept);

  add_key (printer->text, key);
  g_string_append_c (printer->text, '[');
  for (guint i = 0; i < places->len; i++)
    add_place (printer, snapshot, g_ptr_array_index (places, i));
  g_string_append_c (printer->text, ']');
}

static const char *
get_misuse_name (LeashMisuseType type)
{
  static const char *const names[]
      = { "double-release",      "wrong-tracker", "not-tracked",     "ended-tracker",
          "closed-after-parent", "key-reused",    "use-after-close", "end-order" };

  return names[type];
}

static void
add_misuse (LeashPrinter *printer, const LeashMisuse *misuse)
{
  GString *json = printer->text;

  open_object (json, '{');
  add_string (json, "type", get_misuse_name (misuse->type));
  add_string (json, "what", misuse->what);
  add_string (json, "kind", misuse->kind);
  add_string (json, "name", misuse->name);
  add_number (json, "count", misuse->count);
  add_stack (printer, "stack", misuse->stack);
  add_stack (printer, "opened_stack", misuse->opened_stack);
  add_stack (printer, "closed_stack", misuse->closed_stack);
  add_stack (printer, "parent_stack", misuse->parent_stack);
  g_string_append_c (json, '}');
}

static void
add_misuses (LeashPrinter *printer, LeashSnapshot *snapshot)
{
  add_key (printer->text, "misuses");
  g_string_append_c (printer->text, '[');
  for (guint i = 0; i < snapshot->misuses->len; i++)
    add_misuse (printer, &g_array_index (snapshot->misuses, LeashMisuse, i));
  g_string_append_c (printer->text, ']');
}

static void
add_returned (LeashPrinter *printer, LeashSnapshot *snapshot)
{
  GString *json = printer->text;

  add_key (json, "returned");
  g_string_append_c (json, '[');
  for (guint i = 0; i < snapshot->returned->len; i++)
    {
      const LeashReturned *returned = &g_array_index (snapshot->returned, LeashReturned, i);

      open_object (json, '{');
      add_string (json, "kind", returned->kind);
      add_number (json, "count", (gint64) returned->count);
      add_number (json, "longest_us", returned->longest);
      add_stack (printer, "stack", returned->stack);
      g_string_append_c (json, '}');
    }
  g_string_append_c (json, ']');
}

static void
add_not_seen (GString *json, LeashSnapshot *snapshot)
{
  add_key (json, "not_seen");
  g_string_append_c (json, '{');
  add_number (json, "misuses", (gint64) snapshot->n_misuses_dropped);
  add_number (json, "returned", (gint64) snapshot->n_returned_dropped);
  add_number (json, "stacks_not_kept", (gint64) snapshot->n_stacks_not_kept);
  add_number (json, "stacks_after_fork", (gint64) snapshot->n_stacks_after_fork);
  add_number (json, "reentries", (gint64) snapshot->n_reentries);
  add_number (json, "strays", (gint64) snapshot->n_strays);
  g_string_append_c (json, '}');
}

static void
add_head (GString *json, LeashSnapshot *snapshot)
{
  static const char *const levels[] = { "off", "count", "sample", "full" }; /* in LeashLevel's order */
  g_autoptr (GDateTime) seconds = g_date_time_new_from_unix_utc (snapshot->taken_at_real / G_USEC_PER_SEC);
  g_autoptr (GDateTime) time = g_date_time_add (seconds, snapshot->taken_at_real % G_USEC_PER_SEC);
  g_autofree char *iso = g_date_time_format_iso8601 (time);
  g_autofree char *summary = leash_report_summary (snapshot);
  gsize n_leaks = leash_snapshot_count_leaks (snapshot);

  add_number (json, "schema", SCHEMA);
  add_boolean (json, "tracking", TRUE);
  add_string (json, "time", iso);
  add_number (json, "pid", getpid ());
  add_string (json, "summary", summary);
  add_string (json, "level", levels[snapshot->level]);
  add_number (json, "sample_every", snapshot->sample_every);
  add_boolean (json, "difference", snapshot->is_difference);
  add_number (json, "overdue_after_us", snapshot->overdue_after);
  add_number (json, "open", (gint64) n_leaks);
  add_number (json, "kept", (gint64) (leash_snapshot_count_all (snapshot) - n_leaks));
  add_number (json, "misused", (gint64) leash_report_count_misuses (snapshot));
}

char *
leash_report_json (LeashSnapshot *snapshot, LeashReportFlags flags)
{
  g_autoptr (LeashSymbols) symbols = leash_symbols_new ();
  g_auto (LeashPrinter) printer = { .text = g_string_new ("{"), .symbols = symbols, .flags = flags };

  add_head (printer.text, snapshot);
  add_places (&printer, "places", snapshot, FALSE);
  add_places (&printer, "kept_places", snapshot, TRUE);
  add_misuses (&printer, snapshot);
  add_returned (&printer, snapshot);
  add_not_seen (printer.text, snapshot);
  g_string_append (printer.text, "}\n");
  return g_string_free (printer.text, FALSE);
}
