/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a client of a running program sees, and what the program keeps of it afterwards. */
#include "leash-server-private.h"

#include "../fixture.h"
#include "../under-sanitizer.h"
#include "ask.h"
#include "leash-census-private.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define N_ROUNDS 200
#define A_WHILE 20000 /* us */

/* Serves at the path, or fails. */
static LeashServer *
serve (Fixture *self, const char *path)
{
  g_autoptr (GError) error = NULL;
  LeashServer *server = leash_tracker_serve (self->tracker, path, &error);

  g_assert_no_error (error);
  g_assert_nonnull (server);
  return server;
}

static void
assert_not_served (Fixture *self, const char *path, gint code, const char *why)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LeashServer) server = leash_tracker_serve (self->tracker, path, &error);

  g_assert_null (server);
  assert_io_error (error, code, path, why);
}

static gboolean
is_there (const char *path)
{
  struct stat found;

  return lstat (path, &found) == 0;
}

/* A socket that somebody listens at; closing it leaves the node. */
static int
listen_at (const char *path, int type)
{
  struct sockaddr_un address = address_of (path);
  int fd = socket (AF_UNIX, type | SOCK_CLOEXEC, 0);

  g_assert_cmpint (fd, >=, 0);
  g_assert_cmpint (bind (fd, (struct sockaddr *) &address, sizeof address), ==, 0);
  if (type == SOCK_STREAM)
    g_assert_cmpint (listen (fd, 4), ==, 0);
  return fd;
}

/* Each answers. */

static void
test_answers (Fixture *self, gconstpointer unused)
{
  g_autofree char *path = path_of (self, "s");
  g_autoptr (LeashServer) server = serve (self, path);
  g_autoptr (LeashTracker) other = leash_tracker_new ();
  g_autoptr (LeashContext) elsewhere = leash_context_with_tracker (self->ctx, other);
  LeashTag *tag = leash_track (self->ctx, "thing", "one");
  LeashTag *not_served = leash_track (elsewhere, "thing", "two");
  g_autofree char *text = ask (path, "text\n");
  g_autofree char *json = ask (path, "json\n");
  g_autofree char *later = NULL;

  g_assert_cmpstr (leash_server_get_path (server), ==, path);
  g_assert_true (g_str_has_prefix (text, "leash: 1 resource still open, from 1 place\n"));
  assert_has (text, "1 x thing \"one\"");
  g_assert_true (g_str_has_suffix (text, "\n"));
  g_assert_true (g_str_has_prefix (json, "{\"schema\":1,"));
  leash_untrack (tag);
  leash_untrack (not_served);
  later = ask (path, "text\n");
  g_assert_true (g_str_has_prefix (later, "leash: nothing is open"));
}

static void
test_end_of_request_is_text (Fixture *self, gconstpointer unused)
{
  g_autofree char *path = path_of (self, "s");
  g_autoptr (LeashServer) server = serve (self, path);
  g_autofree char *answer = NULL;
  int fd = dial (path);

  g_assert_cmpint (shutdown (fd, SHUT_WR), ==, 0);
  answer = hear (fd);
  g_assert_true (g_str_has_prefix (answer, "leash: "));
}

static void
test_request_in_pieces (Fixture *self, gconstpointer unused)
{
  g_autofree char *path = path_of (self, "s");
  g_autoptr (LeashServer) server = serve (self, path);
  g_autofree char *answer = NULL;
  int fd = dial (path);

  for (const char *piece = "json\n"; *piece != '\0'; piece++)
    {
      g_assert_cmpint (send (fd, piece, 1, MSG_NOSIGNAL), ==, 1);
      g_usleep (1000);
    }
  answer = hear (fd);
  g_assert_true (g_str_has_prefix (answer, "{"));
}

static void
test_relative_path (Fixture *self, gconstpointer unused)
{
  g_autofree char *path = path_of (self, "s");
  g_autofree char *before = g_get_current_dir ();
  LeashServer *server;

  g_assert_cmpint (chdir (self->dir), ==, 0);
  server = serve (self, "s");
  g_assert_cmpint (chdir (before), ==, 0);
  g_assert_cmpstr (leash_server_get_path (server), ==, path);
  leash_server_unref (server);
  g_assert_false (is_there (path));
}

/* Returns what curl says, or skips the test. */
static char *
curl (const char *path, const char *url)
{
  g_autoptr (GError) error = NULL;
  char *argv[] = { (char *) "curl",
                   (char *) "--silent",
                   (char *) "--show-error",
                   (char *) "--unix-socket",
                   (char *) path,
                   (char *) "--write-out",
                   (char *) "status %{http_code}",
                   (char *) url,
                   NULL };
  char *answer = NULL;

  g_spawn_sync (NULL, argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &answer, NULL, NULL, &error);
  if (g_error_matches (error, G_SPAWN_ERROR, G_SPAWN_ERROR_NOENT))
    {
      g_test_skip ("curl is not installed");
      return NULL;
    }
  g_assert_no_error (error);
  return answer;
}

