/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads /proc/self/fd and /proc/self/task. What bypassed Leash (a plain open(), a library's socket, a thread
 * that nobody joined) shows up here although no tracker has heard of it.
 *
 * A descriptor is known by its number, target and inode together: one that was closed and opened again as
 * something else is new. Its kind and target are read when the census is taken.
 *
 * GLib keeps worker threads of its own for the life of the process (gmain, gdbus, those of thread pools), and
 * the first two bring an eventfd each: these are no leaks of the test during which they happen to start. They
 * are known by their names, for there is nothing else to know them by: a program that gives a thread one of
 * these names hides it. An eventfd does not tell whose it is, so as many as workers started are let pass, and
 * only such as GLib makes: non-blocking and closed on exec.
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
#include "leash-quote-private.h"

/* Of what the kernel keeps, without the end. */
#define THREAD_NAME_MAX 15

typedef enum
{
  DESCRIPTOR_FORGOTTEN = 1 << 0,
  DESCRIPTOR_LIKE_GLIB = 1 << 1 /* the flags that GLib gives its eventfds */
} DescriptorFlags;

typedef struct
{
  int fd;
  char *target; /* what the link in /proc says */
  char *words;  /* kind and target for people */
  dev_t device;
  ino_t inode;
  mode_t mode;
  guint flags; /* DescriptorFlags */
} Descriptor;

