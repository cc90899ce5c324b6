/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Dialling by each scheme, and names with several addresses. What a name is looked up to is said by the test,
 * on loopback's network, whose addresses are all this machine.
 */
#include "full-server.h"
#include "net-fixture.h"

#include <linux/filter.h>
#include <netinet/tcp.h>

/* Answers every name with the addresses that the test has chosen. */

typedef GResolver TestResolver;
typedef GResolverClass TestResolverClass;

static GType test_resolver_get_type (void);

G_DEFINE_TYPE (TestResolver, test_resolver, G_TYPE_RESOLVER)

static const char *the_answers[8]; /* numbers, up to a NULL */

static GList *
test_resolver_look_up (GResolver *resolver, const char *name, GCancellable *cancellable, GError **error)
{
  GList *found = NULL;

  for (guint i = 0; the_answers[i] != NULL; i++)
    found = g_list_append (found, g_inet_address_new_from_string (the_answers[i]));
  return found;
}

static void
test_resolver_class_init (TestResolverClass *klass)
{
  klass->lookup_by_name = test_resolver_look_up;
}

static void
test_resolver_init (TestResolver *self)
{
}

#define answer(...)                                                           \
  G_STMT_START                                                                \
  {                                                                           \
    const char *const answers_[G_N_ELEMENTS (the_answers)] = { __VA_ARGS__ }; \
                                                                              \
    memcpy (the_answers, answers_, sizeof the_answers);                       \
  }                                                                           \
  G_STMT_END

static guint
get_port (LeashListener *listener)
{
  return (guint) g_ascii_strtoull (strrchr (leash_listener_get_address (listener), ':') + 1, NULL, 10);
}

static void
assert_talks (Fixture *fixture, LeashConn *dialled, LeashConn *accepted)
{
  char byte = 'x';

  g_assert_true (leash_conn_write_all (dialled, fixture->ctx, &byte, 1, NULL, NULL));
  byte = '-';
  g_assert_true (leash_conn_read_all (accepted, fixture->ctx, &byte, 1, NULL, NULL));
  g_assert_cmpint (byte, ==, 'x');
}

/* Far sooner than the system would give an address up. */
static void
assert_connects (Fixture *fixture, LeashListener *listener, const char *address)
{
  g_autoptr (LeashContext) soon = leash_context_with_timeout (fixture->ctx, 10 * G_TIME_SPAN_SECOND);
  g_autoptr (LeashConn) dialled = dial (soon, address);
  g_autoptr (LeashConn) accepted = accept_one (listener, fixture->ctx);

  assert_talks (fixture, dialled, accepted);
}

/*
 * Names. Where two servers need the same port, it is on addresses that nobody dials from: as 127.0.0.1's it
 * might be in use.
 */

static void
test_silent_first (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashListener) listener = start_listening (fixture->ctx, "tcp:127.0.0.3:0");
  g_autofree char *address = g_strdup_printf ("tcp:a.test:%u", get_port (listener));
  g_auto (FullServer) silent
      = start_full_tcp_server_at (INADDR_LOOPBACK + 1, (guint16) get_port (listener), NULL);

  answer ("127.0.0.2", "127.0.0.3");
  assert_connects (fixture, listener, address);
}

/* The first one answers at last, while the second does not. */
static void
test_late_first (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *first_address = NULL;
  g_auto (FullServer) first = start_full_tcp_server_at (INADDR_LOOPBACK + 1, 0, &first_address);
  guint16 port = (guint16) g_ascii_strtoull (strrchr (first_address, ':') + 1, NULL, 10);
  g_auto (FullServer) second = start_full_tcp_server_at (INADDR_LOOPBACK + 2, port, NULL);
  g_autofree char *address = g_strdup_printf ("tcp:a.test:%u", port);
  Sleeper sleeper = { .func = sleep_dialling, .ctx = fixture->ctx, .address = address };

  answer ("127.0.0.2", "127.0.0.3");
  sleeper_start (&sleeper);
  full_server_make_room (&first);
  sleeper_join (&sleeper);
  g_assert_no_error (sleeper.error);
  g_assert_cmpstr (leash_conn_get_remote_address (sleeper.result), ==, first_address);
  leash_conn_unref (sleeper.result);
}

