/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Addresses of the host's network, as a user writes them:
 *
 *     tcp:HOST:PORT       a name, or an IPv4 number
 *     tcp:[HOST]:PORT     an IPv6 number, perhaps with a zone: [fe80::1%eth0]
 *     tcp4: and tcp6:     the same, where names have addresses of one family only
 *     udp:                as tcp:
 *     unix:PATH           up to the end, whatever bytes it has
 *     unix-abstract:NAME  the same, in the namespace that has no files
 *     fd:NUMBER           a descriptor of the process
 *
 * Everything that is wrong with the text is found here, before a socket is made or a name is looked up, so
 * that a typing mistake is not answered by a resolver after its timeout. An empty host is refused: other
 * libraries disagree whether it means loopback or every interface, and the latter should not happen by
 * accident.
 */
#include "leash-address-private.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

#define HOST_MAX 253 /* of a name in the DNS */
#define PATH_MAX_BYTES (sizeof (((struct sockaddr_un *) NULL)->sun_path) - 1)

#define EXPECTED_HOST "expected “tcp:host:port”"
#define EXPECTED EXPECTED_HOST " or “unix:path”"

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
    return refuse (error, "the host is empty: " EXPECTED_HOST);
  if (length > HOST_MAX)
    return refuse (error, "the host is %" G_GSIZE_FORMAT " bytes long, and may be %d at most", length,
                   HOST_MAX);
  if (strchr (host, ':') != NULL)
    return refuse (error, "an IPv6 number is written in brackets: expected “tcp:[::1]:port”");
  for (const char *at = host; *at != '\0'; at++)
    if (!g_ascii_isgraph (*at) && (guchar) *at < 0x80)
      return refuse (error, "the host has a space or a control character");
  if (strpbrk (host, "/[]@%") != NULL)
    return refuse (error, "the host has a character that no host's name has: " EXPECTED_HOST);
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
parse_host_and_port (LeashAddress *address, const char *text, GError **error)
{
  const char *colon = strrchr (text, ':');

  if (text[0] == '[')
    return parse_bracketed (address, text + 1, error);
  if (colon == NULL)
    return refuse (error, "it has no port: expected “tcp:host:port”");
  address->host = g_strndup (text, (gsize) (colon - text));
  return check_host (address->host, error) && parse_port (colon + 1, &address->port, error);
}

/* A number of the other family than the scheme's is a mistake, and not a name without addresses. */
static gboolean
check_family (const LeashAddress *address, GError **error)
{
  LeashNative native;

  if (address->family == AF_UNSPEC || !leash_address_get_native (address, &native)
      || native.native.ss_family == address->family)
    return TRUE;
  return address->family == AF_INET ? refuse (error, "“tcp4” has no IPv6 numbers: use “tcp” or “tcp6”")
                                    : refuse (error, "“tcp6” has no IPv4 numbers: use “tcp” or “tcp4”");
}

static gboolean
parse_host (LeashAddress *address, const char *text, GError **error)
{
  return parse_host_and_port (address, text, error) && check_family (address, error);
}

static gboolean
parse_path (LeashAddress *address, const char *text, GError **error)
{
  const char *noun = address->scheme == LEASH_SCHEME_UNIX ? "path" : "name";
  gsize length = strlen (text);

  if (length == 0)
    return refuse (error, "the %s is empty: expected “unix%s:%s”", noun,
                   address->scheme == LEASH_SCHEME_UNIX ? "" : "-abstract", noun);
  if (length > PATH_MAX_BYTES)
    return refuse (
        error, "the %s is %" G_GSIZE_FORMAT " bytes long, and a socket's may be %" G_GSIZE_FORMAT " at most",
        noun, length, PATH_MAX_BYTES);
  address->path = g_strdup (text);
  return TRUE;
}

static gboolean
parse_fd (LeashAddress *address, const char *text, GError **error)
{
  gsize n_digits = strspn (text, "0123456789");
  guint64 fd = g_ascii_strtoull (text, NULL, 10);

  if (n_digits == 0 || text[n_digits] != '\0' || fd > G_MAXINT)
    return refuse (error, "“%s” is no number of a descriptor: expected “fd:number”", text);
  address->fd = (int) fd;
  return TRUE;
}

