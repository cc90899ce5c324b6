/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which element an address belongs to. */
#include "leash-span-private.h"

typedef struct
{
  LeashSpan span;
  const char *name; /* so that an element is larger than its span */
} Named;

static GArray *
make_spans (void)
{
  static const Named named[] = { { { 30, 40 }, "c" }, { { 10, 20 }, "a" }, { { 20, 25 }, "b" } };
  GArray *spans = g_array_new (FALSE, FALSE, sizeof (Named));

  g_array_append_vals (spans, named, G_N_ELEMENTS (named));
  g_array_sort (spans, leash_span_compare);
  return spans;
}

static const char *
find (GArray *spans, guint64 address)
{
  const Named *found = leash_span_find_before (spans, address);

  return found != NULL ? found->name : NULL;
}

static void
test_last_that_starts_before (void)
{
  g_autoptr (GArray) spans = make_spans ();

  g_assert_cmpstr (find (spans, 0), ==, NULL);
  g_assert_cmpstr (find (spans, 9), ==, NULL);
  g_assert_cmpstr (find (spans, 10), ==, "a");
  g_assert_cmpstr (find (spans, 19), ==, "a");
  g_assert_cmpstr (find (spans, 20), ==, "b");
  g_assert_cmpstr (find (spans, 29), ==, "b"); /* past its end, which is for the caller to see */
  g_assert_cmpstr (find (spans, 30), ==, "c");
  g_assert_cmpstr (find (spans, G_MAXUINT64), ==, "c");
}

static void
test_none (void)
{
  g_autoptr (GArray) spans = g_array_new (FALSE, FALSE, sizeof (Named));

  g_assert_null (leash_span_find_before (spans, 10));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/span/last-that-starts-before", test_last_that_starts_before);
  g_test_add_func ("/span/none", test_none);
  return g_test_run ();
}
