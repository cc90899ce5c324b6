/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reports where very many resources are open: what is not listed is counted. */
#include <leash/leash.h>

#include "leash-crowd-private.h"
#include "leash-snapshot-private.h"

#include <string.h>

typedef struct
{
  LeashTracker *tracker;
  LeashContext *ctx;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer user_data)
{
  fixture->tracker = leash_tracker_new ();
  fixture->ctx = leash_context_with_tracker (leash_context_background (), fixture->tracker);
}

static void
tear_down (Fixture *fixture, gconstpointer user_data)
{
  leash_context_unref (fixture->ctx);
  leash_tracker_unref (fixture->tracker);
}

static void
open_many (LeashContext *ctx, guint n)
{
  for (guint i = 0; i < n; i++)
    {
      char name[16];

      g_snprintf (name, sizeof name, "n%u", i);
      leash_track (ctx, "file", name);
    }
}

/* Not by strstr(): sanitizers look at all of the text in each call. */
static guint
count_text (const char *text, const char *word)
{
  gsize length = strlen (word);
  guint n = 0;

  for (const char *p = text; *p != '\0'; p++)
    n += *p == *word && strncmp (p, word, length) == 0;
  return n;
}

static void
test_all_are_counted (Fixture *fixture, gconstpointer user_data)
{
  g_autofree char *text = NULL;
  g_autofree char *json = NULL;
  g_autoptr (GError) error = NULL;

  leash_track (fixture->ctx, "conn", "a");
  open_many (fixture->ctx, LEASH_CROWD_ALL);
  text = leash_tracker_report (fixture->tracker, LEASH_FORMAT_TEXT);
  json = leash_tracker_report (fixture->tracker, LEASH_FORMAT_JSON);
  g_assert_nonnull (strstr (text, "leash: 100001 resources still open, from 2 places\n"));
  g_assert_nonnull (strstr (text, "100000 x file \"n0\", \"n1\", \"n2\" and 99997 more, opened "));
  g_assert_nonnull (strstr (text, "1 x conn \"a\", opened "));
  g_assert_nonnull (strstr (json, "\"open\":100001,\"kept\":0,"));
  g_assert_nonnull (strstr (json, "\"count\":100000,\"estimate\":100000,"));
  g_assert_cmpuint (count_text (json, "{\"name\":"), ==, LEASH_CROWD_LISTED + 1);
  g_assert_false (leash_tracker_check (fixture->tracker, &error));
  g_assert_nonnull (strstr (error->message, "100001 resources still open, from 2 places: 100000 x file"));
}

/* What becomes overdue is told of in the same way. */
static void
test_overdue_are_counted (Fixture *fixture, gconstpointer user_data)
{
  g_autoptr (LeashSnapshot) all = NULL, overdue = NULL;
  g_autofree char *text = NULL;

  open_many (fixture->ctx, LEASH_CROWD_ALL + 1);
  all = leash_snapshot_new (fixture->tracker);
  overdue = leash_snapshot_new_overdue (fixture->tracker, G_USEC_PER_SEC);
  for (gsize i = 0; i < leash_snapshot_get_length (all); i++)
    leash_snapshot_add_or_count (overdue, leash_snapshot_get_resource (all, i));
  text = leash_snapshot_report (overdue, LEASH_FORMAT_TEXT, LEASH_REPORT_NONE, 0);
  g_assert_nonnull (strstr (text, "leash: 100001 resources open for longer than 1.0 s, from 1 place\n"));
  g_assert_nonnull (strstr (text, "100001 x file \"n0\", \"n1\", \"n2\" and 99998 more, opened "));
  g_assert_cmpuint (leash_snapshot_get_length (overdue), <=, LEASH_CROWD_LISTED + 1);
}

/* One less. */
static void
test_all_are_listed (Fixture *fixture, gconstpointer user_data)
{
  g_autofree char *json = NULL;

  open_many (fixture->ctx, LEASH_CROWD_ALL);
  json = leash_tracker_report (fixture->tracker, LEASH_FORMAT_JSON);
  g_assert_cmpuint (count_text (json, "{\"name\":"), ==, LEASH_CROWD_ALL);
}