typedef struct
{
  const char *name;
  LeashScheme scheme;
  int family;
  gboolean (*parse) (LeashAddress *address, const char *text, GError **error);
} SchemeRow;

static const SchemeRow rows[] = {
  { "tcp", LEASH_SCHEME_TCP, AF_UNSPEC, parse_host },
  { "tcp4", LEASH_SCHEME_TCP, AF_INET, parse_host },
  { "tcp6", LEASH_SCHEME_TCP, AF_INET6, parse_host },
  { "udp", LEASH_SCHEME_UDP, AF_UNSPEC, parse_host },
  { "unix", LEASH_SCHEME_UNIX, AF_UNIX, parse_path },
  { "unix-abstract", LEASH_SCHEME_UNIX_ABSTRACT, AF_UNIX, parse_path },
  { "fd", LEASH_SCHEME_FD, AF_UNSPEC, parse_fd },
};

static const SchemeRow *
find_scheme (const char *text, gsize length)
{
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    if (strncmp (rows[i].name, text, length) == 0 && rows[i].name[length] == '\0')
      return &rows[i];
  return NULL;
}

/* What is too long is not shown in full, and not cut within a character. */
static gboolean
refuse_scheme (const char *text, gssize length, GError **error)
{
  const char *end;

  g_utf8_validate (text, MIN (length, HOST_MAX), &end);
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, "the scheme “%.*s” is not known: " EXPECTED,
               (int) (end - text), text);
  return FALSE;
}

gboolean
leash_address_parse (LeashAddress *address, const char *text, GError **error)
{
  const char *colon = strchr (text, ':');
  const SchemeRow *row = colon != NULL ? find_scheme (text, (gsize) (colon - text)) : NULL;

  *address = (LeashAddress){ .fd = -1 };
  /* A path may be anything; what is told of the others is text. */
  if ((row == NULL || row->parse != parse_path) && !g_utf8_validate (text, -1, NULL))
    return refuse (error, "it is not UTF-8: " EXPECTED);
  if (text[0] == '\0')
    return refuse (error, "it is empty: " EXPECTED);
  if (colon == NULL)
    return refuse (error, "it has no scheme: " EXPECTED);
  if (row == NULL)
    return refuse_scheme (text, colon - text, error);
  address->scheme = row->scheme;
  address->family = row->family;
  return row->parse (address, colon + 1, error);
}

void
leash_address_clear (LeashAddress *address)
{
  g_clear_pointer (&address->host, g_free);
  g_clear_pointer (&address->path, g_free);
}

/* The parser has measured the path. A name in the abstract namespace stands behind a NUL, and has no end. */
static void
get_unix_native (const LeashAddress *address, LeashNative *ret_native)
{
  gboolean is_abstract = address->scheme == LEASH_SCHEME_UNIX_ABSTRACT;
  struct sockaddr_un *native = (struct sockaddr_un *) &ret_native->native;
  gsize length = strlen (address->path);

  native->sun_family = AF_UNIX;
  memcpy (native->sun_path + is_abstract, address->path, length);
  ret_native->length = (socklen_t) (G_STRUCT_OFFSET (struct sockaddr_un, sun_path) + length + 1);
}

/* What inet_pton() does not take is a number with a zone, and seldom. */
static gboolean
get_zoned_native (const LeashAddress *address, LeashNative *ret_native)
{
  g_autoptr (GSocketAddress) number = g_inet_socket_address_new_from_string (address->host, address->port);

  if (number == NULL)
    return FALSE;
  ret_native->length = (socklen_t) g_socket_address_get_native_size (number);
  return g_socket_address_to_native (number, &ret_native->native, sizeof ret_native->native, NULL);
}

gboolean
leash_address_get_native (const LeashAddress *address, LeashNative *ret_native)
{
  struct sockaddr_in *v4 = (struct sockaddr_in *) &ret_native->native;
  struct sockaddr_in6 *v6 = (struct sockaddr_in6 *) &ret_native->native;

  memset (ret_native, 0, sizeof *ret_native);
  if (address->path != NULL)
    {
      get_unix_native (address, ret_native);
      return TRUE;
    }
  if (inet_pton (AF_INET, address->host, &v4->sin_addr) == 1)
    {
      v4->sin_family = AF_INET;
      v4->sin_port = g_htons (address->port);
      ret_native->length = sizeof *v4;
      return TRUE;
    }
  if (inet_pton (AF_INET6, address->host, &v6->sin6_addr) == 1)
    {
      v6->sin6_family = AF_INET6;
      v6->sin6_port = g_htons (address->port);
      ret_native->length = sizeof *v6;
      return TRUE;
    }
  return strchr (address->host, '%') != NULL && get_zoned_native (address, ret_native);
}

