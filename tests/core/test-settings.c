/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Settings are read once in a process, so each set of values is tried in one of its own. */
#include "leash-settings-private.h"

#include <stdlib.h>

/* What a case of the table below looks like to the process that tries it. */
typedef struct
{
  const char *name;     /* of the test, under /settings/ */
  const char *variable; /* NULL for none */
  const char *value;
  const char *message; /* what leash_check_settings() says, NULL if the value is good */
  gboolean (*is_right) (const LeashSettings *settings);
} Case;

static gboolean
is_default (const LeashSettings *settings)
{
  return settings->level == LEASH_LEVEL_FULL && settings->sample_every == 1
         && settings->depth == LEASH_DEPTH_DEFAULT && settings->color == LEASH_COLOR_AUTO
         && settings->format == LEASH_FORMAT_TEXT && settings->output == NULL && !settings->all_frames
         && settings->places == LEASH_PLACES_DEFAULT && settings->history == 0 && settings->age_limit_us == 0
         && settings->depot_limit == (gsize) 64 << 20 && settings->test_timeout_us == 60 * G_USEC_PER_SEC
         && settings->test_grace_us == -1 && g_strcmp0 (settings->debug_root, "/usr/lib/debug") == 0
         && settings->serve == NULL && settings->signum == 0;
}

#define CHECK(name, condition) \
  static gboolean name (const LeashSettings *settings) { return condition; }

CHECK (level_off, settings->level == LEASH_LEVEL_OFF)
CHECK (level_count, settings->level == LEASH_LEVEL_COUNT)
CHECK (level_full, settings->level == LEASH_LEVEL_FULL)
CHECK (level_sample, settings->level == LEASH_LEVEL_SAMPLE && settings->sample_every == 100)
CHECK (depth_128, settings->depth == 128)
CHECK (color_always, settings->color == LEASH_COLOR_ALWAYS)
CHECK (color_never, settings->color == LEASH_COLOR_NEVER)
CHECK (format_json, settings->format == LEASH_FORMAT_JSON)
CHECK (output_file, g_strcmp0 (settings->output, "a file") == 0)
CHECK (frames_all, settings->all_frames)
CHECK (places_all, settings->places == 0)
CHECK (history_some, settings->history == 16)
CHECK (age_half, settings->age_limit_us == 500000)
CHECK (age_least, settings->age_limit_us == 1)
CHECK (depot_bytes, settings->depot_limit == 12345)
CHECK (depot_kilo, settings->depot_limit == 3 << 10)
CHECK (depot_mega, settings->depot_limit == 2 << 20)
CHECK (depot_giga, settings->depot_limit == 1 << 30)
CHECK (timeout_half, settings->test_timeout_us == 2500000)
CHECK (timeout_none, settings->test_timeout_us == 0)
CHECK (debug_root, g_strcmp0 (settings->debug_root, "/opt/debug") == 0)
CHECK (grace_half, settings->test_grace_us == 500000)
CHECK (serve_path, g_strcmp0 (settings->serve, "/run/%p.sock") == 0)
CHECK (serve_auto, g_strcmp0 (settings->serve, "auto") == 0)
CHECK (signal_usr1, settings->signum == SIGUSR1)
CHECK (signal_usr2, settings->signum == SIGUSR2)
CHECK (signal_real_time, settings->signum == SIGRTMIN + 3)

#define LEVEL_EXPECTED ": expected off, count, sample:N or full"
#define DEPTH_EXPECTED ": expected a number of frames from 1 to 128"
#define PLACES_EXPECTED ": expected a number of places, or 0 for all"
#define HISTORY_EXPECTED ": expected a number of events up to 1000, or 0 for none"
#define DEPOT_EXPECTED ": expected a number of bytes, which K, M or G may follow"
#define TIMEOUT_EXPECTED ": expected a number of seconds, or 0 for none"
#define SERVE_EXPECTED ": expected an absolute path, in which %p is the process's number, or auto"
#define SIGNAL_EXPECTED ": expected USR1, USR2, RTMIN+N, or the number of one of these"

