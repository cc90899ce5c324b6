/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Arrays of what has a place among addresses: units, functions, symbols, each beginning with a LeashSpan. */
#pragma once

#include <glib.h>

typedef struct
{
  guint64 start;
  guint64 end; /* past the last */
} LeashSpan;

/* For g_array_sort(): by start. */
int      leash_span_compare     (gconstpointer  a,
                                 gconstpointer  b);
/* The last element of the sorted array that starts at or before address, NULL when none does. */
gpointer leash_span_find_before (GArray        *spans,
                                 guint64        address);
