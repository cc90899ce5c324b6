/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LeashTlsConfig: whom TLS trusts and what it shows. Plain data; a network that has it keeps it from
 * changing.
 *
 * Authorities in memory become a file of memory: GIO has a database of a file only, which may read it again
 * later. One of Leash's own would not look at what a certificate is for, as GIO's does.
 */
#include "leash-boxed-private.h"
#include "leash-tls-private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/**
 * LeashTlsConfig:
 *
 * Whom TLS trusts, and what it shows. Reference-counted. Set everything before a network has it: it never
 * changes from then on, so that all threads may use it.
 */
LEASH_DEFINE_BOXED (LeashTlsConfig, leash_tls_config)

/* One that is not in use. */
#define IS_UNUSED(config) ((config) != NULL && !g_atomic_int_get (&(config)->is_used))

/**
 * leash_tls_config_new:
 *
 * Makes a configuration: it trusts the system's authorities, wants servers to be who the address says, and
 * has no certificate.
 *
 * Returns: (transfer full): the configuration
 *
 * Since: 0.1
 */
LeashTlsConfig *
leash_tls_config_new (void)
{
  LeashTlsConfig *config = g_new0 (LeashTlsConfig, 1);

  config->ref_count = 1;
  return config;
}

/**
 * leash_tls_config_ref:
 * @config: a configuration
 *
 * Takes a reference.
 *
 * Returns: (transfer full): @config
 *
 * Since: 0.1
 */
LeashTlsConfig *
leash_tls_config_ref (LeashTlsConfig *config)
{
  g_return_val_if_fail (config != NULL, NULL);

  g_atomic_int_inc (&config->ref_count);
  return config;
}

/**
 * leash_tls_config_unref:
 * @config: (transfer full) (nullable): a configuration
 *
 * Gives a reference back.
 *
 * Since: 0.1
 */
void
leash_tls_config_unref (LeashTlsConfig *config)
{
  if (config == NULL || !g_atomic_int_dec_and_test (&config->ref_count))
    return;
  g_free (config->server_name);
  g_clear_object (&config->database);
  g_clear_object (&config->certificate);
  g_strfreev (config->protocols);
  g_free (config);
}

/**
 * leash_tls_config_set_server_name:
 * @config: a configuration that no network has yet
 * @name: (nullable): a host's name or number, %NULL for the one of the address
 *
 * Sets whom servers are asked for (SNI) and must have a certificate of. Addresses without a host, such as
 * `tls+unix:/run/x`, cannot do without.
 *
 * Since: 0.1
 */
void
leash_tls_config_set_server_name (LeashTlsConfig *config, const char *name)
{
  g_return_if_fail (IS_UNUSED (config));

  g_free (config->server_name);
  config->server_name = g_strdup (name);
}

/**
 * leash_tls_config_set_database:
 * @config: a configuration that no network has yet
 * @database: (nullable): the authorities to trust, %NULL for the system's
 *
 * Sets who may vouch for the peer.
 *
 * Since: 0.1
 */
void
leash_tls_config_set_database (LeashTlsConfig *config, GTlsDatabase *database)
{
  g_return_if_fail (IS_UNUSED (config));
  g_return_if_fail (database == NULL || G_IS_TLS_DATABASE (database));

  g_set_object (&config->database, database);
}

/* A file without certificates would have nobody trusted. */
static GTlsDatabase *
read_authorities (const char *path, GError **error)
{
  GError *reason = NULL;
  GList *found = g_tls_certificate_list_new_from_file (path, &reason);
  gboolean is_empty = found == NULL;

  g_list_free_full (found, g_object_unref);
  if (reason == NULL && is_empty)
    g_set_error_literal (&reason, G_TLS_ERROR, G_TLS_ERROR_BAD_CERTIFICATE, "there is no certificate in it");
  if (reason == NULL)
    return (GTlsDatabase *) g_tls_file_database_new (path, error);
  g_propagate_error (error, reason);
  return NULL;
}

