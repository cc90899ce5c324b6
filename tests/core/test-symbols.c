/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Libraries of tests/core/places are loaded, called, and the addresses of the calls named. Without libdw
 * (HAS_LIBDW is 0) only functions are, and that is what is expected then.
 */
#include "leash-symbols-private.h"

#include <glib/gstdio.h>
#include <sys/stat.h>

#include "leash-modules-private.h"
#include "places-fixture.h"

typedef struct
{
  LeashSymbols *symbols;
  char *folder;             /* a temporary one, LEASH_DEBUG_ROOT */
  const LeashFrame *frames; /* what was looked up last */
  guint n_frames;
} Fixture;

static char *debug_root;

static void
set_up (Fixture *fixture, gconstpointer unused)
{
  fixture->folder = g_dir_make_tmp ("leash-symbols-XXXXXX", NULL);
  g_assert_nonnull (fixture->folder);
}

static void
remove_tree (const char *path)
{
  g_autoptr (GDir) folder = g_dir_open (path, 0, NULL);

  if (folder != NULL)
    for (const char *name = g_dir_read_name (folder); name != NULL; name = g_dir_read_name (folder))
      {
        g_autofree char *inside = g_build_filename (path, name, NULL);

        remove_tree (inside);
      }
  g_assert_cmpint (g_remove (path), ==, 0);
}

static void
tear_down (Fixture *fixture, gconstpointer unused)
{
  leash_symbols_free (fixture->symbols);
  remove_tree (fixture->folder);
  g_free (fixture->folder);
}

static const LeashFrame *
look_up (Fixture *fixture, guintptr pc, guint16 generation)
{
  if (fixture->symbols == NULL)
    fixture->symbols = leash_symbols_new ();
  fixture->frames = leash_symbols_lookup (fixture->symbols, pc, generation, &fixture->n_frames);
  g_assert_cmpuint (fixture->n_frames, >=, 1);
  return fixture->frames;
}

/* Loads, calls, names and forgets. */
static const LeashFrame *
look_up_call (Fixture *fixture, const char *path, const char *function)
{
  void *library = places_open (path);
  const LeashFrame *frames = look_up (fixture, places_call (library, function), leash_modules_refresh ());

  dlclose (library);
  return frames;
}

/* The line that has "at: " and the words. */
static guint
line_of (const char *source, const char *words)
{
  g_autofree char *path = g_test_build_filename (G_TEST_DIST, "core", "places", source, NULL);
  g_autofree char *content = NULL;
  g_autofree char *mark = g_strdup_printf ("at: %s", words);
  g_auto (GStrv) lines = NULL;

  g_assert_true (g_file_get_contents (path, &content, NULL, NULL));
  lines = g_strsplit (content, "\n", -1);
  for (guint i = 0; lines[i] != NULL; i++)
    if (strstr (lines[i], mark) != NULL)
      return i + 1;
  g_error ("no line in %s has %s", path, mark);
}

static void
assert_frame (const LeashFrame *frame, const char *function, const char *source, const char *words)
{
  g_autofree char *end = g_build_filename ("tests", "core", "places", source, NULL);

  g_assert_cmpstr (frame->function, ==, function);
  if (!HAS_LIBDW)
    {
      g_assert_null (frame->file);
      g_assert_cmpuint (frame->line, ==, 0);
      return;
    }
  g_assert_nonnull (frame->file);
  if (!g_str_has_suffix (frame->file, end))
    g_error ("%s does not end in %s", frame->file, end);
  g_assert_cmpuint (frame->line, ==, line_of (source, words));
}

