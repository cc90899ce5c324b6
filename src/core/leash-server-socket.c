/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The socket's node. It is made with the mode 0600: on Linux bind() gives the node the mode of the socket's
 * descriptor, less the umask, so that setting the descriptor's before leaves no moment in which another user
 * can connect. Setting the umask instead would change it under all other threads.
 *
 * A process that crashed leaves its node behind. Whether anyone is there is known by connecting: refused
 * means that nobody is. Only such a node is replaced. Two processes that replace the same node in the same
 * instant may both believe to have it; then the one who was first is not reached any more. A lock on the
 * directory would prevent that, and let other users of /tmp hang the program.
 *
 * A node is removed only while it is the one that was made: the next process may have put its own there.
 */
#include "leash-server-private.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "leash-own-fd-private.h"

#define N_WAITING 128

char *
leash_server_usual_path (GError **error)
{
  const char *runtime = g_getenv ("XDG_RUNTIME_DIR");
  g_autofree char *name = g_strdup_printf ("%s-%d.sock", program_invocation_short_name, getpid ());
  g_autofree char *dir = NULL;

  if (runtime == NULL || !g_path_is_absolute (runtime))
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                           "Serving at the usual path: XDG_RUNTIME_DIR names no directory; give a path");
      return NULL;
    }
  dir = g_build_filename (runtime, "leash", NULL);
  if (mkdir (dir, 0700) != 0 && errno != EEXIST)
    {
      int saved_errno = errno;

      g_set_error (error, G_IO_ERROR, (gint) g_io_error_from_errno (saved_errno), "Making %s: %s", dir,
                   g_strerror (saved_errno));
      return NULL;
    }
  return g_build_filename (dir, name, NULL);
}

static void
set_error (GError **error, const char *path, int number)
{
  g_set_error (error, G_IO_ERROR, (gint) g_io_error_from_errno (number), "Serving at %s: %s", path,
               g_strerror (number));
}

static gboolean
fill_address (const char *path, struct sockaddr_un *ret_address, GError **error)
{
  gsize length = strlen (path);

  if (length >= sizeof ret_address->sun_path)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_FILENAME_TOO_LONG,
                   "Serving at %s: it has %" G_GSIZE_FORMAT " bytes, and a socket's path up to %zu", path,
                   length, sizeof ret_address->sun_path - 1);
      return FALSE;
    }
  ret_address->sun_family = AF_UNIX;
  memcpy (ret_address->sun_path, path, length + 1);
  return TRUE;
}

static int
open_socket (void)
{
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

  leash_own_fd_add (fd);
  return fd;
}

/* Returns 0 when somebody is there, or why not. */
static int
try_connect (const struct sockaddr_un *address)
{
  int fd = open_socket ();
  int failed = fd < 0 || connect (fd, (const struct sockaddr *) address, sizeof *address) != 0 ? errno : 0;

  leash_server_close_fd (&fd);
  return failed == EAGAIN ? 0 : failed;
}

/* Removes what a process left behind that is not there any more. */
static gboolean
make_way (const struct sockaddr_un *address, GError **error)
{
  const char *path = address->sun_path;
  struct stat found;
  int failed;

  if (lstat (path, &found) != 0)
    return TRUE;
  if (!S_ISSOCK (found.st_mode))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_EXISTS, "Serving at %s: it is there, and is no socket",
                   path);
      return FALSE;
    }
  failed = try_connect (address);
  if (failed == 0)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE,
                   "Serving at %s: somebody answers there already", path);
      return FALSE;
    }
  if (failed != ECONNREFUSED)
    {
      set_error (error, path, failed);
      return FALSE;
    }
  leash_server_remove_node (path, &found);
  return TRUE;
}

/* Returns 0, or an error's number. */
static int
try_bind (int fd, const struct sockaddr_un *address, struct stat *ret_node)
{
  const char *path = address->sun_path;
  int failed = 0;

  if (fchmod (fd, 0600) != 0 || bind (fd, (const struct sockaddr *) address, sizeof *address) != 0
      || lstat (path, ret_node) != 0)
    return errno;
  if ((ret_node->st_mode & (S_IRWXG | S_IRWXO)) != 0)
    failed = EPERM; /* a kernel that does it in another way */
  else if (listen (fd, N_WAITING) != 0)
    failed = errno;
  if (failed != 0)
    leash_server_remove_node (path, ret_node);
  return failed;
}

int
leash_server_listen (const char *path, struct stat *ret_node, GError **error)
{
  struct sockaddr_un address = { 0 };
  int fd, failed;

  if (!fill_address (path, &address, error))
    return -1;
  fd = open_socket ();
  failed = fd < 0 ? errno : try_bind (fd, &address, ret_node);
  if (failed == EADDRINUSE)
    {
      if (!make_way (&address, error))
        {
          leash_server_close_fd (&fd);
          return -1;
        }
      failed = try_bind (fd, &address, ret_node);
    }
  if (failed == 0)
    return fd;
  leash_server_close_fd (&fd);
  set_error (error, path, failed);
  return -1;
}

int
leash_server_open_spare (void)
{
  int fd = open ("/dev/null", O_RDONLY | O_CLOEXEC);

  leash_own_fd_add (fd);
  return fd;
}

void
leash_server_remove_node (const char *path, const struct stat *node)
{
  struct stat found;

  if (lstat (path, &found) == 0 && found.st_dev == node->st_dev && found.st_ino == node->st_ino)
    unlink (path);
}
