/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tests with faults planted in them, for test-test.c to run one at a time and to see what a user would see.
 * Each leaves exactly one thing wrong unless its comment says otherwise, so that one detector sees it and no
 * other. The last of the path says what.
 */
#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <glib/gstdio.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <leash/leash.h>

/* What a fault needs to outlive its test. */
static LeashTag *kept_tag;
static gint stop; /* atomic */

static void
assert_fd (int fd)
{
  g_assert_cmpint (fd, >=, 0);
}

static void
test_nothing (void)
{
  g_auto (LeashTest) test = leash_test_begin ();
  LeashTag *tag = leash_track (test.ctx, "gadget", "a");

  leash_untrack (tag);
}

static void
open_gadget (LeashContext *ctx)
{
  g_atomic_pointer_set (&kept_tag, leash_track (ctx, "gadget", "the one"));
}

static void
test_resource (void)
{
  g_auto (LeashTest) test = leash_test_begin ();

  open_gadget (test.ctx);
}

static void
test_misuse (void)
{
  g_auto (LeashTest) test = leash_test_begin ();
  LeashTag *tag = leash_track (test.ctx, "gadget", "twice");

  leash_untrack (tag);
  leash_untrack (tag);
}

static void
test_kept_open (void)
{
  g_auto (LeashTest) test = leash_test_begin ();

  leash_tag_keep_open (leash_track (test.ctx, "gadget", "for ever"));
}

static void
test_misuse_beside_kept_open (void)
{
  g_auto (LeashTest) test = leash_test_begin ();
  LeashTag *tag = leash_track (test.ctx, "gadget", "twice");
  g_autoptr (GError) error = NULL;

  leash_tag_keep_open (leash_track (test.ctx, "gadget", "for ever"));
  leash_untrack (tag);
  leash_untrack (tag);
  g_assert_false (leash_test_finish (&test, &error));
  g_test_message ("code %d", error->code);
}

/* Descriptors */

static void
test_fd_file (void)
{
  g_auto (LeashTest) test = leash_test_begin ();

  assert_fd (open ("/dev/null", O_RDONLY));
  assert_fd (open ("/etc/passwd", O_RDONLY));
  assert_fd (open ("/etc", O_RDONLY | O_DIRECTORY));
}

static void
test_fd_pipe (void)
{
  g_auto (LeashTest) test = leash_test_begin ();
  int ends[2];

  g_assert_cmpint (pipe (ends), ==, 0);
  close (ends[1]);
}

static void
test_fd_fifo (void)
{
  g_auto (LeashTest) test = leash_test_begin ();
  g_autofree char *path = g_build_filename (test.dir, "fifo", NULL);

  g_assert_cmpint (mkfifo (path, 0600), ==, 0);
  assert_fd (open (path, O_RDWR));
}

/* A listener, a connection to it, and what it accepted: three. */
static void
test_fd_tcp (void)
{
  g_auto (LeashTest) test = leash_test_begin ();
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  socklen_t length = sizeof address;
  int listener = socket (AF_INET, SOCK_STREAM, 0);
  int conn = socket (AF_INET, SOCK_STREAM, 0);

  g_assert_cmpint (bind (listener, (struct sockaddr *) &address, sizeof address), ==, 0);
  g_assert_cmpint (listen (listener, 1), ==, 0);
  g_assert_cmpint (getsockname (listener, (struct sockaddr *) &address, &length), ==, 0);
  g_assert_cmpint (connect (conn, (struct sockaddr *) &address, sizeof address), ==, 0);
  assert_fd (accept (listener, NULL, NULL));
  g_test_message ("port %d", ntohs (address.sin_port));
}

/* A bound one, one that is not, and one of datagrams: three. */
static void
test_fd_other_sockets (void)
{
  g_auto (LeashTest) test = leash_test_begin ();
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int bound = socket (AF_UNIX, SOCK_STREAM, 0);

  g_snprintf (address.sun_path, sizeof address.sun_path, "%s/s", test.dir);
  g_assert_cmpint (bind (bound, (struct sockaddr *) &address, sizeof address), ==, 0);
  g_assert_cmpint (listen (bound, 1), ==, 0);
  assert_fd (socket (AF_UNIX, SOCK_STREAM, 0));
  assert_fd (socket (AF_INET, SOCK_DGRAM, 0));
}

