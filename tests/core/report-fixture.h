/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A context with a tracker, and functions to see in stacks: none is inlined, none ends in a tail call. */
#pragma once

#include <leash/leash.h>

typedef struct
{
  LeashTracker *tracker;
  LeashContext *ctx;
} Fixture;

#ifdef __clang__
#define REPORT_FRAME __attribute__ ((noinline, used))
#else
#define REPORT_FRAME __attribute__ ((noinline, noclone, used))
#endif
/* After the last call of a function, so that its frame is still there during the call. */
#define REPORT_KEEP_FRAME() __asm__ volatile ("" ::: "memory")

static inline void
fixture_init (Fixture *fixture)
{
  fixture->tracker = leash_tracker_new ();
  fixture->ctx = leash_context_with_tracker (leash_context_background (), fixture->tracker);
}

static inline void
fixture_clear (Fixture *fixture)
{
  leash_tracker_end (fixture->tracker);
  leash_context_unref (fixture->ctx);
  leash_tracker_unref (fixture->tracker);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Fixture, fixture_clear)

REPORT_FRAME static LeashTag *
open_file (Fixture *fixture, const char *name)
{
  LeashTag *tag = leash_track (fixture->ctx, "file", name);

  REPORT_KEEP_FRAME ();
  return tag;
}

REPORT_FRAME static LeashTag *
load_config (Fixture *fixture, const char *name)
{
  LeashTag *tag = open_file (fixture, name);

  REPORT_KEEP_FRAME ();
  return tag;
}

/* By one and the same call. names ends with NULL. */
REPORT_FRAME static void
load_each (Fixture *fixture, const char *const *names)
{
  for (; *names != NULL; names++)
    load_config (fixture, *names);
  REPORT_KEEP_FRAME ();
}

#define load_two(fixture, first, second) load_each (fixture, (const char *const[]){ first, second, NULL })

REPORT_FRAME static LeashTag *
open_conn (Fixture *fixture, const char *name)
{
  LeashTag *tag = leash_track (fixture->ctx, "conn", name);

  REPORT_KEEP_FRAME ();
  return tag;
}

REPORT_FRAME static LeashTag *
open_child (Fixture *fixture, LeashTag *parent, const char *name)
{
  LeashTag *tag = leash_track_child (fixture->ctx, parent, "stmt", name);

  REPORT_KEEP_FRAME ();
  return tag;
}

REPORT_FRAME static void
close_tag (LeashTag *tag)
{
  leash_untrack (tag);
  REPORT_KEEP_FRAME ();
}

REPORT_FRAME static void
close_again (LeashTag *tag)
{
  leash_untrack (tag);
  REPORT_KEEP_FRAME ();
}

REPORT_FRAME static LeashTag *
take_over (Fixture *fixture, LeashTag *tag)
{
  LeashTag *adopted = leash_tag_adopt (tag, fixture->ctx);

  REPORT_KEEP_FRAME ();
  return adopted;
}

/* Two calls, so that each number makes a stack of its own. */
REPORT_FRAME static void
open_by_bits (Fixture *fixture, guint number, guint depth)
{
  if (depth == 0)
    load_config (fixture, "a.ini");
  else if ((number & 1) != 0)
    {
      __asm__ volatile ("nop"); /* what differs, lest the two calls become one */
      open_by_bits (fixture, number >> 1, depth - 1);
      __asm__ volatile ("nop");
    }
  else
    {
      __asm__ volatile ("nop; nop");
      open_by_bits (fixture, number >> 1, depth - 1);
      __asm__ volatile ("nop; nop");
    }
  REPORT_KEEP_FRAME ();
}

/* One of each thing that a report can show. */
static inline void
fixture_fill (Fixture *fixture)
{
  LeashTag *conn, *twice;

  leash_tracker_set_release_stacks (fixture->tracker, TRUE);
  load_two (fixture, "a.ini", "b.ini");
  take_over (fixture, load_config (fixture, "handed-on.ini"));
  conn = open_conn (fixture, "db");
  open_child (fixture, conn, "select 1");
  close_tag (conn);
  twice = load_config (fixture, "twice.ini");
  close_tag (twice);
  close_again (twice);
  leash_tag_keep_open (load_config (fixture, "log"));
}
