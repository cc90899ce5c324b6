/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Steps with frames of every kind, compiled again and again with other options and compilers. STRESS_NAME is
 * the table's name. With STRESS_PLUGIN there are only some, whose frames have STRESS_ROOM bytes: modules that
 * are loaded at each other's addresses and differ in little but that.
 */
#include "stress.h"

#include <alloca.h>
#include <string.h>

extern const StressStep STRESS_NAME[];
extern const unsigned STRESS_COUNT;

/* Two of the same code, which the compiler does not make one of. */
#define TWINS(name, attributes, ...)                                        \
  static __attribute__ ((noinline)) attributes void name##_a (Stress *self) \
  {                                                                         \
    __asm__ volatile("# " #name "_a");                                      \
    __VA_ARGS__                                                             \
  }                                                                         \
  static __attribute__ ((noinline)) attributes void name##_b (Stress *self) \
  {                                                                         \
    __asm__ volatile("# " #name "_b");                                      \
    __VA_ARGS__                                                             \
  }

#define BOTH(name) name##_a, name##_b

#define USE(pointer) __asm__ volatile("" ::"r"(pointer) : "memory")

#ifndef STRESS_ROOM
  #define STRESS_ROOM 4096
#endif

/* clang-format off */
TWINS (plain, , {
  STRESS_ENTER (self);
  stress_go_on (self);
  stress_may_capture (self);
  STRESS_LEAVE (self);
})

TWINS (big, , {
  char room[STRESS_ROOM];

  STRESS_ENTER (self);
  room[0] = room[STRESS_ROOM - 1] = 1;
  USE (room);
  stress_go_on (self);
  stress_may_capture (self);
  USE (room);
  STRESS_LEAVE (self);
})

#ifndef STRESS_PLUGIN

TWINS (before, , {
  STRESS_ENTER (self);
  stress_may_capture (self);
  stress_go_on (self);
  stress_may_escape (self);
  STRESS_LEAVE (self);
})

TWINS (with_alloca, , {
  size_t size = stress_random (self) % 8 * 48 + 16;
  char *room = alloca (size);

  STRESS_ENTER (self);
  memset (room, 1, size);
  USE (room);
  stress_go_on (self);
  stress_may_capture (self);
  STRESS_LEAVE (self);
})

TWINS (with_array, , {
  size_t size = stress_random (self) % 5 * 24 + 8;
  char room[size];

  STRESS_ENTER (self);
  memset (room, 1, size);
  USE (room);
  stress_may_capture (self);
  stress_go_on (self);
  STRESS_LEAVE (self);
})

/* Not in the stack at all where this is optimised. */
TWINS (tail, , {
  stress_go_on (self);
})

TWINS (realigned, , {
  char room[64] __attribute__ ((aligned (64)));

  STRESS_ENTER (self);
  memset (room, 1, sizeof room);
  USE (room);
  stress_go_on (self);
  stress_may_capture (self);
  STRESS_LEAVE (self);
})

TWINS (realigned_with_alloca, , {
  char room[32] __attribute__ ((aligned (128)));
  char *more = alloca (stress_random (self) % 4 * 32 + 16);

  STRESS_ENTER (self);
  memset (room, 1, sizeof room);
  more[0] = 1;
  USE (room);
  USE (more);
  stress_go_on (self);
  stress_may_capture (self);
  STRESS_LEAVE (self);
})

TWINS (realigned_at_entry, __attribute__ ((force_align_arg_pointer)), {
  char *room = alloca (stress_random (self) % 4 * 16 + 16);

  STRESS_ENTER (self);
  room[0] = 1;
  USE (room);
  stress_go_on (self);
  stress_may_capture (self);
  STRESS_LEAVE (self);
})

/* Values that are wanted after the call take all the registers that there are, rbp too where it is not needed. */
TWINS (saves_registers, , {
  uint32_t a = stress_random (self), b = stress_random (self), c = stress_random (self), d = stress_random (self);
  uint32_t e = stress_random (self), f = stress_random (self);

  STRESS_ENTER (self);
  stress_go_on (self);
  stress_may_capture (self);
  USE (a + 3 * b + 5 * c + 7 * d + 11 * e + 13 * f);
  STRESS_LEAVE (self);
})

TWINS (branches, , {
  STRESS_ENTER (self);
  stress_go_on (self);
  stress_go_on (self);
  stress_may_capture (self);
  STRESS_LEAVE (self);
})

/* From two places of one frame. */
TWINS (from_either, , {
  STRESS_ENTER (self);
  if (stress_random (self) % 2 == 0)
    {
      stress_go_on (self);
      __asm__ volatile("# one");
    }
  else
    {
      stress_go_on (self);
      __asm__ volatile("# other");
    }
  stress_may_capture (self);
  STRESS_LEAVE (self);
})

TWINS (loops, , {
  STRESS_ENTER (self);
  for (unsigned i = stress_random (self) % 4; i > 0; i--)
    stress_capture (self);
  stress_go_on (self);
  STRESS_LEAVE (self);
})

TWINS (is_interrupted, , {
  STRESS_ENTER (self);
  self->can_be_interrupted = 1;
  for (volatile unsigned i = 0; i < 1000; i++)
    ;
  self->can_be_interrupted = 0;
  stress_go_on (self);
  stress_may_capture (self);
  STRESS_LEAVE (self);
})

TWINS (is_jumped_to, , {
  StressEscape escape;

  STRESS_ENTER (self);
  escape.outer = self->escape;
  escape.is_jump = true;
  escape.n_callers = self->n_callers;
  escape.self = self;
  self->escape = &escape;
  if (_setjmp (escape.buffer) == 0)
    {
      stress_go_on (self);
      stress_may_escape (self);
    }
  self = escape.self;
  self->n_callers = escape.n_callers;
  self->escape = escape.outer;
  stress_may_capture (self);
  STRESS_LEAVE (self);
})

static __attribute__ ((noinline)) void
take_many (Stress *self, long a, long b, long c, long d, long e, long f, long g, long h)
{
  STRESS_ENTER (self);
  USE (a + b + c + d + e + f + g + h);
  stress_go_on (self);
  stress_may_capture (self);
  STRESS_LEAVE (self);
}

TWINS (gives_many, , {
  STRESS_ENTER (self);
  take_many (self, 1, 2, 3, 4, 5, 6, 7, 8);
  stress_may_capture (self);
  STRESS_LEAVE (self);
})

#endif

const StressStep STRESS_NAME[] = {
  BOTH (plain), BOTH (big),
#ifndef STRESS_PLUGIN
  BOTH (plain), BOTH (before), BOTH (with_alloca), BOTH (with_array), BOTH (tail), BOTH (saves_registers),
  BOTH (branches), BOTH (from_either), BOTH (loops), BOTH (is_interrupted), BOTH (is_jumped_to), BOTH (gives_many),
  /* STRESS_N_SLOW of them */
  BOTH (realigned), BOTH (realigned_with_alloca), BOTH (realigned_at_entry),
#endif
};
/* clang-format on */
const unsigned STRESS_COUNT = sizeof STRESS_NAME / sizeof STRESS_NAME[0];
