/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Stacks made up for the purpose: the depot does not ask what an address leads to. */
#include <leash/leash.h>

#include "leash-depot-private.h"
#include "leash-settings-private.h"

#include <string.h>

#define N_MANY 100000
#define N_THREADS 8

/* Addresses as of calls some bytes apart, in one module. */
static void
fill (guintptr *frames, guint n_frames, guint number)
{
  for (guint i = 0; i < n_frames; i++)
    frames[i]
        = 0x7f0000001000 + ((guintptr) (number % 1000) << 6) + ((guintptr) (number / 1000) << 20) + i * 0x111;
}

static LeashStackId
put_deep (guint number, guint n_frames, const LeashSite *site)
{
  guintptr frames[LEASH_DEPTH_MAX];

  fill (frames, n_frames, number);
  return leash_depot_put (frames, n_frames, LEASH_STACK_LIMITED, site);
}

static LeashStackId
put_number (guint number)
{
  return put_deep (number, 16, NULL);
}

static void
test_once (void)
{
  guintptr frames[] = { 0x1001, 0x2002, 0x3003, 0x4004, 0x5005 };
  LeashStackId id = leash_depot_put (frames, 5, LEASH_STACK_LIMITED, NULL);
  guint n_stacks = leash_depot_count ();
  const LeashStack *stack = leash_depot_get (id);

  g_assert_cmpuint (id, !=, 0);
  g_assert_cmpmem (stack->frames, stack->n_frames * sizeof (guintptr), frames, sizeof frames);
  g_assert_cmpuint (leash_depot_put (frames, 5, LEASH_STACK_LIMITED, NULL), ==, id);
  g_assert_cmpuint (leash_depot_count (), ==, n_stacks);
}

/* Each differs from the first in one thing. */
static void
test_different (void)
{
  guintptr frames[] = { 0x11001, 0x12002, 0x13003, 0x14004, 0x15005 };
  LeashStackId ids[9];
  guint n = 0;

  ids[n++] = leash_depot_put (frames, 5, LEASH_STACK_LIMITED, NULL);
  ids[n++] = leash_depot_put (frames, 4, LEASH_STACK_LIMITED, NULL);
  ids[n++] = leash_depot_put (frames + 1, 4, LEASH_STACK_LIMITED, NULL);
  ids[n++] = leash_depot_put (frames, 5, LEASH_STACK_PLACE_ONLY, NULL);
  for (guint i = 0; i < 5; i++)
    {
      frames[i]++;
      ids[n++] = leash_depot_put (frames, 5, LEASH_STACK_LIMITED, NULL);
      frames[i]--;
    }
  for (guint i = 0; i < n; i++)
    for (guint j = i + 1; j < n; j++)
      g_assert_cmpuint (ids[i], !=, ids[j]);
}

static void
test_every_length (void)
{
  guintptr frames[LEASH_DEPTH_MAX];
  LeashStackId ids[LEASH_DEPTH_MAX + 1];

  fill (frames, LEASH_DEPTH_MAX, 987654);
  for (guint n = 1; n <= LEASH_DEPTH_MAX; n++)
    ids[n] = leash_depot_put (frames, n, LEASH_STACK_LIMITED, NULL);
  for (guint n = 1; n <= LEASH_DEPTH_MAX; n++)
    {
      const LeashStack *stack = leash_depot_get (ids[n]);

      g_assert_cmpmem (stack->frames, stack->n_frames * sizeof (guintptr), frames, n * sizeof (guintptr));
    }
}

/* Grows the index by each of them; chunks, too. */
static void
test_many (void)
{
  g_autofree LeashStackId *ids = g_new (LeashStackId, N_MANY);
  guint n_before = leash_depot_count ();
  guint n_differ = 0;

  for (guint i = 0; i < N_MANY; i++)
    ids[i] = put_number (i);
  g_assert_cmpuint (leash_depot_count () - n_before, ==, N_MANY);
  for (guint i = 0; i < N_MANY; i++)
    n_differ += put_number (i) != ids[i] || leash_depot_get (ids[i]) != leash_depot_get_stack (ids[i]);
  g_assert_cmpuint (n_differ, ==, 0);
  g_assert_cmpuint (leash_depot_count () - n_before, ==, N_MANY);
  g_assert_cmpuint (leash_depot_count_dropped (), ==, 0);
}

/* All put the same stacks at the same time, each in its own order. */
static gint n_waiting; /* atomic */
static LeashStackId ids_of[N_THREADS][1000];