static void
test_fd_eventfd (void)
{
  g_auto (LeashTest) test = leash_test_begin ();

  assert_fd (eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK));
}

static void
test_fd_memfd (void)
{
  g_auto (LeashTest) test = leash_test_begin ();

  assert_fd (memfd_create ("pages", MFD_CLOEXEC));
}

static void
test_fd_reopened (void)
{
  int fd = open ("/dev/null", O_RDONLY);
  g_auto (LeashTest) test = leash_test_begin ();

  close (fd);
  g_assert_cmpint (open ("/dev/zero", O_RDONLY), ==, fd);
}

static void
test_fd_was_open_before (void)
{
  int fd = open ("/dev/null", O_RDONLY);
  g_auto (LeashTest) test = leash_test_begin ();

  assert_fd (fd);
}

/* These four the tracker tells of, or nobody has to. */

static void
test_fd_of_leash_file (void)
{
  g_auto (LeashTest) test = leash_test_begin ();

  g_assert_nonnull (leash_open (test.ctx, "/dev/null", LEASH_OPEN_READ, 0, NULL));
}

static void
test_fd_of_leash_dir (void)
{
  g_auto (LeashTest) test = leash_test_begin ();

  g_assert_nonnull (leash_open_dir (test.ctx, test.dir, NULL));
}

static void
test_fd_tracked (void)
{
  g_auto (LeashTest) test = leash_test_begin ();
  int fd = open ("/dev/null", O_RDONLY);

  leash_track_fd (test.ctx, "device", fd, "null");
}

/* The same number for a file of Leash's first, and for one that bypasses it then. */
static void
test_fd_after_leash_file (void)
{
  g_auto (LeashTest) test = leash_test_begin ();
  g_autoptr (LeashFile) file = leash_open (test.ctx, "/dev/zero", LEASH_OPEN_READ, 0, NULL);
  int fd = leash_file_get_fd (file);

  g_assert_true (leash_file_close (file, NULL));
  g_assert_cmpint (open ("/dev/null", O_RDONLY), ==, fd);
}

/* No tracker knows of it: to the test it is a descriptor like any other. */
static void
test_fd_of_untracked_file (void)
{
  g_auto (LeashTest) test = leash_test_begin ();

  g_assert_nonnull (leash_open (leash_context_background (), "/dev/null", LEASH_OPEN_READ, 0, NULL));
}

/* A stack that was never walked before makes libunwind look at memory that it has not seen. */
static int G_GNUC_NO_INLINE
open_deep_down (LeashContext *ctx, int depth)
{
  char room[512];

  memset (room, depth, sizeof room);
  if (depth > 0)
    return open_deep_down (ctx, depth - 1) + room[depth];
  leash_untrack (leash_track (ctx, "gadget", "deep"));
  return 0;
}

static gpointer
open_deep_down_in_thread (gpointer ctx)
{
  open_deep_down (ctx, 30);
  return NULL;
}

static void
test_fd_of_libunwind (void)
{
  g_auto (LeashTest) test = leash_test_begin ();

  open_deep_down (test.ctx, 60);
  g_thread_join (g_thread_new ("deep", open_deep_down_in_thread, test.ctx));
}

/* Threads */

static gpointer
sleep_till_stop (gpointer unused)
{
  while (!g_atomic_int_get (&stop))
    g_usleep (1000);
  return NULL;
}

static gpointer
run_straggler (gpointer runs)
{
  g_atomic_int_set ((gint *) runs, TRUE);
  return sleep_till_stop (NULL);
}

/* A thread that is only beginning still has the name of the one that made it. */
static void
start_straggler (const char *name)
{
  static gint runs;

  g_atomic_int_set (&runs, FALSE);
  g_thread_unref (g_thread_new (name, run_straggler, &runs));
  while (!g_atomic_int_get (&runs))
    g_usleep (100);
}

static void
test_thread (void)
{
  g_auto (LeashTest) test = leash_test_begin ();

  start_straggler ("straggler");
}

static void
test_thread_like_pool (void)
{
  g_auto (LeashTest) test = leash_test_begin ();

  start_straggler ("pool-of-cars");
}