static void
test_inlined (Fixture *fixture, gconstpointer library)
{
  g_autofree char *path = places_path (library);
  const LeashFrame *frames = look_up_call (fixture, path, "places_inlined");

  if (!HAS_LIBDW)
    {
      g_assert_cmpuint (fixture->n_frames, ==, 1);
      assert_frame (&frames[0], "places_inlined", "places.c", "inlined");
      return;
    }
  g_assert_cmpuint (fixture->n_frames, ==, 3);
  assert_frame (&frames[0], "innermost", "places.c", "innermost");
  assert_frame (&frames[1], "middle", "places.c", "middle");
  assert_frame (&frames[2], "places_inlined", "places.c", "inlined");
  g_assert_true (frames[0].inlined && frames[1].inlined && !frames[2].inlined);
  for (guint i = 0; i < 3; i++)
    {
      g_assert_cmpstr (frames[i].module, ==, path);
      g_assert_false (frames[i].unloaded || frames[i].uncertain);
    }
}

static void
test_static (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *path = places_path ("places");

  assert_frame (look_up_call (fixture, path, "places_hidden"), "hidden", "places.c", "hidden");
  g_assert_cmpuint (fixture->n_frames, ==, 1);
}

static void
test_no_debug (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *path = places_path ("places-no-debug");
  const LeashFrame *frame = look_up_call (fixture, path, "places_hidden");

  g_assert_cmpuint (fixture->n_frames, ==, 1);
  g_assert_cmpstr (frame->function, ==, "hidden");
  g_assert_null (frame->file);
}

static void
test_stripped (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *path = places_path ("places-stripped");
  void *library = places_open (path);
  guintptr pc = places_call (library, "places_hidden");
  guint16 generation = leash_modules_refresh ();
  const LeashFrame *frame = look_up (fixture, pc, generation);
  gboolean uncertain;

  g_assert_cmpuint (fixture->n_frames, ==, 1);
  g_assert_null (frame->function);
  g_assert_null (frame->file);
  g_assert_cmpstr (frame->module, ==, path);
  g_assert_cmpuint (frame->offset, ==, pc - 1 - leash_modules_find (pc, generation, &uncertain)->bias);
  frame = look_up (fixture, places_call (library, "places_exported"), generation);
  g_assert_cmpstr (frame->function, ==, "places_exported");
  dlclose (library);
}

static void
test_once (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *path = places_path ("places");
  const LeashFrame *first = look_up_call (fixture, path, "places_exported");
  const LeashFrame *second = look_up (fixture, (guintptr) test_once + 1, leash_modules_refresh ());

  g_assert_true (first != second);
  g_assert_true (look_up (fixture, (guintptr) test_once + 1, leash_modules_refresh ()) == second);
}

static void
test_no_module (Fixture *fixture, gconstpointer unused)
{
  const LeashFrame *frame = look_up (fixture, 0x11, leash_modules_refresh ());

  g_assert_cmpuint (fixture->n_frames, ==, 1);
  g_assert_null (frame->function);
  g_assert_null (frame->module);
  g_assert_null (frame->build_id);
  g_assert_cmpuint (frame->offset, ==, 0x10);
  g_assert_null (look_up (fixture, 0, leash_modules_refresh ())->module);
}

static void
test_program (Fixture *fixture, gconstpointer name)
{
  g_autofree char *path = g_test_build_filename (G_TEST_BUILT, "core", "places", name, NULL);
  g_autofree char *output = NULL;
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) words = NULL;
  g_autofree char *place = g_strdup_printf ("places-program.c:%u", line_of ("places-program.c", "program"));

  g_spawn_sync (NULL, (char *[]){ path, NULL }, NULL, G_SPAWN_DEFAULT, NULL, NULL, &output, NULL, NULL,
                &error);
  g_assert_no_error (error);
  words = g_strsplit_set (output, " \n", -1);
  g_assert_cmpuint (g_strv_length (words), ==, 4);
  /* gcc's symbol table says that it made a copy for the one argument: of_program.constprop.0 */
  g_assert_true (g_str_has_prefix (words[0], "of_program"));
  g_assert_true (HAS_LIBDW ? g_str_has_suffix (words[1], place) : strcmp (words[1], "?:0") == 0);
  g_assert_cmpstr (words[2], ==, path);
}

/* C++ */

