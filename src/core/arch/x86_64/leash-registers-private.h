/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * x86_64: the three registers that unwinding starts from, as the caller of the function that this is inlined
 * into will have them after the return. That function gets a frame pointer by it: the frame begins with the
 * caller's rbp and the return address, and the caller's rsp is above both.
 *
 * So that function must not be one whose frame the compiler aligns to more than 16 bytes while it also has
 * variable room or arguments on the stack (a local of 32 bytes' alignment and alloca(), say): gcc then copies
 * the return address to the aligned frame, and what is above the copy is not the caller's rsp. Nothing in the
 * frame tells: the word below it is the return address there too. A walk from a wrong rsp goes astray in all
 * callers that do not keep rbp, and is not recorded, as unw_backtrace() says something else; where it is
 * recorded it did not ask for rsp but to find the words, which are found by the same wrong one again.
 */
#pragma once

#include <glib.h>

#define LEASH_CAN_REPLAY TRUE

/* libunwind's numbers of the registers, where its recorder is asked for them. */
#define LEASH_REGISTER_PC UNW_X86_64_RIP
#define LEASH_REGISTER_SP UNW_X86_64_RSP
#define LEASH_REGISTER_FP UNW_X86_64_RBP

typedef struct
{
  guintptr pc;
  guintptr sp;
  guintptr fp;
} LeashRegisters;

G_ALWAYS_INLINE static inline LeashRegisters
leash_registers_of_caller (void)
{
  const guintptr *frame = __builtin_frame_address (0);

  return (LeashRegisters){ .pc = frame[1], .sp = (guintptr) (frame + 2), .fp = frame[0] };
}
