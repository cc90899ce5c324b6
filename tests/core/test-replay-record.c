/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a recorded stack depends on, and that a walk which depends on anything else is not recorded: signals,
 * stacks that are not the thread's, functions without unwind tables, expressions in tables.
 */
#include "replay-fixture.h"

#include <alloca.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "../under-sanitizer.h"

/*
 * through_expression (func, size) calls func with size bytes of room between, and says where its frame ends
 * by a word in that frame, which is neither a return address nor a saved rbp. from_near() and from_far() call
 * it so that func finds the same stack pointer, and from_far() writes to none of the words that from_near()
 * has left.
 *
 * DW_CFA_def_cfa_expression (3 bytes): DW_OP_breg7 (rsp) + 0, DW_OP_deref.
 */
__asm__(".text\n"
        ".type through_expression, @function\n"
        "through_expression:\n"
        "  .cfi_startproc\n"
        "  lea 8(%rsp), %rax\n"
        "  sub %rsi, %rsp\n"
        "  push %rax\n"
        "  push %rax\n"
        "  push %rax\n"
        "  .cfi_escape 0x0f, 3, 0x77, 0, 0x06\n"
        "  call *%rdi\n"
        "  mov (%rsp), %rdx\n"
        "  lea -8(%rdx), %rsp\n"
        "  .cfi_def_cfa %rsp, 8\n"
        "  ret\n"
        "  .cfi_endproc\n"
        ".size through_expression, . - through_expression\n"
        ".type from_near, @function\n"
        "from_near:\n"
        "  .cfi_startproc\n"
        "  sub $8, %rsp\n"
        "  .cfi_def_cfa_offset 16\n"
        "  mov $64, %esi\n"
        "  call through_expression\n"
        "  add $8, %rsp\n"
        "  .cfi_def_cfa_offset 8\n"
        "  ret\n"
        "  .cfi_endproc\n"
        ".size from_near, . - from_near\n"
        ".type from_far, @function\n"
        "from_far:\n"
        "  .cfi_startproc\n"
        "  sub $72, %rsp\n"
        "  .cfi_def_cfa_offset 80\n"
        "  xor %esi, %esi\n"
        "  call through_expression\n"
        "  add $72, %rsp\n"
        "  .cfi_def_cfa_offset 8\n"
        "  ret\n"
        "  .cfi_endproc\n"
        ".size from_far, . - from_far\n"
        /* Calls func on the stack that ends at top. */
        ".type on_stack, @function\n"
        "on_stack:\n"
        "  .cfi_startproc\n"
        "  push %rbp\n"
        "  .cfi_def_cfa_offset 16\n"
        "  .cfi_offset %rbp, -16\n"
        "  mov %rsp, %rbp\n"
        "  .cfi_def_cfa_register %rbp\n"
        "  mov %rsi, %rsp\n"
        "  call *%rdi\n"
        "  mov %rbp, %rsp\n"
        "  pop %rbp\n"
        "  .cfi_def_cfa %rsp, 8\n"
        "  ret\n"
        "  .cfi_endproc\n"
        ".size on_stack, . - on_stack\n"
        /* Calls func as the last that its own table is for; the one after it says what is not true. */
        ".type call_last, @function\n"
        "call_last:\n"
        "  .cfi_startproc\n"
        "  sub $8, %rsp\n"
        "  .cfi_def_cfa_offset 16\n"
        "  mov %rdi, %rax\n"
        "  mov $16, %edi\n"
        "  call *%rax\n"
        "  .cfi_endproc\n"
        ".size call_last, . - call_last\n"
        "after_call_last:\n"
        "  .cfi_startproc\n"
        "  .cfi_undefined %rip\n"
        "  add $8, %rsp\n"
        "  ret\n"
        "  .cfi_endproc\n"
        /* No table says where its caller is, and no frame pointer leads there. */
        "call_unknown:\n"
        "  push %rbp\n"
        "  xor %ebp, %ebp\n"
        "  call *%rdi\n"
        "  pop %rbp\n"
        "  ret\n");
LeashStackId from_near (Capture func);
LeashStackId from_far (Capture func);
LeashStackId on_stack (Capture func, char *top);
LeashStackId call_last (LeashStackId (*func) (guint depth));
LeashStackId call_unknown (Capture func);

