/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The host's network, on loopback and local sockets. Names are looked up in a resolver of the test's own,
 * which GIO lets a program have: what real ones know depends on the machine.
 */
#include "full-server.h"
#include "net-fixture.h"

#include <fcntl.h>
#include <sys/un.h>
#include <sys/wait.h>

/* Knows "both.test", which is ::1 and 127.0.0.1, and never answers for "slow.test". */

typedef GResolver TestResolver;
typedef GResolverClass TestResolverClass;

static GType test_resolver_get_type (void);

G_DEFINE_TYPE (TestResolver, test_resolver, G_TYPE_RESOLVER)

static GList *
test_resolver_look_up (GResolver *resolver, const char *name, GCancellable *cancellable, GError **error)
{
  if (strcmp (name, "both.test") == 0)
    return g_list_append (g_list_append (NULL, g_inet_address_new_loopback (G_SOCKET_FAMILY_IPV6)),
                          g_inet_address_new_loopback (G_SOCKET_FAMILY_IPV4));
  if (strcmp (name, "slow.test") == 0)
    while (!g_cancellable_set_error_if_cancelled (cancellable, error))
      g_usleep (1000);
  else if (strcmp (name, "odd.test") == 0)
    g_set_error_literal (error, G_RESOLVER_ERROR, G_RESOLVER_ERROR_TEMPORARY_FAILURE, "try again");
  else
    g_set_error (error, G_RESOLVER_ERROR, G_RESOLVER_ERROR_NOT_FOUND, "no “%s”", name);
  return NULL;
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

static char *
local_address (Fixture *fixture, const char *name)
{
  return g_strdup_printf ("unix:%s/%s", fixture->dir, name);
}

static void
assert_connects (Fixture *fixture, LeashListener *listener, const char *address)
{
  g_autoptr (LeashConn) dialled = dial (fixture->ctx, address);
  g_autoptr (LeashConn) accepted = accept_one (listener, fixture->ctx);
  char byte = 'x';

  g_assert_true (leash_conn_write_all (dialled, fixture->ctx, &byte, 1, NULL, NULL));
  g_assert_true (leash_conn_read_all (accepted, fixture->ctx, &byte, 1, NULL, NULL));
}

static void
test_tcp (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashListener) listener = start_listening (fixture->ctx, TCP);

  assert_connects (fixture, listener, leash_listener_get_address (listener));
}

static void
test_ipv6 (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LeashListener) listener = leash_listen (fixture->ctx, "tcp:[::1]:0", &error);

  if (listener == NULL)
    {
      g_test_skip_printf ("no IPv6 on this machine: %s", error->message);
      return;
    }
  g_assert_true (g_str_has_prefix (leash_listener_get_address (listener), "tcp:[::1]:"));
  assert_connects (fixture, listener, leash_listener_get_address (listener));
}

static void
test_local (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *address = local_address (fixture, "socket");
  g_autoptr (LeashListener) listener = start_listening (fixture->ctx, address);

  g_assert_cmpstr (leash_listener_get_address (listener), ==, address);
  assert_connects (fixture, listener, address);
}

static guint
get_port (LeashListener *listener)
{
  return (guint) g_ascii_strtoull (strrchr (leash_listener_get_address (listener), ':') + 1, NULL, 10);
}

/* Names */

static void
test_second_address (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashListener) listener = start_listening (fixture->ctx, TCP);
  g_autofree char *address = g_strdup_printf ("tcp:both.test:%u", get_port (listener));

  assert_connects (fixture, listener, address);
}

static void
test_listen_on_name (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LeashListener) listener = leash_listen (fixture->ctx, "tcp:both.test:0", &error);

  if (listener == NULL)
    g_test_skip_printf ("no IPv6 on this machine: %s", error->message);
  else
    g_assert_true (g_str_has_prefix (leash_listener_get_address (listener), "tcp:[::1]:"));
}

static void
test_unknown_name (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (leash_dial (fixture->ctx, "tcp:nobody.test:80", &error));
  assert_io_error (error, G_IO_ERROR_HOST_NOT_FOUND, "Dialling “tcp:nobody.test:80”: no “nobody.test”");
  g_assert_null (leash_listen (fixture->ctx, "tcp:nobody.test:80", &error));
  assert_io_error (error, G_IO_ERROR_HOST_NOT_FOUND, "Listening on “tcp:nobody.test:80”: ");
  g_assert_null (leash_dial (fixture->ctx, "tcp:odd.test:80", &error));
  assert_io_error (error, G_IO_ERROR_FAILED, "try again");
}

