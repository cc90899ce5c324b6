/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Resources that are handed from thread to thread at random. Each is a baton: whoever holds it renames it,
 * adopts it, misuses it, closes it, or drops it into another thread's mailbox. Only the holder knows a baton,
 * so each thread can keep an exact account of what it did, and at the end the sums must be the trackers'
 * numbers: of what is open, by tracker and by kind, of what is kept, and of misuses. Meanwhile others look,
 * change levels, and make nested trackers that they drop with resources still open.
 *
 * HANDOVER_THREADS, HANDOVER_SECONDS and HANDOVER_SEED in the environment make it larger, longer, or similar
 * to an earlier run. The threads' order is not in the seed.
 */
#include "handover-batons.h"
#include "leash-tracker-private.h"

#define BATONS_PER_THREAD 16
#define PATIENCE 2 /* seconds */

/* Threads */

static gboolean
is_stopped (Arena *arena)
{
  return __atomic_load_n (&arena->stopped, __ATOMIC_ACQUIRE);
}

static gboolean
has_room (Arena *arena)
{
  return __atomic_load_n (&arena->n_batons, __ATOMIC_RELAXED) < (gint) arena->n_threads * BATONS_PER_THREAD;
}

typedef struct
{
  Self self;
  Mailbox *mailbox;
} Worker;

static gpointer
work (gpointer data)
{
  Worker *worker = data;
  Arena *arena = worker->self.arena;

  while (!is_stopped (arena))
    {
      Baton *next;

      for (Baton *baton = take_all (worker->mailbox); baton != NULL; baton = next)
        {
          next = baton->next;
          handle (&worker->self, baton);
        }
      if (has_room (arena))
        open_one (&worker->self);
      else
        g_thread_yield ();
    }
  return NULL;
}

static gpointer
look (gpointer data)
{
  Self *self = data;
  Arena *arena = self->arena;

  while (!is_stopped (arena))
    {
      LeashTracker *tracker = arena->trackers[pick (self, N_TRACKERS)].tracker;
      g_autoptr (LeashSnapshot) before = leash_snapshot_new (tracker);
      g_autoptr (LeashSnapshot) after = leash_snapshot_new (tracker);
      g_autoptr (LeashSnapshot) difference = leash_snapshot_new_difference (before, after);
      g_autofree char *report = leash_tracker_report (tracker, (LeashFormat) pick (self, 2));

      g_assert_nonnull (report);
      leash_tracker_count_open (tracker);
      leash_tracker_count_kind (tracker, kind_names[pick (self, N_KINDS)]);
      leash_tracker_count_misuses (tracker);
    }
  return NULL;
}

static void
on_event (LeashTracker *tracker, LeashEventType event, const LeashResource *resource,
          const LeashMisuse *misuse_told, gpointer n_events)
{
  __atomic_add_fetch ((gint *) n_events, 1, __ATOMIC_RELAXED);
}

static gpointer
set (gpointer data)
{
  Self *self = data;
  Arena *arena = self->arena;

  while (!is_stopped (arena))
    {
      guint which = pick (self, N_TRACKERS);
      LeashTracker *tracker = arena->trackers[which].tracker;
      guint level = which == OTHER ? pick (self, 4) : 1 + pick (self, 3);
      guint listener = leash_tracker_add_listener (tracker, on_event, &arena->n_events, NULL);

      leash_tracker_set_level (tracker, (LeashLevel) level, level == LEASH_LEVEL_SAMPLE ? 3 : 0);
      leash_tracker_set_depth (tracker, 1 + pick (self, 32));
      leash_tracker_set_release_stacks (tracker, pick (self, 3) == 0);
      leash_tracker_set_history (tracker, 4 * pick (self, 3));
      g_usleep (500);
      leash_tracker_remove_listener (tracker, listener);
      g_usleep (500);
    }
  return NULL;
}

