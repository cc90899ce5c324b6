/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Steps through what is not ours, and onto other stacks: callbacks of the C library and GLib, coroutines,
 * signals, modules that are loaded for a moment. Nothing is escaped from through any of those.
 */
#include "stress-private.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "leash-depot-private.h"
#include "leash-replay-private.h"

#include "../../under-sanitizer.h"

#define STACK_SIZE (512 * 1024)
#define PLUGINS_MAX 3
#define CREDIT 2048 /* what one recording costs */

/* The libraries' tables: LIBRARY (name) of each. */
#define LIBRARY(name)                            \
  extern const StressStep stress_steps_##name[]; \
  extern const unsigned stress_steps_##name##_count;
STRESS_LIBRARIES
#undef LIBRARY

void stress_throw (void);
#ifdef STRESS_HAS_CPP
  #define THROW stress_throw
#else
  #define THROW NULL
#endif

static GArray *all_steps, *fast_steps; /* of StressStep; the latter without what is slow to unwind */
static GPtrArray *plugin_paths;
static pthread_mutex_t loader_lock
    = PTHREAD_MUTEX_INITIALIZER; /* ThreadSanitizer does not see the loader's own */

static void
walk_on (gpointer self)
{
  STRESS_ENTER ((Stress *) self);
  stress_go_on (self);
  stress_may_capture (self);
  STRESS_LEAVE ((Stress *) self);
}

static int
walk_on_comparing (gconstpointer a, gconstpointer b)
{
  walk_on (stress_current);
  return 0;
}

static void
by_qsort (Stress *self)
{
  int items[2] = { 1, 2 };

  qsort (items, G_N_ELEMENTS (items), sizeof *items, walk_on_comparing);
}

static void
by_bsearch (Stress *self)
{
  int item = 1;

  g_assert_nonnull (bsearch (&item, &item, 1, sizeof item, walk_on_comparing));
}

static void
walk_on_for_item (gpointer item, gpointer self)
{
  walk_on (self);
}

static void
by_list (Stress *self)
{
  GList list = { 0 };

  g_list_foreach (&list, walk_on_for_item, self);
}

static gboolean
walk_on_when_idle (gpointer self)
{
  walk_on (self);
  return G_SOURCE_REMOVE;
}

static void
by_source (Stress *self)
{
  g_autoptr (GSource) source = g_idle_source_new ();

  g_source_set_callback (source, walk_on_when_idle, self, NULL);
  g_source_attach (source, stress_get_thread (self)->main_context);
  g_main_context_iteration (stress_get_thread (self)->main_context, FALSE);
  g_source_destroy (source);
}

static void
walk_on_once (void)
{
  walk_on (stress_current);
}

static void
by_once (Stress *self)
{
  pthread_once_t once = PTHREAD_ONCE_INIT;

  pthread_once (&once, walk_on_once);
}

static void
run_coroutine (void)
{
  Stress *self = stress_current;
  unsigned first_caller = self->first_caller;

  self->first_caller = self->n_callers;
  walk_on (self);
  self->first_caller = first_caller;
}

static void
run_on (StressThread *self, char *memory, gsize size)
{
  g_assert_cmpint (getcontext (&self->inner), ==, 0);
  self->inner.uc_stack.ss_sp = memory;
  self->inner.uc_stack.ss_size = size;
  self->inner.uc_link = &self->outer;
  makecontext (&self->inner, run_coroutine, 0);
  self->in_coroutine = TRUE;
  g_assert_cmpint (swapcontext (&self->outer, &self->inner), ==, 0);
  self->in_coroutine = FALSE;
}

static G_NO_INLINE void
run_on_array (StressThread *self)
{
  char memory[STACK_SIZE];

  run_on (self, memory, sizeof memory);
}

static void
by_coroutine (Stress *self)
{
  StressThread *thread = stress_get_thread (self);

  if (thread->in_coroutine)
    walk_on (self);
  else if (stress_random (self) % 2 == 0)
    run_on (thread, thread->coroutine_stack, STACK_SIZE);
  else
    run_on_array (thread);
}

