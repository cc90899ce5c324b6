/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a stack holds: where it begins, how deep it goes, how it is marked, wherever it is taken. This file is
 * built twice, optimised and not: what is inlined and what is a tail call differs.
 */
#include <leash/leash.h>

#include "leash-capture-private.h"
#include "leash-tag-private.h"

#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include <stdlib.h>
#include <ucontext.h>

#define PATIENCE (30 * G_TIME_SPAN_SECOND)

#include "../under-sanitizer.h"

/* Calls what it is given, from a frame that no unwind table knows and no frame pointer leads through. */
#ifdef __x86_64__
__asm__(".text\n"
        "call_without_unwind_table:\n"
        "  push %rbp\n"
        "  mov %rdi, %rax\n"
        "  xor %ebp, %ebp\n"
        "  call *%rax\n"
        "  pop %rbp\n"
        "  ret\n");
void call_without_unwind_table (void (*func) (void));
static void (*const through_unknown) (void (*func) (void)) = call_without_unwind_table;
#else
static void (*const through_unknown) (void (*func) (void)) = NULL;
#endif

/* Keeps a call before it from being a tail call. */
#define STAY_IN_FRAME() __asm__ volatile("" ::: "memory")

typedef struct
{
  LeashTracker *tracker;
  LeashContext *ctx;
} Fixture;

static void
set_up (Fixture *self, gconstpointer unused)
{
  self->tracker = leash_tracker_new ();
  self->ctx = leash_context_with_tracker (leash_context_background (), self->tracker);
}

static void
tear_down (Fixture *self, gconstpointer unused)
{
  g_assert_cmpuint (leash_tracker_count_open (self->tracker), ==, 0);
  leash_context_unref (self->ctx);
  leash_tracker_unref (self->tracker);
}

/* Where the function that a return address lies in begins. */
static guintptr
get_function (guintptr pc)
{
  unw_proc_info_t proc;

  return unw_get_proc_info_by_ip (unw_local_addr_space, pc - 1, &proc, NULL) == 0 ? proc.start_ip : 0;
}

/* Of the only resource that is open. */
static const LeashStack *
get_opened_stack (LeashTracker *tracker)
{
  g_autoptr (LeashSnapshot) snapshot = leash_snapshot_new (tracker);
  const LeashStack *stack;

  g_assert_cmpuint (leash_snapshot_get_length (snapshot), ==, 1);
  stack = leash_depot_get (leash_snapshot_get_resource (snapshot, 0)->stack);
  g_assert_nonnull (stack);
  return stack;
}

/* Each opens something, by a function of the library or a wrapper around it. */
typedef LeashTag *(*Opener) (LeashContext *ctx);

static __attribute__ ((noinline)) LeashTag *
wrapper (LeashContext *ctx)
{
  LeashTag *tag = leash_track_caller (ctx, NULL, "thing", NULL, LEASH_CALLER);

  STAY_IN_FRAME ();
  return tag;
}

static __attribute__ ((noinline)) LeashTag *
inner_of_two (LeashContext *ctx, gconstpointer caller)
{
  LeashTag *tag = leash_track_caller (ctx, NULL, "thing", NULL, caller);

  STAY_IN_FRAME ();
  return tag;
}

static __attribute__ ((noinline)) LeashTag *
wrapper_of_wrapper (LeashContext *ctx)
{
  LeashTag *tag = inner_of_two (ctx, LEASH_CALLER);

  STAY_IN_FRAME ();
  return tag;
}

/* A tail call where this is optimised: its own frame is gone then, and is left out as a wrapper's if not. */
static __attribute__ ((noinline)) LeashTag *
tail_calling_wrapper (LeashContext *ctx)
{
  return leash_track_caller_at (ctx, NULL, "thing", NULL, LEASH_CALLER);
}

static __attribute__ ((noinline)) LeashTag *
open_through (Opener opener, LeashContext *ctx)
{
  LeashTag *tag = opener (ctx);

  STAY_IN_FRAME ();
  return tag;
}

static __attribute__ ((noinline)) LeashTag *
open_by_macros (LeashContext *ctx, guint which)
{
  LeashTag *tag = NULL;

  switch (which)
    {
    case 0:
      tag = leash_track (ctx, "thing", NULL);
      break;
    case 1:
      tag = leash_track_child (ctx, NULL, "thing", "a name");
      break;
    case 2:
      tag = leash_track_pointer (ctx, "thing", ctx, NULL);
      break;
    case 3:
      tag = leash_track_fd (ctx, "thing", 0, NULL);
      break;
    default:
      g_assert_not_reached ();
    }
  STAY_IN_FRAME ();
  return tag;
}