static gpointer
put_all (gpointer number)
{
  guint self = GPOINTER_TO_UINT (number);

  g_atomic_int_inc (&n_waiting);
  while (g_atomic_int_get (&n_waiting) < N_THREADS)
    g_thread_yield ();
  for (guint i = 0; i < 1000; i++)
    {
      guint each = self % 2 == 0 ? i : 999 - i;

      ids_of[self][each] = put_deep (5000000 + each, 1 + each % 31, NULL);
    }
  return NULL;
}

static void
test_threads (void)
{
  GThread *threads[N_THREADS];
  guint n_before = leash_depot_count ();

  for (guint i = 0; i < N_THREADS; i++)
    threads[i] = g_thread_new ("puts", put_all, GUINT_TO_POINTER (i));
  for (guint i = 0; i < N_THREADS; i++)
    g_thread_join (threads[i]);
  g_assert_cmpuint (leash_depot_count () - n_before, ==, 1000);
  for (guint i = 1; i < N_THREADS; i++)
    g_assert_cmpmem (ids_of[i], sizeof ids_of[i], ids_of[0], sizeof ids_of[0]);
}

/* Each puts 4,000, of which its neighbours put the half as well, into an index that grows from nothing. */
#define N_EACH 4000

static gpointer
put_and_get (gpointer number)
{
  guint first = GPOINTER_TO_UINT (number) * N_EACH / 2;
  guint n_lost = 0;

  g_atomic_int_inc (&n_waiting);
  while (g_atomic_int_get (&n_waiting) < N_THREADS)
    g_thread_yield ();
  for (guint i = first; i < first + N_EACH; i++)
    {
      LeashStackId id = put_number (i);

      n_lost += leash_depot_get (id) == NULL || put_number (first) == 0 || put_number (i) != id;
    }
  return GUINT_TO_POINTER (n_lost);
}

static void
test_threads_grow (void)
{
  GThread *threads[N_THREADS];
  guint n_lost = 0;

  if (!g_test_subprocess ())
    {
      g_test_trap_subprocess (NULL, 0, 0);
      g_test_trap_assert_passed ();
      return;
    }
  for (guint i = 0; i < N_THREADS; i++)
    threads[i] = g_thread_new ("puts", put_and_get, GUINT_TO_POINTER (i));
  for (guint i = 0; i < N_THREADS; i++)
    n_lost += GPOINTER_TO_UINT (g_thread_join (threads[i]));
  g_assert_cmpuint (n_lost, ==, 0);
  g_assert_cmpuint (leash_depot_count (), ==, (N_THREADS + 1) * N_EACH / 2 + 1); /* one stands for none */
}

static void
test_guesses (void)
{
  guintptr frames[] = { 0x21001, 0x22002, 0x23003 };
  guintptr others[] = { 0x21001, 0x22002, 0x23004 };
  guint32 guess = 0;
  LeashStackId id = leash_depot_put_again (frames, 3, LEASH_STACK_LIMITED, NULL, &guess);

  g_assert_cmpuint (guess, ==, id);
  g_assert_cmpuint (leash_depot_put_again (frames, 3, LEASH_STACK_LIMITED, NULL, &guess), ==, id);
  g_assert_cmpuint (leash_depot_put_again (others, 3, LEASH_STACK_LIMITED, NULL, &guess), !=, id);
  g_assert_cmpuint (guess, !=, id);
  g_assert_cmpuint (leash_depot_put_again (frames, 2, LEASH_STACK_LIMITED, NULL, &guess), !=, id);
  g_assert_cmpuint (leash_depot_put_again (frames, 3, LEASH_STACK_PLACE_ONLY, NULL, &guess), !=, id);
  g_assert_cmpuint (leash_depot_put_again (frames, 3, LEASH_STACK_LIMITED, NULL, &guess), ==, id);
}

/* Any number up to well past the last id: only what was put is a stack, and it comes back as itself. */
static void
test_ids_from_outside (void)
{
  guintptr frames[16];
  LeashStackId last = put_number (6000000);
  guint n_found = 0;

  fill (frames, G_N_ELEMENTS (frames), 6000000);
  g_assert_null (leash_depot_get (0));
  g_assert_null (leash_depot_get (G_MAXUINT32));
  g_assert_null (leash_depot_get (1u << 31));
  for (LeashStackId id = last + 1; id < last + 17; id++)
    g_assert_null (leash_depot_get (id));
  for (LeashStackId id = 1; id < last + 100000; id += id < last ? 1 : 997)
    n_found += leash_depot_get (id) != NULL;
  g_assert_cmpuint (n_found, ==, leash_depot_count ());
}

