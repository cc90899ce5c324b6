/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which frames of a stack are the program's own story. Around it, innermost to outermost, there may be:
 *
 *     the program                                     shown
 *     libleash-*, and what g_autoptr() expands to     hidden wherever it is
 *     the program                                     shown
 *     cmocka, Check, GLib's test runner or GThread    hidden, and so is the main() that called it
 *     libc's start of the program or the thread       hidden
 *
 * A frame is judged by its module and its function together: a program may have a clone() or a g_test_run()
 * of its own. Static functions of a library without debug information have no name, or that of a neighbour,
 * so that GLib and libc are taken by runs of frames: the run that holds g_test_run(), the run at the outer
 * end. What would hide all is not applied at all.
 */
#include "leash-report-private.h"

#include <string.h>

#include "leash-modules-private.h"

typedef enum
{
  BY_PROGRAM, /* shown */
  BY_LEASH,
  BY_HARNESS
} Owner;

/* The file's name begins so. */
static gboolean
is_named (const char *path, const char *prefix)
{
  const char *slash = path != NULL ? strrchr (path, '/') : NULL;

  return path != NULL && g_str_has_prefix (slash != NULL ? slash + 1 : path, prefix);
}

static gboolean
in_module (const LeashFrame *frame, const char *prefix)
{
  return is_named (frame->module, prefix);
}

static gboolean
is_function (const LeashFrame *frame, const char *name)
{
  return frame->function != NULL && strcmp (frame->function, name) == 0;
}

static gboolean
has_prefix (const LeashFrame *frame, const char *prefix)
{
  return frame->function != NULL && g_str_has_prefix (frame->function, prefix);
}

/* The module that this very code is in: the library, or a program that it is linked into. */
static const char *
find_own_module (LeashSymbols *symbols)
{
  guint n_frames;
  const LeashFrame *frames = leash_symbols_lookup (symbols, (guintptr) leash_report_frames + 1,
                                                   leash_modules_refresh (), &n_frames);

  return n_frames > 0 ? frames[0].module : NULL;
}

static gboolean
is_leash (const LeashFrame *frame, const char *own_module)
{
  /* The functions behind g_autoptr() and g_auto() are headers' and stand at the end of a block, as their
   * caller does. */
  if (in_module (frame, "libleash-") || has_prefix (frame, "glib_autoptr_")
      || has_prefix (frame, "glib_auto_cleanup_"))
    return TRUE;
  return has_prefix (frame, "leash_") && g_strcmp0 (frame->module, own_module) == 0;
}

static gboolean
is_glib_harness (const LeashFrame *frame)
{
  return has_prefix (frame, "g_test_run") || is_function (frame, "test_case_run")
         || is_function (frame, "g_thread_proxy");
}

/* Check is linked statically as a rule, so that its functions are in the program's module. */
static gboolean
is_check_runner (const LeashFrame *frame)
{
  return is_function (frame, "srunner_run") || is_function (frame, "srunner_run_all")
         || is_function (frame, "srunner_run_tagged");
}

static gboolean
is_check_part (const LeashFrame *frame)
{
  return has_prefix (frame, "tcase_run_") || has_prefix (frame, "srunner_") || is_check_runner (frame);
}

/* From the innermost of Check's functions out to the runner, if there is one. */
static void
mark_check (const LeashFrame *frames, guint n_frames, guint8 *owners)
{
  guint runner = n_frames;

  for (guint i = 0; i < n_frames; i++)
    if (is_check_runner (&frames[i]))
      runner = i;
  if (runner == n_frames)
    return;
  for (guint i = runner + 1; i > 0; i--)
    {
      if (!is_check_part (&frames[i - 1]) || g_strcmp0 (frames[i - 1].module, frames[runner].module) != 0)
        break;
      owners[i - 1] = BY_HARNESS;
    }
}

/* Frames from i outwards that are GLib's. */
static guint
count_glib (const LeashFrame *frames, guint n_frames, guint i)
{
  guint end = i;

  while (end < n_frames && in_module (&frames[end], "libglib-2.0."))
    end++;
  return end - i;
}

static gboolean
any_glib_harness (const LeashFrame *frames, guint n_frames)
{
  for (guint i = 0; i < n_frames; i++)
    if (is_glib_harness (&frames[i]))
      return TRUE;
  return FALSE;
}

/* A run of GLib's frames runs tests, or is at_start, where a thread of GLib's begins. */
static void
mark_glib (const LeashFrame *frames, guint n_frames, gboolean at_start, guint8 *owners)
{
  guint n;

  for (guint i = 0; i < n_frames; i += MAX (n, 1))
    {
      n = count_glib (frames, n_frames, i);
      if (n > 0 && (any_glib_harness (frames + i, n) || (at_start && i + n == n_frames)))
        memset (owners + i, BY_HARNESS, n);
    }
}