static void
test_begins_at_caller (Fixture *self, gconstpointer unused)
{
  LeashTag *(*volatile open) (LeashContext *, guint) = open_by_macros;

  for (guint which = 0; which < 4; which++)
    {
      LeashTag *tag = open (self->ctx, which);

      g_assert_cmphex (get_function (get_opened_stack (self->tracker)->frames[0]), ==,
                       (guintptr) open_by_macros);
      leash_untrack (tag);
    }
}

static void
test_wrappers_are_left_out (Fixture *self, gconstpointer unused)
{
  static const Opener openers[] = { wrapper, wrapper_of_wrapper, tail_calling_wrapper };

  for (guint i = 0; i < G_N_ELEMENTS (openers); i++)
    {
      LeashTag *tag = open_through (openers[i], self->ctx);
      const LeashStack *stack = get_opened_stack (self->tracker);

      g_assert_cmphex (get_function (stack->frames[0]), ==, (guintptr) open_through);
      g_assert_cmphex (get_function (stack->frames[1]), ==, (guintptr) test_wrappers_are_left_out);
      leash_untrack (tag);
    }
}

/* A caller that is nowhere on the stack: the place is what can be kept. */
static void
test_unknown_caller_is_a_place (Fixture *self, gconstpointer unused)
{
  gconstpointer nowhere = (gconstpointer) (guintptr) 0x1234;
  LeashTag *tag = leash_track_caller (self->ctx, NULL, "thing", NULL, nowhere);
  const LeashStack *stack = get_opened_stack (self->tracker);

  g_assert_cmpuint (stack->n_frames, ==, 1);
  g_assert_cmphex (stack->frames[0], ==, (guintptr) nowhere);
  g_assert_cmphex (stack->flags, ==, LEASH_STACK_PLACE_ONLY);
  leash_untrack (tag);
}

static __attribute__ ((noinline)) const LeashStack *
open_deep (Fixture *self, guint depth)
{
  const LeashStack *stack;
  LeashTag *tag;

  if (depth > 0)
    stack = open_deep (self, depth - 1);
  else
    {
      tag = leash_track (self->ctx, "thing", NULL);
      stack = get_opened_stack (self->tracker);
      leash_untrack (tag);
    }
  STAY_IN_FRAME ();
  return stack;
}

static void
test_depth_is_bounded (Fixture *self, gconstpointer unused)
{
  static const guint depths[] = { 1, 2, 16, 127, 128 };

  for (guint i = 0; i < G_N_ELEMENTS (depths); i++)
    {
      const LeashStack *stack;

      leash_tracker_set_depth (self->tracker, depths[i]);
      stack = open_deep (self, 200);
      g_assert_cmpuint (stack->n_frames, ==, depths[i]);
      g_assert_cmphex (stack->flags, ==, LEASH_STACK_LIMITED);
      g_assert_cmphex (get_function (stack->frames[0]), ==, (guintptr) open_deep);
    }
}

/* One stack, asked for with as many frames as it has, and with one less. */
static void
test_exact_depth_is_not_marked (Fixture *self, gconstpointer unused)
{
  const LeashStack *whole, *less;
  guint i;

  for (i = 0; i < 2; i++)
    {
      leash_tracker_set_depth (self->tracker, 128);
      whole = open_deep (self, 10);
      g_assert_cmphex (whole->flags, ==, LEASH_STACK_COMPLETE);
      leash_tracker_set_depth (self->tracker, whole->n_frames - i);
      less = open_deep (self, 10);
      g_assert_cmpuint (less->n_frames, ==, whole->n_frames - i);
      g_assert_cmphex (less->flags, ==, i == 0 ? LEASH_STACK_COMPLETE : LEASH_STACK_LIMITED);
    }
}

static Fixture *current; /* of what is called without an argument */
static LeashStack last_stack;

static __attribute__ ((noinline)) void
open_in_current (void)
{
  LeashTag *tag = leash_track (current->ctx, "thing", NULL);

  last_stack = *get_opened_stack (current->tracker);
  leash_untrack (tag);
}

static gpointer
run_in_thread (gpointer unused)
{
  open_in_current ();
  STAY_IN_FRAME ();
  return NULL;
}

static void
test_whole_stacks_are_not_marked (Fixture *self, gconstpointer unused)
{
  current = self;
  open_in_current ();
  g_assert_cmphex (last_stack.flags, ==, LEASH_STACK_COMPLETE);
  g_assert_cmpuint (last_stack.n_frames, >, 3);
  g_thread_join (g_thread_new ("opens", run_in_thread, NULL));
  g_assert_cmphex (last_stack.flags, ==, LEASH_STACK_COMPLETE);
  g_assert_cmpuint (last_stack.n_frames, >, 2);
}

