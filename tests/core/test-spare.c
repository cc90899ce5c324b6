/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whether a handle's memory is used again is decided once in a process, by its environment and by whose
 * malloc() it has: each case runs in a child, which is this program with what it is to do for its only
 * argument.
 */
#include <leash/leash.h>

#include <malloc.h>
#include <string.h>

#include "../under-sanitizer.h"
#include "leash-spare-private.h"

static const char *program;

static const char *const checks[] = { "MALLOC_CHECK_", "MALLOC_PERTURB_", "MALLOC_TRACE", "GLIBC_TUNABLES" };

/* What a child does */

static gpointer
take_and_give (gpointer size)
{
  gsize got;
  gpointer block = leash_spare_take (GPOINTER_TO_SIZE (size), &got);

  leash_spare_give (block, got);
  return block;
}

/* The allocator may give the same memory again: that alone tells nothing. */
static gboolean
is_kept (void)
{
  gpointer block = take_and_give (GSIZE_TO_POINTER (64));

  return leash_spare_self.size == 64 && leash_spare_self.block == block
         && take_and_give (GSIZE_TO_POINTER (64)) == block;
}

/* Returns 0 if all is well. */
static int
try_sizes (void)
{
  gsize small_size, large_size, size;
  gpointer small = leash_spare_take (64, &small_size);
  gpointer large = leash_spare_take (640, &large_size);

  memset (large, 1, large_size);
  leash_spare_give (small, small_size);
  leash_spare_give (large, large_size); /* stays; the other one goes */
  if (leash_spare_take (64, &size) != large || size != large_size)
    return 1;
  leash_spare_give (large, size);
  large = leash_spare_take (6400, &size);
  if (size != 6400)
    return 2;
  memset (large, 1, size);
  leash_spare_give (large, size);
  return 0;
}

/* What is this large has a mapping of its own, which the C library counts. */
static int
try_threads (void)
{
  gsize n_before = mallinfo2 ().hblks;

  for (guint i = 0; i < 10; i++)
    g_thread_join (g_thread_new ("keeper", take_and_give, GSIZE_TO_POINTER (1 << 20)));
  return mallinfo2 ().hblks != n_before;
}

static int
use_after_unref (void)
{
  LeashFile *file = leash_open (leash_context_background (), "/dev/null", LEASH_OPEN_READ, 0, NULL);
  const char *path = leash_file_get_path (file);

  leash_file_close (file, NULL);
  leash_file_unref (file);
  return *(const volatile char *) path == 'x';
}

static int
run_child (const char *what)
{
  if (strcmp (what, "is-kept") == 0)
    return is_kept ();
  if (strcmp (what, "sizes") == 0)
    return try_sizes ();
  if (strcmp (what, "threads") == 0)
    return try_threads ();
  return use_after_unref ();
}

/* What is asked of it */

/* Returns what it exits with. Its heap is not checked but by what the variable says, "NAME=value" or NULL. */
static int
run (const char *const *command, const char *variable, char **ret_errors)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) environment = g_get_environ ();
  int status;

  for (guint i = 0; i < G_N_ELEMENTS (checks); i++)
    environment = g_environ_unsetenv (environment, checks[i]);
  if (variable != NULL)
    {
      g_auto (GStrv) pair = g_strsplit (variable, "=", 2);

      environment = g_environ_setenv (environment, pair[0], pair[1], TRUE);
    }
  g_spawn_sync (NULL, (char **) command, environment, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, ret_errors,
                &status, &error);
  g_assert_no_error (error);
  g_assert_true (WIFEXITED (status));
  return WEXITSTATUS (status);
}

static int
run_case (const char *what, const char *variable)
{
  return run ((const char *const[]){ program, what, NULL }, variable, NULL);
}

static gboolean
skip_under_sanitizer (void)
{
  if (!UNDER_ADDRESS_SANITIZER && !UNDER_THREAD_SANITIZER)
    return FALSE;
  g_test_skip ("a sanitizer brings its own malloc()");
  return TRUE;
}

static void
test_next_one_gets_it (void)
{
  gboolean is_replaced = UNDER_ADDRESS_SANITIZER || UNDER_THREAD_SANITIZER;

  g_assert_cmpint (run_case ("is-kept", NULL), ==, !is_replaced);
}

static void
test_larger_one_stays (void)
{
  if (!skip_under_sanitizer ())
    g_assert_cmpint (run_case ("sizes", NULL), ==, 0);
}

static void
test_goes_with_its_thread (void)
{
  if (!skip_under_sanitizer ())
    g_assert_cmpint (run_case ("threads", NULL), ==, 0);
}

static void
test_not_where_the_heap_is_checked (void)
{
  static const char *const variables[]
      = { "MALLOC_CHECK_=3", "MALLOC_PERTURB_=7", "GLIBC_TUNABLES=glibc.malloc.perturb=7" };

  for (guint i = 0; i < G_N_ELEMENTS (variables); i++)
    g_assert_cmpint (run_case ("is-kept", variables[i]), ==, 0);
}

static void
test_valgrind_finds_use_after_unref (void)
{
  g_autofree char *valgrind = g_find_program_in_path ("valgrind");
  g_autofree char *errors = NULL;
  int status;

  if (valgrind == NULL)
    {
      g_test_skip ("valgrind is not installed");
      return;
    }
  if (skip_under_sanitizer ())
    return;
  status = run ((const char *const[]){ valgrind, "--quiet", "--error-exitcode=99", program, "use", NULL },
                NULL, &errors);
  if (strstr (errors, "Possibly corrupted debuginfo file") != NULL)
    {
      g_test_skip ("this valgrind cannot read what the compiler writes for debuggers");
      return;
    }
  g_assert_cmpint (status, ==, 99);
  g_assert_nonnull (strstr (errors, "Invalid read of size 1"));
  g_assert_nonnull (strstr (errors, "free'd"));
}

static void
test_address_sanitizer_finds_use_after_unref (void)
{
  g_autofree char *errors = NULL;

  if (!UNDER_ADDRESS_SANITIZER)
    {
      g_test_skip ("not built for AddressSanitizer");
      return;
    }
  g_assert_cmpint (run ((const char *const[]){ program, "use", NULL }, NULL, &errors), !=, 0);
  g_assert_nonnull (strstr (errors, "heap-use-after-free"));
  g_assert_nonnull (strstr (errors, "freed by thread"));
}

int
main (int argc, char **argv)
{
  if (argc == 2 && argv[1][0] != '-')
    return run_child (argv[1]);
  program = argv[0];
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/spare/next-handle-gets-the-memory-but-with-a-sanitizer", test_next_one_gets_it);
  g_test_add_func ("/spare/larger-one-stays", test_larger_one_stays);
  g_test_add_func ("/spare/goes-with-its-thread", test_goes_with_its_thread);
  g_test_add_func ("/spare/not-where-the-heap-is-checked", test_not_where_the_heap_is_checked);
  g_test_add_func ("/spare/valgrind-finds-a-use-after-unref", test_valgrind_finds_use_after_unref);
  g_test_add_func ("/spare/address-sanitizer-finds-a-use-after-unref",
                   test_address_sanitizer_finds_use_after_unref);
  return g_test_run ();
}