/* Each in its turn is ended too early, opened on after its end, and dropped with something open. */
static gpointer
make_nested (gpointer data)
{
  Self *self = data;
  Arena *arena = self->arena;

  while (!is_stopped (arena))
    {
      g_auto (Tracked) passing = tracked_from (leash_tracker_new_nested (arena->trackers[OUTER].tracker));
      g_auto (Tracked) below = tracked_from (leash_tracker_new_nested (passing.tracker));

      for (guint i = 0; i < 4 && has_room (arena); i++)
        {
          Kind kind = pick (self, 2) == 0 ? PLAIN : pick (self, 2) == 0 ? POINTER : OBJECT;
          Baton *baton = open_baton (self, kind, OUTER, pick (self, 2) == 0 ? passing.ctx : below.ctx);

          baton->is_in_passing = TRUE;
          post (self, baton);
        }
      leash_tracker_end (passing.tracker);
      g_assert_null (leash_track (passing.ctx, "handover-late", NULL));
      self->n_misuses += 2;
      leash_tracker_end (below.tracker);
      g_usleep (100);
    }
  return NULL;
}

/* The end */

typedef struct
{
  gsize n_open[N_TRACKERS]; /* of the roots, with what is nested */
  gsize n_of_kind[N_KINDS];
  gsize n_kept;
} Left;

static guint
get_root (guint where)
{
  return where == OTHER ? OTHER : OUTER;
}

static void
count_left (Baton *baton, Left *left, GHashTable *families)
{
  if (baton->parent != NULL)
    left->n_open[get_root (baton->parent_where)]++;
  if (baton->family != NULL && g_hash_table_add (families, baton->family))
    left->n_open[get_root ((guint) baton->family->where)]++;
  if (baton->tag == NULL)
    return;
  if (baton->is_kept)
    {
      left->n_kept++;
      return;
    }
  left->n_open[get_root (baton->where)]++;
  left->n_of_kind[baton->kind]++;
}

static gsize
count_kind (Arena *arena, const char *kind)
{
  return leash_tracker_count_kind (arena->trackers[OUTER].tracker, kind)
         + leash_tracker_count_kind (arena->trackers[OTHER].tracker, kind);
}

static gsize
count_in_snapshots (Arena *arena)
{
  g_autoptr (LeashSnapshot) outer = leash_snapshot_new (arena->trackers[OUTER].tracker);
  g_autoptr (LeashSnapshot) other = leash_snapshot_new (arena->trackers[OTHER].tracker);

  return leash_snapshot_get_length (outer) + leash_snapshot_get_length (other);
}

static void
assert_left (Arena *arena, const Left *left)
{
  for (guint where = OUTER; where <= OTHER; where += OTHER)
    g_assert_cmpuint (leash_tracker_count_open (arena->trackers[where].tracker), ==, left->n_open[where]);
  for (guint kind = 0; kind < N_KINDS; kind++)
    g_assert_cmpuint (count_kind (arena, kind_names[kind]), ==, left->n_of_kind[kind]);
  g_assert_cmpuint (count_in_snapshots (arena), ==, left->n_open[OUTER] + left->n_open[OTHER] + left->n_kept);
}

/* Takes all batons out of the mailboxes, and compares them with what the trackers have. */
static Baton *
collect (Arena *arena)
{
  g_autoptr (GHashTable) families = g_hash_table_new (NULL, NULL);
  Left left = { 0 };
  Baton *all = NULL, *next;

  for (guint i = 0; i < arena->n_threads; i++)
    for (Baton *baton = take_all (&arena->mailboxes[i]); baton != NULL; baton = next)
      {
        next = baton->next;
        count_left (baton, &left, families);
        baton->next = all;
        all = baton;
      }
  g_test_message ("%" G_GSIZE_FORMAT " left open", left.n_open[OUTER] + left.n_open[OTHER] + left.n_kept);
  assert_left (arena, &left);
  return all;
}

static void
close_what_is_left (Self *self)
{
  Baton *next;

  for (Baton *baton = collect (self->arena); baton != NULL; baton = next)
    {
      next = baton->next;
      close_all (self, baton);
      release_again (self, baton);
      baton_free (self, baton);
    }
  g_assert_cmpint (self->arena->n_batons, ==, 0);
  assert_left (self->arena, &(Left){ 0 });
}