static void
mark_main (const LeashFrame *frames, guint n_frames, guint8 *owners)
{
  for (guint i = 1; i < n_frames; i++)
    if (owners[i - 1] == BY_HARNESS && is_function (&frames[i], "main"))
      owners[i] = BY_HARNESS;
}

static void
mark_owners (LeashSymbols *symbols, const LeashFrame *frames, guint n_frames, gboolean at_start,
             guint8 *owners)
{
  const char *own_module = find_own_module (symbols);

  for (guint i = 0; i < n_frames; i++)
    {
      if (is_leash (&frames[i], own_module))
        owners[i] = BY_LEASH;
      else if (in_module (&frames[i], "libcmocka.") || in_module (&frames[i], "libcheck."))
        owners[i] = BY_HARNESS;
    }
  mark_check (frames, n_frames, owners);
  mark_glib (frames, n_frames, at_start, owners);
  mark_main (frames, n_frames, owners);
}

/* Removes what is not the program's, unless that is all. */
static gboolean
keep_shown (GArray *frames, const guint8 *owners)
{
  guint n = 0;

  for (guint i = 0; i < frames->len; i++)
    if (owners[i] == BY_PROGRAM)
      g_array_index (frames, LeashFrame, n++) = g_array_index (frames, LeashFrame, i);
  if (n == 0)
    return FALSE;
  g_array_set_size (frames, n);
  return TRUE;
}

/* The C library's, or that of a sanitizer, which starts threads in its stead. */
static gboolean
is_libc (const LeashStack *stack, guint index)
{
  static const char *const names[] = { "libc.", "libpthread", "ld-linux", "libtsan.", "libasan." };
  gboolean uncertain;
  const LeashModule *module = leash_modules_find (stack->frames[index], stack->generation, &uncertain);

  for (guint i = 0; module != NULL && i < G_N_ELEMENTS (names); i++)
    if (is_named (module->path, names[i]))
      return TRUE;
  return FALSE;
}

/* How many frames there are before those that start the program, up to its _start(), or the thread. */
static guint
count_to_start (LeashSymbols *symbols, const LeashStack *stack)
{
  guint n = stack->n_frames;
  guint n_found;

  if ((stack->flags & (LEASH_STACK_LIMITED | LEASH_STACK_CUT_SHORT | LEASH_STACK_PLACE_ONLY)) != 0)
    return n;
  if (n > 1 && is_libc (stack, n - 2)
      && is_function (leash_symbols_lookup (symbols, stack->frames[n - 1], stack->generation, &n_found),
                      "_start"))
    n--;
  while (n > 0 && is_libc (stack, n - 1))
    n--;
  return n;
}

/* Where there is no debug information, the place that the macro noted says file and line of the first frame.
 */
static void
add_site (GArray *frames, const LeashSite *site)
{
  LeashFrame *first = frames->len > 0 ? &g_array_index (frames, LeashFrame, 0) : NULL;
  LeashFrame frame = { 0 };

  if (first != NULL && first->file != NULL)
    return;
  if (first != NULL)
    frame = *first;
  frame.file = site->file;
  frame.line = site->line;
  frame.function = site->function;
  if (first == NULL || (first->function != NULL && strcmp (first->function, site->function) != 0))
    {
      frame.inlined = first != NULL;
      g_array_prepend_val (frames, frame);
    }
  else
    *first = frame;
}

static GArray *
name_frames (LeashSymbols *symbols, const LeashStack *stack, guint n_frames)
{
  GArray *frames = g_array_new (FALSE, TRUE, sizeof (LeashFrame));
  const LeashSite *site = leash_depot_get_site (stack->site);

  for (guint i = 0; i < n_frames; i++)
    {
      guint n;
      const LeashFrame *found = leash_symbols_lookup (symbols, stack->frames[i], stack->generation, &n);

      g_array_append_vals (frames, found, n);
      if (i == 0 && site != NULL)
        add_site (frames, site);
    }
  if (n_frames == 0 && site != NULL)
    add_site (frames, site);
  return frames;
}

GArray *
leash_report_frames (LeashSymbols *symbols, const LeashStack *stack, gboolean all)
{
  guint n_frames = all ? stack->n_frames : count_to_start (symbols, stack);
  GArray *frames = name_frames (symbols, stack, n_frames);
  g_autofree guint8 *owners = NULL;

  if (all)
    return frames;
  owners = g_new0 (guint8, frames->len);
  mark_owners (symbols, (const LeashFrame *) (gpointer) frames->data, frames->len, n_frames < stack->n_frames,
               owners);
  if (keep_shown (frames, owners))
    return frames;
  g_array_unref (frames);
  return name_frames (symbols, stack, stack->n_frames);
}
