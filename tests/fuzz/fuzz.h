/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a fuzz target is: a function that must not crash, whatever it is given. libFuzzer calls it with what it makes
 * up; a build without calls it with each file of the corpus (standalone.c), as a test.
 */
#pragma once

#include <leash/leash.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const guint8 *bytes,
                            gsize         size);

/* Stops the run at a finding. */
#define fuzz_assert(condition)                                \
  G_STMT_START                                                \
  {                                                           \
    if (!(condition))                                         \
      g_error ("%s:%d: %s", __FILE__, __LINE__, #condition);  \
  }                                                           \
  G_STMT_END