/* What was interrupted goes on as if nothing had been. */
static void
walk_in_handler (Stress *self)
{
  StressThread *thread = stress_get_thread (self);
  unsigned first_caller = self->first_caller, n_callers = self->n_callers;
  StressEscape *escape = self->escape;
  int saved_errno = errno;

  thread->in_signal = TRUE;
  self->first_caller = n_callers;
  self->escape = NULL;
  walk_on (self);
  self->escape = escape;
  self->n_callers = n_callers;
  self->first_caller = first_caller;
  thread->in_signal = FALSE;
  errno = saved_errno;
}

static void
handle_raised (int number)
{
  walk_in_handler (stress_current);
}

static void
by_signal (Stress *self)
{
  if (stress_get_thread (self)->in_signal)
    walk_on (self);
  else
    raise (stress_random (self) % 2 == 0 ? SIGUSR1 : SIGUSR2);
}

/* Comes at any time; once for each step, or a slow machine would do nothing else. */
static void
handle_timer (int number)
{
  Stress *self = stress_current;
  guint32 random;
  guint n_left;

  if (self == NULL || !self->can_be_interrupted || stress_get_thread (self)->in_signal)
    return;
  random = self->random;
  n_left = self->n_left;
  self->can_be_interrupted = 0;
  self->random = 1;
  self->n_left = 2;
  walk_in_handler (self);
  self->n_left = n_left;
  self->random = random;
  stress_get_thread (self)->counts.n_interrupted++;
}

void *
stress_load_plugin (guint n)
{
  void *plugin;

  pthread_mutex_lock (&loader_lock);
  plugin = dlopen (g_ptr_array_index (plugin_paths, n % plugin_paths->len), RTLD_NOW | RTLD_LOCAL);
  if (plugin == NULL)
    g_error ("%s", dlerror ());
  pthread_mutex_unlock (&loader_lock);
  return plugin;
}

void
stress_unload_plugin (void *plugin)
{
  pthread_mutex_lock (&loader_lock);
  g_assert_cmpint (dlclose (plugin), ==, 0);
  pthread_mutex_unlock (&loader_lock);
}

/*
 * unw_backtrace() remembers frames by their address, and may do so of a module that has been there before:
 * what it says is then not what was called, and no fault of the cache's.
 */
static void
by_plugin (Stress *self)
{
  StressThread *thread = stress_get_thread (self);
  guint32 random = stress_random (self);
  guint n_left = self->n_left;
  const StressStep *steps;
  void *plugin;

  if (random % 2 != 0 || thread->n_unsure > 0)
    {
      walk_on (self);
      return;
    }
  plugin = stress_load_plugin (random / 2);
  steps = dlsym (plugin, "stress_steps_plugin");
  thread->n_unsure++;
  for (guint i = 0; i < 4; i++)
    {
      self->random = random;
      self->n_left = n_left;
      steps[random / 256 % 4](self);
    }
  thread->n_unsure--;
  stress_unload_plugin (plugin);
  thread->counts.n_loaded++;
}

static const StressStep callbacks[] = { by_qsort, by_bsearch, by_list, by_source, by_once };

/* Stacks through these are unwound slowly, and most are not replayed: not so often. */
static const StressStep rare_steps[] = { by_plugin, by_coroutine, by_signal };

/* ThreadSanitizer and AddressSanitizer know nothing of the others. */
#define N_RARE_STEPS (UNDER_THREAD_SANITIZER || UNDER_ADDRESS_SANITIZER ? 1 : G_N_ELEMENTS (rare_steps))

/* With no escape through it. */
static void
step_safely (Stress *self)
{
  StressEscape *escape = self->escape;
  guint which = stress_random (self) >> 8;

  STRESS_ENTER (self);
  self->escape = NULL;
  if (which % 8 == 0)
    rare_steps[which / 8 % N_RARE_STEPS](self);
  else
    callbacks[which % G_N_ELEMENTS (callbacks)](self);
  self->escape = escape;
  STRESS_LEAVE (self);
}

static void
add_library (const char *name, const StressStep *steps, unsigned n)
{
  static const StressStep safely[] = { step_safely, step_safely };

  g_array_append_vals (all_steps, steps, n);
  g_array_append_vals (all_steps, safely, G_N_ELEMENTS (safely));
  if (strstr (name, "aligned") != NULL)
    return;
  g_array_append_vals (fast_steps, steps, n > STRESS_N_SLOW ? n - STRESS_N_SLOW : n);
  g_array_append_vals (fast_steps, safely, G_N_ELEMENTS (safely));
}

