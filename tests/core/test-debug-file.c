/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What test-symbols.c cannot show of the search: that it asks nobody, and what odd links do. */
#include "leash-debug-file-private.h"

#include <elfutils/libdwfl.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "leash-modules-private.h"
#include "leash-symbols-private.h"
#include "places-fixture.h"

static void
test_checksum (void)
{
  g_autofree char *folder = g_dir_make_tmp ("leash-debug-file-XXXXXX", NULL);
  g_autofree char *module = g_build_filename (folder, "program", NULL);
  g_autofree char *debug = g_build_filename (folder, "program.debug", NULL);
  g_autofree char *found = NULL;
  int fd;

  /* The checksum of these digits is the one that every description of CRC-32 gives. */
  g_assert_true (g_file_set_contents (debug, "123456789", -1, NULL));
  g_assert_cmpint (leash_debug_file_open (module, NULL, "program.debug", 0xcbf43927, &found), ==, -1);
  g_assert_null (found);
  fd = leash_debug_file_open (module, NULL, "program.debug", 0xcbf43926, &found);
  g_assert_cmpint (fd, >=, 0);
  g_assert_cmpint (fcntl (fd, F_GETFD) & FD_CLOEXEC, !=, 0);
  g_assert_cmpstr (found, ==, debug);
  close (fd);
  g_remove (debug);
  g_rmdir (folder);
}

static void
test_odd_links (void)
{
  char *found = NULL;

  g_assert_cmpint (leash_debug_file_open ("/usr/bin/program", NULL, NULL, 0, &found), ==, -1);
  g_assert_cmpint (leash_debug_file_open ("/usr/bin/program", NULL, "../../etc/passwd", 0, &found), ==, -1);
  g_assert_cmpint (leash_debug_file_open ("/usr/bin/program", "a", "", 0, &found), ==, -1);
  g_assert_cmpint (leash_debug_file_open ("", "", "none", 0, &found), ==, -1);
  g_assert_null (found);
}

/* A regression: a report waited until somebody wrote to it. */
static void
test_fifo (void)
{
  g_autofree char *folder = g_dir_make_tmp ("leash-debug-file-XXXXXX", NULL);
  g_autofree char *module = g_build_filename (folder, "program", NULL);
  g_autofree char *debug = g_build_filename (folder, "program.debug", NULL);
  char *found = NULL;

  g_assert_cmpint (mkfifo (debug, 0600), ==, 0);
  g_assert_cmpint (leash_debug_file_open (module, NULL, "program.debug", 0, &found), ==, -1);
  g_assert_cmpint (leash_debug_file_open (module, "abcdef", "program.debug", 0, &found), ==, -1);
  g_assert_null (found);
  g_remove (debug);
  g_rmdir (folder);
}

static int
find_no_elf (Dwfl_Module *file, void **user_data, const char *name, Dwarf_Addr base, char **ret_path,
             Elf **ret_elf)
{
  return -1;
}

/* Libdw's own search, which Leash does not use: shows that the server would be asked. */
static void
search_as_libdw_does (const char *path)
{
  static const Dwfl_Callbacks callbacks
      = { .find_elf = find_no_elf, .find_debuginfo = dwfl_standard_find_debuginfo };
  Dwfl *dwfl = dwfl_begin (&callbacks);
  Dwfl_Module *file;
  Dwarf_Addr bias;

  dwfl_report_begin (dwfl);
  file = dwfl_report_elf (dwfl, path, path, -1, 0x10000, TRUE);
  dwfl_report_end (dwfl, NULL, NULL);
  g_assert_nonnull (file);
  g_assert_null (dwfl_module_getdwarf (file, &bias));
  dwfl_end (dwfl);
}

static GSocket *
listen_somewhere (void)
{
  g_autoptr (GSocketAddress) address = g_inet_socket_address_new_from_string ("127.0.0.1", 0);
  GSocket *socket = g_socket_new (G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM, 0, NULL);

  g_assert_true (g_socket_bind (socket, address, FALSE, NULL));
  g_assert_true (g_socket_listen (socket, NULL));
  g_socket_set_blocking (socket, FALSE);
  return socket;
}

/* Whether somebody has come since. */
static gboolean
was_asked (GSocket *server)
{
  g_autoptr (GSocket) client = g_socket_accept (server, NULL, NULL);

  return client != NULL;
}

static void
test_no_server (void)
{
  g_autoptr (GSocket) server = listen_somewhere ();
  g_autoptr (GSocketAddress) address = g_socket_get_local_address (server, NULL);
  g_autofree char *url = g_strdup_printf ("http://127.0.0.1:%u/",
                                          g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (address)));
  g_autofree char *folder = g_dir_make_tmp ("leash-debuginfod-XXXXXX", NULL);
  g_autofree char *path = places_path ("places-stripped");
  LeashSymbols *symbols;
  void *library;
  guint n_frames;

  g_setenv ("DEBUGINFOD_URLS", url, TRUE);
  g_setenv ("DEBUGINFOD_CACHE_PATH", folder, TRUE);
  g_setenv ("DEBUGINFOD_TIMEOUT", "1", TRUE);
  library = places_open (path);
  symbols = leash_symbols_new ();
  leash_symbols_lookup (symbols, places_call (library, "places_hidden"), leash_modules_refresh (), &n_frames);
  leash_symbols_free (symbols);
  dlclose (library);
  g_assert_false (was_asked (server));
  /* Takes seconds: nobody answers. */
  if (g_test_slow ())
    {
      search_as_libdw_does (path);
      if (!was_asked (server))
        g_test_skip ("libdw asks nobody either: it has no libdebuginfod here");
    }
  g_unsetenv ("DEBUGINFOD_URLS");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/debug-file/checksum-decides", test_checksum);
  g_test_add_func ("/debug-file/odd-links-lead-nowhere", test_odd_links);
  g_test_add_func ("/debug-file/fifo-is-not-waited-for", test_fifo);
  g_test_add_func ("/debug-file/no-server-is-asked", test_no_server);
  return g_test_run ();
}
