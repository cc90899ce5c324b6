/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * TLS over any LeashNetwork, by GIO's TLS. `tls:host:port` is TLS over `tcp:host:port`; `tls+unix:/run/x` is TLS over
 * `unix:/run/x`, and so on for every scheme. LeashTlsConfig says whom to trust and what to show.
 */
#pragma once

#include <gio/gio.h>

#include <leash/leash-conn.h>

G_BEGIN_DECLS

#define LEASH_TYPE_TLS_CONFIG (leash_tls_config_get_type ())

typedef struct _LeashTlsConfig LeashTlsConfig;

LEASH_AVAILABLE_IN_0_1
GType           leash_tls_config_get_type        (void) G_GNUC_CONST;
LEASH_AVAILABLE_IN_0_1
LeashTlsConfig *leash_tls_config_new             (void) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
LeashTlsConfig *leash_tls_config_ref             (LeashTlsConfig     *config);
LEASH_AVAILABLE_IN_0_1
void            leash_tls_config_unref           (LeashTlsConfig     *config);

/* Before a network has it */
LEASH_AVAILABLE_IN_0_1
void            leash_tls_config_set_server_name (LeashTlsConfig     *config,
                                                  const char         *name);
LEASH_AVAILABLE_IN_0_1
void            leash_tls_config_set_database    (LeashTlsConfig     *config,
                                                  GTlsDatabase       *database);
LEASH_AVAILABLE_IN_0_1
gboolean        leash_tls_config_set_ca_file     (LeashTlsConfig     *config,
                                                  const char         *path,
                                                  GError            **error);
LEASH_AVAILABLE_IN_0_1
gboolean        leash_tls_config_set_ca_pem      (LeashTlsConfig     *config,
                                                  const char         *pem,
                                                  gssize              length,
                                                  GError            **error);
LEASH_AVAILABLE_IN_0_1
void            leash_tls_config_set_certificate (LeashTlsConfig     *config,
                                                  GTlsCertificate    *certificate);
LEASH_AVAILABLE_IN_0_1
gboolean        leash_tls_config_set_certificate_files (LeashTlsConfig *config,
                                                  const char         *certificate_path,
                                                  const char         *key_path,
                                                  GError            **error);
LEASH_AVAILABLE_IN_0_1
gboolean        leash_tls_config_set_certificate_pem (LeashTlsConfig *config,
                                                  const char         *pem,
                                                  gssize              length,
                                                  GError            **error);
LEASH_AVAILABLE_IN_0_1
void            leash_tls_config_set_protocols   (LeashTlsConfig     *config,
                                                  const char * const *protocols);
LEASH_AVAILABLE_IN_0_1
void            leash_tls_config_set_requires_client_certificate (LeashTlsConfig *config,
                                                  gboolean            requires_it);

/* With it */
LEASH_AVAILABLE_IN_0_1
LeashNetwork   *leash_tls_network_new            (LeashNetwork       *inner,
                                                  LeashTlsConfig     *config) G_GNUC_WARN_UNUSED_RESULT;

/* Of a connection */
LEASH_AVAILABLE_IN_0_1
char            *leash_conn_get_tls_protocol     (LeashConn          *conn) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
GTlsCertificate *leash_conn_get_tls_peer_certificate (LeashConn      *conn) G_GNUC_WARN_UNUSED_RESULT;

G_DEFINE_AUTOPTR_CLEANUP_FUNC (LeashTlsConfig, leash_tls_config_unref)

G_END_DECLS