static void
test_all_fail (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashListener) listener = start_listening (fixture->ctx, TCP);
  guint port = get_port (listener);
  g_autofree char *address = g_strdup_printf ("tcp:a.test:%u", port);
  g_autofree char *expected
      = g_strdup_printf ("Dialling “tcp:a.test:%u”: tcp:127.0.0.1:%u: %s; tcp:127.0.0.2:%u: %s", port, port,
                         g_strerror (ECONNREFUSED), port, g_strerror (ECONNREFUSED));
  g_autoptr (GError) error = NULL;

  g_assert_true (leash_listener_close (listener, NULL));
  answer ("127.0.0.1", "127.0.0.2");
  g_assert_null (leash_dial (fixture->ctx, address, &error));
  g_assert_cmpstr (error->message, ==, expected);
  assert_io_error (error, G_IO_ERROR_CONNECTION_REFUSED, address);
  g_assert_null (leash_dial (fixture->ctx, address, NULL));
}

/* Those of the two families are tried in turn, beginning with the one that the resolver has first. */
static void
test_families_in_turn (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashListener) listener = start_listening (fixture->ctx, TCP);
  g_autofree char *address = g_strdup_printf ("tcp:a.test:%u", get_port (listener));
  g_autoptr (GError) error = NULL;
  const char *places[4];

  g_assert_true (leash_listener_close (listener, NULL));
  answer ("127.0.0.1", "127.0.0.2", "::1", "::2");
  g_assert_null (leash_dial (fixture->ctx, address, &error));
  places[0] = strstr (error->message, "tcp:127.0.0.1:");
  places[1] = strstr (error->message, "tcp:[::1]:");
  places[2] = strstr (error->message, "tcp:127.0.0.2:");
  places[3] = strstr (error->message, "tcp:[::2]:");
  for (guint i = 0; i < G_N_ELEMENTS (places); i++)
    g_assert_nonnull (places[i]);
  for (guint i = 1; i < G_N_ELEMENTS (places); i++)
    g_assert_true (places[i - 1] < places[i]);
}

static void
test_deadline (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashListener) refusing = start_listening (fixture->ctx, "tcp:127.0.0.2:0");
  guint16 port = (guint16) get_port (refusing);
  g_auto (FullServer) silent = start_full_tcp_server_at (INADDR_LOOPBACK + 2, port, NULL);
  g_autoptr (LeashContext) late = leash_context_with_timeout (fixture->ctx, 50000);
  g_autoptr (LeashContext) cancelled = leash_context_with_cancel (fixture->ctx);
  g_autofree char *address = g_strdup_printf ("tcp:a.test:%u", port);
  Sleeper sleeper = { .func = sleep_dialling, .ctx = cancelled, .address = address };
  g_autoptr (GError) error = NULL;

  g_assert_true (leash_listener_close (refusing, NULL));
  answer ("127.0.0.2", "127.0.0.3");
  g_assert_null (leash_dial (late, address, &error));
  assert_io_error (error, G_IO_ERROR_TIMED_OUT,
                   "Dialling “tcp:a.test:", "”: tcp:127.0.0.2:", g_strerror (ECONNREFUSED),
                   "; tcp:127.0.0.3:", ": no answer yet; ");
  sleeper_start (&sleeper);
  leash_context_cancel (cancelled, NULL);
  sleeper_join (&sleeper);
  g_assert_null (sleeper.result);
  assert_io_error (sleeper.error, G_IO_ERROR_CANCELLED, ": no answer yet; ");
}

static void
test_one_family (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashListener) listener = start_listening (fixture->ctx, "tcp4:127.0.0.1:0");
  guint port = get_port (listener);
  g_autofree char *v4 = g_strdup_printf ("tcp4:a.test:%u", port);
  g_autofree char *v6 = g_strdup_printf ("tcp6:a.test:%u", port);
  g_autofree char *number = g_strdup_printf ("tcp4:127.0.0.1:%u", port);
  g_autoptr (GError) error = NULL;

  assert_connects (fixture, listener, number);
  answer ("::1", "127.0.0.1");
  assert_connects (fixture, listener, v4);
  g_assert_null (leash_dial (fixture->ctx, v6, &error));
  g_assert_null (strstr (error->message, "127.0.0.1"));
  g_clear_error (&error);
  answer ("127.0.0.1");
  g_assert_null (leash_dial (fixture->ctx, v6, &error));
  assert_io_error (error, G_IO_ERROR_HOST_NOT_FOUND,
                   "Dialling “tcp6:a.test:", "the name has no IPv6 address");
  answer ("::1");
  g_assert_null (leash_dial (fixture->ctx, v4, &error));
  assert_io_error (error, G_IO_ERROR_HOST_NOT_FOUND, "the name has no IPv4 address");
  g_assert_null (leash_listen (fixture->ctx, "tcp4:a.test:0", &error));
  assert_io_error (error, G_IO_ERROR_HOST_NOT_FOUND, "Listening on “tcp4:a.test:0”: the name has no IPv4");
}

