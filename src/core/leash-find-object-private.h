/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The loader's look-up of addresses that takes no lock: glibc has it since 2.35, and others do not. */
#pragma once

#include <dlfcn.h>
#include <glib.h>

/* A module as it is mapped. */
typedef struct
{
  guintptr start, end;
  gconstpointer tables; /* its unwind tables */
  gconstpointer map;    /* the loader's own structure of it */
} LeashObject;

static inline gboolean
leash_object_is_equal (const LeashObject *a, const LeashObject *b)
{
  return a->start == b->start && a->end == b->end && a->tables == b->tables && a->map == b->map;
}

#ifdef DLFO_STRUCT_HAS_EH_DBASE

static inline gboolean
leash_object_find (guintptr address, LeashObject *ret_object)
{
  struct dl_find_object found;

  if (_dl_find_object ((void *) address, &found) != 0)
    return FALSE;
  *ret_object = (LeashObject){
    .start = (guintptr) found.dlfo_map_start,
    .end = (guintptr) found.dlfo_map_end,
    .tables = found.dlfo_eh_frame,
    .map = found.dlfo_link_map,
  };
  return TRUE;
}

#else

static inline gboolean
leash_object_find (guintptr address, LeashObject *ret_object)
{
  return FALSE;
}

#endif
