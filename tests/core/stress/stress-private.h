/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the program's own files share: a thread's walk, and steps that are none of a library's. */
#pragma once

#include <leash/leash.h>

#include <time.h>
#include <ucontext.h>

#include "stress.h"

typedef struct
{
  guint64 n_captures, n_compared, n_hits, n_recorded, n_declined, n_flushed, n_interrupted, n_loaded;
} StressCounts;

typedef struct
{
  Stress stress;
  StressCounts counts;
  guint n_unsure; /* inside of modules that unw_backtrace() may take for what was there before */
  gboolean in_coroutine, in_signal;
  GMainContext *main_context;
  char *coroutine_stack, *signal_stack;
  ucontext_t outer, inner;
  timer_t timer;
} StressThread;

extern __thread Stress *stress_current;

void          stress_set_up          (void);
StressThread *stress_thread_new      (void);
void          stress_thread_free     (StressThread *self);
void          stress_choose_steps    (Stress       *self,
                                      gboolean      all);
void          stress_give_credit     (StressThread *self);
void          stress_check           (Stress       *self,
                                      guint32       id);
gboolean      stress_is_limited      (LeashStackId  id);
/* A place alone, or where unwinding did not get to the end. */
gboolean      stress_is_part         (LeashStackId  id);
/* The n-th of those that there are, in turn. */
void         *stress_load_plugin     (guint         n);
void          stress_unload_plugin   (void         *plugin);

static inline StressThread *
stress_get_thread (Stress *self)
{
  return (StressThread *) self;
}