static void
test_cut_short_is_marked (Fixture *self, gconstpointer unused)
{
  if (through_unknown == NULL)
    {
      g_test_skip ("no function without unwind table was written for this processor");
      return;
    }
  current = self;
  through_unknown (open_in_current);
  g_assert_cmphex (last_stack.flags, ==, LEASH_STACK_CUT_SHORT);
  g_assert_cmpuint (last_stack.n_frames, ==, 2);
}

static void
test_coroutine (Fixture *self, gconstpointer unused)
{
  static ucontext_t outer, inner;
  gsize size = 256 * 1024;
  g_autofree char *memory = g_malloc (size);

  current = self;
  last_stack.n_frames = 0;
  g_assert_cmpint (getcontext (&inner), ==, 0);
  inner.uc_stack.ss_sp = memory;
  inner.uc_stack.ss_size = size;
  inner.uc_link = &outer;
  makecontext (&inner, open_in_current, 0);
  g_assert_cmpint (swapcontext (&outer, &inner), ==, 0);
  g_assert_cmpuint (last_stack.n_frames, >=, 1);
}

static LeashTag *held_by_threads[8];

static gpointer
open_and_exit (gpointer index)
{
  held_by_threads[GPOINTER_TO_UINT (index)] = leash_track (current->ctx, "thing", NULL);
  return NULL;
}

static void
test_threads_leave_resources (Fixture *self, gconstpointer unused)
{
  GThread *threads[G_N_ELEMENTS (held_by_threads)];

  current = self;
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("goes", open_and_exit, GUINT_TO_POINTER (i));
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  g_assert_cmpuint (leash_tracker_count_open (self->tracker), ==, G_N_ELEMENTS (threads));
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    leash_untrack (held_by_threads[i]);
}

static pthread_key_t exit_key;

static void
open_at_exit (gpointer round)
{
  open_in_current ();
  /* Destructors of a thread's keys run again while keys are set: libunwind's own has run by the second time.
   */
  if (GPOINTER_TO_UINT (round) < 3)
    pthread_setspecific (exit_key, GUINT_TO_POINTER (GPOINTER_TO_UINT (round) + 1));
}

static gpointer
run_until_exit (gpointer unused)
{
  open_in_current ();
  pthread_setspecific (exit_key, GUINT_TO_POINTER (1));
  return NULL;
}

static void
test_open_while_thread_exits (Fixture *self, gconstpointer unused)
{
  current = self;
  g_assert_cmpint (pthread_key_create (&exit_key, open_at_exit), ==, 0);
  g_thread_join (g_thread_new ("exits", run_until_exit, NULL));
  pthread_key_delete (exit_key);
  g_assert_cmpuint (last_stack.n_frames, >=, 1);
}

static void
test_reentry_is_counted (Fixture *self, gconstpointer unused)
{
  LeashThread *thread = leash_thread_get ();
  guint64 before = leash_tag_count_reentry ();

  thread->busy = TRUE;
  g_assert_null (leash_track (self->ctx, "thing", NULL));
  g_assert_cmpuint (leash_stack_capture (), ==, 0);
  thread->busy = FALSE;
  g_assert_cmpuint (leash_tag_count_reentry (), ==, before + 2);
  g_assert_cmpuint (leash_stack_capture (), !=, 0);
}

/* The storm */

/* Few enough for valgrind, where a signal may wait for the threads' next turn. */
#define STORM_SIGNALS 20

static gint n_handled;     /* atomic */
static gint storm_is_over; /* atomic */

static void
open_in_handler (int signal_number)
{
  LeashTag *tag = leash_track (current->ctx, "in a handler", NULL);

  leash_untrack (tag);
  g_atomic_int_inc (&n_handled);
}

static gpointer
send_signals (gpointer target)
{
  while (!g_atomic_int_get (&storm_is_over))
    {
      pthread_kill (*(pthread_t *) target, SIGUSR1);
      g_thread_yield ();
    }
  return NULL;
}

/* Until it has happened often, and once inside the tracker. Allocates nothing: a handler must not either
 * then. */
static void
open_until_interrupted (Fixture *self, guint64 n_reentries)
{
  gint64 give_up = g_get_monotonic_time () + PATIENCE;

  while ((g_atomic_int_get (&n_handled) < STORM_SIGNALS || leash_tag_count_reentry () == n_reentries)
         && g_get_monotonic_time () < give_up)
    for (guint i = 0; i < 100; i++)
      {
        LeashTag *tag = leash_track (self->ctx, "thing", NULL);

        leash_untrack (tag);
      }
}