static void
test_thread_like_leash (void)
{
  g_auto (LeashTest) test = leash_test_begin ();

  start_straggler ("leash-walker");
}

static void
run_in_task (GTask *task, gpointer source, gpointer unused, GCancellable *cancellable)
{
  g_task_return_boolean (task, TRUE);
}

static void
run_in_pool (gpointer item, gpointer unused)
{
}

static gboolean
stay (gpointer unused)
{
  return G_SOURCE_CONTINUE;
}

static gpointer
connect_to_bus (gpointer address)
{
  g_autoptr (GDBusConnection) conn = g_dbus_connection_new_for_address_sync (
      address, G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT, NULL, NULL, NULL);

  g_assert_nonnull (conn);
  g_dbus_connection_close_sync (conn, NULL, NULL);
  return NULL;
}

static gboolean
count_connection (GDBusServer *server, GDBusConnection *conn, gpointer n)
{
  ++*(gint *) n;
  return FALSE;
}

/* A connection from this process to itself: it is GLib that starts a thread for all connections. */
static void
use_bus (const char *dir)
{
  g_autofree char *address = g_strdup_printf ("unix:dir=%s", dir);
  g_autofree char *guid = g_dbus_generate_guid ();
  g_autoptr (GDBusServer) server
      = g_dbus_server_new_sync (address, G_DBUS_SERVER_FLAGS_NONE, guid, NULL, NULL, NULL);
  GThread *client;
  gint n = 0;

  g_assert_nonnull (server);
  g_signal_connect (server, "new-connection", G_CALLBACK (count_connection), &n);
  g_dbus_server_start (server);
  client = g_thread_new ("client", connect_to_bus, (gpointer) g_dbus_server_get_client_address (server));
  while (n == 0)
    g_main_context_iteration (NULL, TRUE);
  g_thread_join (client);
  g_dbus_server_stop (server);
}

/* GLib's worker, that of D-Bus, one of a GTask, one of a pool: all stay. */
static void
start_workers (const char *dir)
{
  g_autoptr (GTask) task = g_task_new (NULL, NULL, NULL, NULL);
  GThreadPool *pool = g_thread_pool_new (run_in_pool, NULL, 1, FALSE, NULL);

  g_task_run_in_thread_sync (task, run_in_task);
  g_thread_pool_push (pool, GINT_TO_POINTER (1), NULL);
  g_thread_pool_free (pool, FALSE, TRUE);
  g_source_remove (g_unix_signal_add (SIGUSR1, stay, NULL));
  use_bus (dir);
}

static void
test_workers (void)
{
  g_auto (LeashTest) test = leash_test_begin ();

  start_workers (test.dir);
}

static void
test_workers_and_eventfd (void)
{
  g_auto (LeashTest) test = leash_test_begin ();

  assert_fd (eventfd (0, 0));
  start_workers (test.dir);
}

/* leash_test_go() */

static void
be_deaf (LeashContext *ctx, gpointer unused)
{
  sleep_till_stop (NULL);
}

static void
test_go_deaf (void)
{
  g_auto (LeashTest) test = leash_test_begin ();

  leash_test_go (&test, be_deaf, NULL);
}

static void
wait_for_end (LeashContext *ctx, gpointer n)
{
  LeashTag *tag = leash_track (ctx, "gadget", "of a thread");

  leash_context_wait (ctx, -1);
  leash_untrack (tag);
  g_atomic_int_inc ((gint *) n);
}

static void
test_go_obeys (void)
{
  static gint n_ended;
  g_auto (LeashTest) test = leash_test_begin ();

  for (int i = 0; i < 3; i++)
    leash_test_go (&test, wait_for_end, &n_ended);
  leash_test_end (&test);
  g_assert_cmpint (n_ended, ==, 3);
}

static void
work (LeashContext *ctx, gpointer n)
{
  g_usleep (20000);
  g_assert_false (leash_context_is_done (ctx));
  g_atomic_int_inc ((gint *) n);
}

static void
test_go_wait (void)
{
  gint n_ended = 0;
  g_auto (LeashTest) test = leash_test_begin ();

  for (int i = 0; i < 3; i++)
    leash_test_go (&test, work, &n_ended);
  leash_test_wait (&test);
  g_assert_cmpint (g_atomic_int_get (&n_ended), ==, 3);
}

