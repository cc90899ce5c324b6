/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The LEASH_* environment variables, read once. A bad value is kept as an error for leash_check_settings(). */
#pragma once

#include <leash/leash-tracker.h>
#include <signal.h>

#include "leash-history-private.h"

#define LEASH_DEPTH_DEFAULT 32
#define LEASH_DEPTH_MAX 128
#define LEASH_PLACES_DEFAULT 50
#define LEASH_SERVE_AUTO "auto"

typedef enum
{
  LEASH_COLOR_AUTO,
  LEASH_COLOR_ALWAYS,
  LEASH_COLOR_NEVER
} LeashColor;

typedef enum
{
  LEASH_CAPTURE_AUTO,      /* replay stacks that are known, unwind the others */
  LEASH_CAPTURE_UNWIND,    /* unwind all */
  LEASH_CAPTURE_VERIFY     /* replay, and compare with unwinding each time */
} LeashCaptureMode;

typedef struct
{
  LeashLevel level;        /* LEASH_LEVEL=off|count|sample:N|full */
  guint sample_every;      /* N of sample:N */
  guint depth;             /* LEASH_DEPTH: frames, 1 to LEASH_DEPTH_MAX */
  LeashCaptureMode capture; /* LEASH_CAPTURE=auto|unwind|verify */
  LeashColor color;        /* LEASH_COLOR=auto|always|never */
  LeashFormat format;      /* LEASH_FORMAT=text|json */
  const char *output;      /* LEASH_OUTPUT: a file to append reports to, NULL for standard error */
  gboolean all_frames;     /* LEASH_FRAMES=user|all */
  guint places;            /* LEASH_PLACES: places in a text report, 0 for all */
  guint history;           /* LEASH_HISTORY: events that a resource keeps, 0 for none */
  gint64 age_limit_us;     /* LEASH_AGE_LIMIT: seconds, fractions allowed; 0 for none */
  gsize depot_limit;       /* LEASH_DEPOT_LIMIT: bytes of stored stacks; K, M and G may follow */
  gint64 test_timeout_us;  /* LEASH_TEST_TIMEOUT: seconds, fractions allowed; 0 for none */
  const char *debug_root;  /* LEASH_DEBUG_ROOT: where separate debug files are, /usr/lib/debug */
  gint64 test_grace_us;    /* LEASH_TEST_GRACE: likewise; -1 where it is not set */
  const char *serve;       /* LEASH_SERVE: a path with %p for the process's number, or auto; NULL for none */
  int signum;              /* LEASH_SIGNAL: that reports are written on, 0 for none */
} LeashSettings;

const LeashSettings *leash_settings_get (void);
/* For leash_check_settings(): what good values asked for could not be had, or NULL. Once. */
void leash_settings_take_failures (char *text);
/* Likewise: why a report could not be written that nobody waits for. The first is kept. */
void leash_settings_take_lost (char *text);

/* Whether a signal has no meaning but what a program gives it. */
static inline gboolean
leash_signal_is_free (int signum)
{
  return signum == SIGUSR1 || signum == SIGUSR2 || (signum >= SIGRTMIN && signum <= SIGRTMAX);
}
