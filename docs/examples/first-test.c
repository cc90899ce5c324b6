/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <leash/leash.h>

static gboolean
load_greeting (LeashContext *ctx, const char *path, char *text, gsize size)
{
  LeashFile *file = leash_open (ctx, path, LEASH_OPEN_READ, 0, NULL);
  gssize length = leash_file_read (file, ctx, text, size - 1, NULL);

  if (length <= 0)
    return FALSE; /* forgets the file */
  text[length] = '\0';
  return leash_file_close (file, NULL);
}

static void
test_empty_greeting (void)
{
  g_auto (LeashTest) test = leash_test_begin ();
  char text[80];

  g_assert_false (load_greeting (test.ctx, "/dev/null", text, sizeof text));
} /* fails here, with the stack, because the file is still open */

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/greeting/empty", test_empty_greeting);
  return g_test_run ();
}