static void
test_curl (Fixture *self, gconstpointer unused)
{
  g_autofree char *path = path_of (self, "s");
  g_autoptr (LeashServer) server = serve (self, path);
  g_autofree char *text = curl (path, "http://leash/report.txt");
  g_autofree char *json = curl (path, "http://leash/report.json?all");
  g_autofree char *none = curl (path, "http://leash/");

  if (text == NULL)
    return;
  g_assert_true (g_str_has_prefix (text, "leash: "));
  g_assert_true (g_str_has_suffix (text, "\nstatus 200"));
  g_assert_true (g_str_has_prefix (json, "{\"schema\":1,"));
  g_assert_true (g_str_has_suffix (json, "status 200"));
  g_assert_true (g_str_has_suffix (none, "status 404"));
}

/* Who may connect. */

typedef struct
{
  const char *path;
  gint stop;       /* atomic */
  gint seen;       /* atomic; how often the node was there */
  gint seen_wider; /* atomic; of those, when others could use it */
} Watcher;

static gpointer
watch (gpointer user_data)
{
  Watcher *watcher = user_data;
  struct stat found;

  while (!g_atomic_int_get (&watcher->stop))
    if (lstat (watcher->path, &found) == 0)
      {
        g_atomic_int_inc (&watcher->seen);
        if ((found.st_mode & (S_IRWXG | S_IRWXO)) != 0)
          g_atomic_int_inc (&watcher->seen_wider);
      }
  return NULL;
}

/* Calls func until the watcher has seen the node often, and as it should not be, if that is expected. */
static void
watch_while (Watcher *watcher, Fixture *self, void (*func) (Fixture *self, const char *path), int n_wider)
{
  GThread *thread = g_thread_new ("watcher", watch, watcher);
  mode_t before = umask (0);

  while (g_atomic_int_get (&watcher->seen) < N_ROUNDS || g_atomic_int_get (&watcher->seen_wider) < n_wider)
    func (self, watcher->path);
  umask (before);
  g_atomic_int_set (&watcher->stop, TRUE);
  g_thread_join (thread);
}

static void
serve_shortly (Fixture *self, const char *path)
{
  leash_server_unref (serve (self, path));
}

static void
serve_carelessly (Fixture *self, const char *path)
{
  close (listen_at (path, SOCK_STREAM));
  chmod (path, 0600);
  unlink (path);
}

static void
test_never_open_to_others (Fixture *self, gconstpointer unused)
{
  g_autofree char *path = path_of (self, "s");
  Watcher careful = { .path = path }, careless = { .path = path };

  if (g_getenv ("UNDER_VALGRIND") != NULL)
    {
      g_test_skip ("threads take turns under valgrind: none would see what another does in between");
      return;
    }
  watch_while (&careful, self, serve_shortly, 0);
  g_assert_cmpint (careful.seen_wider, ==, 0);
  /* The control: it sees what is mended at once. */
  watch_while (&careless, self, serve_carelessly, 1);
}

static void
test_mode (Fixture *self, gconstpointer unused)
{
  g_autofree char *path = path_of (self, "s");
  g_autoptr (LeashServer) server = serve (self, path);
  struct stat found;

  g_assert_cmpint (lstat (path, &found), ==, 0);
  g_assert_cmpint (found.st_mode, ==, S_IFSOCK | 0600);
}

/* How many bytes another user gets, or -1. In a child: users are a process's. */
static int
ask_as (const char *path, uid_t uid)
{
  struct sockaddr_un address = address_of (path);
  pid_t child = fork ();
  int status;

  g_assert_cmpint (child, >=, 0);
  if (child == 0)
    {
      int fd = socket (AF_UNIX, SOCK_STREAM, 0);
      char byte;

      if (setuid (uid) != 0 || connect (fd, (struct sockaddr *) &address, sizeof address) != 0)
        _exit (2);
      send (fd, "text\n", 5, MSG_NOSIGNAL);
      _exit (recv (fd, &byte, 1, 0) == 1 ? 1 : 0);
    }
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  g_assert_true (WIFEXITED (status));
  return WEXITSTATUS (status) == 2 ? -1 : WEXITSTATUS (status);
}

static void
test_another_user_is_sent_away (Fixture *self, gconstpointer unused)
{
  const uid_t nobody = 65534;
  g_autofree char *path = path_of (self, "s");
  g_autoptr (LeashServer) server = NULL;

  if (geteuid () != 0)
    {
      g_test_skip ("only root can become another user");
      return;
    }
  server = serve (self, path);
  g_assert_cmpint (chmod (self->dir, 0711), ==, 0);
  g_assert_cmpint (ask_as (path, nobody), ==, -1);
  /* Though somebody should have opened the node to all. */
  g_assert_cmpint (chmod (path, 0666), ==, 0);
  g_assert_cmpint (ask_as (path, nobody), ==, 0);
  g_assert_cmpint (ask_as (path, geteuid ()), ==, 1);
}