/* What is meant to stay open, and what has a parent. */
static void
test_apart (Fixture *fixture, gconstpointer user_data)
{
  LeashTag *parent = leash_track (fixture->ctx, "conn", "a");
  g_autofree char *text = NULL;
  g_autofree char *json = NULL;

  for (guint i = 0; i < LEASH_CROWD_ALL; i++)
    leash_tag_keep_open (leash_track (fixture->ctx, "file", NULL));
  for (guint i = 0; i < 2 * LEASH_CROWD_LISTED; i++)
    leash_track_child (fixture->ctx, parent, "stmt", NULL);
  text = leash_tracker_report (fixture->tracker, LEASH_FORMAT_TEXT);
  json = leash_tracker_report (fixture->tracker, LEASH_FORMAT_JSON);
  g_assert_nonnull (strstr (text, "leash: 201 resources still open, from 2 places\n"));
  g_assert_nonnull (
      strstr (text, "\n100000 resources are meant to stay open\n    100000 x file, opened by "));
  g_assert_nonnull (strstr (json, "\"open\":201,\"kept\":100000,"));
  g_assert_cmpuint (count_text (json, "\"parent_name\":\"a\""), ==, 2 * LEASH_CROWD_LISTED);
}

/* A snapshot that a program takes has them all. */
static void
test_snapshot_has_all (Fixture *fixture, gconstpointer user_data)
{
  g_autoptr (LeashSnapshot) snapshot = NULL;

  open_many (fixture->ctx, LEASH_CROWD_ALL + 1);
  snapshot = leash_snapshot_new (fixture->tracker);
  g_assert_cmpuint (leash_snapshot_get_length (snapshot), ==, LEASH_CROWD_ALL + 1);
}

/* The worst order: each is older than all before; three threads. */
static void
test_oldest_first_newest (void)
{
  static const char *const threads[] = { "a", "b", "c" };
  g_autoptr (GHashTable) crowds = leash_crowds_new ();
  LeashResource listed[LEASH_CROWD_LISTED + G_N_ELEMENTS (threads)];
  LeashResource resource = { .kind = "file", .stack = 1 };
  guint n_listed = 0, index, oldest = 0;
  const LeashCrowd *crowd;

  for (guint i = 0; i < 1000; i++)
    {
      resource.opened_at = 1000 - i;
      resource.thread = threads[i < 500 ? 0 : i % G_N_ELEMENTS (threads)];
      if (!leash_crowds_list (crowds, &resource, n_listed, &index))
        continue;
      g_assert_cmpuint (index, <=, n_listed);
      g_assert_cmpuint (index, <, G_N_ELEMENTS (listed));
      n_listed += index == n_listed;
      listed[index] = resource;
    }
  crowd = g_hash_table_lookup (crowds, &resource);
  g_assert_cmpuint (n_listed, ==, LEASH_CROWD_LISTED + 2);
  g_assert_cmpuint (crowd->n_left_out, ==, 1000 - n_listed);
  g_assert_cmpint (crowd->newest_at, ==, 1000);
  for (guint i = 0; i < n_listed; i++)
    oldest += listed[i].opened_at == 1;
  g_assert_cmpuint (oldest, ==, 1);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    {
      guint n = 0;

      for (guint k = 0; k < n_listed; k++)
        n += listed[k].thread == threads[i];
      g_assert_cmpuint (n, >, 0);
    }
}

/* Each is closed once, in no order. */
static void
test_million (Fixture *fixture, gconstpointer user_data)
{
  guint n = g_getenv ("UNDER_VALGRIND") != NULL ? 10007 : 1000003; /* primes */
  g_autofree LeashTag **tags = g_new (LeashTag *, n);

  for (guint i = 0; i < n; i++)
    tags[i] = leash_track (fixture->ctx, "file", NULL);
  g_assert_cmpuint (leash_tracker_count_open (fixture->tracker), ==, n);
  for (guint i = 0; i < n; i++)
    leash_untrack (tags[(guint64) i * 7919 % n]);
  g_assert_cmpuint (leash_tracker_count_open (fixture->tracker), ==, 0);
  g_assert_true (leash_tracker_check (fixture->tracker, NULL));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/crowd/all-are-counted", Fixture, NULL, set_up, test_all_are_counted, tear_down);
  g_test_add ("/crowd/overdue-are-counted", Fixture, NULL, set_up, test_overdue_are_counted, tear_down);
  g_test_add ("/crowd/up-to-the-limit-all-are-listed", Fixture, NULL, set_up, test_all_are_listed, tear_down);
  g_test_add ("/crowd/kept-and-children-are-told-apart", Fixture, NULL, set_up, test_apart, tear_down);
  g_test_add ("/crowd/snapshots-have-all", Fixture, NULL, set_up, test_snapshot_has_all, tear_down);
  g_test_add_func ("/crowd/the-oldest-and-each-thread-are-listed", test_oldest_first_newest);
  g_test_add ("/crowd/a-million-closed-in-no-order", Fixture, NULL, set_up, test_million, tear_down);
  return g_test_run ();
}
