/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The driver for PostgreSQL and its server: what that says, contexts that end, sessions that are lost, and
 * connecting. */
#include "postgresql-driver-fixture.h"

/* Cancels the context in another thread, after a moment. */
static gpointer
cancel_soon (gpointer ctx)
{
  g_usleep (20000);
  leash_context_cancel (ctx, NULL);
  return NULL;
}

static void
test_cancellation_reaches_the_server (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashContext) ctx = leash_context_with_cancel (fixture->ctx);
  gpointer statement = prepare (fixture, "SELECT pg_sleep (100)");
  g_autoptr (GError) error = NULL;
  GThread *thread = g_thread_new ("canceller", cancel_soon, ctx);

  g_assert_cmpint (CALL (step, fixture->session, statement, ctx, &error), ==, LEASH_SQL_STEP_ERROR);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_thread_join (thread);
  CALL (finalize, fixture->session, statement);
  g_assert_true (CALL (is_usable, fixture->session));
  assert_query ("SELECT count (*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep (%' AND state = 'active' "
                "AND pid <> pg_backend_pid ()",
                "i0");
}

static void
test_deadline_reaches_the_server (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashContext) ctx = leash_context_with_timeout (fixture->ctx, 10000);
  g_autoptr (GError) error = NULL;

  script (fixture, "BEGIN");
  g_assert_false (CALL (script, fixture->session, ctx, "SELECT pg_sleep (100)", &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_assert_true (CALL (is_usable, fixture->session));
  g_assert_true (CALL (in_transaction, fixture->session));
  g_assert_true (CALL (reset, fixture->session, NULL));
  assert_query ("SELECT 1", "i1");
}

/* In the middle of rows, of which many are on their way. */
static void
test_cancelled_stream_leaves_the_connection_usable (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashContext) ctx = leash_context_with_cancel (fixture->ctx);
  gpointer statement
      = prepare (fixture, "SELECT i, repeat ('x', 1000) FROM generate_series (1, 100000000) AS i");
  g_autoptr (GError) error = NULL;
  GThread *thread = g_thread_new ("canceller", cancel_soon, ctx);

  while (CALL (step, fixture->session, statement, ctx, &error) == LEASH_SQL_STEP_ROW)
    if (!leash_context_check (ctx, &error))
      break;
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_thread_join (thread);
  CALL (finalize, fixture->session, statement);
  assert_query ("SELECT 1", "i1");
}

/* The server ends this one session. */
static void
test_lost_session_is_not_usable (Fixture *fixture, gconstpointer unused)
{
  Fixture other;
  g_autoptr (GError) error = NULL;
  gpointer statement;

  set_up (&other, NULL);
  begin (fixture, (LeashTxOptions){ 0 });
  statement = prepare (fixture, "SELECT pg_sleep (0)");
  script (&other,
          "SELECT pg_terminate_backend (pid) FROM pg_stat_activity WHERE state = 'idle in transaction'");
  g_assert_cmpint (step (fixture, statement, &error), ==, LEASH_SQL_STEP_ERROR);
  g_assert_error (error, LEASH_SQL_ERROR, LEASH_SQL_ERROR_CONNECTION);
  CALL (finalize, fixture->session, statement);
  g_assert_false (CALL (is_usable, fixture->session));
  g_assert_false (CALL (reset, fixture->session, NULL));
  g_assert_null (query (fixture, "SELECT 1", NULL));
  tear_down (&other, NULL);
}

/* Nobody had to say anything on it. */
static void
test_idle_session_that_was_ended_is_seen (Fixture *fixture, gconstpointer unused)
{
  Fixture other;

  set_up (&other, NULL);
  g_assert_true (CALL (is_usable, fixture->session));
  script (&other, "SELECT pg_terminate_backend (pid, 5000) FROM pg_stat_activity "
                  "WHERE state IS NOT NULL AND pid <> pg_backend_pid ()");
  g_assert_false (CALL (is_usable, fixture->session));
  g_assert_true (CALL (is_usable, other.session));
  tear_down (&other, NULL);
}

static void
test_server_dies_in_a_transaction (Fixture *fixture, gconstpointer unused)
{
  Fixture after;
  g_autoptr (GError) error = NULL;

  script (fixture, "CREATE TABLE survivor (a int); INSERT INTO survivor VALUES (7)");
  begin (fixture, (LeashTxOptions){ 0 });
  script (fixture, "INSERT INTO survivor VALUES (1)");
  postgresql_kill ();
  g_assert_null (query (fixture, "INSERT INTO survivor VALUES (2)", &error));
  g_assert_error (error, LEASH_SQL_ERROR, LEASH_SQL_ERROR_CONNECTION);
  g_assert_false (CALL (is_usable, fixture->session));
  g_clear_error (&error);
  g_assert_null (CALL (connect, fixture->database, fixture->ctx, &error));
  g_assert_error (error, LEASH_SQL_ERROR, LEASH_SQL_ERROR_CONNECTION);
  postgresql_start_again ();
  set_up (&after, NULL);
  fixture = &after;
  assert_query ("SELECT a FROM survivor", "i7");
  script (fixture, "DROP TABLE survivor");
  tear_down (&after, NULL);
}

