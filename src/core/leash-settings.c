/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The settings: one table of variables, read once, when the first is needed. What they were then stays: a
 * program that changes its environment later does not change its settings, and no other thread has to be
 * feared while the environment is read but that once. An empty value is as none. A program with more rights
 * than who started it reads none: files would be appended to and sockets made by those rights.
 *
 * A bad value must neither stop the program that happens to run with it, nor be passed over: the default
 * stays, and leash_check_settings() tells. A test harness asks it; nothing is printed here.
 *
 * All functions may be called from any thread.
 */
#include "leash-settings-private.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define DEBUG_ROOT_DEFAULT "/usr/lib/debug"
#define DEPOT_LIMIT_DEFAULT ((gsize) 64 << 20)
#define TEST_TIMEOUT_DEFAULT (60 * G_TIME_SPAN_SECOND)
#define TEST_SECONDS_MAX 1e9

/* Sets its part of settings, or returns FALSE and sets nothing. value is not empty. */
typedef gboolean (*LeashSettingParser) (const char *value, LeashSettings *settings);

typedef struct
{
  const char *name;
  LeashSettingParser parse;
  const char *expected; /* completes "expected " */
} LeashSetting;

/* Written by read_settings(), under settings_once; never change afterwards. */
static LeashSettings settings = {
  .level = LEASH_LEVEL_FULL,
  .sample_every = 1,
  .depth = LEASH_DEPTH_DEFAULT,
  .color = LEASH_COLOR_AUTO,
  .format = LEASH_FORMAT_TEXT,
  .places = LEASH_PLACES_DEFAULT,
  .depot_limit = DEPOT_LIMIT_DEFAULT,
  .test_timeout_us = TEST_TIMEOUT_DEFAULT,
  .debug_root = DEBUG_ROOT_DEFAULT,
  .test_grace_us = -1,
};
static char *bad_values; /* a message, NULL when there are none */
static char *failures;   /* likewise; atomic, written once */
static char *lost;       /* likewise */
static pthread_once_t settings_once = PTHREAD_ONCE_INIT;

/* Returns the index of value in names, which ends with NULL, or -1. */
static int
find_word (const char *value, const char *const *names)
{
  for (int i = 0; names[i] != NULL; i++)
    if (strcmp (value, names[i]) == 0)
      return i;
  return -1;
}

static gboolean
parse_number (const char *value, guint64 min, guint64 max, guint64 *ret_number)
{
  return g_ascii_string_to_unsigned (value, 10, min, max, ret_number, NULL);
}

static gboolean
parse_level (const char *value, LeashSettings *into)
{
  static const char *const names[] = { "off", "count", "full", NULL };
  static const LeashLevel levels[] = { LEASH_LEVEL_OFF, LEASH_LEVEL_COUNT, LEASH_LEVEL_FULL };
  int word = find_word (value, names);
  guint64 every;

  if (word >= 0)
    {
      into->level = levels[word];
      return TRUE;
    }
  if (!g_str_has_prefix (value, "sample:")
      || !parse_number (value + strlen ("sample:"), 1, G_MAXUINT, &every))
    return FALSE;
  into->level = LEASH_LEVEL_SAMPLE;
  into->sample_every = every;
  return TRUE;
}

static gboolean
parse_depth (const char *value, LeashSettings *into)
{
  guint64 depth;

  if (!parse_number (value, 1, LEASH_DEPTH_MAX, &depth))
    return FALSE;
  into->depth = depth;
  return TRUE;
}

static gboolean
parse_capture (const char *value, LeashSettings *into)
{
  static const char *const names[] = { "auto", "unwind", "verify", NULL }; /* in LeashCaptureMode's order */
  int word = find_word (value, names);

  if (word < 0)
    return FALSE;
  into->capture = word;
  return TRUE;
}

static gboolean
parse_color (const char *value, LeashSettings *into)
{
  static const char *const names[] = { "auto", "always", "never", NULL }; /* in LeashColor's order */
  int word = find_word (value, names);

  if (word < 0)
    return FALSE;
  into->color = word;
  return TRUE;
}