static gboolean
is_under_valgrind (const char *what_it_does)
{
  if (g_getenv ("UNDER_VALGRIND") == NULL)
    return FALSE;
  g_test_skip_printf ("valgrind %s", what_it_does);
  return TRUE;
}

static gboolean
is_in_stack (LeashStackId id, guintptr value)
{
  const LeashStack *stack = leash_depot_get_stack (id);

  for (guint i = 0; i < stack->n_frames; i++)
    if (stack->frames[i] == value)
      return TRUE;
  return FALSE;
}

/* The entry's words above the frame that are not as they were; *ret_n_addresses of them were return
 * addresses. */
static guint
count_changed (const LeashReplayEntry *entry, gconstpointer frame, guint *ret_n_addresses)
{
  const guintptr *last = NULL; /* one word may be asked for several times over */
  guint n = 0;

  *ret_n_addresses = 0;
  for (guint i = 0; entry->values + i < entry->values_end; i++)
    {
      const guintptr *word = (const guintptr *) entry->sp + entry->offsets[i];

      if ((gconstpointer) word <= frame || *word == entry->values[i] || word == last)
        continue;
      last = word;
      n++;
      *ret_n_addresses += is_in_stack (entry->id, entry->values[i]);
    }
  return n;
}

static struct
{
  const LeashReplayEntry *entry; /* the first that was recorded */
  guint n_changed, n_addresses;  /* of what that entry says, where this stack is */
} seen;

static LeashStackId
capture_and_look (void)
{
  LeashReplay *replay = leash_thread_self.replay;
  guint64 n_recorded = replay->n_recorded;
  LeashStackId id;

  if (seen.entry != NULL)
    seen.n_changed = count_changed (seen.entry, __builtin_frame_address (0), &seen.n_addresses);
  id = capture ();
  if (seen.entry == NULL && replay->n_recorded != n_recorded)
    seen.entry = &replay->entries[(replay->oldest + replay->n_entries - 1) % LEASH_REPLAY_ENTRIES];
  return id;
}

/*
 * Had only return addresses been compared, the stack from near would have been taken for the one from far:
 * all of them are where they were. The one word that differs is what the expression reads.
 */
static G_NO_INLINE void
check_expression (LeashReplay *replay)
{
  static LeashStackId (*const ways[]) (Capture)
      = { from_near, from_near, from_near, from_far, from_far, from_far };
  LeashStackId ids[G_N_ELEMENTS (ways)];
  guint n_changed[G_N_ELEMENTS (ways)], n_addresses[G_N_ELEMENTS (ways)];
  Counts before = count_now (replay), done;

  for (guint i = unknown (0); i < unknown (G_N_ELEMENTS (ways)); i++)
    {
      ids[i] = ways[i](capture_and_look);
      n_changed[i] = seen.n_changed;
      n_addresses[i] = seen.n_addresses;
    }
  done = count_since (replay, before);
  g_assert_cmpuint (n_changed[2], ==, 0);
  /* ThreadSanitizer's calls write where a frame has been. */
  g_assert_cmpuint (n_changed[3] - n_addresses[3], ==, 1);
  g_assert_true (n_addresses[3] == 0 || UNDER_THREAD_SANITIZER);
  g_assert_cmpuint (ids[2], ==, ids[0]);
  g_assert_cmpuint (ids[5], ==, ids[3]);
  g_assert_cmpuint (ids[3], !=, ids[0]);
  g_assert_cmpuint (done.n_recorded, ==, 2);
  g_assert_cmpuint (done.n_hits, ==, 2);
}

static void
test_expression_is_looked_at (void)
{
  LeashReplay *replay = get_replay ();

  if (is_under_valgrind ("takes what a frame has left for uninitialised"))
    return;
  seen.entry = NULL;
  give_credit (replay);
  check_expression (replay);
}

/* A frame that is aligned by more than the stack is finds its caller by an expression, where gcc has made it.
 */
static G_NO_INLINE LeashStackId
capture_realigned (gsize size)
{
  char aligned[64] __attribute__ ((aligned (64)));
  char *room = alloca (size);
  LeashStackId id;

  memset (aligned, 0, sizeof aligned);
  memset (room, 0, size);
  __asm__ volatile("" ::"r"(aligned), "r"(room) : "memory");
  id = capture ();
  STAY_IN_FRAME ();
  return id;
}

