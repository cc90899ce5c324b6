/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One test from begin to end: what leash-test.c makes and leash-test-ask.c asks. */
#pragma once

#include <leash/leash-snapshot.h>
#include <leash/leash-test.h>

#include "leash-census-private.h"
#include "leash-test-threads-private.h"

typedef struct
{
  LeashContext *ctx;
  LeashContext *cancel; /* what the end cancels: ctx is made from it */
  gint cancel_refs;     /* of what `cancel` cancels, while no context but these two is made from it */
  LeashTracker *tracker;
  LeashTestThreads *threads;
  LeashCensus *before;
  char *dir;           /* NULL when it could not be made */
  GError *setup_error; /* a bad setting, or no directory */
  guint64 number;      /* of the tests begun, this one's */
  gboolean is_impatient; /* what is open at the end is not waited for */
} LeashTestState;

/* What is wrong, as it is found. */
typedef struct
{
  GString *summary; /* one line; empty while nothing is wrong */
  GString *text;    /* all of it, as it is shown */
  GString *plain;   /* the same without colours */
  char *json;       /* the tracker's report, where LEASH_FORMAT asks for it; owned, else NULL */
  GString *others;  /* what the tracker does not tell, as elements of an array of JSON */
  GPtrArray *notes; /* of constant strings: what is worth a line although the test passes */
  LeashError code;  /* the gravest; LeashError lists them from the gravest down */
  gboolean color;   /* the text is for a terminal */
} LeashFindings;

void     leash_test_ask         (LeashTestState *state,
                                 LeashFindings  *findings);
/* Appends one thing that is wrong; text is a line or more, without colours. */
void     leash_test_add_finding (LeashFindings  *findings,
                                 LeashError      code,
                                 const char     *summary,
                                 const char     *text);

/* Whether another test ran at any time since this one began. */
gboolean leash_test_overlapped  (LeashTestState *state);

/* Of a test that finds less than its reader believes. Returns NULL where there is nothing to say. */
const char *leash_test_why_blind (LeashTracker  *tracker);

/* Writes lines where the test's harness wants them. */
void     leash_test_print_lines (const char     *text);

/* leash-test-dir.c: removes a directory and all in it, following no symbolic link. */
gboolean leash_test_remove_dir  (const char     *path,
                                 GError        **error);
