/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "leash-modules-private.h"

#include <glib/gstdio.h>
#include <link.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/wait.h>
#include <unistd.h>

#include "places-fixture.h"

static const LeashModule *
find_now (guintptr pc)
{
  gboolean uncertain = TRUE;
  const LeashModule *module = leash_modules_find (pc, leash_modules_refresh (), &uncertain);

  g_assert_false (uncertain);
  return module;
}

static void
test_unchanged (void)
{
  guint16 generation = leash_modules_refresh ();

  g_assert_cmpuint (generation, >, 0);
  g_assert_cmpuint (leash_modules_refresh (), ==, generation);
}

static void
test_program (void)
{
  const LeashModule *module = find_now ((guintptr) test_program);
  g_autofree char *path = g_file_read_link ("/proc/self/exe", NULL);

  g_assert_nonnull (module);
  g_assert_true (module->is_program);
  g_assert_cmpstr (module->path, ==, path);
  g_assert_true (leash_modules_is_loaded (module));
  g_assert_cmpuint (module->start, <=, (guintptr) test_program);
  g_assert_cmpuint (module->end, >, (guintptr) test_program);
}

static void
test_library (void)
{
  g_autofree char *path = places_path ("places");
  void *library = places_open (path);
  const LeashModule *module = find_now (places_call (library, "places_exported"));
  struct link_map *map;

  g_assert_nonnull (module);
  g_assert_false (module->is_program);
  g_assert_cmpstr (module->path, ==, path);
  g_assert_cmpint (dlinfo (library, RTLD_DI_LINKMAP, &map), ==, 0);
  g_assert_cmpuint (module->bias, ==, map->l_addr);
  g_assert_nonnull (module->build_id);
  g_assert_cmpuint (strlen (module->build_id), ==, 40);
  g_assert_cmpuint (strspn (module->build_id, "0123456789abcdef"), ==, 40);
  dlclose (library);
}

static void
test_no_build_id (void)
{
  g_autofree char *path = places_path ("places-no-build-id");
  void *library = places_open (path);

  g_assert_null (find_now (places_call (library, "places_exported"))->build_id);
  dlclose (library);
}

static void
test_vdso (void)
{
  const ElfW (Ehdr) *vdso = (const void *) getauxval (AT_SYSINFO_EHDR);

  if (vdso == NULL)
    {
      g_test_skip ("the kernel gives no vdso here");
      return;
    }
  if (find_now ((guintptr) vdso + vdso->e_entry + 1) == NULL && find_now ((guintptr) vdso + 0x700) == NULL)
    {
      g_test_skip ("the vdso is not among the loader's modules here");
      return;
    }
  g_assert_cmpstr (find_now ((guintptr) vdso + 0x700)->path, ==, "[vdso]");
}

static void
test_relative_path (void)
{
  g_autofree char *path = places_path ("places");
  g_autofree char *folder = g_path_get_dirname (path);
  g_autofree char *before = g_get_current_dir ();
  void *library;

  g_assert_cmpint (g_chdir (folder), ==, 0);
  library = places_open ("./libplaces.so");
  g_assert_cmpstr (find_now (places_call (library, "places_exported"))->path, ==, path);
  g_assert_cmpint (g_chdir (before), ==, 0);
  dlclose (library);
}

static void
test_unloaded (void)
{
  g_autofree char *path = places_path ("places");
  void *library = places_open (path);
  guintptr pc = places_call (library, "places_exported");
  guint16 then = leash_modules_refresh ();
  const LeashModule *module = find_now (pc);
  gboolean uncertain;

  dlclose (library);
  g_assert_cmpuint (leash_modules_refresh (), ==, then + 1);
  g_assert_false (leash_modules_is_loaded (module));
  g_assert_cmpuint (module->last_seen, ==, then);
  g_assert_true (leash_modules_find (pc, then, &uncertain) == module);
  g_assert_false (uncertain);
  g_assert_cmpstr (module->path, ==, path);
}

static void
test_loaded_again (void)
{
  g_autofree char *path = places_path ("places");
  const LeashModule *first = NULL;

  for (guint i = 0; i < 100; i++)
    {
      void *library = places_open (path);
      const LeashModule *module = find_now (places_call (library, "places_exported"));

      if (first == NULL)
        first = module;
      /* The loader may choose another address each time, though it does not. */
      g_assert_true (module == first || module->bias != first->bias);
      dlclose (library);
      leash_modules_refresh ();
      g_assert_false (leash_modules_is_loaded (module));
    }
}

