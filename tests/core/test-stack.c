/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Stacks as a program sees them, through the shared library. */
#include <leash/leash.h>

#include <dlfcn.h>
#include <execinfo.h>
#include <gio/gio.h>
#include <string.h>

#define STAY_IN_FRAME() __asm__ volatile("" ::: "memory")

static __attribute__ ((noinline)) LeashStackId
capture (void)
{
  LeashStackId stack = leash_stack_capture ();

  STAY_IN_FRAME ();
  return stack;
}

static __attribute__ ((noinline)) LeashStackId
capture_below (guint depth)
{
  LeashStackId (*volatile below) (guint) = capture_below; /* so that the recursion is not unrolled */
  LeashStackId stack = depth > 0 ? below (depth - 1) : capture ();

  STAY_IN_FRAME ();
  return stack;
}

static void
capture_into (gpointer stack, gpointer unused)
{
  *(LeashStackId *) stack = capture ();
}

static void
test_same_number (void)
{
  LeashStackId stacks[3];
  g_autoptr (GPtrArray) places = g_ptr_array_new ();

  for (guint i = 0; i < G_N_ELEMENTS (stacks); i++)
    g_ptr_array_add (places, &stacks[i]);
  g_ptr_array_foreach (places, capture_into, NULL); /* a loop of our own might be unrolled */
  g_assert_cmpuint (stacks[0], !=, 0);
  g_assert_cmpuint (stacks[1], ==, stacks[0]);
  g_assert_cmpuint (stacks[2], ==, stacks[0]);
  g_assert_cmpuint (capture (), !=, stacks[0]); /* from another line */
  g_assert_cmpuint (capture_below (1), !=, capture_below (2));
}

static void
test_frames (void)
{
  gconstpointer frames[256] = { NULL }, first;
  LeashStackId stack = capture_below (5);
  guint n_frames = leash_stack_get_frames (stack, frames, G_N_ELEMENTS (frames));

  g_assert_cmpuint (n_frames, >, 7);
  g_assert_null (frames[n_frames]);
  for (guint i = 2; i < 6; i++) /* the recursion's */
    g_assert_true (frames[i] == frames[2]);
  first = frames[0];
  memset (frames, 0, sizeof frames);
  g_assert_cmpuint (leash_stack_get_frames (stack, frames, 1), ==, n_frames);
  g_assert_true (frames[0] == first && frames[1] == NULL);
  g_assert_cmpuint (leash_stack_get_frames (stack, NULL, 0), ==, n_frames);
}

static void
test_no_room_is_a_critical (void)
{
  LeashStackId stack = capture ();

  g_test_expect_message ("Leash", G_LOG_LEVEL_CRITICAL, "*leash_stack_get_frames*frames*");
  g_assert_cmpuint (leash_stack_get_frames (stack, NULL, 1), ==, 0);
  g_test_assert_expected_messages ();
}

static void
assert_is_no_stack (LeashStackId stack)
{
  gconstpointer frame;
  g_autofree char *text = leash_stack_to_string (stack);

  g_assert_cmpuint (leash_stack_get_frames (stack, &frame, 1), ==, 0);
  g_assert_cmpstr (text, ==, "");
}

/* Whatever the number: no crash; what is in the middle of a stack is none. */
static void
test_numbers_from_outside (void)
{
  LeashStackId stack = capture_below (10);
  gconstpointer frames[128];
  guint n_frames = leash_stack_get_frames (stack, frames, G_N_ELEMENTS (frames));

  assert_is_no_stack (0);
  assert_is_no_stack (G_MAXUINT32);
  assert_is_no_stack (G_MAXUINT32 / 2);
  for (guint i = 1; i <= n_frames; i++)
    assert_is_no_stack (stack + i);
  for (guint bit = 0; bit < 32; bit++)
    {
      g_autofree char *text = leash_stack_to_string (1u << bit);

      g_assert_nonnull (text);
    }
}

static void
test_text_has_a_line_a_frame (void)
{
  g_autofree char *text = leash_stack_to_string (capture ());

  g_assert_true (g_str_has_suffix (text, "\n"));
}

static void
test_module_goes_in_between (void)
{
  g_autofree char *program = g_file_read_link ("/proc/self/exe", NULL);
  g_autofree char *folder = g_path_get_dirname (program);
  g_autofree char *path = g_build_filename (folder, "libplugin.so", NULL);
  void *plugin = dlopen (path, RTLD_NOW | RTLD_LOCAL);
  LeashStackId (*plugin_capture) (void);
  gconstpointer frames[128];
  Dl_info module;
  LeashStackId stack;
  g_autofree char *text = NULL;

  if (plugin == NULL)
    g_error ("%s", dlerror ());
  *(void **) &plugin_capture = dlsym (plugin, "plugin_capture");
  stack = plugin_capture ();
  g_assert_cmpuint (leash_stack_get_frames (stack, frames, G_N_ELEMENTS (frames)), >, 1);
  g_assert_cmpint (dladdr (frames[0], &module), !=, 0);
  g_assert_cmpstr (module.dli_fname, ==, path);
  g_assert_cmpint (dlclose (plugin), ==, 0);
  text = leash_stack_to_string (stack);
  g_assert_true (g_str_has_suffix (text, "\n"));
  g_assert_cmpuint (capture (), !=, 0);
}

/* libunwind exports a weak function of this name. */
static void
test_backtrace_stays (void)
{
  int (*function) (void **, int) = backtrace;
  Dl_info module;

  g_assert_cmpint (dladdr (*(void **) &function, &module), !=, 0);
  g_assert_null (strstr (module.dli_fname, "libunwind"));
  g_assert_null (strstr (module.dli_fname, "libleash"));
}

/* Neither asks for it, nor gives libunwind's functions to who links Leash. */
static void
test_library_links_privately (void)
{
  g_autofree char *nm = g_find_program_in_path ("nm");
  g_autofree char *symbols = NULL;
  const char *argv[] = { nm, "-D", NULL, NULL };
  LeashStackId (*capture_function) (void) = leash_stack_capture;
  Dl_info module;

  if (nm == NULL)
    {
      g_test_skip ("there is no nm");
      return;
    }
  g_assert_cmpint (dladdr (*(void **) &capture_function, &module), !=, 0);
  argv[2] = module.dli_fname;
  g_assert_true (
      g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, &symbols, NULL, NULL, NULL));
  g_assert_nonnull (strstr (symbols, " T leash_stack_capture\n"));
  g_assert_nonnull (strstr (symbols, " U unw_backtrace\n"));
  g_assert_false (g_regex_match_simple (" . backtrace\\b", symbols, 0, 0));
  g_assert_false (g_regex_match_simple (" [A-TV-Z] _?U?[a-z0-9_]*unw", symbols, 0, 0));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/stack/same-stack-same-number", test_same_number);
  g_test_add_func ("/stack/frames", test_frames);
  g_test_add_func ("/stack/no-room-is-a-critical", test_no_room_is_a_critical);
  g_test_add_func ("/stack/numbers-from-outside", test_numbers_from_outside);
  g_test_add_func ("/stack/text-ends-its-lines", test_text_has_a_line_a_frame);
  g_test_add_func ("/stack/module-goes-in-between", test_module_goes_in_between);
  g_test_add_func ("/stack/backtrace-stays-the-c-librarys", test_backtrace_stays);
  g_test_add_func ("/stack/library-links-libunwind-privately", test_library_links_privately);
  return g_test_run ();
}