/* What is at the path already. */

static void
test_stale_is_replaced (Fixture *self, gconstpointer unused)
{
  g_autofree char *path = path_of (self, "s");
  g_autoptr (LeashServer) server = NULL;
  g_autofree char *answer = NULL;

  close (listen_at (path, SOCK_STREAM));
  g_assert_true (is_there (path));
  server = serve (self, path);
  answer = ask (path, "\n");
  g_assert_true (g_str_has_prefix (answer, "leash: "));
}

static void
test_live_is_an_error (Fixture *self, gconstpointer unused)
{
  g_autofree char *path = path_of (self, "s");
  g_autofree char *answer = NULL;
  g_autofree char *foreign = path_of (self, "foreign");
  g_autofree char *datagrams = path_of (self, "datagrams");
  g_autoptr (LeashServer) server = serve (self, path);
  int fds[] = { listen_at (foreign, SOCK_STREAM), listen_at (datagrams, SOCK_DGRAM) };

  assert_not_served (self, path, G_IO_ERROR_ADDRESS_IN_USE, "somebody answers there already");
  answer = ask (path, "\n");
  g_assert_true (g_str_has_prefix (answer, "leash: "));
  /* Also where connections wait until no more can. */
  for (guint i = 0; i < 8; i++)
    assert_not_served (self, foreign, G_IO_ERROR_ADDRESS_IN_USE, "somebody answers there already");
  assert_not_served (self, datagrams, G_IO_ERROR_FAILED, "");
  g_assert_true (is_there (datagrams));
  close (fds[0]);
  close (fds[1]);
}

static void
test_other_kinds_stay (Fixture *self, gconstpointer unused)
{
  static const char why[] = "it is there, and is no socket";
  g_autofree char *file = path_of (self, "file");
  g_autofree char *dir = path_of (self, "dir");
  g_autofree char *link_to_stale = path_of (self, "link");
  g_autofree char *stale = path_of (self, "stale");

  g_assert_true (g_file_set_contents (file, "text", -1, NULL));
  g_assert_cmpint (mkdir (dir, 0700), ==, 0);
  close (listen_at (stale, SOCK_STREAM));
  g_assert_cmpint (symlink (stale, link_to_stale), ==, 0);
  assert_not_served (self, file, G_IO_ERROR_EXISTS, why);
  assert_not_served (self, dir, G_IO_ERROR_EXISTS, why);
  assert_not_served (self, link_to_stale, G_IO_ERROR_EXISTS, why);
  g_assert_true (is_there (file) && is_there (dir) && is_there (link_to_stale) && is_there (stale));
}

static void
test_long_path (Fixture *self, gconstpointer unused)
{
  g_autofree char *filler = g_strnfill (107 - strlen (self->dir) - 1, 'x');
  g_autofree char *longest = path_of (self, filler);
  g_autofree char *longer = g_strconcat (longest, "x", NULL);

  leash_server_unref (serve (self, longest));
  assert_not_served (self, longer, G_IO_ERROR_FILENAME_TOO_LONG,
                     "it has 108 bytes, and a socket's path up to 107");
}

static void
test_no_directory (Fixture *self, gconstpointer unused)
{
  g_autofree char *path = path_of (self, "missing/s");

  assert_not_served (self, path, G_IO_ERROR_NOT_FOUND, "No such file");
}

static void
test_usual_path (Fixture *self, gconstpointer unused)
{
  g_autofree char *name = g_strdup_printf ("leash/test-server-%d.sock", getpid ());
  g_autofree char *path = path_of (self, name);
  g_autoptr (GError) error = NULL;

  g_setenv ("XDG_RUNTIME_DIR", self->dir, TRUE);
  for (guint i = 0; i < 2; i++)
    {
      g_autoptr (LeashServer) server = serve (self, NULL);
      g_autofree char *answer = ask (path, "\n");

      g_assert_cmpstr (leash_server_get_path (server), ==, path);
      g_assert_true (g_str_has_prefix (answer, "leash: "));
    }
  g_unsetenv ("XDG_RUNTIME_DIR");
  g_assert_null (leash_tracker_serve (self->tracker, NULL, &error));
  assert_io_error (error, G_IO_ERROR_NOT_FOUND, "XDG_RUNTIME_DIR", "give a path");
}

/* The end. */

static void
test_node_is_removed (Fixture *self, gconstpointer unused)
{
  g_autofree char *path = path_of (self, "s");
  LeashServer *server = serve (self, path);

  leash_server_stop (server);
  g_assert_false (is_there (path));
  g_assert_cmpint (try_dial (path), ==, -1);
  leash_server_stop (server);
  leash_server_unref (server);

  server = leash_server_ref (serve (self, path));
  leash_server_unref (server);
  g_assert_true (is_there (path));
  leash_server_unref (server);
  g_assert_false (is_there (path));
}