/* Contexts */

static LeashContext *kept_ctx;

static G_NO_INLINE void
forget_context (LeashContext *ctx)
{
  kept_ctx = leash_context_with_cancel (ctx);
}

static void
test_context (void)
{
  g_auto (LeashTest) test = leash_test_begin ();

  forget_context (test.ctx);
}

static void
test_context_beside_threads (void)
{
  static gint n_ended;
  g_auto (LeashTest) test = leash_test_begin ();

  leash_test_go (&test, wait_for_end, &n_ended);
  forget_context (test.ctx);
}

static void
wait_in_child_context (LeashContext *ctx, gpointer unused)
{
  g_autoptr (LeashContext) child = leash_context_with_cancel (ctx);

  g_atomic_int_set (&stop, 1);
  leash_context_wait (child, -1);
}

static void
test_context_of_thread (void)
{
  g_auto (LeashTest) test = leash_test_begin ();

  leash_test_go (&test, wait_in_child_context, NULL);
  sleep_till_stop (NULL);
}

/* Its own, and one that was cancelled but not let go of: memory, and no leak of Leash's to tell. */
static void
test_context_cancelled (void)
{
  g_auto (LeashTest) test = leash_test_begin ();

  forget_context (test.ctx);
  leash_context_cancel (kept_ctx, NULL);
}

/* What is closed after the test's function */

static gboolean
untrack_when_idle (gpointer tag)
{
  leash_untrack (tag);
  return G_SOURCE_REMOVE;
}

static void
test_late_idle (void)
{
  g_auto (LeashTest) test = leash_test_begin ();

  g_idle_add (untrack_when_idle, leash_track (test.ctx, "gadget", "idle"));
}

static gpointer
untrack_in_thread (gpointer tag)
{
  g_usleep (100000);
  leash_untrack (tag);
  return NULL;
}

static void
test_late_thread (void)
{
  g_auto (LeashTest) test = leash_test_begin ();

  g_thread_unref (g_thread_new ("closer", untrack_in_thread, leash_track (test.ctx, "gadget", "late")));
}

static gpointer
close_in_thread (gpointer fd)
{
  g_usleep (50000);
  close (GPOINTER_TO_INT (fd));
  return NULL;
}

static void
test_late_fd (void)
{
  g_auto (LeashTest) test = leash_test_begin ();

  g_thread_unref (g_thread_new ("closer", close_in_thread, GINT_TO_POINTER (open ("/dev/null", O_RDONLY))));
}

static void
test_busy_main_loop (void)
{
  g_auto (LeashTest) test = leash_test_begin ();

  g_idle_add (stay, NULL);
  open_gadget (test.ctx);
}

/* GTest's other ways out */

static void
test_nonfatal (void)
{
  g_auto (LeashTest) test = leash_test_begin ();

  g_test_set_nonfatal_assertions ();
  open_gadget (test.ctx);
  g_assert_cmpint (1, ==, 2);
}

static void
test_skip (void)
{
  g_auto (LeashTest) test = leash_test_begin ();

  open_gadget (test.ctx);
  g_test_skip ("not today");
}

static void
test_skip_clean (void)
{
  g_auto (LeashTest) test = leash_test_begin ();

  g_test_skip ("not today");
}

/* The directory */

/* What root may do regardless of permissions must not make a test pass. */
static void
drop_privileges (void)
{
  struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
  struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3];

  memset (none, 0, sizeof none);
  g_assert_cmpint (syscall (SYS_capset, &header, none), ==, 0);
}

static void
write_file (const char *dir, const char *name)
{
  g_autofree char *path = g_build_filename (dir, name, NULL);

  g_assert_true (g_file_set_contents (path, "x", -1, NULL));
}

static void
test_dir_full (void)
{
  g_auto (LeashTest) test = leash_test_begin ();
  g_autofree char *locked = g_build_filename (test.dir, "locked", NULL);
  g_autofree char *inner = g_build_filename (locked, "inner", NULL);

  drop_privileges ();
  g_assert_true (g_file_test (test.dir, G_FILE_TEST_IS_DIR));
  g_test_message ("dir %s", test.dir);
  g_assert_cmpint (g_mkdir_with_parents (inner, 0700), ==, 0);
  write_file (test.dir, "a");
  write_file (locked, "b");
  write_file (inner, "c");
  g_assert_cmpint (g_chmod (inner, 0), ==, 0);
  g_assert_cmpint (g_chmod (locked, 0500), ==, 0);
}