static const Case cases[] = {
  { "defaults", NULL, NULL, NULL, is_default },
  { "level/off", "LEASH_LEVEL", "off", NULL, level_off },
  { "level/count", "LEASH_LEVEL", "count", NULL, level_count },
  { "level/full", "LEASH_LEVEL", "full", NULL, level_full },
  { "level/sample", "LEASH_LEVEL", "sample:100", NULL, level_sample },
  { "level/empty-is-as-none", "LEASH_LEVEL", "", NULL, is_default },
  { "level/misspelt", "LEASH_LEVEL", "fulll", "LEASH_LEVEL is \"fulll\"" LEVEL_EXPECTED, is_default },
  { "level/sample-of-none", "LEASH_LEVEL", "sample:0", "LEASH_LEVEL is \"sample:0\"" LEVEL_EXPECTED,
    is_default },
  { "level/sample-of-what", "LEASH_LEVEL", "sample:", "LEASH_LEVEL is \"sample:\"" LEVEL_EXPECTED,
    is_default },
  { "level/not-utf8", "LEASH_LEVEL", "f\xffll", "LEASH_LEVEL is \"f\xef\xbf\xbdll\"" LEVEL_EXPECTED,
    is_default },
  { "depth/most", "LEASH_DEPTH", "128", NULL, depth_128 },
  { "depth/too-many", "LEASH_DEPTH", "129", "LEASH_DEPTH is \"129\"" DEPTH_EXPECTED, is_default },
  { "depth/none", "LEASH_DEPTH", "0", "LEASH_DEPTH is \"0\"" DEPTH_EXPECTED, is_default },
  { "color/always", "LEASH_COLOR", "always", NULL, color_always },
  { "color/never", "LEASH_COLOR", "never", NULL, color_never },
  { "color/bad", "LEASH_COLOR", "red", "LEASH_COLOR is \"red\": expected auto, always or never", is_default },
  { "format/json", "LEASH_FORMAT", "json", NULL, format_json },
  { "format/bad", "LEASH_FORMAT", "xml", "LEASH_FORMAT is \"xml\": expected text or json", is_default },
  { "output/file", "LEASH_OUTPUT", "a file", NULL, output_file },
  { "frames/all", "LEASH_FRAMES", "all", NULL, frames_all },
  { "frames/user", "LEASH_FRAMES", "user", NULL, is_default },
  { "frames/bad", "LEASH_FRAMES", "some", "LEASH_FRAMES is \"some\": expected user or all", is_default },
  { "places/all", "LEASH_PLACES", "0", NULL, places_all },
  { "places/negative", "LEASH_PLACES", "-1", "LEASH_PLACES is \"-1\"" PLACES_EXPECTED, is_default },
  { "history/some", "LEASH_HISTORY", "16", NULL, history_some },
  { "history/none", "LEASH_HISTORY", "0", NULL, is_default },
  { "history/too-many", "LEASH_HISTORY", "1001", "LEASH_HISTORY is \"1001\"" HISTORY_EXPECTED, is_default },
  { "age-limit/fraction", "LEASH_AGE_LIMIT", "0.5", NULL, age_half },
  { "age-limit/none", "LEASH_AGE_LIMIT", "0", NULL, is_default },
  /* Regression: it was taken for 0, which is no limit. */
  { "age-limit/little-is-not-none", "LEASH_AGE_LIMIT", "0.0000001", NULL, age_least },
  { "age-limit/negative", "LEASH_AGE_LIMIT", "-1", "LEASH_AGE_LIMIT is \"-1\"" TIMEOUT_EXPECTED, is_default },
  { "depot-limit/bytes", "LEASH_DEPOT_LIMIT", "12345", NULL, depot_bytes },
  { "depot-limit/kilo", "LEASH_DEPOT_LIMIT", "3K", NULL, depot_kilo },
  { "depot-limit/mega", "LEASH_DEPOT_LIMIT", "2M", NULL, depot_mega },
  { "depot-limit/giga", "LEASH_DEPOT_LIMIT", "1G", NULL, depot_giga },
  { "depot-limit/unit-alone", "LEASH_DEPOT_LIMIT", "K", "LEASH_DEPOT_LIMIT is \"K\"" DEPOT_EXPECTED,
    is_default },
  { "depot-limit/too-many", "LEASH_DEPOT_LIMIT", "99999999999999999999G",
    "LEASH_DEPOT_LIMIT is \"99999999999999999999G\"" DEPOT_EXPECTED, is_default },
  { "depot-limit/overflow", "LEASH_DEPOT_LIMIT", "18446744073709551615K",
    "LEASH_DEPOT_LIMIT is \"18446744073709551615K\"" DEPOT_EXPECTED, is_default },
  { "test-timeout/fraction", "LEASH_TEST_TIMEOUT", "2.5", NULL, timeout_half },
  { "test-timeout/none", "LEASH_TEST_TIMEOUT", "0", NULL, timeout_none },
  { "test-timeout/negative", "LEASH_TEST_TIMEOUT", "-1", "LEASH_TEST_TIMEOUT is \"-1\"" TIMEOUT_EXPECTED,
    is_default },
  { "test-timeout/infinite", "LEASH_TEST_TIMEOUT", "inf", "LEASH_TEST_TIMEOUT is \"inf\"" TIMEOUT_EXPECTED,
    is_default },
  { "test-timeout/point-alone", "LEASH_TEST_TIMEOUT", ".", "LEASH_TEST_TIMEOUT is \".\"" TIMEOUT_EXPECTED,
    is_default },
  { "test-timeout/two-points", "LEASH_TEST_TIMEOUT", "1.2.3",
    "LEASH_TEST_TIMEOUT is \"1.2.3\"" TIMEOUT_EXPECTED, is_default },
  { "test-grace/fraction", "LEASH_TEST_GRACE", "0.5", NULL, grace_half },
  { "test-grace/negative", "LEASH_TEST_GRACE", "-1",
    "LEASH_TEST_GRACE is \"-1\": expected a number of seconds", is_default },
  { "test-timeout/too-long", "LEASH_TEST_TIMEOUT", "99999999999",
    "LEASH_TEST_TIMEOUT is \"99999999999\"" TIMEOUT_EXPECTED, is_default },
  { "debug-root/path", "LEASH_DEBUG_ROOT", "/opt/debug", NULL, debug_root },
  { "debug-root/relative", "LEASH_DEBUG_ROOT", "debug",
    "LEASH_DEBUG_ROOT is \"debug\": expected an absolute path", is_default },
  { "serve/path", "LEASH_SERVE", "/run/%p.sock", NULL, serve_path },
  { "serve/auto", "LEASH_SERVE", "auto", NULL, serve_auto },
  { "serve/relative", "LEASH_SERVE", "run", "LEASH_SERVE is \"run\"" SERVE_EXPECTED, is_default },
  { "signal/name", "LEASH_SIGNAL", "USR2", NULL, signal_usr2 },
  { "signal/whole-name", "LEASH_SIGNAL", "SIGUSR1", NULL, signal_usr1 },
  { "signal/number", "LEASH_SIGNAL", "12", NULL, signal_usr2 },
  { "signal/real-time", "LEASH_SIGNAL", "RTMIN+3", NULL, signal_real_time },
  { "signal/past-the-last", "LEASH_SIGNAL", "RTMIN+64", "LEASH_SIGNAL is \"RTMIN+64\"" SIGNAL_EXPECTED,
    is_default },
  { "signal/with-a-meaning", "LEASH_SIGNAL", "TERM", "LEASH_SIGNAL is \"TERM\"" SIGNAL_EXPECTED, is_default },
  { "signal/number-with-a-meaning", "LEASH_SIGNAL", "15", "LEASH_SIGNAL is \"15\"" SIGNAL_EXPECTED,
    is_default },
  { "signal/number-with-prefix", "LEASH_SIGNAL", "SIG12", "LEASH_SIGNAL is \"SIG12\"" SIGNAL_EXPECTED,
    is_default },
};

