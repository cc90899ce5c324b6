/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where nothing is replayed: every stack is unwound. See arch/x86_64 for what another processor needs. */
#pragma once

#include <glib.h>

#define LEASH_CAN_REPLAY FALSE

typedef struct
{
  guintptr pc;
  guintptr sp;
  guintptr fp;
} LeashRegisters;

static inline LeashRegisters
leash_registers_of_caller (void)
{
  return (LeashRegisters){ 0 };
}