static gboolean
parse_format (const char *value, LeashSettings *into)
{
  static const char *const names[] = { "text", "json", NULL }; /* in LeashFormat's order */
  int word = find_word (value, names);

  if (word < 0)
    return FALSE;
  into->format = word;
  return TRUE;
}

static gboolean
parse_output (const char *value, LeashSettings *into)
{
  into->output = g_strdup (value);
  return TRUE;
}

static gboolean
parse_frames (const char *value, LeashSettings *into)
{
  static const char *const names[] = { "user", "all", NULL };
  int word = find_word (value, names);

  if (word < 0)
    return FALSE;
  into->all_frames = word == 1;
  return TRUE;
}

static gboolean
parse_places (const char *value, LeashSettings *into)
{
  guint64 places;

  if (!parse_number (value, 0, G_MAXUINT, &places))
    return FALSE;
  into->places = places;
  return TRUE;
}

static gboolean
parse_history (const char *value, LeashSettings *into)
{
  guint64 history;

  if (!parse_number (value, 0, LEASH_HISTORY_MAX, &history))
    return FALSE;
  into->history = history;
  return TRUE;
}

static gboolean
parse_depot_limit (const char *value, LeashSettings *into)
{
  static const char units[] = "KMG";
  g_autofree char *digits = g_strdup (value);
  gsize last = strlen (digits) - 1;
  const char *unit = strchr (units, digits[last]);
  guint64 number;
  guint shift = 0;

  if (unit != NULL)
    {
      shift = 10 * (unit - units + 1);
      digits[last] = '\0';
    }
  if (!parse_number (digits, 0, G_MAXSIZE >> shift, &number))
    return FALSE;
  into->depot_limit = (gsize) number << shift;
  return TRUE;
}

static gboolean
parse_seconds (const char *value, gint64 *ret_microseconds)
{
  char *end;
  double seconds;

  /* g_ascii_strtod() would also take hexadecimal, signs, spaces and infinity. */
  if (strspn (value, "0123456789.") != strlen (value))
    return FALSE;
  seconds = g_ascii_strtod (value, &end);
  if (end == value || *end != '\0' || seconds > TEST_SECONDS_MAX)
    return FALSE;
  /* 0 has a meaning of its own, which no little number has. */
  *ret_microseconds = seconds > 0 ? MAX (1, (gint64) (seconds * G_USEC_PER_SEC + 0.5)) : 0;
  return TRUE;
}

static gboolean
parse_age_limit (const char *value, LeashSettings *into)
{
  return parse_seconds (value, &into->age_limit_us);
}

static gboolean
parse_debug_root (const char *value, LeashSettings *into)
{
  if (!g_path_is_absolute (value))
    return FALSE;
  into->debug_root = g_strdup (value);
  return TRUE;
}

static gboolean
parse_test_timeout (const char *value, LeashSettings *into)
{
  return parse_seconds (value, &into->test_timeout_us);
}

static gboolean
parse_test_grace (const char *value, LeashSettings *into)
{
  return parse_seconds (value, &into->test_grace_us);
}

static gboolean
parse_serve (const char *value, LeashSettings *into)
{
  if (strcmp (value, LEASH_SERVE_AUTO) != 0 && !g_path_is_absolute (value))
    return FALSE;
  into->serve = g_strdup (value);
  return TRUE;
}

/* "USR2", "SIGUSR2", "12", "RTMIN+3" */
static gboolean
parse_signal (const char *value, LeashSettings *into)
{
  const char *name = g_str_has_prefix (value, "SIG") ? value + strlen ("SIG") : value;
  guint64 number = 0;

  if (strcmp (name, "USR1") == 0)
    number = SIGUSR1;
  else if (strcmp (name, "USR2") == 0)
    number = SIGUSR2;
  else if (g_str_has_prefix (name, "RTMIN+") && parse_number (name + strlen ("RTMIN+"), 0, 64, &number))
    number += (guint64) SIGRTMIN;
  else if (name != value || !parse_number (value, 1, 64, &number))
    return FALSE;
  if (!leash_signal_is_free ((int) number))
    return FALSE;
  into->signum = (int) number;
  return TRUE;
}

