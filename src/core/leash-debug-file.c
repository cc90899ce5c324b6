/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The search that gdb documents ("Debugging Information in Separate Files"), for a module /usr/bin/prog with
 * build id abcdef… and debug link prog.debug, under the root LEASH_DEBUG_ROOT (/usr/lib/debug):
 *
 *     /usr/lib/debug/.build-id/ab/cdef….debug
 *     /usr/bin/prog.debug
 *     /usr/bin/.debug/prog.debug
 *     /usr/lib/debug/usr/bin/prog.debug
 *
 * What is found must have the same build id or, where the module has none, the checksum. libdw has such a
 * search too, but goes on to ask a server by debuginfod: a test must not wait for a network, nor tell it what
 * it runs.
 */
#include "leash-debug-file-private.h"

#include <elfutils/libdwelf.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "leash-settings-private.h"

char *
leash_elf_get_build_id (Elf *elf)
{
  const void *bytes;
  ssize_t n_bytes = dwelf_elf_gnu_build_id (elf, &bytes);
  GString *hex;

  if (n_bytes <= 0)
    return NULL;
  hex = g_string_sized_new (2 * (gsize) n_bytes);
  for (ssize_t i = 0; i < n_bytes; i++)
    g_string_append_printf (hex, "%02x", ((const guint8 *) bytes)[i]);
  return g_string_free (hex, FALSE);
}

static gboolean
has_build_id (int fd, const char *build_id)
{
  Elf *elf = elf_begin (fd, ELF_C_READ_MMAP, NULL);
  g_autofree char *found = elf != NULL ? leash_elf_get_build_id (elf) : NULL;

  elf_end (elf);
  return g_strcmp0 (found, build_id) == 0;
}

/* The CRC-32 of zlib and Ethernet, bit by bit: such files without build id are few. */
static guint32
add_to_checksum (guint32 checksum, const guint8 *bytes, gsize n_bytes)
{
  checksum = ~checksum;
  for (gsize i = 0; i < n_bytes; i++)
    {
      checksum ^= bytes[i];
      for (guint bit = 0; bit < 8; bit++)
        checksum = checksum >> 1 ^ (0xedb88320 & -(checksum & 1));
    }
  return ~checksum;
}

static gboolean
has_checksum (int fd, guint32 checksum)
{
  g_autofree guint8 *buffer = g_malloc (65536);
  guint32 found = 0;
  off_t offset = 0;
  ssize_t n;

  for (; (n = pread (fd, buffer, 65536, offset)) > 0; offset += n)
    found = add_to_checksum (found, buffer, n);
  return n == 0 && found == checksum;
}

/* Takes path, and gives it to who called where it is the file that is sought. A FIFO is not waited for. */
static int
try (char *path, const char *build_id, guint32 checksum, char **ret_path)
{
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

  if (fd >= 0 && (build_id != NULL ? has_build_id (fd, build_id) : has_checksum (fd, checksum)))
    {
      *ret_path = path;
      return fd;
    }
  if (fd >= 0)
    close (fd);
  g_free (path);
  return -1;
}

int
leash_debug_file_open (const char *path, const char *build_id, const char *link, guint32 checksum,
                       char **ret_path)
{
  const char *root = leash_settings_get ()->debug_root;
  g_autofree char *folder = g_path_get_dirname (path);
  int fd = -1;

  if (build_id != NULL && strlen (build_id) > 2)
    fd = try (g_strdup_printf ("%s/.build-id/%.2s/%s.debug", root, build_id, build_id + 2), build_id, 0,
              ret_path);
  if (link == NULL || strchr (link, '/') != NULL)
    return fd;
  if (fd < 0)
    fd = try (g_build_filename (folder, link, NULL), build_id, checksum, ret_path);
  if (fd < 0)
    fd = try (g_build_filename (folder, ".debug", link, NULL), build_id, checksum, ret_path);
  if (fd < 0)
    fd = try (g_build_filename (root, folder, link, NULL), build_id, checksum, ret_path);
  return fd;
}
