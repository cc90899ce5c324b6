/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Addresses as text: what each part may be, and what is said of those that make no sense. */
#include "../fixture.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "leash-address-private.h"

#define X50 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static const struct
{
  const char *text;
  const char *host;
  guint16 port;
  const char *path;
  LeashScheme scheme;
  int family;
  int fd; /* 0 for none */
} good[] = {
  { "tcp:127.0.0.1:80", "127.0.0.1", 80, NULL },
  { "tcp:example.org:65535", "example.org", 65535, NULL },
  { "tcp:a_b-c.d:0", "a_b-c.d", 0, NULL },
  { "tcp:b\303\274cher.example:00080", "b\303\274cher.example", 80, NULL },
  { "tcp:[::1]:1", "::1", 1, NULL },
  { "tcp:[::ffff:1.2.3.4]:1", "::ffff:1.2.3.4", 1, NULL },
  { "unix:/run/x", NULL, 0, "/run/x" },
  { "unix:x", NULL, 0, "x" },
  { "unix:a:b c", NULL, 0, "a:b c" },
  { "unix:\377", NULL, 0, "\377" },
  { "unix:" X50 X50 "1234567", NULL, 0, X50 X50 "1234567" },
  { "tcp4:example.org:80", "example.org", 80, NULL, LEASH_SCHEME_TCP, AF_INET },
  { "tcp4:127.0.0.1:80", "127.0.0.1", 80, NULL, LEASH_SCHEME_TCP, AF_INET },
  { "tcp6:example.org:80", "example.org", 80, NULL, LEASH_SCHEME_TCP, AF_INET6 },
  { "tcp6:[::1]:80", "::1", 80, NULL, LEASH_SCHEME_TCP, AF_INET6 },
  { "udp:example.org:53", "example.org", 53, NULL, LEASH_SCHEME_UDP },
  { "udp:[::1]:53", "::1", 53, NULL, LEASH_SCHEME_UDP },
  { "unix-abstract:a b:\377", NULL, 0, "a b:\377", LEASH_SCHEME_UNIX_ABSTRACT },
  { "unix-abstract:" X50 X50 "1234567", NULL, 0, X50 X50 "1234567", LEASH_SCHEME_UNIX_ABSTRACT },
  { "fd:3", NULL, 0, NULL, LEASH_SCHEME_FD, AF_UNSPEC, 3 },
  { "fd:2147483647", NULL, 0, NULL, LEASH_SCHEME_FD, AF_UNSPEC, G_MAXINT },
};

static void
test_good (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (good); i++)
    {
      g_auto (LeashAddress) address = { 0 };
      g_autoptr (GError) error = NULL;

      g_assert_true (leash_address_parse (&address, good[i].text, &error));
      g_assert_no_error (error);
      g_assert_cmpstr (address.host, ==, good[i].host);
      g_assert_cmpuint (address.port, ==, good[i].port);
      g_assert_cmpstr (address.path, ==, good[i].path);
      g_assert_cmpint (address.fd, ==, good[i].fd != 0 ? good[i].fd : -1);
      /* The first rows are of schemes that their text tells. */
      if (good[i].scheme != 0 || good[i].family != 0)
        {
          g_assert_cmpint (address.scheme, ==, good[i].scheme);
          g_assert_true (good[i].family == address.family || address.family == AF_UNIX);
        }
    }
}

