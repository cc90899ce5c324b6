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
  { "udp:127.0.0.1:80", G_IO_ERROR_NOT_SUPPORTED, "the scheme “udp” is not known: expected “tcp:host:port”" },
  { ":80", G_IO_ERROR_NOT_SUPPORTED, "the scheme “” is not known" },
  { "TCP:127.0.0.1:80", G_IO_ERROR_NOT_SUPPORTED, "the scheme “TCP” is not known" },
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
test_to_string (void)
{
  const struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = g_htons (80) };
  const struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = g_htons (80) };
  struct sockaddr_un local = { .sun_family = AF_UNIX, .sun_path = "/run/x" };
  const struct sockaddr strange = { .sa_family = AF_NETLINK };
  g_autofree char *v4_text = leash_address_to_string ((gconstpointer) &v4, sizeof v4);
  g_autofree char *v6_text = leash_address_to_string ((gconstpointer) &v6, sizeof v6);
  g_autofree char *path_text = leash_address_to_string ((gconstpointer) &local, sizeof local);
  g_autofree char *abstract_text = NULL;

  g_assert_cmpstr (v4_text, ==, "tcp:0.0.0.0:80");
  g_assert_cmpstr (v6_text, ==, "tcp:[::]:80");
  g_assert_cmpstr (path_text, ==, "unix:/run/x");
  memcpy (local.sun_path, "\0abc", 4);
  abstract_text
      = leash_address_to_string ((gconstpointer) &local, G_STRUCT_OFFSET (struct sockaddr_un, sun_path) + 4);
  g_assert_cmpstr (abstract_text, ==, "unix:@abc");
  g_assert_null (
      leash_address_to_string ((gconstpointer) &local, G_STRUCT_OFFSET (struct sockaddr_un, sun_path)));
  g_assert_null (leash_address_to_string (&strange, sizeof strange));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/net/address/good-ones-are-taken-apart", test_good);
  g_test_add_func ("/net/address/bad-ones-are-told-what-was-expected", test_bad);
  g_test_add_func ("/net/address/socket-addresses-as-text", test_to_string);
  return g_test_run ();
}
