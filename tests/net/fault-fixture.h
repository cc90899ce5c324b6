/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the tests of the fault network have in common. */
#pragma once

#include "net-fixture.h"

#define DB "tcp:db.example:5432"

/* A fault network over a memory network, and a context for it on a fake clock. */
typedef struct
{
  LeashNetwork *memory;
  LeashNetwork *net;
  LeashClock *clock;
  LeashContext *ctx;
} Lab;

G_GNUC_UNUSED static LeashContext *
context_of (Lab *lab, Fixture *fixture, LeashNetwork *network)
{
  g_autoptr (LeashContext) timed = leash_context_with_clock (fixture->ctx, lab->clock);

  return leash_context_with_network (timed, network);
}

static Lab
lab_new (Fixture *fixture)
{
  Lab lab = { .memory = leash_memory_network_new (), .clock = leash_clock_new_fake (0) };

  lab.net = leash_fault_network_new (lab.memory);
  lab.ctx = context_of (&lab, fixture, lab.net);
  return lab;
}

static void
lab_clear (Lab *lab)
{
  leash_context_unref (lab->ctx);
  leash_clock_unref (lab->clock);
  g_object_unref (lab->net);
  g_object_unref (lab->memory);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Lab, lab_clear)

G_GNUC_UNUSED static void
write_text (LeashConn *conn, LeashContext *ctx, const char *text)
{
  g_autoptr (GError) error = NULL;

  leash_conn_write_all (conn, ctx, text, strlen (text), NULL, &error);
  g_assert_no_error (error);
}

G_GNUC_UNUSED static void
assert_reads (LeashConn *conn, LeashContext *ctx, const char *text)
{
  g_autoptr (GError) error = NULL;
  char buffer[64] = { 0 };

  leash_conn_read_all (conn, ctx, buffer, strlen (text), NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (buffer, ==, text);
}
