/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Wire: what a test of the networks' conformance suite is written with. As Conform, whose faults it collects; what it
 * has besides are a listener, both ends of a connection, and threads that do something meanwhile.
 *
 * Nothing here waits for ever: a context with a deadline far longer than anything takes ends what hangs, as a fault.
 */
#pragma once

#include "leash-conform-private.h"

#include <leash/leash-conn.h>
#include <leash/leash-listener.h>

typedef struct
{
  Conform c;
  LeashContext *ctx; /* below that of c: ends what hangs */
  LeashNetwork *network;
  char *address;     /* to listen on */
  LeashListener *listener;
  LeashConn *one;    /* dialled */
  LeashConn *other;  /* accepted */
} Wire;

typedef struct
{
  const char *name; /* "TOPIC/WHAT-IS-SO" */
  void (*run) (Wire *wire);
  gboolean is_connected; /* the test begins with both ends */
} WireTest;

/* The tables of tests end with one that has no name. */
extern const WireTest wire_close_tests[];
extern const WireTest wire_data_tests[];
extern const WireTest wire_deadline_tests[];
extern const WireTest wire_dial_tests[];

/* An operation in a thread of its own, or not. */
typedef struct _WireJob WireJob;
struct _WireJob
{
  void (*func) (WireJob *job);
  Wire *wire;
  LeashContext *ctx;
  LeashConn *conn;   /* what to do it with */
  gsize count;       /* how many bytes, or how often; 0 for what the function has by default */
  GThread *thread;
  guint32 seed;
  guint32 checksum;  /* what came of it, once joined: of what was moved, ... */
  gsize total;       /* ... in all, ... */
  gssize n;          /* ... as of leash_conn_read(), ... */
  gpointer result;   /* ... what was opened, ... */
  GError *error;     /* ... and how it failed */
};

/* What is found wrong (leash-wire.c). Each clears the error. */
gboolean wire_ok             (Wire          *wire,
                              const char    *what,
                              gboolean       done,
                              GError       **error);
/* Expects a failure, with one of two codes of G_IO_ERROR. */
void     wire_fails_or       (Wire          *wire,
                              const char    *what,
                              gboolean       done,
                              int            code,
                              int            other,
                              GError       **error);
void     wire_fails          (Wire          *wire,
                              const char    *what,
                              gboolean       done,
                              int            code,
                              GError       **error);
void     wire_same           (Wire          *wire,
                              const char    *what,
                              gint64         expected,
                              gint64         found);
/* What the network cannot do ends the test as skipped: returns TRUE then. */
gboolean wire_is_not_supported (Wire        *wire,
                              GError       **error);

/* Opening. NULL where it failed, which is a fault then. */
LeashListener *wire_listen   (Wire          *wire,
                              const char    *address);
LeashConn     *wire_accept   (Wire          *wire,
                              LeashListener *listener);
/* Both ends of one more connection: what has a handshake needs both at once. */
gboolean wire_connect        (Wire          *wire,
                              LeashConn    **ret_one,
                              LeashConn    **ret_other);
void     wire_close          (Wire          *wire,
                              LeashConn     *conn);

/* Moving data */
void     wire_write          (Wire          *wire,
                              LeashConn     *conn,
                              const char    *text);
/* Reads as many bytes as the text has, which they are. */
void     wire_read           (Wire          *wire,
                              LeashConn     *conn,
                              const char    *text);
/* Reads the end of the data. */
void     wire_read_end       (Wire          *wire,
                              LeashConn     *conn);
/* Stops writing. FALSE where the network cannot; the test is skipped then. */
gboolean wire_half_close     (Wire          *wire,
                              LeashConn     *conn);

/* Threads. What they do fails into the job, not as a fault. */
void     wire_start          (WireJob       *job);
/* As wire_start(), and returns when the thread most likely waits. */
void     wire_start_waiting  (WireJob       *job);
void     wire_join           (WireJob       *job);
void     wire_do_read        (WireJob       *job); /* once */
void     wire_do_write       (WireJob       *job); /* until it fails */
void     wire_do_accept      (WireJob       *job);
void     wire_do_dial        (WireJob       *job); /* the listener's address */
/* Writes count bytes of a pattern in pieces of random length, and reads until the end. Both make a checksum. */
void     wire_do_send        (WireJob       *job);
void     wire_do_receive     (WireJob       *job); /* count bytes, or until the end where it is 0 */
/* Writes back what it reads until the end, and stops writing where that can be done. */
void     wire_do_echo        (WireJob       *job);

gint64   wire_now            (void);
#define WIRE_SOON (20 * G_TIME_SPAN_MILLISECOND)