/* What listens on every address of IPv6 alone leaves the port's IPv4 to others. */
static void
test_only_v6 (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LeashListener) listener = leash_listen (fixture->ctx, "tcp6:[::]:0", &error);
  g_autoptr (LeashListener) other = NULL;
  g_autofree char *v6 = NULL;
  g_autofree char *v4 = NULL;

  if (listener == NULL)
    {
      g_test_skip_printf ("no IPv6 on this machine: %s", error->message);
      return;
    }
  v6 = g_strdup_printf ("tcp6:[::1]:%u", get_port (listener));
  v4 = g_strdup_printf ("tcp4:127.0.0.3:%u", get_port (listener));
  other = start_listening (fixture->ctx, v4);
  assert_connects (fixture, listener, v6);
  assert_connects (fixture, other, v4);
}

/* What each end knows of itself and the other */

static void
assert_addresses_agree (Fixture *fixture, LeashListener *listener, const char *address)
{
  g_autoptr (LeashConn) dialled = dial (fixture->ctx, address);
  g_autoptr (LeashConn) accepted = accept_one (listener, fixture->ctx);

  g_assert_cmpstr (leash_conn_get_local_address (accepted), ==, leash_conn_get_remote_address (dialled));
  g_assert_cmpstr (leash_conn_get_remote_address (accepted), ==, leash_conn_get_local_address (dialled));
}

static void
test_addresses (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashListener) one = start_listening (fixture->ctx, TCP);
  g_autoptr (LeashListener) every = start_listening (fixture->ctx, "tcp:0.0.0.0:0");
  g_autofree char *other = g_strdup_printf ("tcp:127.0.0.2:%u", get_port (every));

  assert_addresses_agree (fixture, one, leash_listener_get_address (one));
  assert_addresses_agree (fixture, every, other);
  /* To dial every address is to dial this machine. */
  assert_addresses_agree (fixture, every, leash_listener_get_address (every));
}

static void
test_addresses_of_ipv6 (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LeashListener) every = leash_listen (fixture->ctx, "tcp6:[::]:0", &error);
  g_autofree char *one = NULL;

  if (every == NULL)
    {
      g_test_skip_printf ("no IPv6 on this machine: %s", error->message);
      return;
    }
  one = g_strdup_printf ("tcp:[::1]:%u", get_port (every));
  assert_addresses_agree (fixture, every, one);
  assert_addresses_agree (fixture, every, leash_listener_get_address (every));
}

static void
test_no_delay (Fixture *fixture, gconstpointer unused)
{
  g_auto (Ends) ends = connect_ends (fixture->ctx, TCP);
  LeashConn *conns[] = { ends.dialled, ends.accepted };
  int is_on[2];
  socklen_t size = sizeof is_on[0];

  assert_talks (fixture, ends.dialled, ends.accepted);
  assert_talks (fixture, ends.dialled, ends.accepted);
  for (guint i = 0; i < 2; i++)
    g_assert_cmpint (getsockopt (leash_conn_get_fd (conns[i]), IPPROTO_TCP, TCP_NODELAY, &is_on[i], &size),
                     ==, 0);
  g_assert_cmpint (is_on[0], !=, 0);
  g_assert_cmpint (is_on[1], !=, 0);
}

static int
get_option (LeashConn *conn, int level, int option)
{
  int value = -1;
  socklen_t size = sizeof value;

  g_assert_cmpint (getsockopt (leash_conn_get_fd (conn), level, option, &value, &size), ==, 0);
  return value;
}

