/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A client of a LeashServer, of plain sockets. */
#pragma once

#include <errno.h>
#include <glib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static inline struct sockaddr_un
address_of (const char *path)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };

  g_assert_cmpuint (strlen (path), <, sizeof address.sun_path);
  memcpy (address.sun_path, path, strlen (path) + 1);
  return address;
}

/* Ends a forked child. A leak checker would blame one that ends well for what only its parent's threads had. */
G_GNUC_UNUSED G_GNUC_NORETURN static void
end_child (int result)
{
  if (result == 0)
    execl ("/bin/true", "true", NULL);
  _exit (result);
}

/* Returns a descriptor, or -1 with errno. */
static inline int
try_dial (const char *path)
{
  struct sockaddr_un address = address_of (path);
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int saved_errno;

  g_assert_cmpint (fd, >=, 0);
  if (connect (fd, (const struct sockaddr *) &address, sizeof address) == 0)
    return fd;
  saved_errno = errno;
  close (fd);
  errno = saved_errno;
  return -1;
}

static inline int
dial (const char *path)
{
  int fd = try_dial (path);

  g_assert_cmpint (fd, >=, 0);
  return fd;
}

static inline void
say (int fd, const char *request)
{
  gsize length = strlen (request);

  g_assert_cmpint (send (fd, request, length, MSG_NOSIGNAL), ==, (gssize) length);
}

/* Until the server closes. errno is 0 where it did so properly. */
static inline char *
hear_all (int fd)
{
  GString *answer = g_string_new (NULL);
  char buffer[4096];
  char *text;
  int failed;
  gssize n;

  while ((n = recv (fd, buffer, sizeof buffer, 0)) > 0)
    g_string_append_len (answer, buffer, n);
  failed = n < 0 ? errno : 0;
  text = g_string_free (answer, FALSE);
  errno = failed;
  return text;
}

static inline char *
hear (int fd)
{
  char *answer = hear_all (fd);

  close (fd);
  return answer;
}

static inline char *
ask (const char *path, const char *request)
{
  int fd = dial (path);

  say (fd, request);
  return hear (fd);
}

#define assert_has(text, piece)                            \
  G_STMT_START                                             \
  {                                                        \
    if (strstr ((text), (piece)) == NULL)                  \
      g_error ("“%s” is not in “%s”", (piece), (text));    \
  }                                                        \
  G_STMT_END
