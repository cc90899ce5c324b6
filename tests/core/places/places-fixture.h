/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Loading the libraries of this folder, and calling what is in them. For test-modules.c and test-symbols.c.
 */
#pragma once

#include <dlfcn.h>
#include <glib.h>
#include <string.h>

#include "places.h"

static inline char *
places_path (const char *name)
{
  g_autofree char *file = g_strdup_printf ("lib%s.so", name);

  return g_test_build_filename (G_TEST_BUILT, "core", "places", file, NULL);
}

static inline void *
places_open (const char *path)
{
  void *library = dlopen (path, RTLD_NOW | RTLD_LOCAL);

  if (library == NULL)
    g_error ("%s", dlerror ());
  return library;
}

static __attribute__ ((noinline, unused)) void *
places_capture (void)
{
  return __builtin_return_address (0);
}

/* The address that a call in the library's function returns to. */
static inline guintptr
places_call (void *library, const char *function)
{
  void *symbol = dlsym (library, function);
  PlacesFunc func;

  g_assert_nonnull (symbol);
  memcpy (&func, &symbol, sizeof func);
  return (guintptr) func (places_capture);
}
