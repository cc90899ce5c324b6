/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A binary search, for what libdw and libelf only find by going through all of it. Elements may overlap, and
 * may end before the address: whoever asks knows what that means.
 */
#include "leash-span-private.h"

int
leash_span_compare (gconstpointer a, gconstpointer b)
{
  const LeashSpan *x = a, *y = b;

  return x->start < y->start ? -1 : x->start > y->start;
}

gpointer
leash_span_find_before (GArray *spans, guint64 address)
{
  gsize size = g_array_get_element_size (spans);
  guint low = 0, high = spans->len;

  while (low < high)
    {
      guint middle = low + (high - low) / 2;
      const LeashSpan *span = (gconstpointer) (spans->data + middle * size);

      if (span->start <= address)
        low = middle + 1;
      else
        high = middle;
    }
  return low > 0 ? spans->data + (low - 1) * size : NULL;
}