static void
test_anothers_node_stays (Fixture *self, gconstpointer unused)
{
  g_autofree char *path = path_of (self, "s");
  g_autofree char *aside = path_of (self, "aside");
  LeashServer *server = serve (self, path);

  g_assert_cmpint (rename (path, aside), ==, 0);
  g_assert_true (g_file_set_contents (path, "text", -1, NULL));
  leash_server_unref (server);
  g_assert_true (is_there (path));
}

static void
test_tracker_may_end_and_go (Fixture *self, gconstpointer unused)
{
  g_autofree char *path = path_of (self, "s");
  LeashTracker *tracker = leash_tracker_new ();
  LeashContext *ctx = leash_context_with_tracker (leash_context_background (), tracker);
  g_autoptr (LeashServer) server = leash_tracker_serve (tracker, path, NULL);
  LeashTag *tag = leash_track (ctx, "thing", "one");
  g_autofree char *answer = NULL;

  leash_tracker_end (tracker);
  leash_context_unref (ctx);
  leash_tracker_unref (tracker);
  answer = ask (path, "\n");
  assert_has (answer, "1 x thing \"one\"");
  leash_untrack (tag);
}

static void
note (gpointer user_data)
{
  *(GThread **) user_data = g_thread_self ();
}

/* What hangs on the tracker is freed in the thread that lets go of it. */
static void
test_last_reference_goes_here (Fixture *self, gconstpointer unused)
{
  g_autofree char *path = path_of (self, "s");
  LeashTracker *tracker = leash_tracker_new ();
  LeashServer *server = leash_tracker_serve (tracker, path, NULL);
  GThread *freed_in = NULL;

  leash_tracker_add_listener (tracker, (LeashTrackerFunc) (void (*) (void)) note, &freed_in, note);
  leash_tracker_unref (tracker);
  leash_server_stop (server);
  g_assert_null (freed_in);
  leash_server_unref (server);
  g_assert_true (freed_in == g_thread_self ());
}

/* Clients that behave badly. */

static void
open_many (Fixture *self, LeashTag **tags, guint n)
{
  for (guint i = 0; i < n; i++)
    {
      g_autofree char *name = g_strdup_printf ("a name that makes the report longer, number %u", i);

      tags[i] = leash_track (self->ctx, "thing", name);
    }
}

#define N_MANY 10000

/* A client whose answer does not fit into what the kernel keeps, and that reads none of it. */
static int
dial_and_not_read (const char *path)
{
  int fd = dial (path);
  struct pollfd first = { fd, POLLIN, 0 };

  say (fd, "json\n");
  g_assert_cmpint (poll (&first, 1, -1), ==, 1);
  return fd;
}

static void
test_who_never_reads_blocks_nobody (Fixture *self, gconstpointer unused)
{
  g_autofree char *path = path_of (self, "s");
  g_autoptr (LeashServer) server = serve (self, path);
  g_autofree LeashTag **tags = g_new (LeashTag *, N_MANY);
  g_autofree char *whole = NULL;
  g_autofree char *late = NULL;
  int stuck;

  open_many (self, tags, N_MANY);
  stuck = dial_and_not_read (path);
  whole = ask (path, "json\n");
  g_assert_true (g_str_has_suffix (whole, "}\n"));
  g_assert_cmpuint (strlen (whole), >, 500000);
  /* It has not lost anything by being slow. */
  late = hear (stuck);
  g_assert_true (g_str_has_suffix (late, "}\n"));
  for (guint i = 0; i < N_MANY; i++)
    leash_untrack (tags[i]);
}

static void
test_who_never_reads_is_sent_away (Fixture *self, gconstpointer unused)
{
  g_autofree char *path = path_of (self, "s");
  g_autoptr (LeashServer) server = serve (self, path);
  g_autofree LeashTag **tags = g_new (LeashTag *, N_MANY);
  g_autofree char *part = NULL;
  struct pollfd gone;
  int stuck;

  __atomic_store_n (&server->answer_patience, A_WHILE, __ATOMIC_RELAXED);
  open_many (self, tags, N_MANY);
  stuck = dial_and_not_read (path);
  gone = (struct pollfd){ stuck, 0, 0 };
  g_assert_cmpint (poll (&gone, 1, -1), ==, 1);
  part = hear (stuck);
  g_assert_false (g_str_has_suffix (part, "}\n"));
  for (guint i = 0; i < N_MANY; i++)
    leash_untrack (tags[i]);
}

static void
test_who_never_asks_blocks_nobody (Fixture *self, gconstpointer unused)
{
  g_autofree char *path = path_of (self, "s");
  g_autoptr (LeashServer) server = serve (self, path);
  int silent = dial (path);
  g_autofree char *answer = ask (path, "\n");

  g_assert_true (g_str_has_prefix (answer, "leash: "));
  close (silent);
}

