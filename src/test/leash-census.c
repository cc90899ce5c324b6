/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads /proc/self/fd and /proc/self/task. What bypassed Leash (a plain open(), a library's socket, a thread
 * that nobody joined) shows up here although no tracker has heard of it.
 *
 * A descriptor is known by its number, target and inode together: one that was closed and opened again as
 * something else is new. Its kind and target are read when the census is taken.
 *
 * GLib keeps worker threads of its own for the life of the process (gmain, gdbus, those of thread pools), and
 * the first two bring an eventfd each: these are no leaks of the test during which they happen to start.
 */
#include "leash-census-private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "leash-own-fd-private.h"

typedef struct
{
  int fd;
  char *target; /* what the link in /proc says */
  dev_t device;
  ino_t inode;
} Descriptor;

typedef struct
{
  int tid;
  char *name;
} Thread;

struct _LeashCensus
{
  GArray *descriptors; /* of Descriptor */
  GArray *threads;     /* of Thread */
};

static void
descriptor_clear (gpointer descriptor)
{
  g_free (((Descriptor *) descriptor)->target);
}

static void
thread_clear (gpointer thread)
{
  g_free (((Thread *) thread)->name);
}

/* Calls func with each number in a directory of /proc/self. */
static void
for_each_number (LeashCensus *census, const char *path,
                 void (*func) (LeashCensus *census, int number, int own_fd))
{
  DIR *dir = opendir (path);
  struct dirent *entry;

  if (dir == NULL)
    return;
  while ((entry = readdir (dir)) != NULL)
    if (g_ascii_isdigit (entry->d_name[0]))
      func (census, atoi (entry->d_name), dirfd (dir));
  closedir (dir);
}

static void
add_descriptor (LeashCensus *census, int fd, int own_fd)
{
  g_autofree char *link = g_strdup_printf ("/proc/self/fd/%d", fd);
  Descriptor descriptor = { .fd = fd };
  struct stat st;

  if (fd == own_fd || fstat (fd, &st) != 0)
    return;
  descriptor.target = g_file_read_link (link, NULL);
  if (descriptor.target == NULL)
    return;
  descriptor.device = st.st_dev;
  descriptor.inode = st.st_ino;
  g_array_append_val (census->descriptors, descriptor);
}

static void
add_thread (LeashCensus *census, int tid, int own_fd)
{
  g_autofree char *path = g_strdup_printf ("/proc/self/task/%d/comm", tid);
  Thread thread = { .tid = tid };

  if (!g_file_get_contents (path, &thread.name, NULL, NULL))
    return;
  g_strchomp (thread.name);
  g_array_append_val (census->threads, thread);
}

LeashCensus *
leash_census_new (void)
{
  LeashCensus *census = g_new0 (LeashCensus, 1);

  census->descriptors = g_array_new (FALSE, FALSE, sizeof (Descriptor));
  census->threads = g_array_new (FALSE, FALSE, sizeof (Thread));
  g_array_set_clear_func (census->descriptors, descriptor_clear);
  g_array_set_clear_func (census->threads, thread_clear);
  for_each_number (census, "/proc/self/fd", add_descriptor);
  for_each_number (census, "/proc/self/task", add_thread);
  return census;
}

void
leash_census_free (LeashCensus *census)
{
  if (census == NULL)
    return;
  g_array_unref (census->descriptors);
  g_array_unref (census->threads);
  g_free (census);
}

static gboolean
has_descriptor (LeashCensus *census, const Descriptor *descriptor)
{
  for (guint i = 0; i < census->descriptors->len; i++)
    {
      const Descriptor *each = &g_array_index (census->descriptors, Descriptor, i);

      if (each->fd == descriptor->fd)
        return each->inode == descriptor->inode && each->device == descriptor->device
               && strcmp (each->target, descriptor->target) == 0;
    }
  return FALSE;
}

static gboolean
has_thread (LeashCensus *census, const Thread *thread)
{
  for (guint i = 0; i < census->threads->len; i++)
    if (g_array_index (census->threads, Thread, i).tid == thread->tid)
      return TRUE;
  return FALSE;
}

static gboolean
is_worker_with_eventfd (const Thread *thread)
{
  return strcmp (thread->name, "gmain") == 0 || strcmp (thread->name, "gdbus") == 0;
}

static gboolean
is_exempt (const Thread *thread)
{
  return is_worker_with_eventfd (thread) || g_str_has_prefix (thread->name, "leash-")
         || g_str_has_prefix (thread->name, "pool-");
}

static guint
count_new_workers (LeashCensus *before, LeashCensus *after)
{
  guint n = 0;

  for (guint i = 0; i < after->threads->len; i++)
    {
      const Thread *thread = &g_array_index (after->threads, Thread, i);

      n += is_worker_with_eventfd (thread) && !has_thread (before, thread);
    }
  return n;
}

static char *
describe_address (int fd, int (*get_name) (int, struct sockaddr *, socklen_t *))
{
  struct sockaddr_storage storage;
  socklen_t length = sizeof storage;
  g_autoptr (GSocketAddress) address = NULL;

  if (get_name (fd, (struct sockaddr *) &storage, &length) != 0)
    return NULL;
  address = g_socket_address_new_from_native (&storage, length);
  return address != NULL ? g_socket_connectable_to_string (G_SOCKET_CONNECTABLE (address)) : NULL;
}

/* "fd 7: socket:[4711], 127.0.0.1:4040 to 127.0.0.1:80" */
static char *
describe (const Descriptor *descriptor)
{
  g_autofree char *local = NULL;
  g_autofree char *remote = NULL;

  if (!g_str_has_prefix (descriptor->target, "socket:"))
    return g_strdup_printf ("fd %d: %s", descriptor->fd, descriptor->target);
  local = describe_address (descriptor->fd, getsockname);
  remote = describe_address (descriptor->fd, getpeername);
  return g_strdup_printf ("fd %d: %s, %s%s%s", descriptor->fd, descriptor->target,
                          local != NULL ? local : "unbound", remote != NULL ? " to " : "",
                          remote != NULL ? remote : "");
}

GPtrArray *
leash_census_list_new_fds (LeashCensus *before, LeashCensus *after)
{
  GPtrArray *list = g_ptr_array_new_with_free_func (g_free);
  guint n_worker_eventfds = count_new_workers (before, after);

  for (guint i = 0; i < after->descriptors->len; i++)
    {
      const Descriptor *descriptor = &g_array_index (after->descriptors, Descriptor, i);

      if (has_descriptor (before, descriptor) || leash_own_fd_contains (descriptor->fd))
        continue;
      if (n_worker_eventfds > 0 && strcmp (descriptor->target, "anon_inode:[eventfd]") == 0)
        n_worker_eventfds--;
      else
        g_ptr_array_add (list, describe (descriptor));
    }
  return list;
}

GPtrArray *
leash_census_list_new_threads (LeashCensus *before, LeashCensus *after)
{
  GPtrArray *list = g_ptr_array_new_with_free_func (g_free);

  for (guint i = 0; i < after->threads->len; i++)
    {
      const Thread *thread = &g_array_index (after->threads, Thread, i);

      if (!has_thread (before, thread) && !is_exempt (thread))
        g_ptr_array_add (list, g_strdup_printf ("thread %d: \"%s\"", thread->tid, thread->name));
    }
  return list;
}