static void
test_cpp (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *path = places_path ("places-cpp");
  const LeashFrame *frames;

  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    {
      g_test_skip ("there was no C++ compiler");
      return;
    }
  assert_frame (look_up_call (fixture, path, "places_member"), "places::Keeper::keep(void* (*)(), int)",
                "places-cpp.cc", "member");
  frames = look_up_call (fixture, path, "places_lambda");
  g_assert_nonnull (strstr (frames[0].function, "lambda"));
  assert_frame (&frames[0], frames[0].function, "places-cpp.cc", "lambda");
  frames = look_up_call (fixture, path, "places_template");
  if (!HAS_LIBDW)
    return;
  g_assert_cmpuint (fixture->n_frames, ==, 2);
  g_assert_nonnull (strstr (frames[0].function, "inlined<std::"));
  assert_frame (&frames[1], "places_template", "places-cpp.cc", "calls template");
}

/* A regression: each block in another took a frame of the stack of whoever asked for a report. */
static void
test_deep (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *path = places_path ("places-deep");

  if (g_getenv ("UNDER_VALGRIND") != NULL)
    {
      g_test_skip ("valgrind reads the debug information of what is loaded too, and overflows its stack");
      return;
    }
  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    g_test_skip ("its debug information is not written for this machine");
  else
    g_assert_cmpstr (look_up_call (fixture, path, "places_deep")->function, ==, "places_deep");
}

/* Modules that go */

static void
test_unloaded (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *path = places_path ("places");
  void *library = places_open (path);
  guintptr pc = places_call (library, "places_hidden");
  guint16 generation = leash_modules_refresh ();
  const LeashFrame *frame;

  dlclose (library);
  frame = look_up (fixture, pc, generation);
  assert_frame (frame, HAS_LIBDW ? "hidden" : NULL, "places.c", "hidden");
  g_assert_true (frame->unloaded);
  g_assert_false (frame->uncertain);
  g_assert_cmpstr (frame->module, ==, path);
  g_assert_nonnull (frame->build_id);
}

/* Loads the copy of a library, calls, unloads, and puts another in its place. */
static const LeashFrame *
look_up_replaced (Fixture *fixture, const char *name, const char *by)
{
  g_autofree char *original = places_path (name);
  g_autofree char *other = places_path (by);
  g_autofree char *path = g_build_filename (fixture->folder, by, NULL); /* valgrind wants new names */
  g_autofree char *content = NULL;
  gsize length;
  void *library;
  guintptr pc;
  guint16 generation;

  g_assert_true (g_file_get_contents (original, &content, &length, NULL));
  g_assert_true (g_file_set_contents (path, content, length, NULL));
  library = places_open (path);
  pc = places_call (library, "places_hidden");
  generation = leash_modules_refresh ();
  dlclose (library);
  g_clear_pointer (&content, g_free);
  g_assert_true (g_file_get_contents (other, &content, &length, NULL));
  g_assert_true (g_file_set_contents (path, content, length, NULL));
  return look_up (fixture, pc, generation);
}

static void
test_replaced (Fixture *fixture, gconstpointer unused)
{
  const LeashFrame *frame = look_up_replaced (fixture, "places", "places-other");

  g_assert_null (frame->function);
  g_assert_null (frame->file);
  g_assert_true (frame->unloaded);
  g_assert_nonnull (frame->build_id);
}

static void
test_no_build_id (Fixture *fixture, gconstpointer unused)
{
  const LeashFrame *frame = look_up_replaced (fixture, "places-no-build-id", "places-no-build-id");

  g_assert_cmpstr (frame->function, ==, HAS_LIBDW ? "hidden" : NULL);
  g_assert_true (frame->unloaded);
  g_assert_true (frame->uncertain || !HAS_LIBDW);
  leash_symbols_free (g_steal_pointer (&fixture->symbols));
  g_assert_null (look_up_replaced (fixture, "places-no-build-id", "places")->function);
}

