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

/* All that is wrong is told. */
static void
test_two_flaws (Fixture *fixture, gconstpointer unused)
{
  LeashTlsConfig *client = make_config (NULL);
  g_auto (Tls) tls = { 0 };

  leash_tls_config_set_server_name (client, "other.example");
  make_certificate (
      "old", TRUE,
      "cn = \"old\"\ndns_name = \"localhost\"\n"
      "activation_date = \"2020-01-01 00:00:00\"\nexpiration_date = \"2020-02-01 00:00:00\"\n" SERVER);
  connect_as (&tls, fixture, make_config ("old"), client, TLS);
  assert_refused (&tls, fixture, G_TLS_ERROR_BAD_CERTIFICATE,
                  PIECES ("not for “other.example”; it has expired: 2020-02-01T"));
}

static void
test_signed_by_itself (Fixture *fixture, gconstpointer unused)
{
  g_auto (Tls) tls = { 0 };

  make_certificate ("alone", FALSE,
                    "cn = \"alone\"\ndns_name = \"localhost\"\nip_address = \"127.0.0.1\"\n" SERVER);
  connect_as (&tls, fixture, make_config ("alone"), make_config (NULL), TLS);
  assert_refused (&tls, fixture, G_TLS_ERROR_BAD_CERTIFICATE,
                  PIECES ("its authority is unknown: “CN=alone”"));
}

static void
test_weak_signature (Fixture *fixture, gconstpointer unused)
{
  const char *dir = the_certificates;
  g_autofree char *arguments = NULL;
  g_auto (Tls) tls = { 0 };

  make_certificate ("weak", TRUE,
                    "cn = \"weak\"\ndns_name = \"localhost\"\nip_address = \"127.0.0.1\"\n" SERVER);
  arguments = g_strdup_printf ("--generate-certificate --hash SHA1 --load-privkey %s/weak.key "
                               "--load-ca-certificate %s/ca.pem --load-ca-privkey %s/ca.key "
                               "--template %s/weak.template --outfile %s/weak.pem",
                               dir, dir, dir, dir, dir);
  run_certtool (arguments);
  connect_as (&tls, fixture, make_config ("weak"), make_config (NULL), TLS);
  assert_refused (&tls, fixture, G_TLS_ERROR_BAD_CERTIFICATE,
                  PIECES ("its signature or its key is too weak"));
}

/* GIO reads no lists of what is revoked; a database of the program's own may know. */

typedef GTlsDatabase Revoking;
typedef GTlsDatabaseClass RevokingClass;

static GType revoking_get_type (void);

G_DEFINE_FINAL_TYPE (Revoking, revoking, G_TYPE_TLS_DATABASE)

static GTlsCertificateFlags
revoking_verify (GTlsDatabase *self, GTlsCertificate *chain, const gchar *purpose,
                 GSocketConnectable *identity, GTlsInteraction *interaction, GTlsDatabaseVerifyFlags flags,
                 GCancellable *cancellable, GError **error)
{
  return G_TLS_CERTIFICATE_REVOKED;
}

static void
revoking_class_init (RevokingClass *klass)
{
  klass->verify_chain = revoking_verify;
}

static void
revoking_init (Revoking *self)
{
}

static void
test_revoked (Fixture *fixture, gconstpointer unused)
{
  LeashTlsConfig *client = make_config (NULL);
  g_autoptr (GTlsDatabase) database = g_object_new (revoking_get_type (), NULL);
  g_auto (Tls) tls = { 0 };

  leash_tls_config_set_database (client, database);
  connect_as (&tls, fixture, make_config ("good"), client, TLS);
  assert_refused (&tls, fixture, G_TLS_ERROR_BAD_CERTIFICATE, PIECES ("it has been revoked"));
}

/* The server says it of its client, which finds the connection cut. */
static void
test_client_certificate_is_refused (Fixture *fixture, gconstpointer unused)
{
  LeashTlsConfig *server = make_config ("good");
  g_auto (Tls) tls = { 0 };

  leash_tls_config_set_requires_client_certificate (server, TRUE);
  make_certificate ("stranger", FALSE, "cn = \"stranger\"\n" SERVER);
  connect_as (&tls, fixture, server, make_config ("stranger"), TLS);
  g_assert_error (tls.accept_error, G_TLS_ERROR, G_TLS_ERROR_BAD_CERTIFICATE);
  g_assert_nonnull (strstr (tls.accept_error->message, "its authority is unknown: “CN=stranger”"));
  g_assert_nonnull (tls.error);
}

/* In memory */

static char *
read_certificates (const char *first, const char *second)
{
  g_autofree char *one = NULL, *other = NULL;

  for (guint i = 0; i < 2; i++)
    {
      g_autofree char *path = certificate_path (i == 0 ? first : second);

      g_assert_true (g_file_get_contents (path, i == 0 ? &one : &other, NULL, NULL));
    }
  return g_strconcat (one, other, NULL);
}

