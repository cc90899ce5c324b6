/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The first capture, before time matters. For the process it
 *
 * - turns libunwind's cache of unwind tables off. The cache is one for all threads, behind a lock that is
 * held, with all signals blocked, while the loader is asked for a table. A thread that captures inside of a
 * callback of dl_iterate_phdr() and another that captures outside of it then wait for each other for ever.
 * Captures are as fast without: what makes them fast is another cache, of each thread's own. (Cursors get
 * slower, for whoever else uses them in the process.) To keep the lock and forbid such callbacks was
 * rejected: nobody would know why the process hangs;
 * - finds the pipe that libunwind opens to test addresses, and that of its library that the replay cache's
 * recorder needs, and notes them as no business of a census.
 *
 * For a thread it fills the thread's own cache, of 256 KiB.
 */
#include "leash-capture-private.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "leash-own-fd-private.h"

/* One end of a pipe that is set as libunwind sets its own. */
typedef struct
{
  int fd;
  ino_t inode;
  gboolean is_read_end;
} PipeEnd;

static void
add_if_like_libunwinds (GArray *ends, int fd)
{
  int flags = fcntl (fd, F_GETFL);
  PipeEnd end = { .fd = fd, .is_read_end = (flags & O_ACCMODE) == O_RDONLY };
  struct stat st;

  if (flags < 0 || (flags & O_NONBLOCK) == 0 || (fcntl (fd, F_GETFD) & FD_CLOEXEC) == 0)
    return;
  if (fstat (fd, &st) != 0 || !S_ISFIFO (st.st_mode))
    return;
  end.inode = st.st_ino;
  g_array_append_val (ends, end);
}

/* Empty where there is no /proc: the pipe then stays unknown, and so do all descriptors to a census. */
static GArray *
list_pipe_ends (void)
{
  GArray *ends = g_array_new (FALSE, FALSE, sizeof (PipeEnd));
  DIR *dir = opendir ("/proc/self/fd");
  struct dirent *entry;

  while (dir != NULL && (entry = readdir (dir)) != NULL)
    if (g_ascii_isdigit (entry->d_name[0]))
      add_if_like_libunwinds (ends, atoi (entry->d_name));
  if (dir != NULL)
    closedir (dir);
  return ends;
}

static const PipeEnd *
find_end (GArray *ends, ino_t inode, gboolean is_read_end)
{
  for (guint i = 0; i < ends->len; i++)
    {
      const PipeEnd *end = &g_array_index (ends, PipeEnd, i);

      if (end->inode == inode && end->is_read_end == is_read_end)
        return end;
    }
  return NULL;
}

/*
 * Another thread may open a pipe of its own at this very moment. libunwind's is told from it by the byte that
 * each test of an address leaves in it until the next.
 */
static void
note_new_pipe (GArray *before, GArray *after)
{
  for (guint i = 0; i < after->len; i++)
    {
      const PipeEnd *end = &g_array_index (after, PipeEnd, i);
      const PipeEnd *other = find_end (after, end->inode, FALSE);
      int n_unread = 0;

      if (!end->is_read_end || other == NULL || find_end (before, end->inode, TRUE) != NULL)
        continue;
      if (ioctl (end->fd, FIONREAD, &n_unread) != 0 || n_unread == 0)
        continue;
      leash_own_fd_add (end->fd);
      leash_own_fd_add (other->fd);
    }
}

static void
capture_once (void)
{
  void *frames[4];

  unw_backtrace (frames, G_N_ELEMENTS (frames));
}

static void
warm_up_process (void)
{
  g_autoptr (GArray) before = list_pipe_ends ();
  g_autoptr (GArray) after = NULL;

  unw_set_caching_policy (unw_local_addr_space, UNW_CACHE_NONE);
  capture_once ();
  if (leash_settings_get ()->capture != LEASH_CAPTURE_UNWIND)
    leash_replay_warm_up ();
  leash_replay_module_stays (NULL); /* in the child of a fork the loader may not be asked */
  after = list_pipe_ends ();
  note_new_pipe (before, after);
}

void
leash_capture_warm_up (void)
{
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  static __thread gboolean warm;

  if (LEASH_LIKELY (warm) || __atomic_load_n (&leash_capture_is_stopped, __ATOMIC_RELAXED))
    return;
  warm = TRUE;
  pthread_once (&once, warm_up_process);
  capture_once ();
}