static void
test_sites (void)
{
  guintptr pc = 0x31001;
  char file[] = "a.c", function[] = "f";
  LeashSite site = { file, 12, function };
  gsize n_bytes = leash_depot_get_bytes ();
  const LeashStack *stack = leash_depot_get (leash_depot_put (&pc, 1, LEASH_STACK_PLACE_ONLY, &site));
  const LeashSite *kept;

  g_assert_cmpuint (leash_depot_get_bytes () - n_bytes, >=, 24 + sizeof site + sizeof file + sizeof function);

  file[0] = 'b'; /* as when the site's module is gone */
  function[0] = 'g';
  kept = leash_depot_get_site (stack->site);
  g_assert_cmpstr (kept->file, ==, "a.c");
  g_assert_cmpuint (kept->line, ==, 12);
  g_assert_cmpstr (kept->function, ==, "f");
  pc++;
  stack = leash_depot_get (leash_depot_put (&pc, 1, LEASH_STACK_PLACE_ONLY, &(LeashSite){ "a.c", 12, "f" }));
  g_assert_true (leash_depot_get_site (stack->site) == kept);
  g_assert_null (leash_depot_get_site (0));
  g_assert_null (leash_depot_get_site (G_MAXUINT32));
}

/* Settings are read once in a process. */
static void
in_subprocess_with_limit (const char *limit)
{
  g_setenv ("LEASH_DEPOT_LIMIT", limit, TRUE);
  g_test_trap_subprocess (NULL, 0, 0);
  g_unsetenv ("LEASH_DEPOT_LIMIT");
  g_test_trap_assert_passed ();
}

/* What the depot promises for each stack. */
static gboolean
is_within_bound (gsize n_bytes, guint n_stacks, guint64 n_frames)
{
  return n_bytes <= 24 * (gsize) n_stacks + 8 * n_frames;
}

/* At every number of stacks above 200, of one depth, or of all for 0. */
static void
test_bytes (gconstpointer depth)
{
  guint64 n_frames = 0;
  guint n_above = 0;

  if (!g_test_subprocess ())
    {
      in_subprocess_with_limit ("1G");
      return;
    }
  for (guint i = 1; i <= N_MANY && n_frames < 8 * N_MANY; i++)
    {
      guint each = depth != NULL ? GPOINTER_TO_UINT (depth) : 1 + i * 7919 % LEASH_DEPTH_MAX;

      put_deep (i, each, NULL);
      n_frames += each;
      n_above += i > 200 && !is_within_bound (leash_depot_get_bytes (), i, n_frames);
    }
  g_assert_cmpuint (n_above, ==, 0);
  g_assert_cmpuint (leash_depot_get_bytes (), >, 16 * leash_depot_count () + 8 * n_frames);
}

/* A table that doubles when it is three quarters full, 8 bytes a slot, beside headers of 8 bytes: just after
 * it doubled, and with the old ones. */
static void
test_bytes_of_doubling (void)
{
  guint n = 98304 + 1;
  gsize frames = 8 * 16 * (gsize) n;

  g_assert_false (is_within_bound (frames + 8 * n + 8 * 262144, n, 16 * (guint64) n));
  g_assert_false (is_within_bound (frames + 8 * n + 2 * 8 * 131072, 98304 - 1, 16 * (guint64) n));
  g_assert_true (is_within_bound (frames + 24 * (gsize) n, n, 16 * (guint64) n));
}

/* With nothing in it but what stands for the rest. */
#define LEAST_BYTES 1048

/* Stacks of many sizes, some with sites: the index grows as well. */
static LeashStackId
put_any (guint number)
{
  g_autofree char *function = g_strdup_printf ("function_%u", number / 7);
  LeashSite site = { "a-file.c", number, function };

  return put_deep (number, 1 + number * 31 % 64, number % 7 == 0 ? &site : NULL);
}

/*
 * What is new past the limit gets the one id that stands for all of those, each time counted; what was there
 * is still found. Up to the limit all is kept.
 */