static void
test_signal_storm (Fixture *self, gconstpointer unused)
{
  struct sigaction action = { .sa_handler = open_in_handler, .sa_flags = SA_RESTART }, old;
  guint64 n_reentries = leash_tag_count_reentry ();
  pthread_t target = pthread_self ();
  GThread *sender;

  if (UNDER_THREAD_SANITIZER)
    {
      g_test_skip (
          "ThreadSanitizer lets signals through at system calls only, and handlers allocate nothing");
      return;
    }
  current = self;
  open_in_handler (0);
  sigaction (SIGUSR1, &action, &old);
  sender = g_thread_new ("storm", send_signals, &target);
  open_until_interrupted (self, n_reentries);
  g_atomic_int_set (&storm_is_over, TRUE);
  g_thread_join (sender);
  sigaction (SIGUSR1, &old, NULL);
  g_assert_cmpint (g_atomic_int_get (&n_handled), >=, STORM_SIGNALS);
  g_assert_cmpuint (leash_tag_count_reentry (), >, n_reentries);
}

/* The loader's lock */

typedef struct
{
  Fixture *fixture;
  LeashTag *tag; /* released, to be released again */
  void (*func) (LeashContext *ctx, LeashTag *tag);
  gint tid;         /* atomic; of the thread that is to run into the loader's lock */
  gint has_ended;   /* atomic */
  LeashTag *opened; /* while the lock was held */
  GThread *thread;
} LoaderCase;

static __attribute__ ((noinline)) void
open_new_stack (LeashContext *ctx, LeashTag *unused)
{
  LeashTag *tag = leash_track (ctx, "thing", NULL);

  leash_untrack (tag);
}

/* The place of the first release is not stored yet: nobody has asked for it. */
static __attribute__ ((noinline)) void
release_again (LeashContext *unused, LeashTag *tag)
{
  leash_untrack (tag);
}

static gpointer
run_loader_case (gpointer user_data)
{
  LoaderCase *self = user_data;

  g_atomic_int_set (&self->tid, (gint) leash_thread_get ()->tid);
  self->func (self->fixture->ctx, self->tag);
  g_atomic_int_set (&self->has_ended, TRUE);
  return NULL;
}

static char
get_thread_state (gint tid)
{
  g_autofree char *path = g_strdup_printf ("/proc/self/task/%d/stat", tid);
  g_autofree char *stat = NULL;
  const char *after_name;

  if (!g_file_get_contents (path, &stat, NULL, NULL))
    return '?';
  after_name = strrchr (stat, ')');
  return after_name != NULL && after_name[1] == ' ' ? after_name[2] : '?';
}

/* Asleep each time in a row: it waits for the lock that this thread holds, not for a moment only. */
static void
wait_until_stuck (LoaderCase *self)
{
  guint n_asleep = 0;

  while (n_asleep < 20 && !g_atomic_int_get (&self->has_ended))
    {
      gint tid = g_atomic_int_get (&self->tid);

      n_asleep = tid != 0 && get_thread_state (tid) == 'S' ? n_asleep + 1 : 0;
      g_usleep (1000);
    }
}

/* The loader's lock is held while this runs. */
static int
in_loader (struct dl_phdr_info *module, size_t size, void *user_data)
{
  LoaderCase *self = user_data;

  self->thread = g_thread_new ("waits", run_loader_case, self);
  wait_until_stuck (self);
  for (guint i = 0; i < 3; i++)
    open_new_stack (self->fixture->ctx, NULL);
  self->opened = wrapper (self->fixture->ctx);
  g_assert_cmpuint (leash_tracker_count_open (self->fixture->tracker), ==, 1);
  return 1;
}

/* In a process of its own, which can be ended: what would hang is a thread that libunwind blocks signals in.
 */
static void
run_in_loader (LoaderCase *self)
{
  dl_iterate_phdr (in_loader, self);
  g_thread_join (self->thread);
  leash_untrack (self->opened);
}

static void
test_new_stack_beside_loader (void)
{
  Fixture fixture;
  LoaderCase self = { .fixture = &fixture, .func = open_new_stack };

  if (!g_test_subprocess ())
    {
      g_test_trap_subprocess (NULL, PATIENCE, 0);
      g_test_trap_assert_passed ();
      return;
    }
  set_up (&fixture, NULL);
  run_in_loader (&self);
  tear_down (&fixture, NULL);
}