static void
test_cancelled_look_up (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashContext) ctx = leash_context_with_cancel (fixture->ctx);
  g_autoptr (LeashContext) late = leash_context_with_timeout (fixture->ctx, 20000);
  Sleeper sleeper = { .func = sleep_dialling, .ctx = ctx, .address = "tcp:slow.test:80" };
  g_autoptr (GError) error = NULL;

  sleeper_start (&sleeper);
  leash_context_cancel (ctx, NULL);
  sleeper_join (&sleeper);
  g_assert_null (sleeper.result);
  assert_io_error (sleeper.error, G_IO_ERROR_CANCELLED, "Dialling “tcp:slow.test:80”: ");
  g_assert_null (leash_dial (late, "tcp:slow.test:80", &error));
  assert_io_error (error, G_IO_ERROR_TIMED_OUT, "Dialling “tcp:slow.test:80”: ");
}

/* What goes wrong */

static void
test_refused (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashListener) listener = start_listening (fixture->ctx, TCP);
  const char *address = leash_listener_get_address (listener);
  g_autoptr (GError) error = NULL;

  g_assert_true (leash_listener_close (listener, &error));
  g_assert_null (leash_dial (fixture->ctx, address, &error));
  assert_io_error (error, G_IO_ERROR_CONNECTION_REFUSED, "Dialling “", address, g_strerror (ECONNREFUSED));
}

static void
test_bad_addresses (Fixture *fixture, gconstpointer unused)
{
  static const char *const both[] = { "tcp:localhost", "tcp:localhost:70000", "unix:", "nothing" };
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (both); i++)
    {
      g_assert_null (leash_dial (fixture->ctx, both[i], &error));
      assert_io_error (error, G_IO_ERROR_INVALID_ARGUMENT, "Dialling “", both[i], "”: ", "expected ");
      g_assert_null (leash_listen (fixture->ctx, both[i], &error));
      assert_io_error (error, G_IO_ERROR_INVALID_ARGUMENT, "Listening on “", both[i], "”: ", "expected ");
    }
  g_assert_null (leash_dial (fixture->ctx, "tcp:localhost:0", &error));
  assert_io_error (error, G_IO_ERROR_INVALID_ARGUMENT, "port 0 cannot be dialled: expected 1 to 65535");
  g_assert_null (leash_dial (fixture->ctx, "smoke:signals", &error));
  assert_io_error (error, G_IO_ERROR_NOT_SUPPORTED,
                   "Dialling “smoke:signals”: the scheme “smoke” is not known");
}

static void
test_port_taken (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashListener) listener = start_listening (fixture->ctx, TCP);
  const char *address = leash_listener_get_address (listener);
  g_autoptr (GError) error = NULL;

  g_assert_null (leash_listen (fixture->ctx, address, &error));
  assert_io_error (error, G_IO_ERROR_ADDRESS_IN_USE, "Listening on “", address);
}

static void
test_local_failures (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *missing = local_address (fixture, "missing");
  g_autofree char *nowhere = local_address (fixture, "no/where");
  g_autoptr (GError) error = NULL;

  g_assert_null (leash_dial (fixture->ctx, missing, &error));
  assert_io_error (error, G_IO_ERROR_NOT_FOUND, "Dialling “", missing);
  g_assert_null (leash_listen (fixture->ctx, nowhere, &error));
  assert_io_error (error, G_IO_ERROR_NOT_FOUND, "Listening on “", nowhere);
}

static void
test_no_descriptors (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashListener) listener = start_listening (fixture->ctx, TCP);
  const char *address = leash_listener_get_address (listener);
  g_autoptr (GError) dial_error = NULL;
  g_autoptr (GError) listen_error = NULL;
  rlim_t before = use_up_descriptors ();
  LeashConn *conn = leash_dial (fixture->ctx, address, &dial_error);
  LeashListener *other = leash_listen (fixture->ctx, TCP, &listen_error);

  give_descriptors_back (before);
  g_assert_null (conn);
  g_assert_null (other);
  assert_io_error (dial_error, G_IO_ERROR_TOO_MANY_OPEN_FILES, "Dialling “", address);
  assert_io_error (listen_error, G_IO_ERROR_TOO_MANY_OPEN_FILES, "Listening on “" TCP);
  assert_connects (fixture, listener, address);
}

/* Servers that have no room */

static FullServer
start_full_local_server (Fixture *fixture, char **ret_address)
{
  struct sockaddr_un native = { .sun_family = AF_UNIX };

  *ret_address = local_address (fixture, "full");
  g_strlcpy (native.sun_path, *ret_address + strlen ("unix:"), sizeof native.sun_path);
  return start_full_server ((gconstpointer) &native, sizeof native);
}

