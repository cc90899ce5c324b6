/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The server is a child that the kernel kills when this program ends (SIGQUIT, on which it takes its own
 * children along at once), for a test that fails ends by abort(). Nothing that it writes is forced to the
 * disk.
 *
 * postgresql_kill() gives none of its processes the time for a last word. Each of them has made itself a
 * session and so a group of processes of its own: they are found by their parent, which is held still
 * meanwhile, so that it makes no more, and are waited for, as this program becomes their parent then: a
 * server does not start where one of the last is using its memory still.
 */
#include "postgresql-fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <libpq-fe.h>

static char *programs; /* where they are */
static char *dir;      /* of all that there is */
static char *uri;
static pid_t server;
static struct passwd *owner; /* NULL for the program's own user */

static char *
find_programs (void)
{
  glob_t found = { 0 };
  char *last = NULL;

  if (glob ("/usr/lib/postgresql/*/bin/postgres", 0, NULL, &found) == 0)
    last = g_path_get_dirname (found.gl_pathv[found.gl_pathc - 1]);
  globfree (&found);
  return last;
}

static void
become_owner (void)
{
  if (owner != NULL
      && (initgroups (owner->pw_name, owner->pw_gid) != 0 || setgid (owner->pw_gid) != 0
          || setuid (owner->pw_uid) != 0))
    _exit (126);
}

/* In the child. The user is changed first, which forgets the signal. */
static void
run_child (pid_t parent, const char *const *argv)
{
  g_autofree char *log = g_build_filename (dir, "log", NULL);
  int fd;

  become_owner ();
  prctl (PR_SET_PDEATHSIG, SIGQUIT);
  if (getppid () != parent)
    _exit (125);
  fd = open (log, O_WRONLY | O_CREAT | O_APPEND, 0644);
  dup2 (fd, STDOUT_FILENO);
  dup2 (fd, STDERR_FILENO);
  unsetenv ("MALLOC_CHECK_");
  execv (argv[0], (char *const *) argv);
  _exit (127);
}

static pid_t
spawn (const char *const *argv)
{
  pid_t parent = getpid (), child = fork ();

  if (child == 0)
    run_child (parent, argv);
  g_assert_cmpint (child, >, 0);
  return child;
}

static int
run (const char *const *argv)
{
  pid_t child = spawn (argv);
  int status;

  while (waitpid (child, &status, 0) < 0)
    g_assert_cmpint (errno, ==, EINTR);
  return status;
}

static void
wait_until_it_answers (void)
{
  for (guint i = 0; PQping (uri) != PQPING_OK; i++)
    {
      if (i > 6000 || waitpid (server, NULL, WNOHANG) == server)
        g_error ("the server does not start: see %s/log", dir);
      g_usleep (5000);
    }
}

void
postgresql_start_again (void)
{
  g_autofree char *program = g_build_filename (programs, "postgres", NULL);
  g_autofree char *cluster = g_build_filename (dir, "cluster", NULL);
  const char *const argv[] = {
    program, "-D",
    cluster, "-k",
    dir,     "-h",
    "",      "-F",
    "-c",    "shared_buffers=16MB",
    "-c",    "full_page_writes=off",
    "-c",    "autovacuum=off",
    "-c",    "max_connections=20",
    "-c",    "max_prepared_transactions=2",
    NULL,
  };

  server = spawn (argv);
  wait_until_it_answers ();
}

static gboolean
init (void)
{
  g_autofree char *program = g_build_filename (programs, "initdb", NULL);
  g_autofree char *cluster = g_build_filename (dir, "cluster", NULL);
  const char *const argv[] = { program, "-D", cluster, "-U",         "leash",     "-A",
                               "trust", "-E", "UTF8",  "--locale=C", "--no-sync", NULL };

  return run (argv) == 0;
}

static void
find_owner (void)
{
  if (getuid () != 0)
    return;
  owner = getpwnam ("postgres");
  if (owner == NULL)
    owner = getpwnam ("nobody");
}