static void
test_realigned_frames (void)
{
  LeashReplay *replay = get_replay ();
  LeashStackId ids[128];

  for (guint i = unknown (0); i < unknown (G_N_ELEMENTS (ids)); i++)
    {
      give_credit (replay);
      ids[i] = capture_realigned (16 + i / 4 * 16);
    }
  for (guint i = 0; i < G_N_ELEMENTS (ids); i++)
    g_assert_cmpuint (ids[i], ==, ids[0]);
}

/* A return address may lie in what comes after the function. */
static void
test_call_at_end_of_function (void)
{
  LeashReplay *replay = get_replay ();

  give_credit (replay);
  assert_is_replayed (replay, call_last (capture_at_depth));
}

static void
test_cut_short_is_not_recorded (void)
{
  LeashReplay *replay = get_replay ();

  give_credit (replay);
  assert_is_not_replayed (replay, call_unknown (capture));
}

static volatile LeashStackId in_handler;

static void
capture_in_handler (int number)
{
  for (guint i = unknown (0); i < unknown (6); i++)
    in_handler = capture ();
}

/* What the handler's own stack, which is not cut off at the signal, is given by unwinding. */
static void
check_signal (int flags, gboolean is_in_bounds)
{
  LeashReplay *replay = get_replay ();
  guint64 n_declined = replay->n_declined;
  struct sigaction action = { .sa_handler = capture_in_handler, .sa_flags = flags }, before;

  if (UNDER_THREAD_SANITIZER)
    {
      g_test_skip ("ThreadSanitizer has a handler called later, and forbids it to allocate");
      return;
    }
  give_credit (replay);
  g_assert_cmpint (sigaction (SIGUSR1, &action, &before), ==, 0);
  assert_is_not_replayed (replay, raise (SIGUSR1));
  g_assert_cmpuint (leash_stack_get_frames (in_handler, NULL, 0), >, 4);
  g_assert_cmpint (replay->n_declined > n_declined, ==, is_in_bounds);
  g_assert_cmpint (sigaction (SIGUSR1, &before, NULL), ==, 0);
}

static void
test_signal (void)
{
  check_signal (0, TRUE);
}

static void
check_signal_on (char *memory, gsize size, gboolean is_in_bounds)
{
  stack_t stack = { .ss_sp = memory, .ss_size = size }, before;

  g_assert_cmpint (sigaltstack (&stack, &before), ==, 0);
  check_signal (SA_ONSTACK, is_in_bounds);
  g_assert_cmpint (sigaltstack (&before, NULL), ==, 0);
}

static void
test_signal_on_other_stack (void)
{
  g_autofree char *memory = g_malloc (256 * 1024);

  check_signal_on (memory, 256 * 1024, FALSE);
}

static void
test_signal_on_array (void)
{
  char memory[256 * 1024];

  if (is_under_valgrind ("takes what lies on a stack within another for left"))
    return;
  check_signal_on (memory, sizeof memory, TRUE);
}

static void
test_switched_by_hand (void)
{
  LeashReplay *replay = get_replay ();
  g_autofree char *memory = g_malloc0 (256 * 1024 + 16);
  char *top = memory + 256 * 1024;

  give_credit (replay);
  top -= (guintptr) top % 16;
  assert_is_not_replayed (replay, on_stack (capture, top));
}

static struct
{
  ucontext_t outer, inner;
  LeashStackId id;
  LeashReplay *replay;
} coroutine;

static G_NO_INLINE LeashStackId
call_middle (gboolean other)
{
  LeashStackId id;

  if (other)
    {
      DIFFER (1);
      id = capture ();
      DIFFER (1);
    }
  else
    {
      DIFFER (2);
      id = capture ();
      DIFFER (2);
    }
  return id;
}

static void
run_coroutine (void)
{
  for (guint i = 0;; i++)
    {
      coroutine.id = call_middle (i / 2 % 2);
      g_assert_cmpint (swapcontext (&coroutine.inner, &coroutine.outer), ==, 0);
    }
}

static LeashStackId
resume (void)
{
  g_assert_cmpint (swapcontext (&coroutine.outer, &coroutine.inner), ==, 0);
  return coroutine.id;
}

