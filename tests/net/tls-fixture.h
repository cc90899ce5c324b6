/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Certificates of the tests' own, made when they run by GnuTLS's certtool, and TLS networks that know them. */
#pragma once

#include "net-fixture.h"

#include <glib/gstdio.h>

static char *the_certificates; /* the directory; NULL before the first is made */

G_GNUC_UNUSED static char *
certificate_path (const char *name)
{
  return g_build_filename (the_certificates, name, NULL);
}

G_GNUC_UNUSED static void
run_certtool (const char *arguments)
{
  g_autofree char *command = g_strdup_printf ("certtool %s", arguments);
  g_autofree char *errors = NULL;
  g_autoptr (GError) error = NULL;
  int status;

  g_assert_true (g_spawn_command_line_sync (command, NULL, &errors, &status, &error));
  g_assert_no_error (error);
  if (status != 0)
    g_error ("%s: %s", command, errors);
}

/* Makes NAME.pem and NAME.key, signed by the authority "ca", or by itself. lines are certtool's template. */
G_GNUC_UNUSED static void
make_certificate (const char *name, gboolean is_signed, const char *lines)
{
  const char *dir = the_certificates;
  g_autofree char *path = g_strdup_printf ("%s/%s.template", dir, name);
  g_autofree char *key = g_strdup_printf ("--generate-privkey --key-type=ecdsa --curve=secp256r1 --outfile %s/%s.key", dir, name);
  g_autofree char *arguments = NULL;

  g_assert_true (g_file_set_contents (path, lines, -1, NULL));
  run_certtool (key);
  if (is_signed)
    arguments = g_strdup_printf ("--generate-certificate --load-privkey %s/%s.key --load-ca-certificate %s/ca.pem "
                                 "--load-ca-privkey %s/ca.key --template %s --outfile %s/%s.pem",
                                 dir, name, dir, dir, path, dir, name);
  else
    arguments = g_strdup_printf ("--generate-self-signed --load-privkey %s/%s.key --template %s --outfile %s/%s.pem", dir,
                                 name, path, dir, name);
  run_certtool (arguments);
}

#define SERVER "tls_www_server\ntls_www_client\nsigning_key\n"

G_GNUC_UNUSED static void
make_certificates (void)
{
  the_certificates = g_dir_make_tmp ("leash-tls-XXXXXX", NULL);
  g_assert_nonnull (the_certificates);
  make_certificate ("ca", FALSE, "cn = \"Test authority\"\nca\ncert_signing_key\nexpiration_days = 100\n");
  make_certificate ("good", TRUE,
                    "cn = \"good\"\ndns_name = \"localhost\"\nip_address = \"127.0.0.1\"\nexpiration_days = 99\n" SERVER);
}

G_GNUC_UNUSED static void
remove_certificates (void)
{
  remove_tree (the_certificates);
  g_clear_pointer (&the_certificates, g_free);
}

/* Why there is no TLS to test, NULL when there is. */
G_GNUC_UNUSED static const char *
why_no_tls (void)
{
  g_autofree char *certtool = g_find_program_in_path ("certtool");

  if (!g_tls_backend_supports_tls (g_tls_backend_get_default ()))
    return "GIO has no TLS here (glib-networking)";
  return certtool != NULL ? NULL : "there is no certtool to make certificates with (gnutls-bin)";
}

/* What both ends use: trusts the test's authority, shows a certificate of that name, or none. */
G_GNUC_UNUSED static LeashTlsConfig *
make_config (const char *certificate)
{
  LeashTlsConfig *config = leash_tls_config_new ();
  g_autofree char *ca = certificate_path ("ca.pem");
  g_autoptr (GError) error = NULL;

  g_assert_true (leash_tls_config_set_ca_file (config, ca, &error));
  g_assert_no_error (error);
  if (certificate != NULL)
    {
      g_autofree char *pem = g_strdup_printf ("%s/%s.pem", the_certificates, certificate);
      g_autofree char *key = g_strdup_printf ("%s/%s.key", the_certificates, certificate);

      g_assert_true (leash_tls_config_set_certificate_files (config, pem, key, &error));
      g_assert_no_error (error);
    }
  return config;
}

