/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The threads that leash_test_go() starts. */
#pragma once

#include <leash/leash-stack.h>
#include <leash/leash-test.h>

#include "leash-census-private.h"

typedef struct _LeashTestThreads LeashTestThreads;

LeashTestThreads *leash_test_threads_new     (void);
/* Threads that still run keep what they need. */
void              leash_test_threads_free    (LeashTestThreads *threads);
void              leash_test_threads_start   (LeashTestThreads *threads,
                                              LeashContext     *ctx,
                                              LeashTestFunc     func,
                                              gpointer          user_data,
                                              LeashStackId      started_at);
/* Joins all that end before end_time (monotonic, us; -1 for no limit). Returns how many still run. */
guint             leash_test_threads_wait    (LeashTestThreads *threads,
                                              gint64            end_time);
/* Appends a few lines on each that still runs: its name, its function, where it was started. */
void              leash_test_threads_describe (LeashTestThreads *threads,
                                               GString          *text);
/* Takes those that still run out of a census. */
void              leash_test_threads_forget   (LeashTestThreads *threads,
                                               LeashCensus      *census);