static const struct
{
  const char *text;
  int code;
  const char *reason;
} bad[] = {
  { "", G_IO_ERROR_INVALID_ARGUMENT, "it is empty" },
  { "localhost", G_IO_ERROR_INVALID_ARGUMENT, "it has no scheme: expected “tcp:host:port” or “unix:path”" },
  { "localhost:80", G_IO_ERROR_NOT_SUPPORTED, "the scheme “localhost” is not known" },
  { "sctp:127.0.0.1:80", G_IO_ERROR_NOT_SUPPORTED,
    "the scheme “sctp” is not known: expected “tcp:host:port”" },
  { "tc:127.0.0.1:80", G_IO_ERROR_NOT_SUPPORTED, "the scheme “tc” is not known" },
  { "tcp5:127.0.0.1:80", G_IO_ERROR_NOT_SUPPORTED, "the scheme “tcp5” is not known" },
  { ":80", G_IO_ERROR_NOT_SUPPORTED, "the scheme “” is not known" },
  { "TCP:127.0.0.1:80", G_IO_ERROR_NOT_SUPPORTED, "the scheme “TCP” is not known" },
  { X50 X50 X50 X50 X50 "xx\303\274:80", G_IO_ERROR_NOT_SUPPORTED, X50 X50 "xx” is not known" },
  { "tcp:", G_IO_ERROR_INVALID_ARGUMENT, "it has no port" },
  { "tcp:localhost", G_IO_ERROR_INVALID_ARGUMENT, "it has no port: expected “tcp:host:port”" },
  { "tcp::80", G_IO_ERROR_INVALID_ARGUMENT, "the host is empty" },
  { "tcp:localhost:", G_IO_ERROR_INVALID_ARGUMENT, "the port “” is no number: expected 0 to 65535" },
  { "tcp:localhost:http", G_IO_ERROR_INVALID_ARGUMENT, "the port “http” is no number" },
  { "tcp:localhost:8o", G_IO_ERROR_INVALID_ARGUMENT, "the port “8o” is no number" },
  { "tcp:localhost:-1", G_IO_ERROR_INVALID_ARGUMENT, "the port “-1” is no number" },
  { "tcp:localhost: 80", G_IO_ERROR_INVALID_ARGUMENT, "the port “ 80” is no number" },
  { "tcp:localhost:65536", G_IO_ERROR_INVALID_ARGUMENT,
    "the port 65536 is out of range: expected 0 to 65535" },
  { "tcp:localhost:99999999999999999999999", G_IO_ERROR_INVALID_ARGUMENT, "is out of range" },
  { "tcp:::1:80", G_IO_ERROR_INVALID_ARGUMENT, "an IPv6 number is written in brackets" },
  { "tcp:[::1:80", G_IO_ERROR_INVALID_ARGUMENT, "the bracket is not closed" },
  { "tcp:[::1]", G_IO_ERROR_INVALID_ARGUMENT, "no port follows the bracket" },
  { "tcp:[::1]80", G_IO_ERROR_INVALID_ARGUMENT, "no port follows the bracket" },
  { "tcp:[]:80", G_IO_ERROR_INVALID_ARGUMENT, "no IPv6 number" },
  { "tcp:[127.0.0.1]:80", G_IO_ERROR_INVALID_ARGUMENT, "no IPv6 number" },
  { "tcp:[::zz]:80", G_IO_ERROR_INVALID_ARGUMENT, "no IPv6 number" },
  { "tcp:[::1]:", G_IO_ERROR_INVALID_ARGUMENT, "the port “” is no number" },
  { "tcp:a b:80", G_IO_ERROR_INVALID_ARGUMENT, "a space or a control character" },
  { "tcp:a\n:80", G_IO_ERROR_INVALID_ARGUMENT, "a space or a control character" },
  { "tcp:a/b:80", G_IO_ERROR_INVALID_ARGUMENT, "a character that no host's name has" },
  { "tcp://a:80", G_IO_ERROR_INVALID_ARGUMENT, "a character that no host's name has" },
  { "tcp:user@a:80", G_IO_ERROR_INVALID_ARGUMENT, "a character that no host's name has" },
  { "tcp:\377:80", G_IO_ERROR_INVALID_ARGUMENT, "it is not UTF-8" },
  { "tcp:" X50 X50 X50 X50 X50 "1234:80", G_IO_ERROR_INVALID_ARGUMENT,
    "the host is 254 bytes long, and may be 253" },
  { "unix:", G_IO_ERROR_INVALID_ARGUMENT, "the path is empty: expected “unix:path”" },
  { "unix:" X50 X50 "12345678", G_IO_ERROR_INVALID_ARGUMENT,
    "the path is 108 bytes long, and a socket's may be 107" },
  { "tcp4:[::1]:80", G_IO_ERROR_INVALID_ARGUMENT, "“tcp4” has no IPv6 numbers: use “tcp” or “tcp6”" },
  { "tcp6:127.0.0.1:80", G_IO_ERROR_INVALID_ARGUMENT, "“tcp6” has no IPv4 numbers: use “tcp” or “tcp4”" },
  { "tcp6:localhost", G_IO_ERROR_INVALID_ARGUMENT, "it has no port" },
  { "udp:localhost", G_IO_ERROR_INVALID_ARGUMENT, "it has no port" },
  { "udp::53", G_IO_ERROR_INVALID_ARGUMENT, "the host is empty" },
  { "unix-abstract:", G_IO_ERROR_INVALID_ARGUMENT, "the name is empty: expected “unix-abstract:name”" },
  { "unix-abstract:" X50 X50 "12345678", G_IO_ERROR_INVALID_ARGUMENT, "the name is 108 bytes long" },
  { "fd:", G_IO_ERROR_INVALID_ARGUMENT, "“” is no number of a descriptor: expected “fd:number”" },
  { "fd:-1", G_IO_ERROR_INVALID_ARGUMENT, "“-1” is no number of a descriptor" },
  { "fd:3x", G_IO_ERROR_INVALID_ARGUMENT, "“3x” is no number of a descriptor" },
  { "fd:2147483648", G_IO_ERROR_INVALID_ARGUMENT, "“2147483648” is no number of a descriptor" },
  { "fd:99999999999999999999", G_IO_ERROR_INVALID_ARGUMENT, "is no number of a descriptor" },
};

