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

static void
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

static void
make_certificates (void)
{
  the_certificates = g_dir_make_tmp ("leash-tls-XXXXXX", NULL);
  g_assert_nonnull (the_certificates);
  make_certificate ("ca", FALSE, "cn = \"Test authority\"\nca\ncert_signing_key\nexpiration_days = 100\n");
  make_certificate ("good", TRUE,
                    "cn = \"good\"\ndns_name = \"localhost\"\nip_address = \"127.0.0.1\"\nexpiration_days = 99\n" SERVER);
}

static void
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