static void
test_who_never_asks_is_sent_away (Fixture *self, gconstpointer unused)
{
  g_autofree char *path = path_of (self, "s");
  g_autoptr (LeashServer) server = serve (self, path);
  g_autofree char *nothing = NULL;
  int silent;

  __atomic_store_n (&server->request_patience, A_WHILE, __ATOMIC_RELAXED);
  silent = dial (path);
  say (silent, "tex");
  nothing = hear (silent);
  g_assert_cmpstr (nothing, ==, "");
}

static void
test_too_long (Fixture *self, gconstpointer unused)
{
  g_autofree char *path = path_of (self, "s");
  g_autoptr (LeashServer) server = serve (self, path);
  g_autofree char *request = g_strnfill (LEASH_REQUEST_MAX * 2, 'x');
  g_autofree char *answer = NULL;
  int fd = dial (path);

  say (fd, request);
  answer = hear_all (fd);
  g_assert_cmpint (errno, ==, 0);
  close (fd);
  g_assert_cmpstr (answer, ==, "leash: a request has up to 4096 bytes\n");
}

/* Who is gone when the answer comes: no SIGPIPE, and the next is served. */
static void
test_who_hangs_up (Fixture *self, gconstpointer unused)
{
  g_autofree char *path = path_of (self, "s");
  g_autoptr (LeashServer) server = serve (self, path);
  g_autofree char *answer = NULL;

  for (guint i = 0; i < N_ROUNDS; i++)
    {
      int fd = dial (path);

      if (i % 2 == 0)
        say (fd, "text\n");
      close (fd);
    }
  answer = ask (path, "\n");
  g_assert_true (g_str_has_prefix (answer, "leash: "));
}

static void
test_more_than_there_are_places (Fixture *self, gconstpointer unused)
{
  g_autofree char *path = path_of (self, "s");
  g_autoptr (LeashServer) server = serve (self, path);
  int silent[LEASH_N_CLIENTS];
  struct pollfd answered = { .events = POLLIN };
  int waiting;
  g_autofree char *answer = NULL;

  for (guint i = 0; i < LEASH_N_CLIENTS; i++)
    silent[i] = dial (path);
  waiting = dial (path);
  say (waiting, "text\n");
  answered.fd = waiting;
  g_assert_cmpint (poll (&answered, 1, A_WHILE / 1000), ==, 0);
  /* One place is enough. */
  close (silent[3]);
  answer = hear (waiting);
  g_assert_true (g_str_has_prefix (answer, "leash: "));
  for (guint i = 0; i < LEASH_N_CLIENTS; i++)
    if (i != 3)
      close (silent[i]);
}

/* Regression: of some forty who came at once, the kernel sent half away, as its queue was that short. */
static void
test_many_at_once (Fixture *self, gconstpointer unused)
{
  g_autofree char *path = path_of (self, "s");
  g_autoptr (LeashServer) server = serve (self, path);
  struct sockaddr_un address = address_of (path);
  int fds[100];

  for (guint i = 0; i < G_N_ELEMENTS (fds); i++)
    {
      fds[i] = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
      g_assert_cmpint (connect (fds[i], (const struct sockaddr *) &address, sizeof address), ==, 0);
    }
  for (guint i = 0; i < G_N_ELEMENTS (fds); i++)
    close (fds[i]);
}

/* All descriptors are taken, twice: the one that was kept for a client is kept again afterwards. */
static void
test_out_of_descriptors (Fixture *self, gconstpointer unused)
{
  g_autofree char *path = path_of (self, "s");
  g_autoptr (LeashServer) server = NULL;
  struct sockaddr_un address = address_of (path);
  struct rlimit before, few;
  int fds[2], last;

  if (g_getenv ("UNDER_VALGRIND") != NULL)
    {
      g_test_skip ("valgrind accepts a connection before it finds that there is no descriptor left");
      return;
    }
  server = serve (self, path);
  for (guint i = 0; i < G_N_ELEMENTS (fds); i++)
    fds[i] = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  last = fcntl (STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &before), ==, 0);
  few = (struct rlimit){ (rlim_t) last + 1, before.rlim_max };
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &few), ==, 0);
  /* The control */
  g_assert_cmpint (dup (STDERR_FILENO), ==, -1);
  for (guint i = 0; i < G_N_ELEMENTS (fds); i++)
    {
      g_autofree char *answer = NULL;

      g_assert_cmpint (connect (fds[i], (struct sockaddr *) &address, sizeof address), ==, 0);
      say (fds[i], "text\n");
      answer = hear_all (fds[i]);
      g_assert_true (g_str_has_prefix (answer, "leash: "));
    }
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &before), ==, 0);
  for (guint i = 0; i < G_N_ELEMENTS (fds); i++)
    close (fds[i]);
  close (last);
}

/* Fewer descriptors than the server waits for: the system refuses to wait, and it must not ask without a
 * pause. */