static guint
get_number (const char *variable, guint otherwise)
{
  const char *value = g_getenv (variable);
  guint64 number = otherwise;

  if (value != NULL && !g_ascii_string_to_unsigned (value, 10, 1, G_MAXUINT32, &number, NULL))
    g_error ("%s is \"%s\": expected a number from 1", variable, value);
  return (guint) number;
}

static void
arena_set_up (Arena *arena)
{
  arena->n_threads = get_number ("HANDOVER_THREADS", 8);
  arena->seed = get_number ("HANDOVER_SEED", g_random_int ());
  arena->mailboxes = g_new0 (Mailbox, arena->n_threads);
  arena->trackers[OUTER] = tracked_new ();
  arena->trackers[NESTED] = tracked_from (leash_tracker_new_nested (arena->trackers[OUTER].tracker));
  arena->trackers[OTHER] = tracked_new ();
  g_test_message ("HANDOVER_SEED=%u, %u threads", arena->seed, arena->n_threads);
}

static void
arena_tear_down (Arena *arena)
{
  tracked_clear (&arena->trackers[NESTED]);
  tracked_clear (&arena->trackers[OUTER]);
  tracked_clear (&arena->trackers[OTHER]);
  g_free (arena->mailboxes);
}

/* Runs until time is up; adds up what was misused. */
static void
run_threads (Arena *arena, Self *total)
{
  static const GThreadFunc others[] = { look, set, make_nested };
  g_autofree Worker *workers = g_new0 (Worker, arena->n_threads);
  g_autofree GThread **threads = g_new0 (GThread *, arena->n_threads + G_N_ELEMENTS (others));
  Self selves[G_N_ELEMENTS (others)];

  for (guint i = 0; i < arena->n_threads; i++)
    {
      workers[i] = (Worker){ .self = { arena, (arena->seed + i * 2654435761u) | 1 }, &arena->mailboxes[i] };
      threads[i] = g_thread_new ("worker", work, &workers[i]);
    }
  for (guint i = 0; i < G_N_ELEMENTS (others); i++)
    {
      selves[i] = (Self){ arena, (arena->seed - i * 2654435761u) | 1 };
      threads[arena->n_threads + i] = g_thread_new ("other", others[i], &selves[i]);
    }
  g_usleep (get_number ("HANDOVER_SECONDS", PATIENCE) * G_USEC_PER_SEC);
  __atomic_store_n (&arena->stopped, TRUE, __ATOMIC_RELEASE);
  for (guint i = 0; i < arena->n_threads + G_N_ELEMENTS (others); i++)
    {
      Self *self = i < arena->n_threads ? &workers[i].self : &selves[i - arena->n_threads];

      g_thread_join (threads[i]);
      total->n_misuses += self->n_misuses;
      total->n_closed += self->n_closed;
    }
}

static void
test_handed_over (void)
{
  Arena arena = { 0 };
  Self total = { .arena = &arena, .random = 1 };
  guint64 n_stray = leash_tag_count_stray ();

  arena_set_up (&arena);
  run_threads (&arena, &total);
  close_what_is_left (&total);
  g_test_message ("%" G_GUINT64_FORMAT " closed, %" G_GUINT64_FORMAT " misused", total.n_closed,
                  total.n_misuses);
  g_assert_cmpuint (total.n_closed, >, 0);
  /* A tag whose slot was taken again, in memory that another tracker had before, is told apart. */
  n_stray = leash_tag_count_stray () - n_stray;
  g_assert_cmpuint (leash_tracker_count_misuses (arena.trackers[OUTER].tracker)
                        + leash_tracker_count_misuses (arena.trackers[OTHER].tracker) + n_stray,
                    ==, total.n_misuses);
  arena_tear_down (&arena);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/handover/numbers-are-exact-whoever-closes", test_handed_over);
  return g_test_run ();
}