typedef struct
{
  int tid;
  char *name;
  gboolean forgotten;
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
  g_free (((Descriptor *) descriptor)->words);
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

/* "127.0.0.1:80", "/run/x"; NULL where there is none. */
static char *
describe_address (int fd, int (*get_name) (int, struct sockaddr *, socklen_t *))
{
  struct sockaddr_storage storage;
  socklen_t length = sizeof storage;
  g_autoptr (GSocketAddress) address = NULL;

  if (get_name (fd, (struct sockaddr *) &storage, &length) != 0
      || length <= offsetof (struct sockaddr, sa_data))
    return NULL;
  address = g_socket_address_new_from_native (&storage, length);
  return address != NULL ? g_socket_connectable_to_string (G_SOCKET_CONNECTABLE (address)) : NULL;
}

static int
get_option (int fd, int option)
{
  int value = 0;
  socklen_t length = sizeof value;

  return getsockopt (fd, SOL_SOCKET, option, &value, &length) == 0 ? value : -1;
}

/* "tcp socket, 127.0.0.1:4040 to 127.0.0.1:80", "unix socket, listening at /run/x", "udp socket, unbound" */
static char *
describe_socket (int fd)
{
  int domain = get_option (fd, SO_DOMAIN);
  int type = get_option (fd, SO_TYPE);
  gboolean is_ip = domain == AF_INET || domain == AF_INET6;
  const char *kind = is_ip && type == SOCK_STREAM  ? "tcp "
                     : is_ip && type == SOCK_DGRAM ? "udp "
                     : domain == AF_UNIX           ? "unix "
                     : domain == AF_NETLINK        ? "netlink "
                                                   : "";
  g_autofree char *local = describe_address (fd, getsockname);
  g_autofree char *remote = describe_address (fd, getpeername);

  return g_strdup_printf (
      "%ssocket, %s%s%s%s", kind, get_option (fd, SO_ACCEPTCONN) > 0 ? "listening at " : "",
      local != NULL ? local : "unnamed", remote != NULL ? " to " : "", remote != NULL ? remote : "");
}

static char *
describe (const Descriptor *descriptor)
{
  const char *target = descriptor->target;

  if (S_ISSOCK (descriptor->mode))
    return describe_socket (descriptor->fd);
  if (g_str_has_prefix (target, "pipe:["))
    return g_strdup_printf ("pipe, number %" G_GUINT64_FORMAT, (guint64) descriptor->inode);
  if (g_str_has_prefix (target, "anon_inode:"))
    return g_strdup (target + strlen ("anon_inode:"));
  if (g_str_has_prefix (target, "/memfd:"))
    return g_strconcat ("memfd ", target + strlen ("/memfd:"), NULL);
  return g_strconcat (S_ISDIR (descriptor->mode)    ? "directory "
                      : S_ISFIFO (descriptor->mode) ? "fifo "
                      : S_ISREG (descriptor->mode)  ? "file "
                                                    : "device ",
                      target, NULL);
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
  descriptor.mode = st.st_mode;
  if ((fcntl (fd, F_GETFL) & O_NONBLOCK) != 0 && (fcntl (fd, F_GETFD) & FD_CLOEXEC) != 0)
    descriptor.flags |= DESCRIPTOR_LIKE_GLIB;
  if (leash_own_fd_contains (fd))
    descriptor.flags |= DESCRIPTOR_FORGOTTEN;
  descriptor.words = describe (&descriptor);
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

void
leash_census_forget_fd (LeashCensus *census, int fd)
{
  for (guint i = 0; i < census->descriptors->len; i++)
    if (g_array_index (census->descriptors, Descriptor, i).fd == fd)
      g_array_index (census->descriptors, Descriptor, i).flags |= DESCRIPTOR_FORGOTTEN;
}

void
leash_census_forget_thread (LeashCensus *census, int tid)
{
  for (guint i = 0; i < census->threads->len; i++)
    if (g_array_index (census->threads, Thread, i).tid == tid)
      g_array_index (census->threads, Thread, i).forgotten = TRUE;
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

/* GLib calls a pool's threads after the program, and the kernel cuts the name. */
static gboolean
is_of_pool (const char *name)
{
  g_autofree char *full = g_strconcat ("pool-", g_get_prgname (), NULL);
  g_autofree char *cut = g_strndup (full, THREAD_NAME_MAX);

  return strcmp (name, cut) == 0 || strcmp (name, "pool") == 0 || strcmp (name, "pool-spawner") == 0;
}

static gboolean
is_exempt (const Thread *thread)
{
  static const char *const own[] = { "leash-deadline", "leash-after", "leash-serve", "leash-signal", NULL };

  return thread->forgotten || is_worker_with_eventfd (thread) || g_strv_contains (own, thread->name)
         || is_of_pool (thread->name);
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

static gboolean
may_be_of_worker (const Descriptor *descriptor)
{
  return (descriptor->flags & DESCRIPTOR_LIKE_GLIB) != 0
         && strcmp (descriptor->target, "anon_inode:[eventfd]") == 0;
}

/* Check, where it does not fork, opens a file of its own, deleted at once, after a test's set-up. */
static gboolean
is_of_check (const Descriptor *descriptor)
{
  const char *name = strrchr (descriptor->target, '/');

  return S_ISREG (descriptor->mode) && name != NULL
         && g_pattern_match_simple ("/check_?????? (deleted)", name);
}

/* A file's name may hold what ends a line or moves the cursor. */
static char *
descriptor_to_line (const Descriptor *descriptor)
{
  GString *line = g_string_new (NULL);

  g_string_append_printf (line, "fd %d: ", descriptor->fd);
  leash_escape_append (line, descriptor->words);
  return g_string_free (line, FALSE);
}

GPtrArray *
leash_census_list_new_fds (LeashCensus *before, LeashCensus *after)
{
  GPtrArray *list = g_ptr_array_new_with_free_func (g_free);
  guint n_worker_eventfds = count_new_workers (before, after);

  for (guint i = 0; i < after->descriptors->len; i++)
    {
      const Descriptor *descriptor = &g_array_index (after->descriptors, Descriptor, i);

      if ((descriptor->flags & DESCRIPTOR_FORGOTTEN) != 0 || has_descriptor (before, descriptor)
          || is_of_check (descriptor))
        continue;
      if (n_worker_eventfds > 0 && may_be_of_worker (descriptor))
        n_worker_eventfds--;
      else
        g_ptr_array_add (list, descriptor_to_line (descriptor));
    }
  return list;
}

static char *
thread_to_line (const Thread *thread)
{
  GString *line = g_string_new (NULL);

  g_string_append_printf (line, "thread %d: ", thread->tid);
  leash_quote_append (line, thread->name);
  return g_string_free (line, FALSE);
}

GPtrArray *
leash_census_list_new_threads (LeashCensus *before, LeashCensus *after)
{
  GPtrArray *list = g_ptr_array_new_with_free_func (g_free);

  for (guint i = 0; i < after->threads->len; i++)
    {
      const Thread *thread = &g_array_index (after->threads, Thread, i);

      if (!has_thread (before, thread) && !is_exempt (thread))
        g_ptr_array_add (list, thread_to_line (thread));
    }
  return list;
}