/* What is loaded is in memory, whatever became of the file. */
static void
test_removed (Fixture *fixture, gconstpointer then_a_fifo)
{
  g_autofree char *original = places_path ("places");
  g_autofree char *path = g_build_filename (fixture->folder, "library.so", NULL);
  g_autofree char *content = NULL;
  gsize length;
  void *library;

  g_assert_true (g_file_get_contents (original, &content, &length, NULL));
  g_assert_true (g_file_set_contents (path, content, length, NULL));
  library = places_open (path);
  g_assert_cmpint (g_remove (path), ==, 0);
  g_assert_true (then_a_fifo == NULL || mkfifo (path, 0600) == 0);
  g_assert_cmpstr (
      look_up (fixture, places_call (library, "places_exported"), leash_modules_refresh ())->function, ==,
      "places_exported");
  g_assert_false (fixture->frames[0].unloaded);
  dlclose (library);
}

static void
test_same_address (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *path = places_path ("places");
  g_autofree char *other_path = places_path ("places-other");
  void *library = places_open (path);
  guintptr pc = places_call (library, "places_hidden"), other_pc;
  guint16 then = leash_modules_refresh (), now;
  const LeashFrame *frame;

  dlclose (library);
  library = places_open (other_path);
  other_pc = places_call (library, "places_hidden");
  now = leash_modules_refresh ();
  if (other_pc != pc)
    g_test_skip ("the loader put the second library elsewhere");
  frame = look_up (fixture, pc, then);
  g_assert_cmpstr (frame->module, ==, path);
  g_assert_true (frame->unloaded);
  g_assert_true (frame->uncertain == (other_pc == pc));
  g_assert_cmpstr (frame->function, ==, HAS_LIBDW ? "hidden" : NULL);
  frame = look_up (fixture, other_pc, now);
  g_assert_cmpstr (frame->module, ==, other_path);
  g_assert_cmpstr (frame->function, ==, "other_hidden");
  g_assert_false (frame->unloaded || frame->uncertain);
  dlclose (library);
}

/* Debug files */

/* Runs a command of binutils; FALSE, and the test is skipped, when there is none. */
static gboolean
run_objcopy (char *const *arguments)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) command = g_ptr_array_new ();
  int status;

  g_ptr_array_add (command, (gpointer) "objcopy");
  for (guint i = 0; arguments[i] != NULL; i++)
    g_ptr_array_add (command, arguments[i]);
  g_ptr_array_add (command, NULL);
  if (!g_spawn_sync (NULL, (char **) command->pdata, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL,
                     &status, &error))
    {
      g_test_skip (error->message);
      return FALSE;
    }
  g_assert_cmpint (status, ==, 0);
  return TRUE;
}

/* Where the debug file goes, below which folder. */
typedef struct
{
  const char *path; /* of the test */
  const char *library;
  const char *place;    /* of the debug file, in the library's folder or in the root; NULL for by build id */
  const char *debug_of; /* the library whose debug file it is; NULL for its own */
} DebugCase;

static const DebugCase debug_cases[] = {
  { "/symbols/debug-file/beside-it", "places", "library.so.debug", NULL },
  { "/symbols/debug-file/in-folder", "places", ".debug/library.so.debug", NULL },
  { "/symbols/debug-file/in-root", "places", "ROOT/library.so.debug", NULL },
  { "/symbols/debug-file/by-build-id", "places", NULL, NULL },
  { "/symbols/debug-file/by-checksum", "places-no-build-id", ".debug/library.so.debug", NULL },
  { "/symbols/debug-file/of-another-build", "places", ".debug/library.so.debug", "places-other" },
  { "/symbols/debug-file/of-another-checksum", "places-no-build-id", ".debug/library.so.debug",
    "places-other" },
};

static char *
build_id_of (Fixture *fixture, const char *path)
{
  void *library = places_open (path);
  gboolean uncertain;
  guint16 generation = leash_modules_refresh ();
  char *build_id = g_strdup (
      leash_modules_find (places_call (library, "places_exported"), generation, &uncertain)->build_id);

  dlclose (library);
  return build_id;
}