static const LeashSetting table[] = {
  { "LEASH_LEVEL", parse_level, "off, count, sample:N or full" },
  { "LEASH_DEPTH", parse_depth, "a number of frames from 1 to " G_STRINGIFY (LEASH_DEPTH_MAX) },
  { "LEASH_CAPTURE", parse_capture, "auto, unwind or verify" },
  { "LEASH_COLOR", parse_color, "auto, always or never" },
  { "LEASH_FORMAT", parse_format, "text or json" },
  { "LEASH_OUTPUT", parse_output, "a file" },
  { "LEASH_FRAMES", parse_frames, "user or all" },
  { "LEASH_PLACES", parse_places, "a number of places, or 0 for all" },
  { "LEASH_HISTORY", parse_history,
    "a number of events up to " G_STRINGIFY (LEASH_HISTORY_MAX) ", or 0 for none" },
  { "LEASH_AGE_LIMIT", parse_age_limit, "a number of seconds, or 0 for none" },
  { "LEASH_DEPOT_LIMIT", parse_depot_limit, "a number of bytes, which K, M or G may follow" },
  { "LEASH_TEST_TIMEOUT", parse_test_timeout, "a number of seconds, or 0 for none" },
  { "LEASH_DEBUG_ROOT", parse_debug_root, "an absolute path" },
  { "LEASH_TEST_GRACE", parse_test_grace, "a number of seconds" },
  { "LEASH_SERVE", parse_serve, "an absolute path, in which %p is the process's number, or auto" },
  { "LEASH_SIGNAL", parse_signal, "USR1, USR2, RTMIN+N, or the number of one of these" },
};

/* Messages are UTF-8; the environment is anything. */
static void
add_bad (GString *bad, const LeashSetting *setting, const char *value)
{
  g_autofree char *shown = g_utf8_make_valid (value, -1);

  g_string_append_printf (bad, "%s%s is \"%s\": expected %s", bad->len > 0 ? "; " : "", setting->name, shown,
                          setting->expected);
}

static void
read_settings (void)
{
  g_autoptr (GString) bad = g_string_new (NULL);

  for (guint i = 0; i < G_N_ELEMENTS (table); i++)
    {
      const char *value = secure_getenv (table[i].name);

      if (value != NULL && *value != '\0' && !table[i].parse (value, &settings))
        add_bad (bad, &table[i], value);
    }
  if (bad->len > 0)
    bad_values = g_string_free (g_steal_pointer (&bad), FALSE);
}

const LeashSettings *
leash_settings_get (void)
{
  pthread_once (&settings_once, read_settings);
  return &settings;
}

void
leash_settings_take_failures (char *text)
{
  __atomic_store_n (&failures, text, __ATOMIC_RELEASE);
}

void
leash_settings_take_lost (char *text)
{
  char *none = NULL;

  if (!__atomic_compare_exchange_n (&lost, &none, text, FALSE, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
    g_free (text);
}

/**
 * leash_check_settings:
 * @error: return location for a #GError
 *
 * Tells whether the `LEASH_*` environment variables have values that they can have. Where one has not, its
 * default is in force; @error (%LEASH_ERROR_BAD_SETTING) names each of them, its value and what was expected.
 * What LEASH_SERVE and LEASH_SIGNAL ask for, and could not be had when the first tracker was made, is told
 * too; so is why a report could not be written that a signal or LEASH_AGE_LIMIT asked for.
 *
 * The environment is read once, by whichever function of the library first needs it, this one included.
 *
 * Returns: %TRUE if all are good or not set
 *
 * Since: 0.1
 */
gboolean
leash_check_settings (GError **error)
{
  static char **const told[] = { &bad_values, &failures, &lost };
  g_autofree char *message = NULL;
  const char *parts[G_N_ELEMENTS (told) + 1] = { NULL };
  guint n = 0;

  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  leash_settings_get ();
  for (guint i = 0; i < G_N_ELEMENTS (told); i++)
    {
      parts[n] = __atomic_load_n (told[i], __ATOMIC_ACQUIRE);
      n += parts[n] != NULL;
    }
  if (n == 0)
    return TRUE;
  message = g_strjoinv ("; ", (char **) parts);
  g_set_error_literal (error, LEASH_ERROR, LEASH_ERROR_BAD_SETTING, message);
  return FALSE;
}
