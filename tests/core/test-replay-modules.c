/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Stacks through modules that come and go: what was recorded of one does not outlive it, nor is it taken for
 * another one's at the same addresses.
 */
#include "replay-fixture.h"

#include <dlfcn.h>
#include <elf.h>
#include <glib/gstdio.h>
#include <link.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../under-sanitizer.h"
#include "leash-find-object-private.h"

/* A return address where every walk ends. */
__asm__(".text\n"
        ".type a_thread_starts_here, @function\n"
        "a_thread_starts_here:\n"
        "  .cfi_startproc\n"
        "  .cfi_undefined %rip\n"
        "  nop\n"
        "  nop\n"
        "  .cfi_endproc\n"
        ".size a_thread_starts_here, . - a_thread_starts_here\n"
        /*
         * Calls func. Where its frame ends, less the word at constant, lies in the frame beside constant:
         * DW_CFA_def_cfa_expression (8 bytes): DW_OP_breg7 (rsp) + 0, DW_OP_deref, DW_OP_deref, DW_OP_breg7 +
         * 8, DW_OP_deref, DW_OP_plus.
         */
        ".type through_constant, @function\n"
        "through_constant:\n"
        "  .cfi_startproc\n"
        "  lea 8(%rsp), %rax\n"
        "  sub (%rsi), %rax\n"
        "  push %rax\n"
        "  push %rax\n"
        "  push %rsi\n"
        "  .cfi_escape 0x0f, 8, 0x77, 0, 0x06, 0x06, 0x77, 8, 0x06, 0x22\n"
        "  call *%rdi\n"
        "  add $24, %rsp\n"
        "  .cfi_def_cfa %rsp, 8\n"
        "  ret\n"
        "  .cfi_endproc\n"
        ".size through_constant, . - through_constant\n");
void a_thread_starts_here (void);
LeashStackId through_constant (LeashStackId (*func) (void), gconstpointer constant);

typedef LeashStackId (*ThroughModule) (Capture func, guintptr word);

typedef struct
{
  void *handle;
  ThroughModule through;
} Module;

static char *
get_path (const char *name)
{
  g_autofree char *program = g_file_read_link ("/proc/self/exe", NULL);
  g_autofree char *folder = g_path_get_dirname (program);
  g_autofree char *file = g_strdup_printf ("lib%s.so", name);

  return g_build_filename (folder, file, NULL);
}

static Module
load_path (const char *path)
{
  Module module = { .handle = dlopen (path, RTLD_NOW | RTLD_LOCAL) };

  if (module.handle == NULL)
    g_error ("%s", dlerror ());
  *(void **) &module.through = dlsym (module.handle, "through_module");
  g_assert_nonnull (module.through);
  return module;
}

static Module
load (const char *name)
{
  g_autofree char *path = get_path (name);

  return load_path (path);
}

static void
unload (Module *module)
{
  g_assert_cmpint (dlclose (module->handle), ==, 0);
  module->handle = NULL;
}

/* The one place that modules are called from, so that nothing but the module differs. */
static G_NO_INLINE LeashStackId
capture_through (const Module *module)
{
  LeashStackId id = module->through (capture, (guintptr) a_thread_starts_here + 1);

  STAY_IN_FRAME ();
  return id;
}

/* Returns FALSE, and skips the test, where modules are never recorded. */
static gboolean
can_find (void)
{
  LeashObject object;

  if (leash_object_find ((guintptr) can_find, &object))
    return TRUE;
  g_test_skip ("this C library does not tell of modules without a lock (glibc does since 2.35)");
  return FALSE;
}

static const LeashReplayEntry *
get_newest (const LeashReplay *replay)
{
  return &replay->entries[(replay->oldest + replay->n_entries - 1) % LEASH_REPLAY_ENTRIES];
}

static void
capture_a_few (const Module *module)
{
  for (guint i = unknown (0); i < unknown (4); i++)
    capture_through (module);
}

static void
test_stack_through_module (void)
{
  LeashReplay *replay = get_replay ();
  Module module;

  if (!can_find ())
    return;
  give_credit (replay);
  module = load ("replay-module");
  assert_is_replayed (replay, capture_through (&module));
  g_assert_cmpuint (get_newest (replay)->n_modules, ==, 1);
  unload (&module);
}

/* A module that has no frame in the stack, but a word that the walk has read. */
static void
test_word_of_module (void)
{
  LeashReplay *replay = get_replay ();
  Module module;

  if (!can_find ())
    return;
  give_credit (replay);
  module = load ("replay-module");
  assert_is_replayed (replay, through_constant (capture, *(gconstpointer *) &module.through));
  g_assert_cmpuint (get_newest (replay)->n_modules, ==, 1);
  unload (&module);
}

static guintptr
get_outermost (LeashStackId id)
{
  const LeashStack *stack = leash_depot_get_stack (id);

  return stack->frames[stack->n_frames - 1];
}

