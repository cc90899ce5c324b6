/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "leash-own-fd-private.h"

static void
test_noted_until_removed (void)
{
  static const int fds[] = { 0, 1, 63, 64, 65, 1023, 1024, (1 << 20) - 1 };

  for (guint i = 0; i < G_N_ELEMENTS (fds); i++)
    {
      g_assert_false (leash_own_fd_contains (fds[i]));
      leash_own_fd_add (fds[i]);
      leash_own_fd_add (fds[i]);
      g_assert_true (leash_own_fd_contains (fds[i]));
      g_assert_false (leash_own_fd_contains (fds[i] ^ 2));
      leash_own_fd_remove (fds[i]);
      g_assert_false (leash_own_fd_contains (fds[i]));
      leash_own_fd_remove (fds[i]);
    }
}

static void
test_out_of_range (void)
{
  static const int fds[] = { -1, G_MININT, 1 << 20, G_MAXINT };

  for (guint i = 0; i < G_N_ELEMENTS (fds); i++)
    {
      leash_own_fd_add (fds[i]);
      g_assert_false (leash_own_fd_contains (fds[i]));
      leash_own_fd_remove (fds[i]);
    }
}

static gpointer
add_and_remove (gpointer first)
{
  for (guint round = 0; round < 2000; round++)
    for (int fd = GPOINTER_TO_INT (first); fd < 64; fd += 4)
      {
        leash_own_fd_add (fd);
        g_assert_true (leash_own_fd_contains (fd));
        leash_own_fd_remove (fd);
        g_assert_false (leash_own_fd_contains (fd));
      }
  return NULL;
}

/* Neighbours in a word do not undo each other's bits. */
static void
test_threads (void)
{
  GThread *threads[4];

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("notes", add_and_remove, GUINT_TO_POINTER (i));
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/own-fd/noted-until-removed", test_noted_until_removed);
  g_test_add_func ("/own-fd/out-of-range-is-not-noted", test_out_of_range);
  g_test_add_func ("/own-fd/threads", test_threads);
  return g_test_run ();
}
