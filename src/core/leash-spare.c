/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A program opens one thing after the other, and each needs a handle as large as the last one's. To go to the
 * allocator for it and back costs more than all else that Leash does about a file without a tracker, because
 * the system calls between leave nothing of the allocator's code and data near the processor. So each thread
 * keeps the memory of the last handle that it let go, and the next one gets it: one block for each thread,
 * freed when that exits.
 *
 * What it must not do is to hide a use after the last unref from the tools that find such. It is therefore
 * done only where malloc() is the C library's own: not with sanitizers, nor with an allocator that the
 * program brings; not under valgrind, which leaves malloc() in its place and replaces what it does; and not
 * where the environment asks glibc to check its heap.
 */
#include "leash-spare-private.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

__thread LeashSpare leash_spare_self;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t exit_key;
static gboolean is_on; /* set once */

static void
free_at_exit (gpointer user_data)
{
  LeashSpare *self = user_data;

  if (self->size > 0)
    g_free (self->block);
  *self = (LeashSpare){ 0 };
}

/* Also where nobody tells. */
static gboolean
is_malloc_replaced (void)
{
  const void *functions[] = { dlsym (RTLD_DEFAULT, "malloc"), dlsym (RTLD_DEFAULT, "gnu_get_libc_version") };
  Dl_info of_malloc, of_libc;

  return dladdr (functions[0], &of_malloc) == 0 || dladdr (functions[1], &of_libc) == 0
         || of_malloc.dli_fbase != of_libc.dli_fbase;
}

static gboolean
is_heap_checked (void)
{
  static const char *const by[] = { "MALLOC_CHECK_", "MALLOC_PERTURB_", "MALLOC_TRACE", "GLIBC_TUNABLES" };
  const char *preload = getenv ("LD_PRELOAD");

  for (guint i = 0; i < G_N_ELEMENTS (by); i++)
    if (getenv (by[i]) != NULL)
      return TRUE;
  return preload != NULL && strstr (preload, "vgpreload_") != NULL;
}

static void
set_up (void)
{
  is_on = !is_malloc_replaced () && !is_heap_checked () && pthread_key_create (&exit_key, free_at_exit) == 0;
}

gpointer
leash_spare_allocate (gsize size, gsize *ret_size)
{
  *ret_size = size;
  return g_malloc (size);
}

/* The larger one stays. */
void
leash_spare_replace (gpointer block, gsize size)
{
  LeashSpare *self = &leash_spare_self;

  pthread_once (&once, set_up);
  if (!is_on || size <= self->size || pthread_setspecific (exit_key, self) != 0)
    {
      g_free (block);
      return;
    }
  if (self->size > 0)
    g_free (self->block);
  self->block = block;
  self->size = size;
}