static gpointer
capture_in_thread (gpointer module)
{
  return GUINT_TO_POINTER (capture_through (module));
}

/*
 * The same code at the same address, called from the same place with the same stack: all words are as they
 * were, and what unwinding says is not. The answer of a thread that has not captured yet is looked at, as
 * unw_backtrace() does not notice either.
 */
static void
test_other_module_at_same_address (void)
{
  static const char *const names[] = { "replay-module", "replay-module-other" };
  LeashReplay *replay = get_replay ();
  ThroughModule at[2];
  Counts done[2];
  LeashStackId ids[2];

  if (!can_find ())
    return;
  for (guint i = unknown (0); i < unknown (2); i++)
    {
      Module module = load (names[i]);
      Counts before;

      give_credit (replay);
      before = count_now (replay);
      capture_a_few (&module);
      done[i] = count_since (replay, before);
      ids[i] = GPOINTER_TO_UINT (g_thread_join (g_thread_new ("first", capture_in_thread, &module)));
      at[i] = module.through;
      unload (&module);
    }
  if (at[0] != at[1])
    {
      g_test_skip ("the loader does not use the addresses of an unloaded module again");
      return;
    }
  g_assert_cmpuint (done[0].n_hits, ==, 2);
  g_assert_cmpuint (done[1].n_hits, ==, 0);
  g_assert_cmpuint (done[1].n_flushed, ==, 1);
  g_assert_cmphex (get_outermost (ids[0]), !=, (guintptr) a_thread_starts_here + 1);
  g_assert_cmphex (get_outermost (ids[1]), ==, (guintptr) a_thread_starts_here + 1);
}

/* Of the same file: what was recorded before may be used again, and is right. */
static void
test_same_module_again (void)
{
  LeashReplay *replay = get_replay ();
  Counts before = count_now (replay);

  if (!can_find ())
    return;
  for (guint i = unknown (0); i < unknown (20); i++)
    {
      Module module = load ("replay-module");

      give_credit (replay);
      capture_a_few (&module);
      unload (&module);
    }
  g_assert_cmpuint (count_since (replay, before).n_hits, >=, 40);
}

/* Only its build id tells a module from another one at its place. */
static void
test_without_build_id (void)
{
  LeashReplay *replay = get_replay ();
  Module module = load ("replay-module-no-build-id");

  give_credit (replay);
  assert_is_not_replayed (replay, capture_through (&module));
  unload (&module);
}

/* Makes a copy of a module whose program headers are at its end, as some tools leave them. */
static char *
copy_with_headers_at_end (const char *folder)
{
  g_autofree char *path = get_path ("replay-module");
  g_autofree char *bytes = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GByteArray) copy = g_byte_array_new ();
  ElfW (Ehdr) header;
  gsize size;

  g_assert_true (g_file_get_contents (path, &bytes, &size, &error));
  g_assert_no_error (error);
  memcpy (&header, bytes, sizeof header);
  g_byte_array_append (copy, (const guint8 *) bytes, (guint) size);
  g_byte_array_set_size (copy, (guint) (size + 7) / 8 * 8);
  g_byte_array_append (copy, (const guint8 *) bytes + header.e_phoff, header.e_phnum * header.e_phentsize);
  header.e_phoff = (size + 7) / 8 * 8;
  memcpy (copy->data, &header, sizeof header);
  g_free (path);
  path = g_build_filename (folder, "moved.so", NULL);
  g_assert_true (g_file_set_contents (path, (const char *) copy->data, copy->len, &error));
  g_assert_no_error (error);
  return g_steal_pointer (&path);
}

static G_NO_INLINE LeashStackId
capture_at_level (const Module *module, guint level)
{
  LeashStackId id = level == 0 ? capture_through (module) : capture_at_level (module, level - 1);

  STAY_IN_FRAME ();
  return id;
}

/* One that is not understood is not recorded, and does not use up the room that there is for others. */
static void
test_headers_elsewhere (void)
{
  g_autofree char *folder = NULL;
  g_autofree char *path = NULL;
  LeashReplay *replay;
  Module moved, module;

  if (!can_find () || !is_subprocess_with ("verify"))
    return;
  folder = g_dir_make_tmp ("leash-test-XXXXXX", NULL);
  path = copy_with_headers_at_end (folder);
  replay = get_replay ();
  moved = load_path (path);
  for (guint level = 0; level < 400; level++)
    {
      give_credit (replay);
      assert_is_not_replayed (replay, capture_at_level (&moved, level));
    }
  module = load ("replay-module");
  give_credit (replay);
  assert_is_replayed (replay, capture_through (&module));
  unload (&module);
  unload (&moved);
  g_remove (path);
  g_rmdir (folder);
}

