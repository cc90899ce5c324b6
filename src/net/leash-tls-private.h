/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* TLS in its parts. */
#pragma once

#include <leash/leash-tls.h>

#include "leash-net-private.h"

struct _LeashTlsConfig
{
  gint ref_count;               /* atomic */
  gint is_used;                 /* atomic; a network has it, and it does not change any more */
  char *server_name;            /* NULL for the address's host */
  GTlsDatabase *database;       /* owned; NULL for the system's */
  GTlsCertificate *certificate; /* owned, with its key; NULL for none */
  char **protocols;             /* owned; NULL for none */
  gboolean requires_client_certificate;
};

/* Whether an address is one of those that TLS serves. */
gboolean       leash_tls_is_address (const char      *address);
/* What the network's functions do; without a configuration, with the default one. */
LeashConn     *leash_tls_dial       (LeashNetwork    *inner,
                                     LeashTlsConfig  *config,
                                     LeashContext    *ctx,
                                     const char      *address,
                                     GError         **error);
LeashListener *leash_tls_listen     (LeashNetwork    *inner,
                                     LeashTlsConfig  *config,
                                     LeashContext    *ctx,
                                     const char      *address,
                                     GError         **error);

/* leash-tls-crowd.c: waits until one more may dial; who has joined leaves when it is done. Listeners that are there are
 * counted. */
gboolean       leash_tls_join_crowd (LeashContext    *ctx,
                                     GError         **error);
void           leash_tls_leave_crowd (void);
void           leash_tls_count_listeners (gint        change);

/*
 * TLS over inner, which is taken over. Without a server's name it is the server's side. Nothing is sent before the
 * handshake, which the first read or write makes where leash_tls_conn_shake_hands() was not called.
 */
LeashConn     *leash_tls_conn_new   (LeashConn       *inner,
                                     LeashTlsConfig  *config,
                                     const char      *server_name,
                                     const char      *local_address,
                                     const char      *remote_address,
                                     GError         **error);
gboolean       leash_tls_conn_shake_hands (LeashConn *conn,
                                     LeashContext    *ctx,
                                     GError         **error);

/* What is wrong with a certificate, in words; certificate and server_name may be NULL. */
char          *leash_tls_describe_flaws (GTlsCertificate     *certificate,
                                     GTlsCertificateFlags flaws,
                                     const char          *server_name) G_GNUC_WARN_UNUSED_RESULT;
