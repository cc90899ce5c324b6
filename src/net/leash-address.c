/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Addresses of the host's network, as a user writes them:
 *
 *     tcp:HOST:PORT    a name, or an IPv4 number
 *     tcp:[HOST]:PORT  an IPv6 number, perhaps with a zone: [fe80::1%eth0]
 *     unix:PATH        up to the end, whatever bytes it has
 *
 * Everything that is wrong with the text is found here, before a socket is made or a name is looked up, so
 * that a typing mistake is not answered by a resolver after its timeout. An empty host is refused: other
 * libraries disagree whether it means loopback or every interface, and the latter should not happen by
 * accident.
 */
#include "leash-address-private.h"

#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

#define HOST_MAX 253 /* of a name in the DNS */
#define PATH_MAX_BYTES (sizeof (((struct sockaddr_un *) NULL)->sun_path) - 1)

#define EXPECTED "expected “tcp:host:port” or “unix:path”"

static gboolean G_GNUC_PRINTF (2, 3) refuse (GError **error, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  if (error != NULL)
    *error = g_error_new_valist (G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, format, args);
  va_end (args);
  return FALSE;
}

static gboolean
parse_port (const char *text, guint16 *ret_port, GError **error)
{
  gsize n_digits = strspn (text, "0123456789");
  guint64 port;

  if (n_digits == 0 || text[n_digits] != '\0')
    return refuse (error, "the port “%s” is no number: expected 0 to 65535", text);
  port = g_ascii_strtoull (text, NULL, 10);
  if (port > G_MAXUINT16)
    return refuse (error, "the port %s is out of range: expected 0 to 65535", text);
  *ret_port = (guint16) port;
  return TRUE;
}

/* Letters of other scripts are the resolver's business; what no name has would only confuse it. */
static gboolean
check_host (const char *host, GError **error)
{
  gsize length = strlen (host);

  if (length == 0)
    return refuse (error, "the host is empty: " EXPECTED);
  if (length > HOST_MAX)
    return refuse (error, "the host is %" G_GSIZE_FORMAT " bytes long, and may be %d at most", length,
                   HOST_MAX);
  if (strchr (host, ':') != NULL)
    return refuse (error, "an IPv6 number is written in brackets: expected “tcp:[::1]:port”");
  for (const char *at = host; *at != '\0'; at++)
    if (!g_ascii_isgraph (*at) && (guchar) *at < 0x80)
      return refuse (error, "the host has a space or a control character");
  if (strpbrk (host, "/[]@%") != NULL)
    return refuse (error, "the host has a character that no host's name has: " EXPECTED);
  return TRUE;
}

/* text is what follows the opening bracket. */
static gboolean
parse_bracketed (LeashAddress *address, const char *text, GError **error)
{
  const char *end = strchr (text, ']');
  g_autoptr (GSocketAddress) number = NULL;

  if (end == NULL)
    return refuse (error, "the bracket is not closed: expected “tcp:[::1]:port”");
  if (end[1] != ':')
    return refuse (error, "no port follows the bracket: expected “tcp:[::1]:port”");
  address->host = g_strndup (text, (gsize) (end - text));
  if (strchr (address->host, ':') != NULL)
    number = g_inet_socket_address_new_from_string (address->host, 0);
  if (number == NULL)
    return refuse (error, "what is in brackets is no IPv6 number: expected “tcp:[::1]:port”");
  return parse_port (end + 2, &address->port, error);
}

static gboolean
parse_tcp (LeashAddress *address, const char *text, GError **error)
{
  const char *colon = strrchr (text, ':');

  if (text[0] == '[')
    return parse_bracketed (address, text + 1, error);
  if (colon == NULL)
    return refuse (error, "it has no port: expected “tcp:host:port”");
  address->host = g_strndup (text, (gsize) (colon - text));
  return check_host (address->host, error) && parse_port (colon + 1, &address->port, error);
}

static gboolean
parse_unix (LeashAddress *address, const char *text, GError **error)
{
  gsize length = strlen (text);

  if (length == 0)
    return refuse (error, "the path is empty: expected “unix:path”");
  if (length > PATH_MAX_BYTES)
    return refuse (error,
                   "the path is %" G_GSIZE_FORMAT " bytes long, and a socket's may be %" G_GSIZE_FORMAT
                   " at most",
                   length, PATH_MAX_BYTES);
  address->path = g_strdup (text);
  return TRUE;
}

gboolean
leash_address_parse (LeashAddress *address, const char *text, GError **error)
{
  const char *colon = strchr (text, ':');

  *address = (LeashAddress){ 0 };
  if (!g_utf8_validate (text, -1, NULL) && !g_str_has_prefix (text, "unix:"))
    return refuse (error, "it is not UTF-8: " EXPECTED);
  if (text[0] == '\0')
    return refuse (error, "it is empty: " EXPECTED);
  if (colon == NULL)
    return refuse (error, "it has no scheme: " EXPECTED);
  if (g_str_has_prefix (text, "tcp:"))
    return parse_tcp (address, colon + 1, error);
  if (g_str_has_prefix (text, "unix:"))
    return parse_unix (address, colon + 1, error);
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, "the scheme “%.*s” is not known: " EXPECTED,
               (int) MIN (colon - text, HOST_MAX), text);
  return FALSE;
}

void
leash_address_clear (LeashAddress *address)
{
  g_clear_pointer (&address->host, g_free);
  g_clear_pointer (&address->path, g_free);
}

static char *
unix_to_string (const struct sockaddr_un *native, socklen_t length)
{
  gsize size = length - G_STRUCT_OFFSET (struct sockaddr_un, sun_path);
  g_autofree char *path = NULL;

  if (length <= G_STRUCT_OFFSET (struct sockaddr_un, sun_path))
    return NULL;
  /* A name in the abstract namespace, which others may have, begins with NUL and is shown as tools show it.
   */
  path = g_strndup (native->sun_path, size);
  if (path[0] == '\0')
    return g_strdup_printf ("unix:@%.*s", (int) size - 1, native->sun_path + 1);
  return g_strconcat ("unix:", path, NULL);
}

char *
leash_address_to_string (const struct sockaddr *native, socklen_t length)
{
  char host[NI_MAXHOST];
  char port[NI_MAXSERV];

  if (native->sa_family == AF_UNIX)
    return unix_to_string ((const struct sockaddr_un *) (gconstpointer) native, length);
  if (getnameinfo (native, length, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV)
      != 0)
    return NULL;
  return native->sa_family == AF_INET6 ? g_strdup_printf ("tcp:[%s]:%s", host, port)
                                       : g_strdup_printf ("tcp:%s:%s", host, port);
}
