/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "leash-report-private.h"
GArray *leash_report_frames (LeashSymbols *symbols, const LeashStack *stack, gboolean all)
{
  GArray *a = g_array_new (FALSE, TRUE, sizeof (LeashFrame));
  for (guint i = 0; i < stack->n_frames; i++)
    {
      guint n;
      const LeashFrame *f = leash_symbols_lookup (symbols, stack->frames[i], stack->generation, &n);

      g_array_append_vals (a, f, n);
    }
  return a;
}
char *leash_report_summary (LeashSnapshot *s) { return g_strdup_printf ("%u resources still open", s->resources->len); }
char *leash_report_text (LeashSnapshot *s, LeashReportFlags flags, guint max_places)
{
  GString *t = g_string_new ("leash: report\n");
  for (guint i = 0; i < s->resources->len; i++)
    { LeashResource *r = &g_array_index (s->resources, LeashResource, i); g_autofree char *st = leash_stack_to_string (r->stack);
      g_string_append_printf (t, "%s %s by %s\n%s", r->kind, r->name, r->thread, st); }
  for (guint i = 0; i < s->misuses->len; i++)
    { LeashMisuse *r = &g_array_index (s->misuses, LeashMisuse, i); g_autofree char *st = leash_stack_to_string (r->stack); g_autofree char *so = leash_stack_to_string (r->opened_stack); g_autofree char *sc = leash_stack_to_string (r->closed_stack);
      g_string_append_printf (t, "misuse %d %s %s %s x%u\n%sopened:\n%sclosed:\n%s", r->type, r->what, r->kind, r->name, r->count, st,so,sc); }
  return g_string_free (t, FALSE);
}
char *leash_report_json (LeashSnapshot *s, LeashReportFlags flags) { return g_strdup ("{}"); }