static char *
unix_to_string (const LeashNative *native)
{
  const struct sockaddr_un *local = (const struct sockaddr_un *) &native->native;
  gsize size = native->length - MIN (native->length, G_STRUCT_OFFSET (struct sockaddr_un, sun_path));
  g_autofree char *path = NULL;

  if (size == 0)
    return NULL;
  if (local->sun_path[0] != '\0')
    {
      path = g_strndup (local->sun_path, size);
      return g_strconcat ("unix:", path, NULL);
    }
  path = g_malloc0 (size);
  memcpy (path, local->sun_path + 1, size - 1);
  /* What others call theirs may have NULs in it, which are shown as tools do. */
  for (gsize i = 0; i < size - 1; i++)
    if (local->sun_path[i + 1] == '\0')
      path[i] = '@';
  return g_strconcat ("unix-abstract:", path, NULL);
}

static char *
append_number (char *at, guint number)
{
  if (number >= 10)
    at = append_number (at, number / 10);
  *at = (char) ('0' + number % 10);
  return at + 1;
}

/* By hand, as each connection has two: getnameinfo() and a format took a twelfth of the time of accepting. */
static char *
v4_to_string (const struct sockaddr_in *native, const char *scheme)
{
  char text[sizeof "tcp:255.255.255.255:65535"];
  guint32 host = g_ntohl (native->sin_addr.s_addr);
  char *at = stpcpy (text, scheme);

  for (int shift = 24; shift >= 0; shift -= 8)
    {
      *at++ = shift == 24 ? ':' : '.';
      at = append_number (at, (host >> shift) & 0xff);
    }
  *at++ = ':';
  *append_number (at, g_ntohs (native->sin_port)) = '\0';
  return g_strdup (text);
}

char *
leash_native_to_string (const LeashNative *native, int type)
{
  const char *scheme = type == SOCK_DGRAM ? "udp" : "tcp";
  char host[NI_MAXHOST];
  char port[NI_MAXSERV];

  if (native->native.ss_family == AF_UNIX)
    return unix_to_string (native);
  if (native->native.ss_family == AF_INET)
    return v4_to_string ((const struct sockaddr_in *) &native->native, scheme);
  if (getnameinfo (leash_native_get (native), native->length, host, sizeof host, port, sizeof port,
                   NI_NUMERICHOST | NI_NUMERICSERV)
      != 0)
    return NULL;
  return g_strdup_printf ("%s:[%s]:%s", scheme, host, port);
}

gboolean
leash_native_is_any (const LeashNative *native)
{
  const struct sockaddr_in *v4 = (const struct sockaddr_in *) &native->native;
  const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *) &native->native;

  switch (native->native.ss_family)
    {
    case AF_INET:
      return v4->sin_addr.s_addr == INADDR_ANY;
    case AF_INET6:
      return IN6_IS_ADDR_UNSPECIFIED (&v6->sin6_addr)
             || (IN6_IS_ADDR_V4MAPPED (&v6->sin6_addr) && v6->sin6_addr.s6_addr32[3] == INADDR_ANY);
    default:
      return FALSE;
    }
}

gboolean
leash_native_equal (const LeashNative *native, const LeashNative *other)
{
  const struct sockaddr_in *v4 = (const struct sockaddr_in *) &native->native;
  const struct sockaddr_in *other_v4 = (const struct sockaddr_in *) &other->native;
  const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *) &native->native;
  const struct sockaddr_in6 *other_v6 = (const struct sockaddr_in6 *) &other->native;

  if (native->native.ss_family != other->native.ss_family)
    return FALSE;
  if (native->native.ss_family == AF_INET)
    return v4->sin_port == other_v4->sin_port && v4->sin_addr.s_addr == other_v4->sin_addr.s_addr;
  return native->native.ss_family == AF_INET6 && v6->sin6_port == other_v6->sin6_port
         && IN6_ARE_ADDR_EQUAL (&v6->sin6_addr, &other_v6->sin6_addr);
}
