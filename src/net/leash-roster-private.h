/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LeashRoster: the connections that a listener has accepted and that are open, whatever the network. It outlives the
 * listener for as long as there are any. Each accept takes a place in it before it begins, which then is the
 * connection's, so that no more are open than the limit, and none comes after the roster was found empty.
 */
#pragma once

#include "leash-net-private.h"
#include "leash-patience-private.h"

typedef struct
{
  gint ref_count;     /* atomic */
  LeashConn *first;   /* the oldest; this and below: the lock's of all rosters */
  LeashConn *last;
  guint n_open;
  guint n_places;     /* n_open, and accepts that are under way */
  guint max;          /* of places; 0 for any number */
  guint n_waiting;
  gboolean is_closed; /* nobody waits for a place any more */
  LeashPatience patience; /* who waits; woken when anything above changes */
} LeashRoster;

LeashRoster *leash_roster_new      (void);
void         leash_roster_unref    (LeashRoster   *roster);
void         leash_roster_set_max  (LeashRoster   *roster,
                                    guint          max);
/* Ends all waits but that for the end. */
void         leash_roster_close    (LeashRoster   *roster);

/* Takes a place, waiting for one. Returns FALSE when it is closed, and when ctx is done, with the error set. */
gboolean     leash_roster_reserve  (LeashRoster   *roster,
                                    LeashContext  *ctx,
                                    GError       **error);
/* Gives the place to who was accepted, or back when conn is NULL. */
void         leash_roster_enter    (LeashRoster   *roster,
                                    LeashConn     *conn);
/* Called when the connection has been closed for good. */
void         leash_roster_leave    (LeashConn     *conn);

/* Waits for some microseconds of ctx's clock. Returns as leash_roster_reserve() does. */
gboolean     leash_roster_pause    (LeashRoster   *roster,
                                    LeashContext  *ctx,
                                    gint64         pause,
                                    GError       **error);
/* Waits until all places are free; when ctx is done before, the error says who is still open. */
gboolean     leash_roster_wait_empty (LeashRoster *roster,
                                    LeashContext  *ctx,
                                    GError       **error);