static int
remove_entry (const char *path, const struct stat *found, int type, struct FTW *where)
{
  return remove (path);
}

const char *
postgresql_start (const char **ret_reason)
{
  programs = find_programs ();
  if (programs == NULL)
    {
      *ret_reason = "there is no PostgreSQL server in /usr/lib/postgresql";
      return NULL;
    }
  find_owner ();
  if (getuid () == 0 && owner == NULL)
    {
      *ret_reason = "the server does not run as root, and there is no other user for it";
      return NULL;
    }
  prctl (PR_SET_CHILD_SUBREAPER, 1);
  dir = g_dir_make_tmp ("leash-pg-XXXXXX", NULL);
  if (owner != NULL)
    g_assert_cmpint (chown (dir, owner->pw_uid, owner->pw_gid), ==, 0);
  uri = postgresql_uri (NULL, NULL, NULL);
  atexit (postgresql_stop);
  if (!init ())
    g_error ("there is no database cluster: see %s/log", dir);
  postgresql_start_again ();
  return uri;
}

static pid_t
get_parent (const char *process)
{
  g_autofree char *path = g_build_filename ("/proc", process, "stat", NULL), *stat = NULL;
  const char *behind_name;
  int parent = 0;

  if (!g_file_get_contents (path, &stat, NULL, NULL) || (behind_name = strrchr (stat, ')')) == NULL)
    return 0;
  return sscanf (behind_name, ") %*c %d", &parent) == 1 ? parent : 0;
}

/* (transfer full): process ids */
static GArray *
find_children (pid_t parent)
{
  GArray *children = g_array_new (FALSE, FALSE, sizeof (pid_t));
  GDir *processes = g_dir_open ("/proc", 0, NULL);
  const char *name;

  g_assert_nonnull (processes);
  while ((name = g_dir_read_name (processes)) != NULL)
    if (g_ascii_isdigit (name[0]) && get_parent (name) == parent)
      {
        pid_t child = (pid_t) g_ascii_strtoll (name, NULL, 10);

        g_array_append_val (children, child);
      }
  g_dir_close (processes);
  return children;
}

static void
wait_for (pid_t child, int options)
{
  while (waitpid (child, NULL, options) < 0 && errno == EINTR)
    continue;
}

void
postgresql_kill (void)
{
  GArray *children;

  if (server <= 0)
    return;
  kill (server, SIGSTOP);
  wait_for (server, WUNTRACED);
  children = find_children (server);
  for (guint i = 0; i < children->len; i++)
    kill (g_array_index (children, pid_t, i), SIGKILL);
  kill (server, SIGKILL);
  wait_for (server, 0);
  for (guint i = 0; i < children->len; i++)
    wait_for (g_array_index (children, pid_t, i), 0);
  g_array_unref (children);
  server = 0;
}

void
postgresql_freeze (gboolean is_frozen)
{
  kill (server, is_frozen ? SIGSTOP : SIGCONT);
}

char *
postgresql_uri (const char *database, const char *user, const char *options)
{
  return g_strdup_printf ("postgresql://%s@/%s?host=%s%s%s", user != NULL ? user : "leash",
                          database != NULL ? database : "postgres", dir, options != NULL ? "&" : "",
                          options != NULL ? options : "");
}

const char *
postgresql_get_dir (void)
{
  return dir;
}

void
postgresql_stop (void)
{
  postgresql_kill ();
  if (dir != NULL)
    nftw (dir, remove_entry, 32, FTW_DEPTH | FTW_PHYS);
  g_clear_pointer (&dir, g_free);
  g_clear_pointer (&uri, g_free);
  g_clear_pointer (&programs, g_free);
}

const char *
postgresql_start_or_skip (void)
{
  const char *reason = NULL, *started = postgresql_start (&reason);

  if (started == NULL)
    printf ("1..0 # SKIP %s\n", reason);
  return started;
}