static void
test_limit (gconstpointer text)
{
  gsize limit = g_ascii_strtoull (text, NULL, 10);
  guint n_kept = 0, n_dropped = 0, n_above = 0;
  LeashStackId first_kept = 0;

  if (!g_test_subprocess ())
    {
      in_subprocess_with_limit (text);
      return;
    }
  for (guint i = 0; n_dropped < 1000; i++)
    {
      LeashStackId id = put_any (i);
      gboolean is_kept = (leash_depot_get (id)->flags & LEASH_STACK_NOT_KEPT) == 0;

      g_assert_false (is_kept && n_dropped > 0);
      first_kept = is_kept && i == 0 ? id : first_kept;
      n_kept += is_kept;
      n_dropped += !is_kept;
      n_above += leash_depot_get_bytes () > MAX (limit, LEAST_BYTES);
      g_assert_cmpuint (leash_depot_count_dropped (), ==, n_dropped);
    }
  g_assert_cmpuint (n_above, ==, 0);
  g_assert_cmpuint (leash_depot_count (), ==, n_kept + 1);
  if (limit > LEAST_BYTES)
    g_assert_cmpuint (leash_depot_get_bytes (), >, limit - 800);
  if (first_kept != 0)
    g_assert_cmpuint (put_any (0), ==, first_kept);
  for (guint i = 0; i < n_kept; i++)
    g_assert_cmphex (leash_depot_get (put_any (i))->flags & LEASH_STACK_NOT_KEPT, ==, 0);
  g_assert_cmpuint (leash_depot_count_dropped (), ==, n_dropped);
}

/* A stack is kept for all threads or for none. */
static void
test_limit_threads (void)
{
  GThread *threads[N_THREADS];
  guint n_none = 0;

  if (!g_test_subprocess ())
    {
      in_subprocess_with_limit ("70000");
      return;
    }
  for (guint i = 0; i < N_THREADS; i++)
    threads[i] = g_thread_new ("puts", put_all, GUINT_TO_POINTER (i));
  for (guint i = 0; i < N_THREADS; i++)
    g_thread_join (threads[i]);
  for (guint i = 0; i < 1000; i++)
    n_none += leash_depot_get (ids_of[0][i])->n_frames == 0;
  g_assert_cmpuint (n_none, >, 0);
  for (guint i = 1; i < N_THREADS; i++)
    g_assert_cmpmem (ids_of[i], sizeof ids_of[i], ids_of[0], sizeof ids_of[0]);
  g_assert_cmpuint (leash_depot_count_dropped (), ==, N_THREADS * n_none);
}

static void
test_limit_report (void)
{
  g_autoptr (LeashTracker) tracker = NULL;
  g_autoptr (LeashContext) ctx = NULL;
  g_autofree char *report = NULL;

  if (!g_test_subprocess ())
    {
      in_subprocess_with_limit ("0");
      return;
    }
  tracker = leash_tracker_new ();
  ctx = leash_context_with_tracker (leash_context_background (), tracker);
  for (guint i = 0; i < 7; i++)
    leash_track (ctx, "file", NULL);
  report = leash_tracker_report (tracker, LEASH_FORMAT_TEXT);
  g_assert_nonnull (strstr (report, "7 x file"));
  g_assert_nonnull (strstr (report, "(stack not kept)"));
  g_assert_nonnull (strstr (report, "note: 7 times a stack was not kept: LEASH_DEPOT_LIMIT is reached\n"));
}

int
main (int argc, char **argv)
{
  static const guint depths[] = { 1, 4, 16, 37, 127, 128 };
  static const char *const limits[]
      = { "0", "1048", "1100", "4096", "10000", "100000", "1048576", "3000000" };

  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/depot/same-stack-is-stored-once", test_once);
  g_test_add_func ("/depot/different-stacks-differ", test_different);
  g_test_add_func ("/depot/every-length", test_every_length);
  g_test_add_func ("/depot/wrong-guesses", test_guesses);
  g_test_add_func ("/depot/sites-are-copied", test_sites);
  g_test_add_func ("/depot/threads-get-one-id", test_threads);
  g_test_add_func ("/depot/ids-from-outside", test_ids_from_outside);
  g_test_add_func ("/depot/hundred-thousand", test_many);
  g_test_add_func ("/depot/threads-while-it-grows", test_threads_grow);
  for (guint i = 0; i < G_N_ELEMENTS (depths); i++)
    {
      g_autofree char *path = g_strdup_printf ("/depot/bytes/%u-frames", depths[i]);

      g_test_add_data_func (path, GUINT_TO_POINTER (depths[i]), test_bytes);
    }
  g_test_add_data_func ("/depot/bytes/all-depths", NULL, test_bytes);
  g_test_add_func ("/depot/bytes/doubling-is-seen", test_bytes_of_doubling);
  for (guint i = 0; i < G_N_ELEMENTS (limits); i++)
    {
      g_autofree char *path = g_strdup_printf ("/depot/limit/%s", limits[i]);

      g_test_add_data_func (path, limits[i], test_limit);
    }
  g_test_add_func ("/depot/limit/threads", test_limit_threads);
  g_test_add_func ("/depot/limit/the-report-counts", test_limit_report);
  return g_test_run ();
}