/**
 * leash_tls_config_set_ca_file:
 * @config: a configuration that no network has yet
 * @path: (type filename): a file of certificates in PEM, absolute or from the working directory
 * @error: return location for an error
 *
 * As leash_tls_config_set_database(), with the certificates of a file.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
leash_tls_config_set_ca_file (LeashTlsConfig *config, const char *path, GError **error)
{
  g_autoptr (GTlsDatabase) database = NULL;
  g_autofree char *absolute = NULL;

  g_return_val_if_fail (IS_UNUSED (config), FALSE);
  g_return_val_if_fail (path != NULL, FALSE);

  absolute = g_canonicalize_filename (path, NULL);
  database = read_authorities (absolute, error);
  if (database == NULL)
    {
      leash_attempt_prefix (error, "Reading certificates from", path);
      return FALSE;
    }
  g_set_object (&config->database, database);
  return TRUE;
}

/* A file that is nowhere, and never changes; -1 with the error set. */
static int
make_file (const char *bytes, gsize length, GError **error)
{
  int fd = memfd_create ("leash-tls", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  gssize n = 0;

  for (gsize done = 0; fd >= 0 && n >= 0 && done < length; done += (gsize) MAX (n, 0))
    {
      n = write (fd, bytes + done, length - done);
      if (n < 0 && errno == EINTR)
        n = 0;
    }
  if (fd >= 0 && n >= 0
      && fcntl (fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) == 0)
    return fd;
  leash_attempt_set_errno (error, errno);
  if (fd >= 0)
    close (fd);
  return -1;
}

static void
close_file (gpointer fd)
{
  close (GPOINTER_TO_INT (fd));
}

/**
 * leash_tls_config_set_ca_pem:
 * @config: a configuration that no network has yet
 * @pem: certificates in PEM, one behind the other
 * @length: how many bytes, -1 for a string that ends with a zero
 * @error: return location for an error
 *
 * As leash_tls_config_set_database(), with certificates in memory. What trusts them keeps a descriptor open.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
leash_tls_config_set_ca_pem (LeashTlsConfig *config, const char *pem, gssize length, GError **error)
{
  g_autoptr (GTlsDatabase) database = NULL;
  g_autofree char *path = NULL;
  int fd;

  g_return_val_if_fail (IS_UNUSED (config), FALSE);
  g_return_val_if_fail (pem != NULL, FALSE);
  g_return_val_if_fail (length >= -1, FALSE);

  fd = make_file (pem, length < 0 ? strlen (pem) : (gsize) length, error);
  if (fd >= 0)
    {
      path = g_strdup_printf ("/proc/self/fd/%d", fd);
      database = read_authorities (path, error);
    }
  if (database == NULL)
    {
      g_prefix_error (error, "Reading certificates from memory: ");
      if (fd >= 0)
        close (fd);
      return FALSE;
    }
  g_object_set_data_full (G_OBJECT (database), "leash-tls-fd", GINT_TO_POINTER (fd), close_file);
  g_set_object (&config->database, database);
  return TRUE;
}

/**
 * leash_tls_config_set_certificate:
 * @config: a configuration that no network has yet
 * @certificate: (nullable): a certificate with its key, %NULL for none
 *
 * Sets what the peer is shown: by a listener always, by who dials when the server asks for it.
 *
 * Since: 0.1
 */
void
leash_tls_config_set_certificate (LeashTlsConfig *config, GTlsCertificate *certificate)
{
  g_return_if_fail (IS_UNUSED (config));
  g_return_if_fail (certificate == NULL || G_IS_TLS_CERTIFICATE (certificate));

  g_set_object (&config->certificate, certificate);
}

/**
 * leash_tls_config_set_certificate_files:
 * @config: a configuration that no network has yet
 * @certificate_path: (type filename): the certificate, and those between it and the authority, in PEM
 * @key_path: (type filename): its key, in PEM
 * @error: return location for an error
 *
 * As leash_tls_config_set_certificate(), from files.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
leash_tls_config_set_certificate_files (LeashTlsConfig *config, const char *certificate_path,
                                        const char *key_path, GError **error)
{
  g_autoptr (GTlsCertificate) certificate = NULL;

  g_return_val_if_fail (IS_UNUSED (config), FALSE);
  g_return_val_if_fail (certificate_path != NULL, FALSE);
  g_return_val_if_fail (key_path != NULL, FALSE);

  certificate = g_tls_certificate_new_from_files (certificate_path, key_path, error);
  if (certificate == NULL)
    {
      leash_attempt_prefix_two (error, "Reading the certificate", certificate_path, "with the key", key_path);
      return FALSE;
    }
  g_set_object (&config->certificate, certificate);
  return TRUE;
}

/**
 * leash_tls_config_set_certificate_pem:
 * @config: a configuration that no network has yet
 * @pem: the certificate, those between it and the authority, and its key, in PEM
 * @length: how many bytes, -1 for a string that ends with a zero
 * @error: return location for an error
 *
 * As leash_tls_config_set_certificate(), from memory.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
leash_tls_config_set_certificate_pem (LeashTlsConfig *config, const char *pem, gssize length, GError **error)
{
  g_autoptr (GTlsCertificate) certificate = NULL;
  g_autofree char *key = NULL;

  g_return_val_if_fail (IS_UNUSED (config), FALSE);
  g_return_val_if_fail (pem != NULL, FALSE);
  g_return_val_if_fail (length >= -1, FALSE);

  certificate = g_tls_certificate_new_from_pem (pem, length, error);
  if (certificate != NULL)
    g_object_get (certificate, "private-key-pem", &key, NULL);
  if (certificate != NULL && key == NULL)
    g_set_error_literal (error, G_TLS_ERROR, G_TLS_ERROR_BAD_CERTIFICATE, "there is no key in it");
  if (key == NULL)
    {
      g_prefix_error (error, "Reading the certificate from memory: ");
      return FALSE;
    }
  g_set_object (&config->certificate, certificate);
  return TRUE;
}

/**
 * leash_tls_config_set_protocols:
 * @config: a configuration that no network has yet
 * @protocols: (nullable) (array zero-terminated=1): names as ALPN has them, such as "h2", the best first
 *
 * Sets which protocols to offer, or to choose from. leash_conn_get_tls_protocol() tells what both have.
 *
 * Since: 0.1
 */
void
leash_tls_config_set_protocols (LeashTlsConfig *config, const char *const *protocols)
{
  g_return_if_fail (IS_UNUSED (config));

  g_strfreev (config->protocols);
  config->protocols = g_strdupv ((char **) protocols);
}

/**
 * leash_tls_config_set_requires_client_certificate:
 * @config: a configuration that no network has yet
 * @requires_it: whether listeners refuse who shows no certificate of an authority that they trust
 *
 * Sets whether clients must show a certificate. Not at first.
 *
 * Since: 0.1
 */
void
leash_tls_config_set_requires_client_certificate (LeashTlsConfig *config, gboolean requires_it)
{
  g_return_if_fail (IS_UNUSED (config));

  config->requires_client_certificate = requires_it;
}

/* Words */

static char *
join_names (GTlsCertificate *certificate)
{
  g_autoptr (GPtrArray) names = g_tls_certificate_get_dns_names (certificate);
  g_autoptr (GPtrArray) numbers = g_tls_certificate_get_ip_addresses (certificate);
  GString *text = g_string_new (NULL);

  for (guint i = 0; names != NULL && i < names->len; i++)
    {
      gsize length;
      const char *name = g_bytes_get_data (names->pdata[i], &length);

      g_string_append_printf (text, "%s“%.*s”", text->len > 0 ? ", " : "", (int) length, name);
    }
  for (guint i = 0; numbers != NULL && i < numbers->len; i++)
    {
      g_autofree char *number = g_inet_address_to_string (numbers->pdata[i]);

      g_string_append_printf (text, "%s“%s”", text->len > 0 ? ", " : "", number);
    }
  if (text->len == 0)
    g_string_append (text, "no host");
  return g_string_free (text, FALSE);
}

static void
add_flaw (GString *text, const char *flaw)
{
  if (text->len > 0)
    g_string_append (text, "; ");
  g_string_append (text, flaw);
}

static void
add_time (GString *text, const char *flaw, GDateTime *when)
{
  g_autofree char *date = when != NULL ? g_date_time_format_iso8601 (when) : NULL;
  g_autofree char *whole = date != NULL ? g_strdup_printf ("%s %s", flaw, date) : g_strdup (flaw);

  add_flaw (text, whole);
  g_clear_pointer (&when, g_date_time_unref);
}

static void
add_identity (GString *text, GTlsCertificate *certificate, const char *server_name)
{
  g_autofree char *names = join_names (certificate);
  g_autofree char *whole = g_strdup_printf ("it is for %s, not for “%s”", names, server_name);

  add_flaw (text, whole);
}

static void
add_issuer (GString *text, GTlsCertificate *certificate)
{
  g_autofree char *issuer = g_tls_certificate_get_issuer_name (certificate);
  g_autofree char *whole
      = g_strdup_printf ("its authority is unknown: “%s”", issuer != NULL ? issuer : "(no name)");

  add_flaw (text, whole);
}

char *
leash_tls_describe_flaws (GTlsCertificate *certificate, GTlsCertificateFlags flaws, const char *server_name)
{
  GString *text = g_string_new (NULL);

  if ((flaws & G_TLS_CERTIFICATE_UNKNOWN_CA) != 0)
    add_issuer (text, certificate);
  if ((flaws & G_TLS_CERTIFICATE_BAD_IDENTITY) != 0)
    add_identity (text, certificate, server_name != NULL ? server_name : "this peer");
  if ((flaws & G_TLS_CERTIFICATE_NOT_ACTIVATED) != 0)
    add_time (text, "it is not valid before", g_tls_certificate_get_not_valid_before (certificate));
  if ((flaws & G_TLS_CERTIFICATE_EXPIRED) != 0)
    add_time (text, "it has expired:", g_tls_certificate_get_not_valid_after (certificate));
  if ((flaws & G_TLS_CERTIFICATE_REVOKED) != 0)
    add_flaw (text, "it has been revoked");
  if ((flaws & G_TLS_CERTIFICATE_INSECURE) != 0)
    add_flaw (text, "its signature or its key is too weak to be secure");
  if (text->len == 0)
    g_string_append (text, "it could not be verified");
  return g_string_free (text, FALSE);
}