/* The server takes the request to cancel and does nothing about it. */
static void
test_session_that_cannot_be_cancelled_is_given_up (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LeashContext) ctx = leash_context_with_timeout (fixture->ctx, 5000);
  g_autoptr (GError) error = NULL;

  postgresql_freeze (TRUE);
  g_assert_false (CALL (script, fixture->session, ctx, "SELECT pg_sleep (3)", &error));
  postgresql_freeze (FALSE);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_assert_false (CALL (is_usable, fixture->session));
}

/* Connects to a name, which fails, with the secret not in the message. */
static void
fail_to_connect (Fixture *fixture, const char *uri, LeashContext *ctx, GError **error)
{
  g_autoptr (GError) reason = NULL;
  gpointer database = CALL (open, uri, &reason);

  if (database != NULL)
    {
      g_assert_null (strstr (CALL (get_name, database), "secret"));
      g_assert_null (CALL (connect, database, ctx, &reason));
      CALL (close, database);
    }
  g_assert_nonnull (reason);
  g_assert_null (strstr (reason->message, "secret"));
  g_assert_null (strchr (reason->message, '\n'));
  g_propagate_error (error, g_steal_pointer (&reason));
}

static void
test_connecting_fails_with_the_reason (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *no_database = postgresql_uri ("none", "leash:secret", NULL);
  g_autofree char *no_user = postgresql_uri (NULL, "nobody:secret", NULL);
  g_autofree char *no_ssl = postgresql_uri (NULL, NULL, "sslmode=secre");
  g_autoptr (GError) error = NULL;

  fail_to_connect (fixture, no_database, fixture->ctx, &error);
  g_assert_cmpstr (error->message, ==, "database \"none\" does not exist");
  assert_sql_error (error, LEASH_SQL_ERROR_CONNECTION, "3D000", 0);
  fail_to_connect (fixture, no_user, fixture->ctx, &error);
  assert_sql_error (error, LEASH_SQL_ERROR_PERMISSION, "28000", 0);
  fail_to_connect (fixture, no_ssl, fixture->ctx, &error);
  assert_sql_error (error, LEASH_SQL_ERROR_CONNECTION, NULL, 0);
  fail_to_connect (fixture, "postgresql://u:secret@/d?host=/nowhere", fixture->ctx, &error);
  g_assert_nonnull (strstr (error->message, "/nowhere"));
  assert_sql_error (error, LEASH_SQL_ERROR_CONNECTION, NULL, 0);
  fail_to_connect (fixture, "postgresql://u:secret@127.0.0.1:1/d", fixture->ctx, &error);
  assert_sql_error (error, LEASH_SQL_ERROR_CONNECTION, NULL, 0);
}

static void
test_bad_names_are_refused (Fixture *fixture, gconstpointer unused)
{
  static const char *const names[] = { "postgresql:host=x password='secret",
                                       "postgresql:password secret",
                                       "postgresql:secret=1",
                                       "postgresql://u:secret@[::1/d",
                                       "postgresql://u:a@secret@host/d",
                                       "postgresql://[::1]secret/d",
                                       "postgresql://u:sec%zzsecret@h/d",
                                       "postgresql://u:%00secret@h/d",
                                       "postgresql://h/d?password=secret&none=secret",
                                       "postgresql://h/d?password=secret&novalue",
                                       "postgresql://h/d?password=secret=secret",
                                       "postgresql://h/d?connect_timeout=soon",
                                       "postgresql://h/d?client_encoding=LATIN1" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (CALL (open, names[i], &error));
      g_assert_error (error, LEASH_SQL_ERROR, LEASH_SQL_ERROR_URI);
      g_assert_null (strstr (error->message, "secret"));
      g_assert_cmpuint (strlen (error->message), >, 10);
    }
}

