/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is known of threads. */
#include "tracker-fixture.h"

#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "leash-depot-private.h"
#include "leash-intern-private.h"
#include "leash-tracker-private.h"

static gpointer
copy_self (gpointer copy)
{
  *(LeashThread *) copy = *leash_thread_get ();
  g_assert_cmpuint (((LeashThread *) copy)->tid, ==, syscall (SYS_gettid));
  return NULL;
}

static void
test_named (void)
{
  LeashThread first, second;

  g_thread_join (g_thread_new ("a-worker", copy_self, &first));
  g_thread_join (g_thread_new ("a-worker", copy_self, &second));
  g_assert_cmpstr (leash_intern_get (first.name), ==, "a-worker");
  g_assert_cmpuint (first.name, ==, second.name);
  g_assert_cmpuint (first.shard, !=, second.shard);
  g_assert_cmpstr (leash_intern_get (leash_thread_get ()->name), ==, "main");
}

static void *
copy_nameless (void *copy)
{
  pthread_setname_np (pthread_self (), "");
  return copy_self (copy);
}

static void
test_nameless (void)
{
  LeashThread self;
  pthread_t thread;

  g_assert_cmpint (pthread_create (&thread, NULL, copy_nameless, &self), ==, 0);
  pthread_join (thread, NULL);
  g_assert_cmpstr (leash_intern_get (self.name), ==, "?");
}

static void
test_kinds (void)
{
  LeashThread *self = leash_thread_get ();
  char kind[] = "kind x";
  guint16 id = leash_thread_kind (self, kind);

  g_assert_cmpuint (leash_thread_kind (self, kind), ==, id);
  kind[5] = 'y'; /* at the same address, another */
  g_assert_cmpstr (leash_intern_get (leash_thread_kind (self, kind)), ==, "kind y");
}

static void
test_random (void)
{
  LeashThread self = { .random = 1 };
  guint n_high = 0;

  for (int i = 0; i < 10000; i++)
    n_high += leash_thread_random (&self) >> 31;
  g_assert_cmpuint (n_high, >, 4500);
  g_assert_cmpuint (n_high, <, 5500);
}

typedef struct
{
  LeashContext *ctx;
  guint32 *tids;
  gint n_done; /* atomic */
} Crowd;

#define CROWD_NAMES 7

static gpointer
open_one (gpointer data)
{
  Crowd *crowd = data;
  gint i = __atomic_fetch_add (&crowd->n_done, 1, __ATOMIC_RELAXED);

  crowd->tids[i] = (guint32) syscall (SYS_gettid);
  leash_track_fd (crowd->ctx, "crowd", i, NULL);
  return NULL;
}

static gint
count_shards (LeashTracker *tracker)
{
  gint n = 0;

  for (guint i = 0; i < LEASH_N_SHARDS; i++)
    n += tracker->shards[i] != NULL;
  return n;
}

/* Each resource has its own thread's name and id, which had no other resource. */
static void
assert_crowd (Crowd *crowd, LeashTracker *tracker)
{
  g_autoptr (LeashSnapshot) snapshot = leash_snapshot_new (tracker);

  g_assert_cmpuint (leash_snapshot_get_length (snapshot), ==, crowd->n_done);
  for (gsize i = 0; i < leash_snapshot_get_length (snapshot); i++)
    {
      const LeashResource *resource = leash_snapshot_get_resource (snapshot, i);

      g_assert_cmpuint (resource->tid, ==, crowd->tids[GPOINTER_TO_INT (resource->key)]);
      g_assert_true (g_str_has_prefix (resource->thread, "crowd-"));
    }
}

/* What is known of a thread must not stay when the thread has gone. */
static void
test_crowd (void)
{
  g_auto (Tracked) tracked = tracked_new ();
  const gint n = g_getenv ("UNDER_VALGRIND") != NULL ? 500 : g_test_slow () ? 100000 : 5000;
  g_autofree guint32 *tids = g_new0 (guint32, (gsize) n);
  Crowd crowd = { tracked.ctx, tids, 0 };
  guint16 before = 0;
  guint n_stacks = 0;

  for (gint i = 0; i < n; i++)
    {
      g_autofree char *name = g_strdup_printf ("crowd-%d", i % CROWD_NAMES);

      g_thread_join (g_thread_new (name, open_one, &crowd));
      if (i == n / 10)
        {
          before = leash_intern ("a name between");
          n_stacks = leash_depot_count ();
        }
    }
  g_assert_cmpuint (leash_intern ("a name after"), ==, before + 1);
  g_assert_cmpuint (leash_depot_count (), ==, n_stacks);
  g_assert_cmpint (count_shards (tracked.tracker), ==, LEASH_N_SHARDS);
  assert_crowd (&crowd, tracked.tracker);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/thread/has-a-name-an-id-and-a-shard", test_named);
  g_test_add_func ("/thread/without-a-name-has-a-question-mark", test_nameless);
  g_test_add_func ("/thread/remembers-kinds-by-what-they-say", test_kinds);
  g_test_add_func ("/thread/random-numbers-are-spread", test_random);
  g_test_add_func ("/thread/short-ones-leave-nothing-but-their-resources", test_crowd);
  return g_test_run ();
}