static void
clear_variables (void)
{
  g_auto (GStrv) names = g_listenv ();

  for (guint i = 0; names[i] != NULL; i++)
    if (g_str_has_prefix (names[i], "LEASH_"))
      g_unsetenv (names[i]);
}

static void
try_case (const Case *tried)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (tried->is_right (leash_settings_get ()));
  g_assert_true (leash_settings_get () == leash_settings_get ());
  if (tried->message == NULL)
    {
      g_assert_true (leash_check_settings (&error));
      g_assert_no_error (error);
      return;
    }
  g_assert_false (leash_check_settings (NULL));
  g_assert_false (leash_check_settings (&error));
  g_assert_error (error, LEASH_ERROR, LEASH_ERROR_BAD_SETTING);
  g_assert_cmpstr (error->message, ==, tried->message);
}

static void
test_case (gconstpointer user_data)
{
  const Case *tried = user_data;

  if (g_test_subprocess ())
    {
      try_case (tried);
      return;
    }
  clear_variables ();
  if (tried->variable != NULL)
    g_setenv (tried->variable, tried->value, TRUE);
  g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
  clear_variables ();
  g_test_trap_assert_passed ();
}

static void
test_all_bad_ones_are_named (void)
{
  g_autoptr (GError) error = NULL;

  if (!g_test_subprocess ())
    {
      clear_variables ();
      g_setenv ("LEASH_LEVEL", "lots", TRUE);
      g_setenv ("LEASH_COLOR", "never", TRUE);
      g_setenv ("LEASH_FORMAT", "xml", TRUE);
      g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
      clear_variables ();
      g_test_trap_assert_passed ();
      return;
    }
  g_assert_false (leash_check_settings (&error));
  g_assert_cmpstr (error->message, ==,
                   "LEASH_LEVEL is \"lots\"" LEVEL_EXPECTED
                   "; LEASH_FORMAT is \"xml\": expected text or json");
  g_assert_cmpint (leash_settings_get ()->color, ==, LEASH_COLOR_NEVER);
}