static void
test_dir_links (void)
{
  g_auto (LeashTest) test = leash_test_begin ();
  g_autofree char *to_dir = g_build_filename (test.dir, "to-dir", NULL);
  g_autofree char *to_file = g_build_filename (test.dir, "to-file", NULL);
  g_autofree char *outside = g_build_filename (g_getenv ("OUTSIDE"), "precious", NULL);

  g_test_message ("dir %s", test.dir);
  g_assert_cmpint (symlink (g_getenv ("OUTSIDE"), to_dir), ==, 0);
  g_assert_cmpint (symlink (outside, to_file), ==, 0);
}

static void
test_dir_gone (void)
{
  g_auto (LeashTest) test = leash_test_begin ();

  g_assert_cmpint (g_rmdir (test.dir), ==, 0);
}

static void
test_dir_stuck (void)
{
  g_auto (LeashTest) test = leash_test_begin ();

  drop_privileges ();
  g_assert_cmpint (g_chmod (g_get_tmp_dir (), 0500), ==, 0);
}

/* Says what it was given. */
static void
test_set_up (void)
{
  g_auto (LeashTest) test = leash_test_begin ();
  gint64 deadline;

  g_assert_nonnull (test.ctx);
  g_assert_true (leash_context_get_tracker (test.ctx) == test.tracker || !leash_has_tracking ());
  if (leash_context_get_deadline (test.ctx, &deadline))
    g_test_message ("deadline %.0f s", (double) (deadline - g_get_monotonic_time ()) / G_USEC_PER_SEC);
  else
    g_test_message ("no deadline");
  g_test_message ("dir %s", test.dir != NULL ? test.dir : "none");
}

/* More than one test */

static gpointer
run_leaking (gpointer unused)
{
  LeashTest test = leash_test_begin ();
  g_autoptr (GError) error = NULL;

  open_gadget (test.ctx);
  while (!g_atomic_int_get (&stop))
    g_usleep (1000);
  g_assert_false (leash_test_finish (&test, &error));
  g_assert_nonnull (strstr (leash_error_get_report (error), "the one"));
  return NULL;
}

/* The other one leaks and says so; this one, which also has a descriptor that it does not close, passes. */
static void
test_parallel (void)
{
  GThread *other;

  {
    g_auto (LeashTest) test = leash_test_begin ();

    other = g_thread_new ("other", run_leaking, NULL);
    while (g_atomic_pointer_get (&kept_tag) == NULL)
      g_usleep (1000);
    assert_fd (open ("/dev/null", O_RDONLY));
  }
  g_atomic_int_set (&stop, 1);
  g_thread_join (other);
}

static void
test_one_after_another (void)
{
  test_parallel ();
  {
    g_auto (LeashTest) test = leash_test_begin ();

    assert_fd (open ("/dev/null", O_RDONLY));
  }
}

static void
test_ended_twice (void)
{
  g_auto (LeashTest) test = leash_test_begin ();

  leash_test_end (&test);
  g_assert_null (test.ctx);
  leash_test_end (&test);
}

static void
test_used_after_end (void)
{
  LeashTest test = leash_test_begin ();
  g_autoptr (GError) error = NULL;

  g_assert_true (leash_test_finish (&test, &error));
  g_assert_no_error (error);
  g_test_expect_message ("Leash", G_LOG_LEVEL_CRITICAL, "*leash_test_finish*priv != NULL*");
  g_assert_false (leash_test_finish (&test, &error));
  g_test_expect_message ("Leash", G_LOG_LEVEL_CRITICAL, "*leash_test_finish*test != NULL*");
  g_assert_false (leash_test_finish (NULL, &error));
  g_test_expect_message ("Leash", G_LOG_LEVEL_CRITICAL, "*leash_test_go*priv != NULL*");
  leash_test_go (&test, be_deaf, NULL);
  g_test_expect_message ("Leash", G_LOG_LEVEL_CRITICAL, "*leash_test_wait*priv != NULL*");
  leash_test_wait (&test);
  g_test_expect_message ("Leash", G_LOG_LEVEL_CRITICAL, "*leash_test_end*test != NULL*");
  leash_test_end (NULL);
  g_test_assert_expected_messages ();
}