static void
test_bad (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_auto (LeashAddress) address = { 0 };
      g_autoptr (GError) error = NULL;

      g_assert_false (leash_address_parse (&address, bad[i].text, &error));
      g_assert_true (g_utf8_validate (error->message, -1, NULL));
      assert_io_error (error, bad[i].code, bad[i].reason);
      leash_address_clear (&address);
      g_assert_false (leash_address_parse (&address, bad[i].text, NULL));
    }
}

static void
assert_text (gconstpointer native, gsize length, int type, const char *expected)
{
  LeashNative copy = { .length = (socklen_t) length };
  g_autofree char *text = NULL;

  memcpy (&copy.native, native, length);
  text = leash_native_to_string (&copy, type);
  g_assert_cmpstr (text, ==, expected);
}

static void
test_to_string (void)
{
  const struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = g_htons (80) };
  const struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = g_htons (80) };
  struct sockaddr_un local = { .sun_family = AF_UNIX, .sun_path = "/run/x" };
  const struct sockaddr strange = { .sa_family = AF_NETLINK };
  const gsize nameless = G_STRUCT_OFFSET (struct sockaddr_un, sun_path);

  assert_text (&v4, sizeof v4, SOCK_STREAM, "tcp:0.0.0.0:80");
  assert_text (&v4, sizeof v4, SOCK_DGRAM, "udp:0.0.0.0:80");
  assert_text (&v6, sizeof v6, SOCK_STREAM, "tcp:[::]:80");
  assert_text (&local, sizeof local, SOCK_STREAM, "unix:/run/x");
  memcpy (local.sun_path, "\0a\0bc", 5);
  assert_text (&local, nameless + 5, SOCK_STREAM, "unix-abstract:a@bc");
  assert_text (&local, nameless, SOCK_STREAM, NULL);
  assert_text (&strange, sizeof strange, SOCK_STREAM, NULL);
}

static LeashNative
native_of (const char *text)
{
  g_auto (LeashAddress) address = { 0 };
  LeashNative native;

  g_assert_true (leash_address_parse (&address, text, NULL));
  g_assert_true (leash_address_get_native (&address, &native));
  return native;
}

/* What is text again as it was is the same address to the kernel, too. */
static void
test_numbers (void)
{
  static const char *const texts[] = {
    "tcp:127.0.0.1:80",       "tcp:[::1]:80", "tcp:[fe80::1%lo]:80",
    "tcp:[::ffff:1.2.3.4]:1", "unix:/run/x",  "unix-abstract:x",
  };
  static const char *const any[] = { "tcp:0.0.0.0:1", "tcp:[::]:1", "tcp:[::ffff:0.0.0.0]:1" };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      LeashNative native = native_of (texts[i]);

      assert_text (&native.native, native.length, SOCK_STREAM, texts[i]);
      g_assert_false (leash_native_is_any (&native));
    }
  for (guint i = 0; i < G_N_ELEMENTS (any); i++)
    {
      LeashNative native = native_of (any[i]);

      g_assert_true (leash_native_is_any (&native));
    }
}

static void
test_equal (void)
{
  static const struct
  {
    const char *text;
    const char *other;
    gboolean is_equal;
  } pairs[] = {
    { "tcp:127.0.0.1:80", "udp:127.0.0.1:80", TRUE },  { "tcp:127.0.0.1:80", "tcp:127.0.0.1:81", FALSE },
    { "tcp:127.0.0.1:80", "tcp:127.0.0.2:80", FALSE }, { "tcp:127.0.0.1:80", "tcp:[::1]:80", FALSE },
    { "tcp:[::1]:80", "tcp:[::1]:80", TRUE },          { "tcp:[::1]:80", "tcp:[::1]:81", FALSE },
    { "tcp:[::1]:80", "tcp:[::2]:80", FALSE },         { "unix:x", "unix:x", FALSE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (pairs); i++)
    {
      LeashNative native = native_of (pairs[i].text), other = native_of (pairs[i].other);

      g_assert_cmpint (leash_native_equal (&native, &other), ==, pairs[i].is_equal);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/net/address/good-ones-are-taken-apart", test_good);
  g_test_add_func ("/net/address/bad-ones-are-told-what-was-expected", test_bad);
  g_test_add_func ("/net/address/socket-addresses-as-text", test_to_string);
  g_test_add_func ("/net/address/numbers-are-not-looked-up", test_numbers);
  g_test_add_func ("/net/address/same-host-and-port", test_equal);
  return g_test_run ();
}
