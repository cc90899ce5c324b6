/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Names of hosts become addresses here, by GIO's resolver, which hears of the context's end: libpq would
 * block until the system's resolver gives up. It takes lists of hosts, addresses and ports, one for each
 * attempt; a host with several addresses is in it as often. The host's name stays beside them, as
 * certificates are checked against it.
 */
#include "leash-postgresql-private.h"

#include <gio/gio.h>

typedef struct
{
  GString *hosts, *addresses, *ports;
  guint n;
} Attempts;

static void
add (Attempts *attempts, const char *host, const char *address, const char *port)
{
  const char *separator = attempts->n++ > 0 ? "," : "";

  g_string_append_printf (attempts->hosts, "%s%s", separator, host);
  g_string_append_printf (attempts->addresses, "%s%s", separator, address);
  g_string_append_printf (attempts->ports, "%s%s", separator, port);
}

/* Neither the directory of a socket, nor an address, nor nothing. */
static gboolean
is_name (const char *host)
{
  return host[0] != '\0' && host[0] != '/' && host[0] != '@' && !g_hostname_is_ip_address (host);
}

/* FALSE, with the error, when there is no address. */
static gboolean
resolve (Attempts *attempts, LeashContext *ctx, const char *host, const char *port, GError **error)
{
  g_autoptr (GResolver) resolver = g_resolver_get_default ();
  GList *found = g_resolver_lookup_by_name (resolver, host, leash_context_get_cancellable (ctx), error);

  for (GList *each = found; each != NULL; each = each->next)
    {
      g_autofree char *address = g_inet_address_to_string (each->data);

      add (attempts, host, address, port);
    }
  g_resolver_free_addresses (found);
  return found != NULL;
}

/* A host that is not found is passed over when there are others. */
static gboolean
resolve_all (Attempts *attempts, LeashContext *ctx, char **hosts, char **ports, GError **error)
{
  guint n_ports = ports != NULL ? g_strv_length (ports) : 0;
  g_autoptr (GError) reason = NULL;

  for (guint i = 0; hosts[i] != NULL; i++)
    {
      const char *port = n_ports == 0 ? "" : ports[n_ports == 1 ? 0 : MIN (i, n_ports - 1)];

      if (!is_name (hosts[i]))
        add (attempts, hosts[i], "", port);
      else
        resolve (attempts, ctx, hosts[i], port, reason == NULL ? &reason : NULL);
      if (!leash_context_check (ctx, error))
        return FALSE;
    }
  if (attempts->n > 0)
    return TRUE;
  leash_sql_error_set (error, LEASH_SQL_ERROR_CONNECTION, NULL, "%s",
                       reason != NULL ? reason->message : "its host has no address");
  return FALSE;
}

gboolean
leash_pg_resolve (LeashContext *ctx, const char *host, const char *port, LeashPgAddresses *ret_addresses,
                  GError **error)
{
  g_auto (GStrv) hosts = g_strsplit (host, ",", -1);
  g_auto (GStrv) ports = port != NULL ? g_strsplit (port, ",", -1) : NULL;
  Attempts attempts = { g_string_new (NULL), g_string_new (NULL), g_string_new (NULL), 0 };
  gboolean is_resolved = resolve_all (&attempts, ctx, hosts, ports, error);

  ret_addresses->hosts = g_string_free (attempts.hosts, !is_resolved);
  ret_addresses->addresses = g_string_free (attempts.addresses, !is_resolved);
  ret_addresses->ports = g_string_free (attempts.ports, !is_resolved);
  return is_resolved;
}

void
leash_pg_addresses_clear (LeashPgAddresses *addresses)
{
  g_free (addresses->hosts);
  g_free (addresses->addresses);
  g_free (addresses->ports);
}