static void
test_no_module (void)
{
  gboolean uncertain = TRUE;
  int on_the_stack = 0;

  g_assert_null (leash_modules_find (0, leash_modules_refresh (), &uncertain));
  g_assert_false (uncertain);
  g_assert_null (leash_modules_find ((guintptr) &on_the_stack, leash_modules_refresh (), &uncertain));
  g_assert_null (leash_modules_find (G_MAXSIZE, 0, &uncertain));
}

/* An address whose generation is not known: the module is guessed, and the guess is marked. */
static void
test_before_it_came (void)
{
  g_autofree char *path = places_path ("places-no-debug");
  guint16 before = leash_modules_refresh ();
  void *library = places_open (path);
  guintptr pc = places_call (library, "places_exported");
  gboolean uncertain = FALSE;

  g_assert_true (leash_modules_find (pc, before, &uncertain) == NULL || uncertain);
  g_assert_true (leash_modules_find (pc, leash_modules_refresh (), &uncertain) != NULL);
  g_assert_nonnull (leash_modules_find (pc, before, &uncertain));
  g_assert_true (uncertain);
  dlclose (library);
}

static gboolean stop; /* atomic */

static gpointer
refresh_often (gpointer unused)
{
  guint16 generation = 0;

  while (!__atomic_load_n (&stop, __ATOMIC_RELAXED))
    {
      guint16 now = leash_modules_refresh ();
      gboolean uncertain;

      g_assert_cmpuint (now, >=, generation);
      generation = now;
      g_assert_true (leash_modules_find ((guintptr) test_program, now, &uncertain)->is_program);
    }
  return NULL;
}

static int
refresh_inside (struct dl_phdr_info *info, size_t size, void *user_data)
{
  g_assert_cmpuint (leash_modules_refresh (), >, 0);
  return 0;
}

/* The loader's lock is held by the callback, and another thread looks meanwhile. */
static void
test_threads (void)
{
  g_autofree char *path = places_path ("places");
  GThread *threads[2];

  __atomic_store_n (&stop, FALSE, __ATOMIC_RELAXED);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("refresh", refresh_often, NULL);
  for (guint i = 0; i < 100; i++)
    {
      void *library = places_open (path);

      g_assert_nonnull (find_now (places_call (library, "places_exported")));
      dl_iterate_phdr (refresh_inside, NULL);
      dlclose (library);
    }
  __atomic_store_n (&stop, TRUE, __ATOMIC_RELAXED);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
}

static void
test_fork (void)
{
  guint16 generation = leash_modules_refresh ();
  pid_t child = fork ();
  int status;

  g_assert_cmpint (child, >=, 0);
  if (child == 0)
    _exit (leash_modules_refresh () == generation ? 0 : 1);
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  g_assert_cmpint (status, ==, 0);
}

/* Last: no other test can count generations after this. */
static void
test_generations_run_out (void)
{
  g_autofree char *path = places_path ("places-stripped");
  gboolean uncertain;
  guintptr pc = 0;

  if (!g_test_slow ())
    {
      g_test_skip ("loads a library 33,000 times: only with -m slow");
      return;
    }
  while (leash_modules_refresh () < LEASH_GENERATION_LAST)
    {
      void *library = places_open (path);

      pc = places_call (library, "places_exported");
      leash_modules_refresh ();
      dlclose (library);
    }
  for (guint i = 0; i < 4; i++)
    {
      void *library = places_open (path);

      g_assert_cmpuint (leash_modules_refresh (), ==, LEASH_GENERATION_LAST);
      dlclose (library);
      g_assert_cmpuint (leash_modules_refresh (), ==, LEASH_GENERATION_LAST);
    }
  g_assert_nonnull (leash_modules_find (pc, LEASH_GENERATION_LAST, &uncertain));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/modules/same-modules-are-the-same-generation", test_unchanged);
  g_test_add_func ("/modules/program-has-its-path", test_program);
  g_test_add_func ("/modules/library-has-path-bias-and-build-id", test_library);
  g_test_add_func ("/modules/library-without-build-id", test_no_build_id);
  g_test_add_func ("/modules/kernels-library-is-named", test_vdso);
  g_test_add_func ("/modules/relative-path-is-made-absolute", test_relative_path);
  g_test_add_func ("/modules/unloaded-one-is-remembered", test_unloaded);
  g_test_add_func ("/modules/one-that-comes-again-is-the-same", test_loaded_again);
  g_test_add_func ("/modules/address-in-no-module", test_no_module);
  g_test_add_func ("/modules/address-from-before-is-uncertain", test_before_it_came);
  g_test_add_func ("/modules/many-threads-look-while-one-loads", test_threads);
  g_test_add_func ("/modules/child-of-a-fork-can-look", test_fork);
  g_test_add_func ("/modules/generations-run-out", test_generations_run_out);
  return g_test_run ();
}