static void
assert_dial_waits (Fixture *fixture, const char *address)
{
  g_autoptr (LeashClock) clock = leash_clock_new_fake (0);
  g_autoptr (LeashContext) fake = leash_context_with_clock (fixture->ctx, clock);
  LeashContext *contexts[] = {
    leash_context_with_cancel (fixture->ctx),
    leash_context_with_timeout (fake, G_TIME_SPAN_DAY),
    leash_context_with_timeout (fixture->ctx, 30000),
  };
  const int codes[] = { G_IO_ERROR_CANCELLED, G_IO_ERROR_TIMED_OUT, G_IO_ERROR_TIMED_OUT };

  for (guint i = 0; i < G_N_ELEMENTS (contexts); i++)
    {
      Sleeper sleeper = { .func = sleep_dialling, .ctx = contexts[i], .address = address };

      sleeper.thread = g_thread_new ("dialler", run_sleeper, &sleeper);
      if (i < 2)
        wait_until (is_asleep (g_atomic_int_get (&sleeper.tid)));
      if (i == 0)
        leash_context_cancel (contexts[i], NULL);
      else if (i == 1)
        leash_clock_advance (clock, G_TIME_SPAN_DAY);
      sleeper_join (&sleeper);
      g_assert_null (sleeper.result);
      assert_io_error (sleeper.error, codes[i], "Dialling “", address);
      leash_context_unref (contexts[i]);
    }
}

static void
test_dial_hangs (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *address = NULL;
  g_auto (FullServer) server = start_full_tcp_server (&address);

  assert_dial_waits (fixture, address);
}

static void
test_local_dial_hangs (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *address = NULL;
  g_auto (FullServer) server = start_full_local_server (fixture, &address);

  assert_dial_waits (fixture, address);
}

static void
test_room_is_made (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *address = NULL;
  g_auto (FullServer) server = start_full_local_server (fixture, &address);
  Sleeper sleeper = { .func = sleep_dialling, .ctx = fixture->ctx, .address = address };

  sleeper_start (&sleeper);
  close (accept (server.listening, NULL, NULL));
  sleeper_join (&sleeper);
  g_assert_no_error (sleeper.error);
  leash_conn_unref (sleeper.result);
}

/* Local sockets' files */

static void
test_file_goes_with_listener (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *address = local_address (fixture, "socket");
  g_autofree char *path = path_of (fixture, "socket");
  g_autoptr (LeashListener) listener = start_listening (fixture->ctx, address);

  g_assert_true (g_file_test (path, G_FILE_TEST_EXISTS));
  g_assert_true (leash_listener_close (listener, NULL));
  g_assert_false (g_file_test (path, G_FILE_TEST_EXISTS));
}

static void
test_others_file_stays (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *address = local_address (fixture, "socket");
  g_autofree char *path = path_of (fixture, "socket");
  g_autofree char *old_path = path_of (fixture, "old");
  g_autoptr (LeashListener) listener = start_listening (fixture->ctx, address);
  g_autoptr (LeashListener) successor = NULL;

  g_assert_cmpint (rename (path, old_path), ==, 0);
  successor = start_listening (fixture->ctx, address);
  g_assert_true (leash_listener_close (listener, NULL));
  assert_connects (fixture, successor, address);
}

static void
test_relative_path (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *cwd = g_get_current_dir ();
  g_autofree char *path = path_of (fixture, "here");
  g_autoptr (LeashListener) listener = NULL;

  g_assert_cmpint (chdir (fixture->dir), ==, 0);
  listener = start_listening (fixture->ctx, "unix:here");
  g_assert_cmpint (chdir (cwd), ==, 0);
  g_assert_true (g_file_test (path, G_FILE_TEST_EXISTS));
  g_assert_true (leash_listener_close (listener, NULL));
  g_assert_false (g_file_test (path, G_FILE_TEST_EXISTS));
}

