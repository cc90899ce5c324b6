/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * That a conformance suite finds what it is for: what is tested is broken in one way each, and must fail a
 * test that is named, with a fault that says what is wrong. Where nothing is wrong the test passes: what is
 * found is the flaw.
 */
#pragma once

#include <leash/leash.h>

/* ? is a quotation mark in faults, which not every locale has. */
typedef struct
{
  const char *name;
  const char *test;  /* that finds it */
  const char *fault; /* what it says */
  gboolean needs_tracking;
  gboolean is_missed_at_times; /* on a busy machine, where what comes first may come late */
  const char *seconds; /* that the suite gives the test, where it waits for their end; NULL for as many as ever */
} Flaw;

#define TRIES 20

static const char *program; /* this one; set by main() */

/* Without the second that ThreadSanitizer waits at each process's end for what other threads do then. */
static char **
get_environ (const char *seconds)
{
  char **env = g_get_environ ();
  const char *options = g_environ_getenv (env, "TSAN_OPTIONS");
  g_autofree char *hasty = g_strconcat (options != NULL ? options : "", ":atexit_sleep_ms=0", NULL);

  env = g_environ_setenv (env, "TSAN_OPTIONS", hasty, TRUE);
  return seconds != NULL ? g_environ_setenv (env, "LEASH_CONFORMANCE_SECONDS", seconds, TRUE) : env;
}

/* Runs one test of the suite in a process of its own, and returns what it printed. */
static char *
run_test (const char *flaw, const char *test, const char *seconds, gboolean *ret_passed)
{
  g_auto (GStrv) env = get_environ (seconds);
  g_autofree char *path = g_strdup_printf ("/broken/subprocess/%s/%s", flaw, test);
  const char *const argv[] = { program, "--tap", "-k", "-p", path, NULL };
  g_autoptr (GError) error = NULL;
  char *printed = NULL;
  int status;

  g_spawn_sync (NULL, (char **) argv, env, 0, NULL, NULL, &printed, NULL, &status, &error);
  g_assert_no_error (error);
  *ret_passed = g_spawn_check_wait_status (status, NULL);
  if (strstr (printed, path) == NULL)
    g_error ("there is no test %s", path);
  return printed;
}

static void
test_is_found (gconstpointer data)
{
  const Flaw *flaw = data;
  g_autofree char *printed = NULL;
  gboolean passed = TRUE;

  if (flaw->needs_tracking && !leash_has_tracking ())
    {
      g_test_skip ("without tracking nobody sees what is not closed");
      return;
    }
  for (guint tries = flaw->is_missed_at_times ? TRIES : 1; passed && tries > 0; tries--)
    {
      g_free (printed);
      printed = run_test (flaw->name, flaw->test, flaw->seconds, &passed);
    }
  g_assert_false (passed);
  if (!g_pattern_match_simple (flaw->fault, printed))
    g_error ("“%s” is not in “%s”", flaw->fault, printed);
}

static void
test_sound_passes (gconstpointer data)
{
  gboolean passed;
  g_autofree char *printed = run_test ("sound", ((const Flaw *) data)->test, NULL, &passed);

  if (!passed)
    g_error ("%s", printed);
  g_assert_null (strstr (printed, "# SKIP"));
}

/* Adds both for a flaw of those of fs or net; the suite itself is added beside, for the name it has there. */
static void
add_flaw (const char *part, const Flaw *flaw)
{
  g_autofree char *found = g_strdup_printf ("/%s/conformance/finds/%s", part, flaw->name);
  g_autofree char *sound = g_strdup_printf ("/%s/conformance/passes-without/%s", part, flaw->name);

  g_test_add_data_func (found, flaw, test_is_found);
  g_test_add_data_func (sound, flaw, test_sound_passes);
}

/* The path of the suite on what has the flaw. */
static char *
get_suite_path (const char *flaw)
{
  return g_strconcat ("/broken/subprocess/", flaw, NULL);
}