/* Of two authorities it is the second that counts. */
static void
test_in_memory (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *mine = read_certificates ("good.pem", "good.key");
  g_autofree char *trusted = NULL;
  LeashTlsConfig *configs[2];
  g_autoptr (GTlsCertificate) shown = NULL;
  g_autoptr (GError) error = NULL;
  g_auto (Tls) tls = { 0 };

  make_certificate ("elsewhere", FALSE, "cn = \"elsewhere\"\nca\ncert_signing_key\n");
  trusted = read_certificates ("elsewhere.pem", "ca.pem");
  for (guint i = 0; i < 2; i++)
    {
      configs[i] = leash_tls_config_new ();
      g_assert_true (leash_tls_config_set_ca_pem (configs[i], trusted, -1, &error));
      g_assert_no_error (error);
      g_assert_true (leash_tls_config_set_certificate_pem (configs[i], mine, (gssize) strlen (mine), &error));
      g_assert_no_error (error);
    }
  leash_tls_config_set_requires_client_certificate (configs[0], TRUE);
  connect_as (&tls, fixture, configs[0], configs[1], TLS);
  g_assert_no_error (tls.accept_error);
  g_assert_no_error (tls.error);
  shown = leash_conn_get_tls_peer_certificate (tls.accepted);
  g_assert_nonnull (shown);
}

/* What is in memory is no more believed than what is in files. */
static void
test_in_memory_verifies (Fixture *fixture, gconstpointer unused)
{
  LeashTlsConfig *client = leash_tls_config_new ();
  g_autofree char *trusted = NULL;
  g_autoptr (GError) error = NULL;
  g_auto (Tls) tls = { 0 };

  make_certificate ("other-ca", FALSE, "cn = \"other\"\nca\ncert_signing_key\n");
  trusted = read_certificates ("other-ca.pem", "other-ca.pem");
  g_assert_true (leash_tls_config_set_ca_pem (client, trusted, -1, &error));
  connect_as (&tls, fixture, make_config ("good"), client, TLS);
  assert_refused (&tls, fixture, G_TLS_ERROR_BAD_CERTIFICATE, PIECES ("its authority is unknown"));
}

static void
assert_unreadable (GError **error, const char *first, const char *second)
{
  g_assert_error (*error, G_TLS_ERROR, G_TLS_ERROR_BAD_CERTIFICATE);
  g_assert_nonnull (strstr ((*error)->message, first));
  g_assert_nonnull (strstr ((*error)->message, second));
  g_clear_error (error);
}

static void
test_unreadable (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashTlsConfig) config = leash_tls_config_new ();
  g_autofree char *template = certificate_path ("ca.template"), *pem = certificate_path ("ca.pem");
  g_autofree char *no_key = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_false (leash_tls_config_set_ca_file (config, template, &error));
  assert_unreadable (&error, "Reading certificates from “/", "no certificate in it");
  g_assert_false (leash_tls_config_set_ca_pem (config, "nothing", -1, &error));
  assert_unreadable (&error, "Reading certificates from memory: ", "no certificate in it");
  g_assert_true (g_file_get_contents (pem, &no_key, NULL, NULL));
  g_assert_false (leash_tls_config_set_ca_pem (config, no_key, 40, &error));
  assert_unreadable (&error, "Reading certificates from memory: ", "");
  g_assert_false (leash_tls_config_set_certificate_pem (config, no_key, -1, &error));
  assert_unreadable (&error, "Reading the certificate from memory: ", "no key in it");
  g_assert_false (leash_tls_config_set_certificate_pem (config, "nothing", -1, &error));
  assert_unreadable (&error, "Reading the certificate from memory: ", "");
}

static void
add_tests (void)
{
  ADD_TLS ("/net/tls/unknown-authority", test_unknown_ca);
  ADD_TLS ("/net/tls/default-network-verifies", test_default_network_verifies);
  ADD_TLS ("/net/tls/wrong-name", test_bad_identity);
  ADD_TLS ("/net/tls/expired", test_expired);
  ADD_TLS ("/net/tls/not-yet-valid", test_not_yet_valid);
  ADD_TLS ("/net/tls/two-flaws", test_two_flaws);
  ADD_TLS ("/net/tls/signed-by-itself", test_signed_by_itself);
  ADD_TLS ("/net/tls/weak-signature", test_weak_signature);
  ADD_TLS ("/net/tls/revoked", test_revoked);
  ADD_TLS ("/net/tls/client-certificate-is-refused", test_client_certificate_is_refused);
  ADD_TLS ("/net/tls/in-memory", test_in_memory);
  ADD_TLS ("/net/tls/in-memory-verifies", test_in_memory_verifies);
  ADD_TLS ("/net/tls/unreadable", test_unreadable);
  ADD_TLS ("/net/tls/client-certificate", test_client_certificate);
  ADD_TLS ("/net/tls/no-client-certificate", test_no_client_certificate);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  return run_tls_tests (add_tests);
}