static void
test_names_are_shown_without_passwords (Fixture *fixture, gconstpointer unused)
{
  static const struct
  {
    const char *uri, *shown;
  } names[] = {
    { "postgresql://u:secret@h:1/d?sslmode=disable&sslpassword=secret", "postgresql://u@h:1/d" },
    { "postgres://h1,h2:2/d?password=secret", "postgresql://h1,h2:,2/d" },
    { "postgresql:///d?host=/run/pg&port=7&user=u&password=secret", "postgresql://u@/d?host=/run/pg&port=7" },
    { "postgresql://u%40x:secret@h/d%40d", "postgresql://u%40x@h/d%40d" },
    { "postgresql://", "postgresql://" },
    { "postgresql:host=/run/pg dbname='a b' password=secret", "postgresql:///a%20b?host=/run/pg" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      gpointer database = CALL (open, names[i].uri, NULL);

      g_assert_cmpstr (CALL (get_name, database), ==, names[i].shown);
      CALL (close, database);
    }
}

/* A socket that takes connections, and never answers. */
static int
listen_silently (const char *path)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  g_strlcpy (address.sun_path, path, sizeof address.sun_path);
  g_assert_cmpint (bind (fd, (const struct sockaddr *) &address, sizeof address), ==, 0);
  g_assert_cmpint (listen (fd, 8), ==, 0);
  return fd;
}

static gpointer
advance_soon (gpointer clock)
{
  g_usleep (20000);
  leash_clock_advance (clock, G_TIME_SPAN_MINUTE);
  return NULL;
}

static void
test_connecting_ends_with_its_context (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *path = g_build_filename (postgresql_get_dir (), ".s.PGSQL.7", NULL);
  g_autofree char *uri = postgresql_uri (NULL, "u:secret", "port=7");
  g_autofree char *impatient = postgresql_uri (NULL, "u:secret", "port=7&connect_timeout=60");
  g_autoptr (LeashClock) clock = leash_clock_new_fake (0);
  g_autoptr (LeashContext) faked = leash_context_with_clock (fixture->ctx, clock);
  g_autoptr (LeashContext) soon = leash_context_with_timeout (fixture->ctx, 10000);
  g_autoptr (LeashContext) cancelled = leash_context_with_cancel (fixture->ctx);
  g_autoptr (GError) error = NULL;
  int fd = listen_silently (path);
  GThread *thread = g_thread_new ("canceller", cancel_soon, cancelled);

  fail_to_connect (fixture, uri, cancelled, &error);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_thread_join (thread);
  g_clear_error (&error);
  fail_to_connect (fixture, uri, soon, &error);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_clear_error (&error);
  thread = g_thread_new ("clock", advance_soon, clock);
  fail_to_connect (fixture, impatient, faked, &error);
  g_thread_join (thread);
  g_assert_error (error, LEASH_SQL_ERROR, LEASH_SQL_ERROR_CONNECTION);
  close (fd);
  unlink (path);
}

/* What the process writes to its standard error while the statements run. */
static char *
capture_errors (Fixture *fixture, const char *sql)
{
  int saved = dup (STDERR_FILENO), ends[2];
  char text[1000] = "";
  ssize_t n;

  g_assert_cmpint (pipe (ends), ==, 0);
  dup2 (ends[1], STDERR_FILENO);
  close (ends[1]);
  script (fixture, sql);
  dup2 (saved, STDERR_FILENO);
  close (saved);
  n = read (ends[0], text, sizeof text - 1);
  g_assert_cmpint (n, >=, 0);
  close (ends[0]);
  return g_strdup (text);
}

/* A resolver that knows one name, and for another waits until it is not wanted any more. */
typedef struct
{
  GResolver parent_instance;
} SlowResolver;

typedef GResolverClass SlowResolverClass;

GType slow_resolver_get_type (void);
G_DEFINE_TYPE (SlowResolver, slow_resolver, G_TYPE_RESOLVER)

static GList *
look_up (GResolver *resolver, const char *name, GResolverNameLookupFlags flags, GCancellable *cancellable,
         GError **error)
{
  GPollFD fd;

  if (strcmp (name, "two") == 0)
    return g_list_append (g_list_append (NULL, g_inet_address_new_from_string ("127.0.0.1")),
                          g_inet_address_new_from_string ("127.0.0.2"));
  if (strcmp (name, "slow") == 0 && g_cancellable_make_pollfd (cancellable, &fd))
    {
      g_poll (&fd, 1, -1);
      g_cancellable_release_fd (cancellable);
    }
  g_set_error (error, G_RESOLVER_ERROR, G_RESOLVER_ERROR_NOT_FOUND, "nobody is called %s", name);
  return NULL;
}

static GList *
look_up_any (GResolver *resolver, const char *name, GCancellable *cancellable, GError **error)
{
  return look_up (resolver, name, G_RESOLVER_NAME_LOOKUP_FLAGS_DEFAULT, cancellable, error);
}

static void
slow_resolver_class_init (SlowResolverClass *klass)
{
  klass->lookup_by_name = look_up_any;
  klass->lookup_by_name_with_flags = look_up;
}

static void
slow_resolver_init (SlowResolver *self)
{
}