/* A file that is called as one that the program needs, and can be unloaded. */
static void
test_name_of_a_needed_library (void)
{
  g_autofree char *folder = NULL;
  g_autofree char *from = get_path ("replay-module");
  g_autofree char *path = NULL;
  g_autofree char *bytes = NULL;
  LeashReplay *replay;
  Module module;
  gsize size;

  if (!can_find () || !is_subprocess_with ("verify"))
    return;
  folder = g_dir_make_tmp ("leash-test-XXXXXX", NULL);
  path = g_build_filename (folder, "libc.so.6", NULL);
  g_assert_true (g_file_get_contents (from, &bytes, &size, NULL));
  g_assert_true (g_file_set_contents (path, bytes, (gssize) size, NULL));
  module = load_path (path); /* before anything is recorded */
  replay = get_replay ();
  give_credit (replay);
  assert_is_replayed (replay, capture_through (&module));
  g_assert_cmpuint (get_newest (replay)->n_modules, ==, 1);
  unload (&module);
  g_remove (path);
  g_rmdir (folder);
}

/* Of two threads. 1: the one has captured, but for once; 2: the other holds the loader's lock. */
static int stage; /* atomic */

static void
reach_stage (int reached)
{
  g_atomic_int_set (&stage, reached);
}

static void
wait_for_stage (int wanted)
{
  while (g_atomic_int_get (&stage) < wanted)
    g_usleep (1000);
}

#define N_UNTIL_RECORDED 6

static G_NO_INLINE void
wait_before_last (guint i)
{
  if (i != N_UNTIL_RECORDED - 1)
    return;
  reach_stage (1);
  wait_for_stage (2);
}

static gpointer
record_first (gpointer unused)
{
  for (guint i = unknown (0); i < unknown (N_UNTIL_RECORDED); i++)
    {
      wait_before_last (i);
      capture ();
    }
  g_assert_cmpuint (leash_thread_self.replay->n_recorded, ==, 1);
  return NULL;
}

static int
record_in_callback (struct dl_phdr_info *info, size_t size, void *unused)
{
  reach_stage (2);
  g_usleep (100 * 1000); /* for the thread to wait for the lock; it is no fault if it does not yet */
  for (guint i = unknown (0); i < unknown (N_UNTIL_RECORDED); i++)
    capture ();
  g_assert_cmpuint (leash_thread_self.replay->n_recorded + leash_thread_self.replay->n_declined, ==, 1);
  return 1;
}

/* The first recording of each asks the loader which modules stay. */
static void
test_beside_loader (void)
{
  GThread *thread;

  if (!is_subprocess_with ("verify"))
    return;
  thread = g_thread_new ("records", record_first, NULL);
  wait_for_stage (1);
  dl_iterate_phdr (record_in_callback, NULL);
  g_thread_join (thread);
}

static gpointer
hold_lock (gpointer unused)
{
  leash_lock (leash_replay_get_fork_lock ());
  reach_stage (1);
  g_usleep (100 * 1000);
  leash_unlock (leash_replay_get_fork_lock ());
  return NULL;
}

/* A thread that the child does not have may be about to note a module. */
static void
test_fork_beside_recording (void)
{
  LeashReplay *replay;
  Module module;
  GThread *thread;
  int status;
  pid_t child;

  if (UNDER_THREAD_SANITIZER)
    {
      g_test_skip ("ThreadSanitizer has the child wait for threads that it does not have");
      return;
    }
  if (!can_find () || !is_subprocess_with ("verify"))
    return;
  replay = get_replay ();
  module = load ("replay-module");
  thread = g_thread_new ("holds", hold_lock, NULL);
  wait_for_stage (1);
  child = fork ();
  if (child == 0)
    {
      leash_stack_resume_after_fork ();
      alarm (30);
      capture_a_few (&module);
      _exit (replay->n_recorded == 0);
    }
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  g_assert_cmpint (status, ==, 0);
  g_thread_join (thread);
  unload (&module);
}

int
main (int argc, char **argv)
{
  init (&argc, &argv);
  g_test_add_func ("/replay/modules/stack-through-one", test_stack_through_module);
  g_test_add_func ("/replay/modules/word-of-one", test_word_of_module);
  g_test_add_func ("/replay/modules/other-at-the-same-address", test_other_module_at_same_address);
  g_test_add_func ("/replay/modules/same-again", test_same_module_again);
  g_test_add_func ("/replay/modules/without-build-id-are-not", test_without_build_id);
  g_test_add_func ("/replay/modules/headers-elsewhere", test_headers_elsewhere);
  g_test_add_func ("/replay/modules/name-of-a-needed-library", test_name_of_a_needed_library);
  g_test_add_func ("/replay/modules/beside-the-loader", test_beside_loader);
  g_test_add_func ("/replay/modules/fork-beside-recording", test_fork_beside_recording);
  return g_test_run ();
}