static void
start_coroutine (char *memory, gsize size)
{
  g_assert_cmpint (getcontext (&coroutine.inner), ==, 0);
  coroutine.inner.uc_stack.ss_sp = memory;
  coroutine.inner.uc_stack.ss_size = size;
  coroutine.inner.uc_link = NULL;
  makecontext (&coroutine.inner, run_coroutine, 0);
}

static void
test_coroutine_on_heap (void)
{
  LeashReplay *replay = get_replay ();
  g_autofree char *memory = g_malloc (256 * 1024);

  give_credit (replay);
  start_coroutine (memory, 256 * 1024);
  assert_is_not_replayed (replay, resume ());
}

/* Its memory is the thread's: what it captures may be known again, and is right; no word of the thread's
 * matters. */
static void
test_coroutine_on_array (void)
{
  LeashReplay *replay = get_replay ();
  char memory[256 * 1024];
  LeashStackId ids[12];

  if (is_under_valgrind ("takes what lies on a stack within another for left"))
    return;
  give_credit (replay);
  memset (memory, 0, sizeof memory);
  start_coroutine (memory, sizeof memory);
  for (guint i = unknown (0); i < unknown (G_N_ELEMENTS (ids)); i++)
    ids[i] = resume ();
  for (guint i = 4; i < G_N_ELEMENTS (ids); i++)
    g_assert_cmpuint (ids[i], ==, ids[i - 4]);
  g_assert_cmpuint (ids[0], !=, ids[2]);
}

/* It shares the memory, and is another process. */
static G_NO_INLINE void
capture_in_vfork (LeashReplay *replay)
{
  pid_t child;
  int status;

  child = vfork ();
  if (child == 0)
    {
      for (guint i = unknown (0); i < unknown (6); i++)
        capture ();
      _exit (0);
    }
  g_assert_cmpint (child, >, 0);
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  g_assert_cmpint (status, ==, 0);
}

static void
test_vfork (void)
{
  LeashReplay *replay = get_replay ();
  Counts before;

  if (UNDER_THREAD_SANITIZER)
    {
      g_test_skip ("ThreadSanitizer makes fork() of vfork()");
      return;
    }
  if (is_under_valgrind ("makes fork() of vfork()"))
    return;
  give_credit (replay);
  before = count_now (replay);
  capture_in_vfork (replay);
  g_assert_cmpuint (count_since (replay, before).n_recorded, ==, 0);
  assert_is_replayed (replay, capture ());
}

/* A child that was forked goes on with what its thread knew. */
static void
test_fork (void)
{
  LeashReplay *replay;
  LeashStackId first = 0;
  pid_t child = 0;
  int status;

  if (!is_subprocess_with ("verify"))
    return;
  replay = get_replay ();
  for (guint i = unknown (0); i < unknown (8); i++)
    {
      LeashStackId id = capture ();

      first = first != 0 ? first : id;
      g_assert_cmpuint (id, ==, first);
      if (i == 4)
        child = fork ();
    }
  g_assert_cmpuint (replay->n_recorded, >, 0);
  if (child == 0)
    _exit (replay->n_verified >= 5 ? 0 : 1);
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  g_assert_cmpint (status, ==, 0);
}

int
main (int argc, char **argv)
{
  init (&argc, &argv);
  g_test_add_func ("/replay/record/expression-is-looked-at", test_expression_is_looked_at);
  g_test_add_func ("/replay/record/realigned-frames", test_realigned_frames);
  g_test_add_func ("/replay/record/call-at-end-of-function", test_call_at_end_of_function);
  g_test_add_func ("/replay/record/cut-short-is-not", test_cut_short_is_not_recorded);
  g_test_add_func ("/replay/record/signal-is-not", test_signal);
  g_test_add_func ("/replay/record/signal-on-another-stack-is-not", test_signal_on_other_stack);
  g_test_add_func ("/replay/record/signal-on-an-array-is-not", test_signal_on_array);
  g_test_add_func ("/replay/record/switched-by-hand-is-not", test_switched_by_hand);
  g_test_add_func ("/replay/record/coroutine-on-heap-is-not", test_coroutine_on_heap);
  g_test_add_func ("/replay/record/coroutine-on-an-array-is-right", test_coroutine_on_array);
  g_test_add_func ("/replay/record/vfork-child-does-not", test_vfork);
  g_test_add_func ("/replay/record/forked-child-does", test_fork);
  return g_test_run ();
}