static void
test_names_are_resolved_within_the_context (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (GResolver) before = g_resolver_get_default ();
  g_autoptr (GResolver) slow = g_object_new (slow_resolver_get_type (), NULL);
  g_autoptr (LeashContext) soon = leash_context_with_timeout (fixture->ctx, 10000);
  g_autoptr (GError) error = NULL;

  g_resolver_set_default (slow);
  fail_to_connect (fixture, "postgresql://u:secret@slow/d", soon, &error);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_clear_error (&error);
  fail_to_connect (fixture, "postgresql://u:secret@none/d", fixture->ctx, &error);
  g_assert_cmpstr (error->message, ==, "nobody is called none");
  assert_sql_error (error, LEASH_SQL_ERROR_CONNECTION, NULL, 0);
  fail_to_connect (fixture, "postgresql://u:secret@none:1,two:2,127.0.0.3:3/d", fixture->ctx, &error);
  g_assert_nonnull (strstr (error->message, "\"127.0.0.1\", port 2"));
  g_assert_nonnull (strstr (error->message, "\"127.0.0.2\", port 2"));
  g_assert_nonnull (strstr (error->message, "\"127.0.0.3\", port 3"));
  g_resolver_set_default (before);
}

static void
test_notices_are_not_printed (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *written = capture_errors (fixture, "DO $$ BEGIN RAISE WARNING 'loud'; END $$; COMMIT");

  g_assert_cmpstr (written, ==, "");
}

static void
assert_hidden (Fixture *fixture, gpointer statement, guint parameter, const char *value, const char *message)
{
  g_autoptr (GError) error = NULL;

  bind_value (fixture, statement, parameter, leash_sql_text (value));
  g_assert_cmpint (step (fixture, statement, &error), ==, LEASH_SQL_STEP_ERROR);
  g_assert_cmpstr (error->message, ==, message);
  CALL (rewind, fixture->session, statement);
  bind_value (fixture, statement, parameter, leash_sql_null ());
}

/* The server's own messages quote it, in its language. */
static void
test_values_are_in_no_message (Fixture *fixture, gconstpointer unused)
{
  gpointer statement = prepare (fixture, "SELECT $1::int4, $2::date, $3::uuid");
  g_autoptr (GError) error = NULL;

  assert_hidden (fixture, statement, 1, "secret", "invalid input syntax for type integer: \"…\"");
  assert_hidden (fixture, statement, 1, "a \"secret\" \"", "invalid input syntax for type integer: \"…\"");
  assert_hidden (fixture, statement, 1, "99999999999", "value \"…\" is out of range for type integer");
  assert_hidden (fixture, statement, 2, "2020-02-77", "date/time field value out of range: \"…\"");
  assert_hidden (fixture, statement, 3, "sec\nret", "invalid input syntax for type uuid: \"…\"");
  CALL (finalize, fixture->session, statement);
  g_assert_false (CALL (script, fixture->session, fixture->ctx,
                        "DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '22P02', MESSAGE = "
                        "'ungültige Eingabesyntax für Typ integer: »sec«ret«'; END $$",
                        &error));
  g_assert_cmpstr (error->message, ==, "ungültige Eingabesyntax für Typ integer: \"…\"");
  g_clear_error (&error);
  /* A name is none, and nothing else says which was meant. */
  g_assert_null (query (fixture, "SELECT nosuch", &error));
  g_assert_nonnull (strstr (error->message, "\"nosuch\""));
}

int
main (int argc, char **argv)
{
  if (postgresql_start_or_skip () == NULL)
    return 0;
  g_test_init (&argc, &argv, NULL);
  ADD ("cancellation-reaches-the-server", test_cancellation_reaches_the_server);
  ADD ("deadline-reaches-the-server", test_deadline_reaches_the_server);
  ADD ("cancelled-stream-leaves-the-connection-usable", test_cancelled_stream_leaves_the_connection_usable);
  ADD ("lost-session-is-not-usable", test_lost_session_is_not_usable);
  ADD ("idle-session-that-was-ended-is-seen", test_idle_session_that_was_ended_is_seen);
  ADD ("server-dies-in-a-transaction", test_server_dies_in_a_transaction);
  ADD ("session-that-cannot-be-cancelled-is-given-up", test_session_that_cannot_be_cancelled_is_given_up);
  ADD ("connecting-fails-with-the-reason", test_connecting_fails_with_the_reason);
  ADD ("names-are-resolved-within-the-context", test_names_are_resolved_within_the_context);
  ADD ("notices-are-not-printed", test_notices_are_not_printed);
  ADD ("values-are-in-no-message", test_values_are_in_no_message);
  ADD ("bad-names-are-refused", test_bad_names_are_refused);
  ADD ("names-are-shown-without-passwords", test_names_are_shown_without_passwords);
  ADD ("connecting-ends-with-its-context", test_connecting_ends_with_its_context);
  return g_test_run ();
}