static void
assert_keepalive (LeashConn *conn, int seconds)
{
  g_assert_cmpint (get_option (conn, SOL_SOCKET, SO_KEEPALIVE) != 0, ==, seconds > 0);
  if (seconds == 0)
    return;
  g_assert_cmpint (get_option (conn, IPPROTO_TCP, TCP_KEEPIDLE), ==, seconds);
  g_assert_cmpint (get_option (conn, IPPROTO_TCP, TCP_KEEPINTVL), ==, seconds);
  g_assert_cmpint (get_option (conn, IPPROTO_TCP, TCP_KEEPCNT), ==, 9);
}

/* Has it wait for what the peer writes then. */
static void
wait_to_read (LeashConn *conn, LeashConn *peer, LeashContext *ctx)
{
  Sleeper reader = { .func = sleep_reading, .ctx = ctx, .subject = conn };

  sleeper_start (&reader);
  g_assert_cmpint (leash_conn_write (peer, ctx, "x", 1, NULL), ==, 1);
  sleeper_join (&reader);
  g_assert_cmpint (reader.n, ==, 1);
}

static void
test_keepalive_of_who_waits (Fixture *fixture, gconstpointer unused)
{
  g_auto (Ends) ends = connect_ends (fixture->ctx, TCP);

  assert_talks (fixture, ends.dialled, ends.accepted);
  assert_keepalive (ends.dialled, 0);
  wait_to_read (ends.dialled, ends.accepted, fixture->ctx);
  assert_keepalive (ends.dialled, 15);
  /* It would end a connection to who does not read for a while. */
  g_assert_cmpint (get_option (ends.dialled, IPPROTO_TCP, TCP_USER_TIMEOUT), ==, 0);
  assert_keepalive (ends.accepted, 0);
  wait_to_read (ends.accepted, ends.dialled, fixture->ctx);
  assert_keepalive (ends.accepted, 15);
}

static void
test_keepalive_as_set (Fixture *fixture, gconstpointer unused)
{
  g_auto (Ends) ends = connect_ends (fixture->ctx, TCP);
  g_autoptr (GError) error = NULL;

  g_assert_true (leash_conn_set_keepalive (ends.dialled, 3 * G_TIME_SPAN_SECOND / 2, &error));
  assert_keepalive (ends.dialled, 2);
  wait_to_read (ends.dialled, ends.accepted, fixture->ctx);
  assert_keepalive (ends.dialled, 2);
  g_assert_cmpint (get_option (ends.dialled, IPPROTO_TCP, TCP_USER_TIMEOUT), ==, 20000);
  g_assert_true (leash_conn_set_keepalive (ends.dialled, 0, &error));
  g_assert_cmpint (get_option (ends.dialled, IPPROTO_TCP, TCP_USER_TIMEOUT), ==, 0);
  g_assert_true (leash_conn_set_keepalive (ends.accepted, 0, &error));
  wait_to_read (ends.accepted, ends.dialled, fixture->ctx);
  assert_keepalive (ends.accepted, 0);
  g_assert_false (leash_conn_set_keepalive (ends.dialled, G_MAXINT64, &error));
  assert_io_error (error, G_IO_ERROR_INVALID_ARGUMENT, "Setting the keepalive of");
}

