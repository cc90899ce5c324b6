/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whose certificates are accepted over TLS, and what is said of the others. */
#include "tls-fixture.h"

static void
test_unknown_ca (Fixture *fixture, gconstpointer unused)
{
  g_auto (Tls) tls = { 0 };

  connect_as (&tls, fixture, make_config ("good"), leash_tls_config_new (), TLS);
  assert_refused (&tls, fixture, G_TLS_ERROR_BAD_CERTIFICATE,
                  PIECES ("Dialling “tls:127.0.0.1:", "its authority is unknown: “CN=Test authority”"));
}

/* The system's authorities do not know the test's, by the host's own network either. */
static void
test_default_network_verifies (Fixture *fixture, gconstpointer unused)
{
  g_auto (Tls) tls = { 0 };

  begin (&tls, fixture, make_config ("good"), make_config (NULL), TLS);
  leash_context_unref (tls.client_ctx);
  tls.client_ctx = leash_context_ref (fixture->ctx);
  dial_as (&tls, leash_listener_get_address (tls.listener));
  assert_refused (&tls, fixture, G_TLS_ERROR_BAD_CERTIFICATE, PIECES ("its authority is unknown"));
}

static void
test_bad_identity (Fixture *fixture, gconstpointer unused)
{
  LeashTlsConfig *client = make_config (NULL);
  g_auto (Tls) tls = { 0 };

  leash_tls_config_set_server_name (client, "other.example");
  connect_as (&tls, fixture, make_config ("good"), client, TLS);
  assert_refused (&tls, fixture, G_TLS_ERROR_BAD_CERTIFICATE,
                  PIECES ("it is for “localhost”, “127.0.0.1”, not for “other.example”"));
}

static void
test_expired (Fixture *fixture, gconstpointer unused)
{
  g_auto (Tls) tls = { 0 };

  make_certificate (
      "expired", TRUE,
      "cn = \"expired\"\ndns_name = \"localhost\"\nip_address = \"127.0.0.1\"\n"
      "activation_date = \"2020-01-01 00:00:00\"\nexpiration_date = \"2020-02-01 00:00:00\"\n" SERVER);
  connect_as (&tls, fixture, make_config ("expired"), make_config (NULL), TLS);
  assert_refused (&tls, fixture, G_TLS_ERROR_BAD_CERTIFICATE, PIECES ("it has expired: 2020-02-01T"));
}

static void
test_not_yet_valid (Fixture *fixture, gconstpointer unused)
{
  g_auto (Tls) tls = { 0 };

  make_certificate (
      "early", TRUE,
      "cn = \"early\"\ndns_name = \"localhost\"\nip_address = \"127.0.0.1\"\n"
      "activation_date = \"2090-01-01 00:00:00\"\nexpiration_date = \"2091-01-01 00:00:00\"\n" SERVER);
  connect_as (&tls, fixture, make_config ("early"), make_config (NULL), TLS);
  assert_refused (&tls, fixture, G_TLS_ERROR_BAD_CERTIFICATE, PIECES ("it is not valid before 2090-01-01T"));
}

static void
test_client_certificate (Fixture *fixture, gconstpointer unused)
{
  LeashTlsConfig *server = make_config ("good");
  g_autoptr (GTlsCertificate) certificate = NULL;
  g_auto (Tls) tls = { 0 };

  leash_tls_config_set_requires_client_certificate (server, TRUE);
  connect_as (&tls, fixture, server, make_config ("good"), TLS);
  g_assert_no_error (tls.accept_error);
  g_assert_no_error (tls.error);
  certificate = leash_conn_get_tls_peer_certificate (tls.accepted);
  g_assert_nonnull (certificate);
}

static void
test_no_client_certificate (Fixture *fixture, gconstpointer unused)
{
  LeashTlsConfig *server = make_config ("good");
  g_auto (Tls) tls = { 0 };

  leash_tls_config_set_requires_client_certificate (server, TRUE);
  connect_as (&tls, fixture, server, make_config (NULL), TLS);
  g_assert_error (tls.accept_error, G_TLS_ERROR, G_TLS_ERROR_CERTIFICATE_REQUIRED);
  /* GIO's server closes without a word, so that all the client can tell is that. */
  g_assert_nonnull (tls.error);
}

static void
add_tests (void)
{
  ADD_TLS ("/net/tls/unknown-authority", test_unknown_ca);
  ADD_TLS ("/net/tls/default-network-verifies", test_default_network_verifies);
  ADD_TLS ("/net/tls/wrong-name", test_bad_identity);
  ADD_TLS ("/net/tls/expired", test_expired);
  ADD_TLS ("/net/tls/not-yet-valid", test_not_yet_valid);
  ADD_TLS ("/net/tls/client-certificate", test_client_certificate);
  ADD_TLS ("/net/tls/no-client-certificate", test_no_client_certificate);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  return run_tls_tests (add_tests);
}
