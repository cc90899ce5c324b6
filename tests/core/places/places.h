/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Functions to be named by the tests, compiled in every way that matters. Each calls what it is given, which
 * returns the address that it will return to, and passes that on.
 */
#pragma once

typedef void *(*PlacesCapture) (void);
typedef void *(*PlacesFunc) (PlacesCapture capture);

/* Keeps the call from becoming a jump, which would leave no frame. */
#define PLACES_RETURN(address)           \
  do                                     \
    {                                    \
      void *result = (address);          \
      __asm__ volatile("" ::: "memory"); \
      return result;                     \
    }                                    \
  while (0)