/* Regression: the place of a first release was stored with the shard's lock held. */
static void
test_double_release_beside_loader (void)
{
  Fixture fixture;
  LoaderCase self = { .fixture = &fixture, .func = release_again };

  if (!g_test_subprocess ())
    {
      g_test_trap_subprocess (NULL, PATIENCE, 0);
      g_test_trap_assert_passed ();
      return;
    }
  set_up (&fixture, NULL);
  self.tag = leash_track (fixture.ctx, "thing", NULL);
  leash_untrack (self.tag);
  run_in_loader (&self);
  g_assert_cmpuint (leash_tracker_count_misuses (fixture.tracker), ==, 1);
  tear_down (&fixture, NULL);
}

/* Leak checkers */

static void
test_key_is_not_in_memory (Fixture *self, gconstpointer unused)
{
  g_autofree char *block = g_malloc0 (100);
  LeashTag *tag = leash_track_pointer (self->ctx, "block", block, NULL);
  const guintptr *words = (const guintptr *) leash_tag_get_slab (tag);
  guint n_plain = 0, n_complemented = 0;

  for (guint i = 0; i < LEASH_SLAB_SIZE / sizeof (guintptr); i++)
    {
      n_plain += words[i] == (guintptr) block;
      n_complemented += words[i] == ~(guintptr) block;
    }
  g_assert_cmpuint (n_plain, ==, 0);
  g_assert_cmpuint (n_complemented, ==, 1);
  leash_untrack_pointer (self->ctx, "block", block);
}

extern int __lsan_do_recoverable_leak_check (void) __attribute__ ((weak));

static volatile gpointer kept_block; /* what makes the control's block no leak */

static __attribute__ ((noinline)) void
track_block (LeashContext *ctx, gboolean keep)
{
  gpointer block = calloc (1, 12345);

  leash_track_pointer (ctx, "block", block, NULL);
  if (keep)
    kept_block = block;
}

/* So that no copy of the pointer is left on the stack or in a register. */
static __attribute__ ((noinline)) void
wipe_stack (void)
{
  volatile char junk[16384];

  for (guint i = 0; i < sizeof junk; i++)
    junk[i] = 0;
}

static gpointer
track_block_in_thread (gpointer keep)
{
  track_block (current->ctx, GPOINTER_TO_INT (keep));
  wipe_stack ();
  return NULL;
}

static void
check_leak_sanitizer (gboolean keep)
{
  Fixture fixture;

  if (__lsan_do_recoverable_leak_check == NULL)
    {
      g_test_skip ("built without -Db_sanitize=address");
      return;
    }
  if (!g_test_subprocess ())
    {
      g_test_trap_subprocess (NULL, PATIENCE, 0);
      g_test_trap_assert_passed ();
      return;
    }
  set_up (&fixture, NULL);
  current = &fixture;
  g_thread_join (g_thread_new ("leaks", track_block_in_thread, GINT_TO_POINTER (keep)));
  _exit (__lsan_do_recoverable_leak_check () == !keep ? 0 : 1);
}

static void
test_leak_sanitizer_sees_leak (void)
{
  check_leak_sanitizer (FALSE);
}

static void
test_leak_sanitizer_sees_none (void)
{
  check_leak_sanitizer (TRUE);
}

#define ADD(name, func) g_test_add ("/capture/" name, Fixture, NULL, set_up, func, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("begins-at-the-caller", test_begins_at_caller);
  ADD ("wrappers-are-left-out", test_wrappers_are_left_out);
  ADD ("caller-not-on-the-stack-is-a-place", test_unknown_caller_is_a_place);
  ADD ("depth/is-bounded-and-marked", test_depth_is_bounded);
  ADD ("depth/exact-is-not-marked", test_exact_depth_is_not_marked);
  ADD ("whole-is-not-marked", test_whole_stacks_are_not_marked);
  ADD ("cut-short-is-marked", test_cut_short_is_marked);
  ADD ("on-a-coroutine", test_coroutine);
  ADD ("threads-leave-resources", test_threads_leave_resources);
  ADD ("while-a-thread-exits", test_open_while_thread_exits);
  ADD ("re-entry-is-counted", test_reentry_is_counted);
  ADD ("signal-storm", test_signal_storm);
  g_test_add_func ("/capture/loader-lock/new-stack", test_new_stack_beside_loader);
  g_test_add_func ("/capture/loader-lock/double-release", test_double_release_beside_loader);
  ADD ("leak-checkers/key-is-not-in-memory", test_key_is_not_in_memory);
  g_test_add_func ("/capture/leak-checkers/leak-is-still-seen", test_leak_sanitizer_sees_leak);
  g_test_add_func ("/capture/leak-checkers/no-leak-is-not", test_leak_sanitizer_sees_none);
  return g_test_run ();
}
