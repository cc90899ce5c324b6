/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A walk down a random tree of calls. Each step is a function of some library, built in some way, that calls the next
 * one and captures on its way; which comes next, and with what sizes, follows from the walk's random numbers alone, so
 * that the same seed gives the same stacks again. Free of GLib, for compilers that are not told where it is.
 *
 * Beside the stack, each step writes down where it was called from: those addresses must be in every stack that is
 * captured, in that order. That is what the stacks are compared with, besides what verify does.
 */
#pragma once

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C"
{
#endif

#define STRESS_LEVELS_MAX 512

/* At the end of each C table: steps whose frames unw_backtrace() steps a cursor for, a hundred times as slow. */
#define STRESS_N_SLOW 6

typedef struct _Stress Stress;
typedef struct _StressEscape StressEscape;
typedef void (*StressStep) (Stress *self);

/* A step that is gone back to without returning from those within. */
struct _StressEscape
{
  StressEscape *outer;
  bool is_jump; /* else it catches what is thrown */
  Stress *self;
  jmp_buf buffer;
  unsigned n_callers;
};

struct _Stress
{
  uint32_t (*capture) (void);
  void (*check) (Stress *self, uint32_t stack);
  void (*escape_by_throwing) (void); /* NULL where there is no C++ */
  const StressStep *steps;
  unsigned n_steps; /* those with numbers 2n and 2n + 1 are alike */

  uint32_t random;
  unsigned n_left;    /* steps that are still to come */
  unsigned mutate_at; /* at which of them another one of the same kind is taken */
  StressEscape *escape;
  volatile int can_be_interrupted; /* not inside of anything that a signal's handler must not use */

  unsigned n_callers, first_caller; /* of this stack */
  const void *callers[STRESS_LEVELS_MAX];
};

/* Marsaglia's xorshift */
static inline uint32_t
stress_random (Stress *self)
{
  uint32_t x = self->random;

  x ^= x << 13;
  x ^= x >> 17;
  x ^= x << 5;
  return self->random = x;
}

#define STRESS_ENTER(self) ((self)->callers[(self)->n_callers++] = __builtin_return_address (0))
#define STRESS_LEAVE(self) ((self)->n_callers--)

static inline void
stress_capture (Stress *self)
{
  self->check (self, self->capture ());
}

static inline void
stress_go_on (Stress *self)
{
  uint32_t which = stress_random (self) >> 8;

  if (self->n_left == 0 || self->n_callers >= STRESS_LEVELS_MAX - 8)
    return;
  which ^= self->n_left == self->mutate_at;
  self->n_left--;
  self->steps[which % self->n_steps] (self);
}

/* One time in four; and at the end of each branch some times in a row, which costs little. */
static inline void
stress_may_capture (Stress *self)
{
  unsigned n = self->n_left == 0 ? 12 : stress_random (self) % 4 == 0;

  for (unsigned i = 0; i < n; i++)
    stress_capture (self);
}

static inline void
stress_may_escape (Stress *self)
{
  if (self->escape == NULL || stress_random (self) % 8 != 0)
    return;
  if (self->escape->is_jump)
    longjmp (self->escape->buffer, 1);
  if (self->escape_by_throwing != NULL)
    self->escape_by_throwing ();
}

#ifdef __cplusplus
}
#endif
