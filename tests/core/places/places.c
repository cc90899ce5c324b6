/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tests find lines by the words after "at:". PLACES_NAME gives other names to the same code. */
#include "places.h"

#ifndef PLACES_NAME
  #define PLACES_NAME(name) name
#endif

void *places_inlined (PlacesCapture capture);
void *places_exported (PlacesCapture capture);
void *places_hidden (PlacesCapture capture);

static inline __attribute__ ((always_inline)) void *
PLACES_NAME (innermost) (PlacesCapture capture)
{
  return capture (); /* at: innermost */
}

static inline __attribute__ ((always_inline)) void *
PLACES_NAME (middle) (PlacesCapture capture)
{
  return PLACES_NAME (innermost) (capture); /* at: middle */
}

void *
places_inlined (PlacesCapture capture)
{
  PLACES_RETURN (PLACES_NAME (middle) (capture)); /* at: inlined */
}

void *
places_exported (PlacesCapture capture)
{
  PLACES_RETURN (capture ()); /* at: exported */
}

static __attribute__ ((noinline)) void *
PLACES_NAME (hidden) (PlacesCapture capture)
{
  PLACES_RETURN (capture ()); /* at: hidden */
}

void *
places_hidden (PlacesCapture capture)
{
  PLACES_RETURN (PLACES_NAME (hidden) (capture)); /* at: calls hidden */
}