/* The peer's kernel drops what comes, so that nothing is acknowledged. */
static void
test_keepalive_of_what_is_not_acknowledged (Fixture *fixture, gconstpointer unused)
{
  g_auto (Ends) ends = connect_ends (fixture->ctx, TCP);
  struct sock_filter drop = BPF_STMT (BPF_RET | BPF_K, 0);
  const struct sock_fprog filter = { .len = 1, .filter = &drop };
  const int soon = 200; /* the shortest time of leash_conn_set_keepalive() would be ten seconds */
  g_autoptr (GError) error = NULL;
  char byte;

  g_assert_true (leash_conn_set_keepalive (ends.dialled, 1, &error));
  g_assert_cmpint (get_option (ends.dialled, IPPROTO_TCP, TCP_USER_TIMEOUT), ==, 10000);
  g_assert_cmpint (
      setsockopt (leash_conn_get_fd (ends.dialled), IPPROTO_TCP, TCP_USER_TIMEOUT, &soon, sizeof soon), ==,
      0);
  g_assert_cmpint (
      setsockopt (leash_conn_get_fd (ends.accepted), SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter),
      ==, 0);
  g_assert_cmpint (leash_conn_write (ends.dialled, fixture->ctx, "x", 1, &error), ==, 1);
  g_assert_cmpint (leash_conn_read (ends.dialled, fixture->ctx, &byte, 1, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_TIMED_OUT, "Reading from “tcp:", g_strerror (ETIMEDOUT));
}

static void
test_keepalive_of_the_programs (Fixture *fixture, gconstpointer unused)
{
  g_auto (Ends) ends = connect_ends (fixture->ctx, TCP);
  const int on = 1, seconds = 77;
  int fd = leash_conn_get_fd (ends.dialled);

  g_assert_cmpint (setsockopt (fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on), ==, 0);
  g_assert_cmpint (setsockopt (fd, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof seconds), ==, 0);
  wait_to_read (ends.dialled, ends.accepted, fixture->ctx);
  g_assert_cmpint (get_option (ends.dialled, IPPROTO_TCP, TCP_KEEPIDLE), ==, 77);
}

static void
test_keepalive_of_others (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *address = g_strconcat ("unix:", fixture->dir, "/socket", NULL);
  g_auto (Ends) ends = connect_ends (fixture->ctx, address);
  g_autoptr (GError) error = NULL;

  g_assert_false (leash_conn_set_keepalive (ends.dialled, G_TIME_SPAN_SECOND, &error));
  assert_io_error (error, G_IO_ERROR_NOT_SUPPORTED, "Setting the keepalive of", address);
  wait_to_read (ends.dialled, ends.accepted, fixture->ctx);
  g_assert_cmpint (get_option (ends.dialled, SOL_SOCKET, SO_KEEPALIVE), ==, 0);
}

/* Other schemes */

static void
test_abstract (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *address = g_strconcat ("unix-abstract:", fixture->dir, "/\377", NULL);
  g_autoptr (LeashListener) listener = start_listening (fixture->ctx, address);
  g_autoptr (GError) error = NULL;

  g_assert_cmpstr (leash_listener_get_address (listener), ==, address);
  assert_connects (fixture, listener, address);
  g_assert_null (leash_listen (fixture->ctx, address, &error));
  assert_io_error (error, G_IO_ERROR_ADDRESS_IN_USE, "Listening on “unix-abstract:");
  g_assert_true (leash_listener_close (listener, NULL));
  g_assert_null (leash_dial (fixture->ctx, address, &error));
  assert_io_error (error, G_IO_ERROR_CONNECTION_REFUSED, "Dialling “unix-abstract:");
}

/* A peer that answers datagrams, with the C library's own means. */
static int
start_datagram_peer (guint16 *ret_port)
{
  struct sockaddr_in native = { .sin_family = AF_INET, .sin_addr.s_addr = g_htonl (INADDR_LOOPBACK) };
  int fd = socket (AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  socklen_t length = sizeof native;

  g_assert_cmpint (bind (fd, (gconstpointer) &native, length), ==, 0);
  g_assert_cmpint (getsockname (fd, (gpointer) &native, &length), ==, 0);
  *ret_port = g_ntohs (native.sin_port);
  return fd;
}

static void
test_datagrams (Fixture *fixture, gconstpointer host)
{
  guint16 port;
  int peer = start_datagram_peer (&port);
  g_autofree char *address = g_strdup_printf ("udp:%s:%u", (const char *) host, port);
  g_autofree char *number = g_strdup_printf ("udp:127.0.0.1:%u", port);
  g_autoptr (LeashConn) conn = NULL;
  struct sockaddr_storage from;
  socklen_t length = sizeof from;
  char buffer[8] = "";

  answer ("127.0.0.1");
  conn = dial (fixture->ctx, address);
  g_assert_cmpstr (leash_conn_get_remote_address (conn), ==, number);
  g_assert_true (g_str_has_prefix (leash_conn_get_local_address (conn), "udp:127.0.0.1:"));
  g_assert_cmpint (leash_conn_write (conn, fixture->ctx, "abc", 3, NULL), ==, 3);
  g_assert_cmpint (leash_conn_write (conn, fixture->ctx, "de", 2, NULL), ==, 2);
  g_assert_cmpint (recvfrom (peer, buffer, sizeof buffer, 0, (gpointer) &from, &length), ==, 3);
  g_assert_cmpint (recvfrom (peer, buffer, sizeof buffer, 0, (gpointer) &from, &length), ==, 2);
  g_assert_cmpint (sendto (peer, "12345", 5, 0, (gpointer) &from, length), ==, 5);
  g_assert_cmpint (sendto (peer, "67", 2, 0, (gpointer) &from, length), ==, 2);
  /* What there is no room for is lost; the next read is of the next one. */
  g_assert_cmpint (leash_conn_read (conn, fixture->ctx, buffer, 4, NULL), ==, 4);
  g_assert_cmpint (leash_conn_read (conn, fixture->ctx, buffer, 4, NULL), ==, 2);
  close (peer);
}

static void
test_datagram_failures (Fixture *fixture, gconstpointer unused)
{
  guint16 port;
  int peer = start_datagram_peer (&port);
  g_autofree char *address = g_strdup_printf ("udp:127.0.0.1:%u", port);
  g_autoptr (LeashConn) conn = dial (fixture->ctx, address);
  Sleeper sleeper = { .func = sleep_reading, .ctx = fixture->ctx, .subject = conn };
  g_autoptr (GError) error = NULL;
  char buffer[8];

  g_assert_false (leash_conn_shutdown (conn, TRUE, FALSE, &error));
  assert_io_error (error, G_IO_ERROR_NOT_SUPPORTED, "Shutting down “udp:127.0.0.1:");
  g_assert_null (leash_listen (fixture->ctx, "udp:127.0.0.1:0", &error));
  assert_io_error (error, G_IO_ERROR_NOT_SUPPORTED,
                   "Listening on “udp:127.0.0.1:0”: with datagrams there are no connections to accept");
  close (peer);
  g_assert_cmpint (leash_conn_write (conn, fixture->ctx, "x", 1, NULL), ==, 1);
  g_assert_cmpint (leash_conn_read (conn, fixture->ctx, buffer, sizeof buffer, &error), ==, -1);
  assert_io_error (error, G_IO_ERROR_CONNECTION_REFUSED, "Reading from “udp:127.0.0.1:");
  sleeper_start (&sleeper);
  g_assert_true (leash_conn_close (conn, NULL));
  sleeper_join (&sleeper);
  assert_io_error (sleeper.error, G_IO_ERROR_CLOSED, "closed in another thread");
}

int
main (int argc, char **argv)
{
  g_autoptr (GResolver) resolver = NULL;

  g_test_init (&argc, &argv, NULL);
  resolver = g_object_new (test_resolver_get_type (), NULL);
  g_resolver_set_default (resolver);
  warm_up ();
  ADD ("/net/host-dial/second-address-is-tried-when-the-first-is-silent", test_silent_first);
  ADD ("/net/host-dial/first-address-may-answer-late", test_late_first);
  ADD ("/net/host-dial/error-names-each-address-and-why", test_all_fail);
  ADD ("/net/host-dial/families-are-tried-in-turn", test_families_in_turn);
  ADD ("/net/host-dial/race-ends-with-its-context", test_deadline);
  ADD ("/net/host-dial/one-family", test_one_family);
  ADD ("/net/host-dial/listening-on-ipv6-alone", test_only_v6);
  ADD ("/net/host-dial/ends-agree-on-addresses", test_addresses);
  ADD ("/net/host-dial/ends-agree-on-addresses-of-ipv6", test_addresses_of_ipv6);
  ADD ("/net/host-dial/nothing-is-held-back", test_no_delay);
  ADD ("/net/host-dial/keepalive-of-who-waits", test_keepalive_of_who_waits);
  ADD ("/net/host-dial/keepalive-as-set", test_keepalive_as_set);
  ADD ("/net/host-dial/keepalive-of-what-is-not-acknowledged", test_keepalive_of_what_is_not_acknowledged);
  ADD ("/net/host-dial/keepalive-of-the-programs", test_keepalive_of_the_programs);
  ADD ("/net/host-dial/keepalive-of-others", test_keepalive_of_others);
  ADD ("/net/host-dial/abstract", test_abstract);
  g_test_add ("/net/host-dial/datagrams/number", Fixture, "127.0.0.1", set_up, test_datagrams, tear_down);
  g_test_add ("/net/host-dial/datagrams/name", Fixture, "a.test", set_up, test_datagrams, tear_down);
  ADD ("/net/host-dial/datagrams/failures", test_datagram_failures);
  return g_test_run ();
}