G_GNUC_UNUSED static LeashNetwork *
make_tls_network (LeashTlsConfig *config)
{
  g_autoptr (LeashNetwork) host = leash_host_network_new ();

  return leash_tls_network_new (host, config);
}

#define TLS "tls:127.0.0.1:0"
/* What servers begin with; long enough to be seen not to be TLS. */
#define GREETING "welcome to the server"

/* Both ends, and their networks. */
typedef struct
{
  LeashNetwork *server;
  LeashNetwork *client;
  LeashContext *server_ctx;
  LeashContext *client_ctx;
  LeashListener *listener;
  LeashConn *accepted;
  LeashConn *dialled;
  GError *error;        /* of the dialling */
  GError *accept_error; /* of the server's first operation */
} Tls;

G_GNUC_UNUSED static void
tls_clear (Tls *tls)
{
  g_clear_pointer (&tls->dialled, leash_conn_unref);
  g_clear_pointer (&tls->accepted, leash_conn_unref);
  g_clear_pointer (&tls->listener, leash_listener_unref);
  g_clear_pointer (&tls->client_ctx, leash_context_unref);
  g_clear_pointer (&tls->server_ctx, leash_context_unref);
  g_clear_object (&tls->client);
  g_clear_object (&tls->server);
  g_clear_error (&tls->error);
  g_clear_error (&tls->accept_error);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Tls, tls_clear)

/* Accepts, and greets: with that the handshake is done. */
G_GNUC_UNUSED static gpointer
serve (gpointer data)
{
  Tls *tls = data;

  tls->accepted = accept_one (tls->listener, tls->server_ctx);
  leash_conn_write_all (tls->accepted, tls->server_ctx, GREETING, sizeof GREETING, NULL, &tls->accept_error);
  return NULL;
}

/* Takes the configurations over. */
G_GNUC_UNUSED static void
begin (Tls *tls, Fixture *fixture, LeashTlsConfig *server, LeashTlsConfig *client, const char *address)
{
  tls->server = make_tls_network (server);
  tls->client = make_tls_network (client);
  leash_tls_config_unref (server);
  leash_tls_config_unref (client);
  tls->server_ctx = leash_context_with_network (fixture->ctx, tls->server);
  tls->client_ctx = leash_context_with_network (fixture->ctx, tls->client);
  tls->listener = start_listening (tls->server_ctx, address);
}

G_GNUC_UNUSED static void
dial_as (Tls *tls, const char *address)
{
  GThread *thread = g_thread_new ("server", serve, tls);
  char greeting[sizeof GREETING];

  tls->dialled = leash_dial (tls->client_ctx, address, &tls->error);
  /* A refusal of the client's certificate comes with the first read. */
  if (tls->dialled != NULL)
    leash_conn_read_all (tls->dialled, tls->client_ctx, greeting, sizeof greeting, NULL, &tls->error);
  g_thread_join (thread);
}

G_GNUC_UNUSED static void
connect_as (Tls *tls, Fixture *fixture, LeashTlsConfig *server, LeashTlsConfig *client, const char *address)
{
  begin (tls, fixture, server, client, address);
  dial_as (tls, leash_listener_get_address (tls->listener));
}

G_GNUC_UNUSED static void
connect_well (Tls *tls, Fixture *fixture)
{
  connect_as (tls, fixture, make_config ("good"), make_config (NULL), TLS);
  g_assert_no_error (tls->error);
  g_assert_no_error (tls->accept_error);
  if (leash_has_tracking ())
    g_assert_cmpuint (leash_tracker_count_open (fixture->tracker), ==, 3);
}