static void
test_hardly_any_descriptors (Fixture *self, gconstpointer unused)
{
  g_autofree char *path = path_of (self, "s");
  g_autoptr (LeashServer) server = serve (self, path);
  g_autofree char *answer = NULL;
  struct timespec spent[2];
  struct rlimit before, none;
  int fd = dial (path);

  if (g_getenv ("UNDER_VALGRIND") != NULL)
    {
      g_test_skip ("valgrind keeps the limit to itself");
      close (fd);
      return;
    }
  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &before), ==, 0);
  none = (struct rlimit){ 0, before.rlim_max };
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &none), ==, 0);
  say (fd, "text\n");
  clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &spent[0]);
  g_usleep (300 * 1000);
  clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &spent[1]);
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &before), ==, 0);
  /* Of the processor's time, which does not pass while another process runs. */
  g_assert_cmpint (
      (spent[1].tv_sec - spent[0].tv_sec) * 1000 + (spent[1].tv_nsec - spent[0].tv_nsec) / 1000000, <, 150);
  answer = hear (fd);
  g_assert_true (g_str_has_prefix (answer, "leash: "));
}

static void
test_stop_with_clients (Fixture *self, gconstpointer unused)
{
  g_autofree char *path = path_of (self, "s");
  g_autoptr (LeashServer) server = serve (self, path);
  g_autofree LeashTag **tags = g_new (LeashTag *, N_MANY);
  g_autofree char *nothing = NULL;
  g_autofree char *part = NULL;
  int silent, stuck;

  open_many (self, tags, N_MANY);
  stuck = dial_and_not_read (path);
  silent = dial (path);
  leash_server_stop (server);
  nothing = hear (silent);
  part = hear (stuck);
  g_assert_cmpstr (nothing, ==, "");
  g_assert_false (g_str_has_suffix (part, "}\n"));
  for (guint i = 0; i < N_MANY; i++)
    leash_untrack (tags[i]);
}

/* Threads, fork, exit. */

static gpointer
stop (gpointer server)
{
  leash_server_stop (server);
  leash_server_unref (server);
  return NULL;
}

static gpointer
ask_until_refused (gpointer path)
{
  int fd;

  while ((fd = try_dial (path)) >= 0)
    {
      send (fd, "text\n", 5, MSG_NOSIGNAL);
      g_free (hear (fd));
    }
  return NULL;
}

static void
test_stop_from_many_threads (Fixture *self, gconstpointer unused)
{
  g_autofree char *path = path_of (self, "s");

  for (guint round = 0; round < 20; round++)
    {
      LeashServer *server = serve (self, path);
      GThread *threads[6];

      for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
        threads[i] = i < 3 ? g_thread_new ("asks", ask_until_refused, path)
                           : g_thread_new ("stops", stop, leash_server_ref (server));
      leash_server_unref (server);
      for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
        g_thread_join (threads[i]);
      g_assert_false (is_there (path));
    }
}

static void
test_census_is_clean (Fixture *self, gconstpointer unused)
{
  g_autofree char *path = path_of (self, "s");
  g_autofree char *bare = path_of (self, "bare");
  g_autoptr (LeashCensus) before = leash_census_new ();
  LeashServer *server = serve (self, path);
  g_autofree char *answer = ask (path, "\n");
  g_autoptr (LeashCensus) during = leash_census_new ();
  g_autoptr (GPtrArray) fds = leash_census_list_new_fds (before, during);
  g_autoptr (GPtrArray) threads = leash_census_list_new_threads (before, during);
  int control = listen_at (bare, SOCK_STREAM);
  g_autoptr (LeashCensus) with_control = leash_census_new ();
  g_autoptr (GPtrArray) found = leash_census_list_new_fds (before, with_control);

  g_assert_cmpuint (fds->len, ==, 0);
  g_assert_cmpuint (threads->len, ==, 0);
  /* The control: such a descriptor of the program's own is found. */
  g_assert_cmpuint (found->len, ==, 1);
  close (control);
  leash_server_unref (server);
}

/* The listening socket, the spare one, and its clients' or -1. */
#define N_FDS (LEASH_N_CLIENTS + 2)

static void
get_fds (LeashServer *server, int ret_fds[N_FDS])
{
  leash_servers_lock ();
  for (guint i = 0; i < LEASH_N_CLIENTS; i++)
    ret_fds[i] = server->clients[i].fd;
  ret_fds[LEASH_N_CLIENTS] = server->listener;
  ret_fds[LEASH_N_CLIENTS + 1] = server->spare;
  leash_servers_unlock ();
}

static guint
count_open (const int fds[N_FDS])
{
  guint n = 0;

  for (guint i = 0; i < N_FDS; i++)
    n += fds[i] >= 0 && fcntl (fds[i], F_GETFD) >= 0;
  return n;
}

/* Returns 0, or the number of what was wrong. */
static int
look_in_child (LeashServer *server, LeashTracker *tracker, const char *again, const int fds[N_FDS])
{
  LeashServer *own;
  g_autofree char *answer = NULL;

  if (count_open (fds) != 0)
    return 1;
  leash_server_stop (server);
  if (!is_there (leash_server_get_path (server)))
    return 2;
  if (UNDER_THREAD_SANITIZER)
    return 0;
  own = leash_tracker_serve (tracker, again, NULL);
  if (own == NULL)
    return 3;
  answer = ask (again, "\n");
  leash_server_unref (own);
  return g_str_has_prefix (answer, "leash: ") && !is_there (again) ? 0 : 4;
}

