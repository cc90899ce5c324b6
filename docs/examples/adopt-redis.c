/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * hiredis on the leash: connections and replies. A counter asks a redis-server, and returns early when the
 * answer is an error; the leaking version forgets the reply. Two functions connect, and one frees what both
 * return.
 *
 * The server is a child of the test's own, on a socket in the test's directory.
 */
#include <hiredis/hiredis.h>
#include <leash/leash.h>
#include <signal.h>
#include <sys/wait.h>

LEASH_ADOPT ("redis", redisContext *, redisConnectUnix, (LeashContext * ctx, const char *path), (path), path,
             redisFree)
LEASH_ADOPT_ACQUIRE ("redis", redisContext *, redisConnect, (LeashContext * ctx, const char *host, int port),
                     (host, port), host)

/* redisCommand() takes any number of arguments: what a program calls is a function of its own. */
static redisReply *
ask_for (redisContext *redis, const char *command, const char *key)
{
  return (redisReply *) redisCommand (redis, "%s %s", command, key);
}

LEASH_ADOPT ("redis reply", redisReply *, ask_for,
             (LeashContext * ctx, redisContext *redis, const char *command, const char *key),
             (redis, command, key), key, freeReplyObject)

static gboolean
count_visit (LeashContext *ctx, redisContext *redis, const char *key, gboolean forgets, gint64 *ret_count)
{
  redisReply *reply = leash_ask_for (ctx, redis, "INCR", key);

  if (reply == NULL)
    return FALSE;
  if (reply->type == REDIS_REPLY_ERROR)
    {
      if (!forgets) /* the bug */
        leash_freeReplyObject (ctx, reply);
      return FALSE;
    }
  *ret_count = reply->integer;
  leash_freeReplyObject (ctx, reply);
  return TRUE;
}

/* Returns a connection when the server answers. */
static redisContext *
connect_to (LeashContext *ctx, const char *path)
{
  redisContext *redis = NULL;

  for (guint i = 0; i < 3000; i++)
    {
      redis = leash_redisConnectUnix (ctx, path);
      if (redis != NULL && redis->err == 0)
        return redis;
      leash_redisFree (ctx, redis);
      g_usleep (10000);
    }
  g_error ("redis-server does not answer at %s", path);
}

static GPid
start_server (const char *dir, const char *socket)
{
  const char *const argv[]
      = { "redis-server", "--port", "0", "--unixsocket", socket, "--save", "", "--dir", dir, NULL };
  g_autoptr (GError) error = NULL;
  GPid child = 0;

  g_spawn_async (NULL, (char **) argv, NULL,
                 G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL,
                 &child, &error);
  g_assert_no_error (error);
  return child;
}

static void
count_on (LeashContext *ctx, const char *socket, gboolean forgets)
{
  redisContext *redis = connect_to (ctx, socket);
  gint64 count = 0;

  g_assert_true (count_visit (ctx, redis, "visits", forgets, &count));
  g_assert_true (count_visit (ctx, redis, "visits", forgets, &count));
  g_assert_cmpint (count, ==, 2);
  /* What was not acquired through the pair is not released through it. */
  freeReplyObject (redisCommand (redis, "SET word text"));
  g_assert_false (count_visit (ctx, redis, "word", forgets, &count));
  leash_redisFree (ctx, redis);
}

static void
test_counter (gconstpointer forgets)
{
  g_autofree char *server = g_find_program_in_path ("redis-server");
  g_auto (LeashTest) test = { 0 };
  g_autofree char *socket = NULL;
  GPid child;

  if (server == NULL)
    {
      g_test_skip ("redis-server is not installed");
      return;
    }
  test = leash_test_begin ();
  socket = g_build_filename (test.dir, "socket", NULL);
  child = start_server (test.dir, socket);
  count_on (test.ctx, socket, GPOINTER_TO_INT (forgets));
  kill (child, SIGTERM);
  g_assert_cmpint (waitpid (child, NULL, 0), ==, child);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_data_func ("/adopt-redis/leaking", GINT_TO_POINTER (TRUE), test_counter);
  g_test_add_data_func ("/adopt-redis/mended", GINT_TO_POINTER (FALSE), test_counter);
  return g_test_run ();
}
