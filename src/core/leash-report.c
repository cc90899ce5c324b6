/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _GNU_SOURCE
#include <dlfcn.h>
#include "leash-report-private.h"
struct _LeashSymbols { int x; };
LeashSymbols *leash_symbols_new (void) { return g_new0 (LeashSymbols, 1); }
void leash_symbols_free (LeashSymbols *s) { g_free (s); }
GArray *leash_report_frames (LeashSymbols *symbols, const LeashStack *stack, gboolean all)
{
  GArray *a = g_array_new (FALSE, TRUE, sizeof (LeashFrame));
  for (guint i = 0; i < stack->n_frames; i++)
    {
      LeashFrame f = { 0 }; Dl_info info;
      if (dladdr ((void *) (stack->frames[i] - 1), &info)) { f.function = info.dli_sname; f.module = info.dli_fname; f.offset = stack->frames[i] - (guintptr) info.dli_fbase; }
      g_array_append_val (a, f);
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