static void
test_fork (Fixture *self, gconstpointer unused)
{
  g_autofree char *path = path_of (self, "s");
  g_autofree char *again = path_of (self, "again");
  g_autoptr (LeashServer) server = serve (self, path);
  g_autofree char *first = ask (path, "\n");
  g_autofree char *answer = NULL;
  int silent = dial (path);
  int fds[N_FDS], status;
  pid_t child;

  /* It has been accepted once another that came later is answered. */
  g_free (ask (path, "\n"));
  get_fds (server, fds);
  g_assert_cmpuint (count_open (fds), ==, 3);
  child = fork ();
  g_assert_cmpint (child, >=, 0);
  if (child == 0)
    {
      alarm (60);
      end_child (look_in_child (server, self->tracker, again, fds));
    }
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  g_assert_true (WIFEXITED (status));
  g_assert_cmpint (WEXITSTATUS (status), ==, 0);
  answer = ask (path, "\n");
  g_assert_true (g_str_has_prefix (answer, "leash: "));
  close (silent);
}

#define ENV_PATH "LEASH_TEST_SERVER_PATH"

/* The same program once more, which serves at the path. Its end is told by a pipe that a child of it keeps
 * open too. */
static void
serve_in_own_process (Fixture *self, const char *test)
{
  g_autofree char *path = path_of (self, "s");

  g_setenv (ENV_PATH, path, TRUE);
  g_test_trap_subprocess (test, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
  g_unsetenv (ENV_PATH);
  /* Where the kernel has no pidfd, GLib waits for its first child in a thread with a descriptor. */
  self->n_fds = count_fds ();
}

static void
sub_exit (void)
{
  LeashTracker *tracker = leash_tracker_new ();
  LeashServer *server = leash_tracker_serve (tracker, g_getenv (ENV_PATH), NULL);

  g_assert_nonnull (server);
  g_assert_true (is_there (g_getenv (ENV_PATH)));
  exit (0);
}

static void
test_exit_removes_the_node (Fixture *self, gconstpointer unused)
{
  g_autofree char *path = path_of (self, "s");

  serve_in_own_process (self, "/server/subprocess/exit");
  g_test_trap_assert_passed ();
  g_assert_false (is_there (path));
}

/* Leaves a child that lives until it is killed by its own alarm, or when the test has seen enough. */
static void
sub_crash (void)
{
  LeashTracker *tracker = leash_tracker_new ();
  LeashServer *server = leash_tracker_serve (tracker, g_getenv (ENV_PATH), NULL);
  g_autofree char *answer = ask (g_getenv (ENV_PATH), "\n");
  g_autofree char *pid_path = g_strconcat (g_getenv (ENV_PATH), ".pid", NULL);
  g_autofree char *pid = NULL;
  pid_t child;

  g_assert_nonnull (server);
  child = fork ();
  if (child == 0)
    {
      /* Not the descriptors that the test waits on. */
      close (STDOUT_FILENO);
      close (STDERR_FILENO);
      alarm (60);
      for (;;)
        pause ();
    }
  pid = g_strdup_printf ("%d", child);
  g_assert_true (g_file_set_contents (pid_path, pid, -1, NULL));
  kill (getpid (), SIGKILL);
}

static void
test_child_does_not_answer_for_the_dead (Fixture *self, gconstpointer unused)
{
  g_autofree char *path = path_of (self, "s");
  g_autofree char *pid_path = path_of (self, "s.pid");
  g_autofree char *pid = NULL;

  serve_in_own_process (self, "/server/subprocess/crash");
  g_test_trap_assert_failed ();
  g_assert_true (g_file_get_contents (pid_path, &pid, NULL, NULL));
  g_assert_cmpint (kill (atoi (pid), 0), ==, 0);
  g_assert_true (is_there (path));
  g_assert_cmpint (try_dial (path), ==, -1);
  g_assert_cmpint (errno, ==, ECONNREFUSED);
  leash_server_unref (serve (self, path));
  kill (atoi (pid), SIGKILL);
}

/* All that the program opens is tracked while the report names addresses: here, the demangler that the report
 * finds waits for it. */

static gint in_report, may_go_on; /* atomic */

/* Not static: it is what the report looks for. */
char *__cxa_demangle (const char *mangled, char *buffer, size_t *length, int *ret_status);

char *
__cxa_demangle (const char *mangled, char *buffer, size_t *length, int *ret_status)
{
  g_atomic_int_set (&in_report, TRUE);
  while (!g_atomic_int_get (&may_go_on))
    g_usleep (1000);
  return NULL;
}

G_NO_INLINE LeashTag *open_in_cpp (Fixture *self) __asm__("_Z11open_in_cppv");

G_NO_INLINE LeashTag *
open_in_cpp (Fixture *self)
{
  LeashTag *tag = leash_track (self->ctx, "thing", "one");

  g_assert_nonnull (tag);
  return tag;
}

static gpointer
open_elsewhere (gpointer user_data)
{
  Fixture *self = user_data;
  LeashTag *tag = leash_track (self->ctx, "a kind that is new", "a name");

  leash_track_pointer (self->ctx, "thing", self, NULL);
  leash_untrack_pointer (self->ctx, "thing", self);
  leash_untrack (tag);
  return NULL;
}

static void
test_report_blocks_no_tracked_thread (Fixture *self, gconstpointer unused)
{
  g_autofree char *path = path_of (self, "s");
  g_autoptr (LeashServer) server = serve (self, path);
  LeashTag *tag = open_in_cpp (self);
  g_autofree char *answer = NULL;
  int fd = dial (path);

  say (fd, "text\n");
  while (!g_atomic_int_get (&in_report))
    g_usleep (1000);
  open_elsewhere (self);
  g_thread_join (g_thread_new ("elsewhere", open_elsewhere, self));
  leash_tracker_unref (leash_tracker_new_nested (self->tracker));
  g_atomic_int_set (&may_go_on, TRUE);
  answer = hear (fd);
  assert_has (answer, "1 x thing \"one\"");
  leash_untrack (tag);
}

static void
test_bad_arguments (Fixture *self, gconstpointer unused)
{
  expect_critical ("leash_tracker_serve", "tracker != NULL");
  g_assert_null (leash_tracker_serve (NULL, "/s", NULL));
  expect_critical ("leash_tracker_serve", "path");
  g_assert_null (leash_tracker_serve (self->tracker, "", NULL));
  expect_critical ("leash_server_ref", "server != NULL");
  leash_server_ref (NULL);
  expect_critical ("leash_server_unref", "server != NULL");
  leash_server_unref (NULL);
  expect_critical ("leash_server_stop", "server != NULL");
  leash_server_stop (NULL);
  expect_critical ("leash_server_get_path", "server != NULL");
  leash_server_get_path (NULL);
  assert_expected ();
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("/server/answers", test_answers);
  ADD ("/server/end-of-request-is-text", test_end_of_request_is_text);
  ADD ("/server/request-in-pieces", test_request_in_pieces);
  ADD ("/server/relative-path", test_relative_path);
  ADD ("/server/curl", test_curl);
  ADD ("/server/mode", test_mode);
  ADD ("/server/never-open-to-others", test_never_open_to_others);
  ADD ("/server/another-user-is-sent-away", test_another_user_is_sent_away);
  ADD ("/server/stale-is-replaced", test_stale_is_replaced);
  ADD ("/server/live-is-an-error", test_live_is_an_error);
  ADD ("/server/other-kinds-stay", test_other_kinds_stay);
  ADD ("/server/long-path", test_long_path);
  ADD ("/server/no-directory", test_no_directory);
  ADD ("/server/usual-path", test_usual_path);
  ADD ("/server/node-is-removed", test_node_is_removed);
  ADD ("/server/anothers-node-stays", test_anothers_node_stays);
  ADD ("/server/tracker-may-end-and-go", test_tracker_may_end_and_go);
  ADD ("/server/last-reference-goes-here", test_last_reference_goes_here);
  ADD ("/server/who-never-reads-blocks-nobody", test_who_never_reads_blocks_nobody);
  ADD ("/server/who-never-reads-is-sent-away", test_who_never_reads_is_sent_away);
  ADD ("/server/who-never-asks-blocks-nobody", test_who_never_asks_blocks_nobody);
  ADD ("/server/who-never-asks-is-sent-away", test_who_never_asks_is_sent_away);
  ADD ("/server/too-long", test_too_long);
  ADD ("/server/who-hangs-up", test_who_hangs_up);
  ADD ("/server/more-than-there-are-places", test_more_than_there_are_places);
  ADD ("/server/many-at-once", test_many_at_once);
  ADD ("/server/out-of-descriptors", test_out_of_descriptors);
  ADD ("/server/hardly-any-descriptors", test_hardly_any_descriptors);
  ADD ("/server/stop-with-clients", test_stop_with_clients);
  ADD ("/server/stop-from-many-threads", test_stop_from_many_threads);
  ADD ("/server/census-is-clean", test_census_is_clean);
  ADD ("/server/fork", test_fork);
  ADD ("/server/exit-removes-the-node", test_exit_removes_the_node);
  ADD ("/server/child-does-not-answer-for-the-dead", test_child_does_not_answer_for_the_dead);
  ADD ("/server/report-blocks-no-tracked-thread", test_report_blocks_no_tracked_thread);
  ADD ("/server/bad-arguments", test_bad_arguments);
  g_test_add_func ("/server/subprocess/exit", sub_exit);
  g_test_add_func ("/server/subprocess/crash", sub_crash);
  return g_test_run ();
}
