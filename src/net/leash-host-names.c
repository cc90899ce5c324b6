/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The addresses of a host, by GIO's resolver, which gives up when the context is done although the C
 * library's does not. Those of the two families are put in turn (RFC 8305), beginning with the family that
 * the resolver has first, which knows what this machine can reach. GNetworkAddress's enumerator does the same
 * but for beginning with IPv6 always; it was rejected for making the default main context, whose descriptor a
 * census would take for a leak of the first test that dials a name.
 */
#include "leash-host-private.h"

/* G_RESOLVER_ERROR is a domain of its own; who dials looks for codes of GIO's. */
static void
explain (LeashContext *ctx, const GError *reason, GError **error)
{
  if (!leash_context_check (ctx, error))
    return;
  if (g_error_matches (reason, G_RESOLVER_ERROR, G_RESOLVER_ERROR_NOT_FOUND))
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_HOST_NOT_FOUND, reason->message);
  else
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_FAILED, reason->message);
}

static int
get_family (const GList *found)
{
  return (int) g_inet_address_get_family (found->data);
}

/* Returns the next address from here on that is of the family or, for another, is not of it. */
static const GList *
skip_to (const GList *found, int family, gboolean wants_other)
{
  while (found != NULL && (get_family (found) == family) == wants_other)
    found = found->next;
  return found;
}

/* Appends the address and returns what follows it. */
static const GList *
append (GArray *natives, const GList *found, const LeashAddress *address)
{
  g_autoptr (GSocketAddress) one = g_inet_socket_address_new (found->data, address->port);
  LeashNative native = { .length = (socklen_t) g_socket_address_get_native_size (one) };

  if (address->family == AF_UNSPEC || address->family == get_family (found))
    {
      g_socket_address_to_native (one, &native.native, sizeof native.native, NULL);
      g_array_append_val (natives, native);
    }
  return found->next;
}

static void
append_in_turn (GArray *natives, const GList *found, const LeashAddress *address)
{
  int family = get_family (found);
  const GList *first = found, *other = skip_to (found, family, TRUE);

  while (first != NULL || other != NULL)
    {
      if (first != NULL)
        first = skip_to (append (natives, first, address), family, FALSE);
      if (other != NULL)
        other = skip_to (append (natives, other, address), family, TRUE);
    }
}

GArray *
leash_host_look_up (LeashContext *ctx, const LeashAddress *address, GError **error)
{
  g_autoptr (GResolver) resolver = g_resolver_get_default ();
  g_autoptr (GArray) natives = g_array_new (FALSE, FALSE, sizeof (LeashNative));
  g_autoptr (GError) reason = NULL;
  GList *found
      = g_resolver_lookup_by_name (resolver, address->host, leash_context_get_cancellable (ctx), &reason);

  if (found == NULL)
    {
      explain (ctx, reason, error);
      return NULL;
    }
  append_in_turn (natives, found, address);
  g_resolver_free_addresses (found);
  if (natives->len > 0)
    return g_steal_pointer (&natives);
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_HOST_NOT_FOUND, "the name has no %s address",
               address->family == AF_INET ? "IPv4" : "IPv6");
  return NULL;
}