/* The dialling failed with a code of G_TLS_ERROR, and its message has every piece; nothing is left of it. */
G_GNUC_UNUSED static void
assert_refused (Tls *tls, Fixture *fixture, int code, const char *const *pieces)
{
  g_assert_error (tls->error, G_TLS_ERROR, code);
  for (; *pieces != NULL; pieces++)
    if (strstr (tls->error->message, *pieces) == NULL)
      g_error ("“%s” is not in “%s”", *pieces, tls->error->message);
  g_clear_pointer (&tls->accepted, leash_conn_unref);
  g_clear_pointer (&tls->dialled, leash_conn_unref);
  g_clear_pointer (&tls->listener, leash_listener_unref);
  g_assert_cmpuint (leash_tracker_count_open (fixture->tracker), ==, 0);
}

#define PIECES(...) ((const char *const[]){ __VA_ARGS__, NULL })

G_GNUC_UNUSED static void
echo_once (Tls *tls)
{
  g_autoptr (GError) error = NULL;
  char buffer[4];

  g_assert_true (leash_conn_write_all (tls->dialled, tls->client_ctx, "ping", 4, NULL, &error));
  g_assert_no_error (error);
  g_assert_true (leash_conn_read_all (tls->accepted, tls->server_ctx, buffer, 4, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpmem (buffer, 4, "ping", 4);
  g_assert_true (leash_conn_write_all (tls->accepted, tls->server_ctx, "pong", 4, NULL, &error));
  g_assert_true (leash_conn_read_all (tls->dialled, tls->client_ctx, buffer, 4, NULL, &error));
  g_assert_cmpmem (buffer, 4, "pong", 4);
}

G_GNUC_UNUSED static void
skip_all (void)
{
  g_test_skip (why_no_tls ());
}

/* GLib's tasks and GnuTLS's random numbers keep descriptors and threads once they were needed. */
G_GNUC_UNUSED static void
warm_up_tls (void)
{
  Fixture fixture = { 0 };
  g_auto (Tls) tls = { 0 };

  fixture.ctx = leash_context_background ();
  connect_as (&tls, &fixture, make_config ("good"), make_config (NULL), TLS);
}

/*
 * GIO shakes hands in threads of its own, which keep their wake-up for as long as GLib keeps them: what of
 * the process's descriptors must be as before are the sockets.
 */
G_GNUC_UNUSED static guint
count_sockets (void)
{
  g_autoptr (GDir) dir = g_dir_open ("/proc/self/fd", 0, NULL);
  const char *name;
  guint n = 0;

  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename ("/proc/self/fd", name, NULL);
      g_autofree char *target = g_file_read_link (path, NULL);

      if (target != NULL && g_str_has_prefix (target, "socket:"))
        n++;
    }
  return n;
}

static guint n_sockets; /* at the test's beginning */

G_GNUC_UNUSED static void
set_up_tls (Fixture *fixture, gconstpointer unused)
{
  set_up (fixture, unused);
  n_sockets = count_sockets ();
}

G_GNUC_UNUSED static void
tear_down_tls (Fixture *fixture, gconstpointer unused)
{
  g_assert_cmpuint (count_sockets (), ==, n_sockets);
  fixture->n_fds = 0;
  tear_down (fixture, unused);
}

#define ADD_TLS(path, func) g_test_add (path, Fixture, NULL, set_up_tls, func, tear_down_tls)

/* Runs the tests that a function adds. */
G_GNUC_UNUSED static int
run_tls_tests (void (*add_tests) (void))
{
  int result;

  if (why_no_tls () != NULL)
    {
      g_test_add_func ("/net/tls/all", skip_all);
      return g_test_run ();
    }
  /* A thread of GIO's that ends closes a descriptor, while they are counted. */
  g_thread_pool_set_max_unused_threads (-1);
  g_thread_pool_set_max_idle_time (0);
  make_certificates ();
  warm_up ();
  warm_up_tls ();
  add_tests ();
  result = g_test_run ();
  remove_certificates ();
  return result;
}