static void
test_taken_path (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *address = local_address (fixture, "socket");
  g_autofree char *path = path_of (fixture, "socket");
  g_autofree char *left_path = path_of (fixture, "left");
  g_autofree char *left_address = local_address (fixture, "left");
  g_autofree char *file_address = local_address (fixture, "file");
  g_autofree char *file_path = path_of (fixture, "file");
  g_autoptr (LeashListener) listener = start_listening (fixture->ctx, address);
  g_autoptr (LeashListener) gone = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_null (leash_listen (fixture->ctx, address, &error));
  assert_io_error (error, G_IO_ERROR_ADDRESS_IN_USE, "Listening on “", address,
                   "another server listens there");

  g_assert_cmpint (link (path, left_path), ==, 0);
  g_assert_true (leash_listener_close (listener, &error));
  g_assert_null (leash_listen (fixture->ctx, left_address, &error));
  assert_io_error (error, G_IO_ERROR_ADDRESS_IN_USE, "a socket that nobody listens on", "remove it");
  g_assert_true (g_file_test (left_path, G_FILE_TEST_EXISTS));

  g_assert_true (g_file_set_contents (file_path, "precious", -1, NULL));
  g_assert_null (leash_listen (fixture->ctx, file_address, &error));
  assert_io_error (error, G_IO_ERROR_ADDRESS_IN_USE, "no socket");
  g_assert_true (g_file_test (file_path, G_FILE_TEST_IS_REGULAR));
}

/* A child that closes what it inherited takes nothing from its parent. */
static void
test_child_closes (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *address = local_address (fixture, "socket");
  g_auto (Ends) ends = connect_ends (fixture->ctx, address);
  g_autoptr (GError) error = NULL;
  char byte = 'x';
  int status;
  pid_t child = fork ();

  if (child == 0)
    _exit (leash_listener_close (ends.listener, NULL) && leash_conn_close (ends.accepted, NULL) ? 0 : 1);
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  g_assert_cmpint (status, ==, 0);
  g_assert_true (leash_conn_write_all (ends.dialled, fixture->ctx, &byte, 1, NULL, &error));
  g_assert_true (leash_conn_read_all (ends.accepted, fixture->ctx, &byte, 1, NULL, &error));
  g_assert_no_error (error);
  assert_connects (fixture, ends.listener, address);
}

/* Regression: where a thread of the parent's was accepting, nobody listened any more. */
static void
test_child_closes_while_parent_accepts (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashListener) listener = start_listening (fixture->ctx, TCP);
  Sleeper server = { .func = sleep_accepting, .ctx = fixture->ctx, .subject = listener };
  g_autoptr (LeashConn) conn = NULL;
  int status;
  pid_t child;

  sleeper_start (&server);
  child = fork ();
  if (child == 0)
    _exit (leash_listener_close (listener, NULL) ? 0 : 1);
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  g_assert_cmpint (status, ==, 0);
  conn = dial (fixture->ctx, leash_listener_get_address (listener));
  sleeper_join (&server);
  g_assert_no_error (server.error);
  leash_conn_unref (server.result);
}

int
main (int argc, char **argv)
{
  g_autoptr (GResolver) resolver = NULL;

  g_test_init (&argc, &argv, NULL);
  resolver = g_object_new (test_resolver_get_type (), NULL);
  g_resolver_set_default (resolver);
  warm_up ();
  ADD ("/net/host/tcp", test_tcp);
  ADD ("/net/host/ipv6", test_ipv6);
  ADD ("/net/host/local", test_local);
  ADD ("/net/host/second-address-is-tried-when-the-first-fails", test_second_address);
  ADD ("/net/host/listen-on-a-name", test_listen_on_name);
  ADD ("/net/host/unknown-name", test_unknown_name);
  ADD ("/net/host/look-up-ends-when-cancelled", test_cancelled_look_up);
  ADD ("/net/host/refused", test_refused);
  ADD ("/net/host/bad-addresses-say-what-was-attempted", test_bad_addresses);
  ADD ("/net/host/port-is-taken", test_port_taken);
  ADD ("/net/host/local-failures", test_local_failures);
  ADD ("/net/host/out-of-descriptors-and-on", test_no_descriptors);
  ADD ("/net/host/dial-of-a-full-server-ends-with-its-context", test_dial_hangs);
  ADD ("/net/host/dial-of-a-full-local-server-ends-with-its-context", test_local_dial_hangs);
  ADD ("/net/host/dial-goes-on-when-room-is-made", test_room_is_made);
  ADD ("/net/host/socket-file-goes-with-its-listener", test_file_goes_with_listener);
  ADD ("/net/host/socket-file-of-another-stays", test_others_file_stays);
  ADD ("/net/host/socket-file-goes-after-chdir", test_relative_path);
  ADD ("/net/host/taken-path-tells-by-what", test_taken_path);
  ADD ("/net/host/child-that-closes-takes-nothing-from-its-parent", test_child_closes);
  ADD ("/net/host/child-that-closes-while-its-parent-accepts", test_child_closes_while_parent_accepts);
  return g_test_run ();
}