/* For a walk: all that there are, or only those that many walks can be done with in a short time. */
void
stress_choose_steps (Stress *self, gboolean all)
{
  GArray *steps = all ? all_steps : fast_steps;

  self->steps = (const StressStep *) (gpointer) steps->data;
  self->n_steps = steps->len;
}

static void
find_plugins (void)
{
  g_autofree char *program = g_file_read_link ("/proc/self/exe", NULL);
  g_autofree char *folder = g_path_get_dirname (program);

  plugin_paths = g_ptr_array_new ();
  for (guint i = 0; i < PLUGINS_MAX; i++)
    g_ptr_array_add (plugin_paths, g_strdup_printf ("%s/libstress-plugin-%u.so", folder, i));
}

void
stress_set_up (void)
{
  struct sigaction action = { .sa_handler = handle_raised };

  all_steps = g_array_new (FALSE, FALSE, sizeof (StressStep));
  fast_steps = g_array_new (FALSE, FALSE, sizeof (StressStep));
#define LIBRARY(name) add_library (#name, stress_steps_##name, stress_steps_##name##_count);
  STRESS_LIBRARIES
#undef LIBRARY
  find_plugins ();
  g_assert_cmpint (sigaction (SIGUSR1, &action, NULL), ==, 0);
  action.sa_flags = SA_ONSTACK;
  g_assert_cmpint (sigaction (SIGUSR2, &action, NULL), ==, 0);
  action = (struct sigaction){ .sa_handler = handle_timer, .sa_flags = SA_RESTART };
  g_assert_cmpint (sigaction (SIGURG, &action, NULL), ==, 0);
}

#ifndef sigev_notify_thread_id
  #define sigev_notify_thread_id _sigev_un._tid
#endif

/* Interrupts the thread all the time, unless a sanitizer is in the way. */
static void
start_timer (StressThread *self)
{
  struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGURG };
  struct itimerspec often = { .it_interval.tv_nsec = 2000000, .it_value.tv_nsec = 2000000 };

  event.sigev_notify_thread_id = gettid ();
  g_assert_cmpint (timer_create (CLOCK_MONOTONIC, &event, &self->timer), ==, 0);
  if (!UNDER_THREAD_SANITIZER && !UNDER_ADDRESS_SANITIZER)
    g_assert_cmpint (timer_settime (self->timer, 0, &often, NULL), ==, 0);
}

StressThread *
stress_thread_new (void)
{
  StressThread *self = g_new0 (StressThread, 1);
  stack_t stack;

  self->stress.capture = leash_stack_capture;
  self->stress.check = stress_check;
  self->stress.escape_by_throwing = THROW;
  self->main_context = g_main_context_new ();
  self->coroutine_stack = g_malloc (STACK_SIZE);
  self->signal_stack = g_malloc (STACK_SIZE);
  stack = (stack_t){ .ss_sp = self->signal_stack, .ss_size = STACK_SIZE };
  if (!UNDER_THREAD_SANITIZER && !UNDER_ADDRESS_SANITIZER)
    g_assert_cmpint (sigaltstack (&stack, NULL), ==, 0);
  start_timer (self);
  return self;
}

void
stress_thread_free (StressThread *self)
{
  stack_t none = { .ss_flags = SS_DISABLE };

  g_assert_cmpint (timer_delete (self->timer), ==, 0);
  if (!UNDER_THREAD_SANITIZER && !UNDER_ADDRESS_SANITIZER)
    g_assert_cmpint (sigaltstack (&none, NULL), ==, 0);
  g_main_context_unref (self->main_context);
  g_free (self->coroutine_stack);
  g_free (self->signal_stack);
  g_free (self);
}

/* Each place may record once more, so that there are recordings all the time. */
void
stress_give_credit (StressThread *self)
{
  LeashReplay *replay = leash_thread_self.replay;

  for (guint i = 0; replay != NULL && i < LEASH_REPLAY_SITES; i++)
    replay->sites[i].credit = MAX (replay->sites[i].credit, CREDIT);
}

gboolean
stress_is_limited (LeashStackId id)
{
  return (leash_depot_get_stack (id)->flags & LEASH_STACK_LIMITED) != 0;
}

gboolean
stress_is_part (LeashStackId id)
{
  return (leash_depot_get_stack (id)->flags & ~LEASH_STACK_LIMITED) != 0;
}
