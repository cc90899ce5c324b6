/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A connection with TLS in its parts: see leash-tls-conn.c. */
#pragma once

#include "leash-tls-base-private.h"
#include "leash-tls-private.h"

/* What a record holds at most. */
#define LEASH_TLS_RECORD 16384u

typedef enum
{
  LEASH_TLS_NEW,
  LEASH_TLS_OPEN,
  LEASH_TLS_FAILED
} LeashTlsState;

typedef struct
{
  LeashConn *conn;     /* the connection itself, which outlives this */
  LeashConn *inner;    /* owned */
  GIOStream *base;     /* owned; what tls is over */
  GTlsConnection *tls; /* owned */
  char *server_name;   /* NULL on a server */

  LeashPatience patience; /* of who waits; not conn's: a checkout of a pool waits by its own */
  LeashLock lock;
  GThread *owners[LEASH_N_WAYS];    /* the lock's; who has the turn */
  gboolean is_wanted[LEASH_N_WAYS]; /* the lock's; somebody else wants it */
  gint state;                       /* atomic */
  GError *failure;                  /* of the handshake; does not change behind LEASH_TLS_FAILED */
  GTlsCertificate *refused;         /* the handshake's, as is flaws */
  GTlsCertificateFlags flaws;

  char *plain; /* the turn to read's, as is all of it; RECORD bytes, NULL until needed */
  gsize plain_at;
  gsize n_plain;        /* the lock's, too */
  GByteArray *pending;  /* the turn to write's; what a record that is half-written was made of; empty if none is */
  gboolean is_end_told; /* likewise; nothing is written any more */
  gint is_read_shut;    /* atomic */
  gint is_reset;        /* atomic */
} LeashTlsConn;

/* The turn of a way, which its owner can take again. Who gets it gives it back. */
gboolean leash_tls_take_turn     (LeashTlsConn  *self,
                                  LeashWay       way);
void     leash_tls_give_turn     (LeashTlsConn  *self,
                                  LeashWay       way);
/* TRUE when it is worth another try. */
gboolean leash_tls_wait_for_turn (LeashTlsConn  *self,
                                  LeashWay       way,
                                  LeashContext  *ctx,
                                  GError       **error);
/* Whether the connection below can be tried without waiting. */
gboolean leash_tls_can_wait      (LeashTlsConn  *self);
/* Gives the calls below a context. */
void     leash_tls_lend          (LeashTlsConn  *self,
                                  LeashWay       way,
                                  LeashContext  *ctx);
void     leash_tls_lend_both     (LeashTlsConn  *self,
                                  LeashContext  *ctx);

/* leash-tls-handshake.c */
GTlsConnection *leash_tls_session_new (LeashTlsConn   *self,
                                  LeashTlsConfig *config,
                                  GError        **error);
gboolean leash_tls_shake_hands   (LeashTlsConn  *self,
                                  LeashContext  *ctx,
                                  GError       **error);
/* Whether an operation can go on; else *ret_n is what it returns. */
gboolean leash_tls_is_open       (LeashTlsConn  *self,
                                  LeashContext  *ctx,
                                  gssize        *ret_n,
                                  GError       **error);

/* leash-tls-io.c: operations of the connection. */
gssize   leash_tls_read          (gpointer       impl,
                                  LeashContext  *ctx,
                                  void          *buffer,
                                  gsize          count,
                                  GError       **error);
gssize   leash_tls_write         (gpointer       impl,
                                  LeashContext  *ctx,
                                  const void    *buffer,
                                  gsize          count,
                                  GError       **error);
void     leash_tls_give_up       (gpointer       impl);
/* Says that a record is half-written; always returns FALSE. */
gboolean leash_tls_refuse_other  (GError       **error);
gboolean leash_tls_wait          (gpointer       impl,
                                  LeashContext  *ctx,
                                  GIOCondition   condition,
                                  GError       **error);
