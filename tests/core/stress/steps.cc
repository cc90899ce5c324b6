/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Steps that throw through those within, with destructors on the way. */
#include "stress.h"

extern "C" const StressStep stress_steps_cpp[];
extern "C" const unsigned stress_steps_cpp_count;
extern "C" void stress_throw ();

namespace
{

/* Its destructor captures: the stack is that of the thrower's catcher then. */
struct Local
{
  Stress *self;

  explicit Local (Stress *of) : self (of) {}
  ~Local () { __asm__ volatile("# local"); }
};

template <int twin>
__attribute__ ((noinline)) void
catches (Stress *self)
{
  StressEscape escape;

  STRESS_ENTER (self);
  escape.outer = self->escape;
  escape.is_jump = false;
  escape.n_callers = self->n_callers;
  self->escape = &escape;
  try
    {
      stress_go_on (self);
      stress_may_escape (self);
    }
  catch (int)
    {
      self->n_callers = escape.n_callers;
      self->escape = escape.outer;
      stress_capture (self);
    }
  self->n_callers = escape.n_callers;
  self->escape = escape.outer;
  stress_may_capture (self);
  STRESS_LEAVE (self);
  __asm__ volatile("# %0" ::"i"(twin));
}

template <int twin>
__attribute__ ((noinline)) void
has_destructor (Stress *self)
{
  Local local (self);

  STRESS_ENTER (self);
  stress_go_on (self);
  stress_may_capture (self);
  stress_may_escape (self);
  STRESS_LEAVE (self);
  __asm__ volatile("# %0" ::"i"(twin));
}

}

void
stress_throw ()
{
  throw 1;
}

const StressStep stress_steps_cpp[] = { catches<0>, catches<1>, has_destructor<2>, has_destructor<3> };
const unsigned stress_steps_cpp_count = sizeof stress_steps_cpp / sizeof stress_steps_cpp[0];