static char *
debug_path (Fixture *fixture, const DebugCase *tried, const char *original)
{
  g_autofree char *build_id = NULL;

  if (tried->place == NULL)
    {
      build_id = build_id_of (fixture, original);
      return g_strdup_printf ("%s/.build-id/%.2s/%s.debug", debug_root, build_id, build_id + 2);
    }
  if (g_str_has_prefix (tried->place, "ROOT/"))
    return g_build_filename (debug_root, fixture->folder, tried->place + strlen ("ROOT/"), NULL);
  return g_build_filename (fixture->folder, tried->place, NULL);
}

static void
test_debug_file (Fixture *fixture, gconstpointer user_data)
{
  const DebugCase *tried = user_data;
  g_autofree char *original = places_path (tried->library);
  g_autofree char *other = tried->debug_of != NULL ? places_path (tried->debug_of) : NULL;
  g_autofree char *path = g_build_filename (fixture->folder, "library.so", NULL);
  g_autofree char *debug = debug_path (fixture, tried, original);
  g_autofree char *debug_folder = g_path_get_dirname (debug);
  g_autofree char *link = g_strdup_printf ("--add-gnu-debuglink=%s", debug);
  const LeashFrame *frame;

  g_assert_cmpint (g_mkdir_with_parents (debug_folder, 0700), ==, 0);
  if (!run_objcopy ((char *[]){ (char *) "--only-keep-debug", original, debug, NULL }))
    return;
  g_assert_true (run_objcopy ((char *[]){ (char *) "--strip-all", tried->place != NULL ? link : (char *) "-p",
                                          original, path, NULL }));
  if (other != NULL)
    g_assert_true (run_objcopy ((char *[]){ (char *) "--only-keep-debug", other, debug, NULL }));
  frame = look_up_call (fixture, path, "places_hidden");
  if (HAS_LIBDW && other == NULL)
    assert_frame (frame, "hidden", "places.c", "hidden");
  else
    g_assert_null (frame->function);
  g_assert_cmpint (g_remove (debug), ==, 0);
}

#define ADD(path, user_data, func) g_test_add (path, Fixture, user_data, set_up, func, tear_down)

int
main (int argc, char **argv)
{
  int failed;

  g_test_init (&argc, &argv, NULL);
  debug_root = g_dir_make_tmp ("leash-debug-XXXXXX", NULL);
  g_setenv ("LEASH_DEBUG_ROOT", debug_root, TRUE);
  ADD ("/symbols/inlined-functions-innermost-first", "places", test_inlined);
  ADD ("/symbols/inlined-functions-of-dwarf-4", "places-dwarf-4", test_inlined);
  ADD ("/symbols/static-function", NULL, test_static);
  ADD ("/symbols/no-debug-information", NULL, test_no_debug);
  ADD ("/symbols/stripped-gives-module-and-offset", NULL, test_stripped);
  ADD ("/symbols/address-is-named-once", NULL, test_once);
  ADD ("/symbols/address-in-no-module", NULL, test_no_module);
  ADD ("/symbols/program-position-independent", "places-pie", test_program);
  ADD ("/symbols/program-at-fixed-address", "places-no-pie", test_program);
  ADD ("/symbols/c++-names-are-readable", NULL, test_cpp);
  ADD ("/symbols/blocks-within-blocks-without-end", NULL, test_deep);
  ADD ("/symbols/unloaded-library-is-named", NULL, test_unloaded);
  ADD ("/symbols/unloaded-and-replaced-is-not-guessed", NULL, test_replaced);
  ADD ("/symbols/unloaded-without-build-id-is-uncertain", NULL, test_no_build_id);
  ADD ("/symbols/loaded-and-removed-is-named", NULL, test_removed);
  ADD ("/symbols/loaded-and-now-a-fifo-is-not-waited-for", "", test_removed);
  ADD ("/symbols/two-libraries-at-one-address", NULL, test_same_address);
  for (guint i = 0; i < G_N_ELEMENTS (debug_cases); i++)
    ADD (debug_cases[i].path, &debug_cases[i], test_debug_file);
  failed = g_test_run ();
  remove_tree (debug_root);
  g_free (debug_root);
  return failed;
}
