/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An nginx of the program's own: unprivileged, in a directory that goes with it, on a local socket, on
 * loopback, and with TLS (HTTP/1.1 and HTTP/2) when there are certificates. Started once for all tests.
 */
#pragma once

#include "../fixture.h"

#include <arpa/inet.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#define LARGE_SIZE ((goffset) 128 << 20)

static struct
{
  char *dir;
  char *socket;
  guint16 port;
  guint16 tls_ports[2]; /* of HTTP/1.1 and HTTP/2 */
  GPid child;
} the_nginx;

/* Where Debian has it, which is not in everybody's path. */
static char *
find_nginx (void)
{
  char *path = g_find_program_in_path ("nginx");

  if (path == NULL && g_file_test ("/usr/sbin/nginx", G_FILE_TEST_IS_EXECUTABLE))
    path = g_strdup ("/usr/sbin/nginx");
  return path;
}

/* A port that was free a moment ago. */
static guint16
find_port (void)
{
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  socklen_t length = sizeof address;
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  g_assert_cmpint (bind (fd, (struct sockaddr *) &address, length), ==, 0);
  g_assert_cmpint (getsockname (fd, (struct sockaddr *) &address, &length), ==, 0);
  close (fd);
  return ntohs (address.sin_port);
}

static void
write_file (const char *name, const char *text)
{
  g_autofree char *path = g_build_filename (the_nginx.dir, name, NULL);

  g_assert_true (g_file_set_contents (path, text, -1, NULL));
}

/* certificate is the path of NAME.pem and NAME.key without the endings, NULL for no TLS. */
static void
write_config (const char *certificate)
{
  g_autofree char *tls = certificate == NULL ? NULL
                                             : g_strdup_printf ("listen 127.0.0.1:%u ssl; listen 127.0.0.1:%u ssl http2;\n"
                                                                "ssl_certificate %s.pem;\n"
                                                                "ssl_certificate_key %s.key;\n",
                                                                the_nginx.tls_ports[0], the_nginx.tls_ports[1], certificate, certificate);
  g_autofree char *config = g_strdup_printf (
      "daemon off; master_process off; pid pid; error_log errors;\n"
      "events {}\n"
      "http {\n"
      "  access_log off; root root;\n"
      "  client_body_temp_path temp/body; proxy_temp_path temp/proxy; fastcgi_temp_path temp/fastcgi;\n"
      "  uwsgi_temp_path temp/uwsgi; scgi_temp_path temp/scgi;\n"
      "  server {\n"
      "    listen unix:socket; listen 127.0.0.1:%u; %s\n"
      "    location / { }\n"
      "    location /slow { alias root/large; limit_rate 1k; }\n"
      "    location /moved { return 302 /text; }\n"
      "    location /busy { return 503; }\n"
      "    location /put/ { dav_methods PUT; client_max_body_size 0; create_full_put_path on; }\n"
      "  }\n"
      "}\n",
      the_nginx.port, tls != NULL ? tls : "");

  write_file ("config", config);
}

static void
write_files (void)
{
  g_autofree char *root = g_build_filename (the_nginx.dir, "root", NULL);
  g_autofree char *temp = g_build_filename (the_nginx.dir, "temp", NULL);
  g_autofree char *large = g_build_filename (root, "large", NULL);

  g_assert_cmpint (g_mkdir (root, 0700), ==, 0);
  g_assert_cmpint (g_mkdir (temp, 0700), ==, 0);
  write_file ("root/text", "some text\n");
  write_file ("root/large", "");
  g_assert_cmpint (truncate (large, LARGE_SIZE), ==, 0);
}

/* Whether it answers. FALSE when it has ended: somebody was faster at a port. */
static gboolean
wait_for_nginx (void)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  gboolean is_there = FALSE, has_ended = FALSE;

  g_strlcpy (address.sun_path, the_nginx.socket, sizeof address.sun_path);
  while (!is_there && !has_ended)
    {
      g_usleep (1000);
      is_there = connect (fd, (struct sockaddr *) &address, sizeof address) == 0;
      has_ended = waitpid (the_nginx.child, NULL, WNOHANG) == the_nginx.child;
    }
  close (fd);
  return !has_ended;
}

/* In the child: it ends with the test, also one that aborts. */
static void
die_with_parent (gpointer unused)
{
  prctl (PR_SET_PDEATHSIG, SIGTERM);
}

static gboolean
try_nginx (const char *program, const char *certificate)
{
  const char *const argv[] = { program, "-p", the_nginx.dir, "-c", "config", "-e", "errors", NULL };
  g_autoptr (GError) error = NULL;

  the_nginx.port = find_port ();
  the_nginx.tls_ports[0] = find_port ();
  the_nginx.tls_ports[1] = find_port ();
  write_config (certificate);
  g_spawn_async (the_nginx.dir, (char **) argv, NULL,
                 G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL, die_with_parent,
                 NULL, &the_nginx.child, &error);
  g_assert_no_error (error);
  return wait_for_nginx ();
}

/* FALSE when there is none. */
G_GNUC_UNUSED static gboolean
start_nginx (const char *certificate)
{
  g_autofree char *program = find_nginx ();
  gboolean is_there = FALSE;

  if (program == NULL)
    return FALSE;
  the_nginx.dir = g_dir_make_tmp ("leash-nginx-XXXXXX", NULL);
  g_assert_nonnull (the_nginx.dir);
  the_nginx.socket = g_build_filename (the_nginx.dir, "socket", NULL);
  write_files ();
  for (guint i = 0; i < 5 && !is_there; i++)
    is_there = try_nginx (program, certificate);
  if (!is_there)
    g_error ("nginx does not start; it says why in %s/errors", the_nginx.dir);
  return TRUE;
}

G_GNUC_UNUSED static void
stop_nginx (void)
{
  if (the_nginx.dir == NULL)
    return;
  kill (the_nginx.child, SIGTERM);
  g_assert_cmpint (waitpid (the_nginx.child, NULL, 0), ==, the_nginx.child);
  remove_tree (the_nginx.dir);
  g_clear_pointer (&the_nginx.socket, g_free);
  g_clear_pointer (&the_nginx.dir, g_free);
}

/* The URI of a path on loopback. */
G_GNUC_UNUSED static char *
uri_of (const char *path)
{
  return g_strdup_printf ("http://127.0.0.1:%u%s", the_nginx.port, path);
}