/* One of each. */
static void
test_everything (void)
{
  g_auto (LeashTest) test = leash_test_begin ();
  LeashTag *tag = leash_track (test.ctx, "gadget", "twice");

  open_gadget (test.ctx);
  leash_untrack (tag);
  leash_untrack (tag);
  assert_fd (open ("/dev/zero", O_RDONLY));
  start_straggler ("straggler");
  leash_test_go (&test, be_deaf, NULL);
}

static void
add_descriptors (void)
{
  g_test_add_func ("/fd/file", test_fd_file);
  g_test_add_func ("/fd/pipe", test_fd_pipe);
  g_test_add_func ("/fd/fifo", test_fd_fifo);
  g_test_add_func ("/fd/tcp", test_fd_tcp);
  g_test_add_func ("/fd/other-sockets", test_fd_other_sockets);
  g_test_add_func ("/fd/eventfd", test_fd_eventfd);
  g_test_add_func ("/fd/memfd", test_fd_memfd);
  g_test_add_func ("/fd/reopened", test_fd_reopened);
  g_test_add_func ("/fd/was-open-before", test_fd_was_open_before);
  g_test_add_func ("/fd/of-leash-file", test_fd_of_leash_file);
  g_test_add_func ("/fd/of-leash-dir", test_fd_of_leash_dir);
  g_test_add_func ("/fd/tracked", test_fd_tracked);
  g_test_add_func ("/fd/after-leash-file", test_fd_after_leash_file);
  g_test_add_func ("/fd/of-untracked-file", test_fd_of_untracked_file);
  g_test_add_func ("/fd/of-libunwind", test_fd_of_libunwind);
}

static void
add_threads_and_contexts (void)
{
  g_test_add_func ("/thread/straggler", test_thread);
  g_test_add_func ("/thread/like-pool", test_thread_like_pool);
  g_test_add_func ("/thread/like-leash", test_thread_like_leash);
  g_test_add_func ("/thread/workers", test_workers);
  g_test_add_func ("/thread/workers-and-eventfd", test_workers_and_eventfd);
  g_test_add_func ("/go/deaf", test_go_deaf);
  g_test_add_func ("/go/obeys", test_go_obeys);
  g_test_add_func ("/go/wait", test_go_wait);
  g_test_add_func ("/context/forgotten", test_context);
  g_test_add_func ("/context/forgotten-beside-threads", test_context_beside_threads);
  g_test_add_func ("/context/of-thread", test_context_of_thread);
  g_test_add_func ("/context/cancelled", test_context_cancelled);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/nothing", test_nothing);
  g_test_add_func ("/resource", test_resource);
  g_test_add_func ("/misuse", test_misuse);
  g_test_add_func ("/kept-open", test_kept_open);
  g_test_add_func ("/misuse-beside-kept-open", test_misuse_beside_kept_open);
  add_descriptors ();
  add_threads_and_contexts ();
  g_test_add_func ("/late/idle", test_late_idle);
  g_test_add_func ("/late/thread", test_late_thread);
  g_test_add_func ("/late/fd", test_late_fd);
  g_test_add_func ("/busy-main-loop", test_busy_main_loop);
  g_test_add_func ("/nonfatal", test_nonfatal);
  g_test_add_func ("/skip", test_skip);
  g_test_add_func ("/skip-clean", test_skip_clean);
  g_test_add_func ("/dir/full", test_dir_full);
  g_test_add_func ("/dir/links", test_dir_links);
  g_test_add_func ("/dir/gone", test_dir_gone);
  g_test_add_func ("/dir/stuck", test_dir_stuck);
  g_test_add_func ("/set-up", test_set_up);
  g_test_add_func ("/parallel", test_parallel);
  g_test_add_func ("/one-after-another", test_one_after_another);
  g_test_add_func ("/ended-twice", test_ended_twice);
  g_test_add_func ("/used-after-end", test_used_after_end);
  g_test_add_func ("/everything", test_everything);
  return g_test_run ();
}