static void
test_later_changes_do_not_count (void)
{
  if (!g_test_subprocess ())
    {
      clear_variables ();
      g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
      g_test_trap_assert_passed ();
      return;
    }
  g_assert_true (leash_check_settings (NULL));
  g_setenv ("LEASH_LEVEL", "lots", TRUE);
  g_assert_true (leash_check_settings (NULL));
  g_assert_true (is_default (leash_settings_get ()));
}

/* The C library's, as it is in a program with more rights than who started it. */
static gboolean has_more_rights;

char *
secure_getenv (const char *name)
{
  return has_more_rights ? NULL : getenv (name);
}

static void
test_not_read_with_more_rights (void)
{
  if (!g_test_subprocess ())
    {
      clear_variables ();
      g_setenv ("LEASH_LEVEL", "count", TRUE);
      g_setenv ("LEASH_SERVE", "/serve", TRUE);
      g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
      clear_variables ();
      g_test_trap_assert_passed ();
      return;
    }
  has_more_rights = TRUE;
  g_assert_true (is_default (leash_settings_get ()));
  g_assert_null (leash_settings_get ()->serve);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *path = g_strconcat ("/settings/", cases[i].name, NULL);

      g_test_add_data_func (path, &cases[i], test_case);
    }
  g_test_add_func ("/settings/all-bad-ones-are-named", test_all_bad_ones_are_named);
  g_test_add_func ("/settings/not-read-with-more-rights", test_not_read_with_more_rights);
  g_test_add_func ("/settings/later-changes-do-not-count", test_later_changes_do_not_count);
  return g_test_run ();
}
