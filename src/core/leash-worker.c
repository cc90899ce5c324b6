/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Threads of the library's own: the one that fires deadlines, and one for each function that runs after a
 * context is done.
 *
 * POSIX threads and not GThread: g_thread_new() aborts where the system refuses, and a GThreadPool leaves
 * unnamed threads idle for a while, which a census of threads would have to explain. Nobody joins these.
 *
 * Any thread may start one. A signal that the process gets is not handled in them, save those that a thread
 * brings upon itself (a bad access must reach the program's crash handler).
 */
#include "leash-worker-private.h"

#include <pthread.h>
#include <signal.h>

void
leash_worker_set_name (const char *name)
{
  pthread_setname_np (pthread_self (), name);
}

static void
fill_blocked (sigset_t *blocked)
{
  static const int own_faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS };

  sigfillset (blocked);
  for (guint i = 0; i < G_N_ELEMENTS (own_faults); i++)
    sigdelset (blocked, own_faults[i]);
}

gboolean
leash_worker_start (void *(*func) (void *), void *data)
{
  pthread_attr_t attributes;
  pthread_t thread;
  sigset_t blocked, before;
  int failed;

  if (pthread_attr_init (&attributes) != 0)
    return FALSE;
  pthread_attr_setdetachstate (&attributes, PTHREAD_CREATE_DETACHED);

  /* A thread starts with the mask of the one that makes it. */
  fill_blocked (&blocked);
  pthread_sigmask (SIG_SETMASK, &blocked, &before);
  failed = pthread_create (&thread, &attributes, func, data);
  pthread_sigmask (SIG_SETMASK, &before, NULL);

  pthread_attr_destroy (&attributes);
  return failed == 0;
}
