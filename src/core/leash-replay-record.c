/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The recorder: one walk by libunwind's cursor over an address space of our own, whose accessors give it the
 * registers that the walk starts from and note each word of the stack that it asks for. So the words are
 * exactly those that its answer depends on, whatever the unwind tables say: a saved rbp that no frame needs
 * is not among them, and a word that a DWARF expression looks at is.
 *
 * What else it reads must be a module's, and never written to: unwind tables. Anything that would make the
 * answer depend on more ends the recording: another register than the three, memory elsewhere, a signal's
 * frame, a function without unwind information, more modules that may go than are worth looking at.
 *
 * A cursor over another process takes the address that it starts at for one that is to be executed next, and
 * looks for its table there. Here it is a return address, whose call may be the last of its function: it is
 * given the address before.
 *
 * This takes the library of libunwind that unwinds other processes, too ("generic"): the cursor of the other
 * one reads memory without asking. Tables are found by that library's own local finder.
 */
#include <libunwind.h>

#include "leash-replay-private.h"

#include <pthread.h>

#define STEPS_MAX (LEASH_DEPTH_MAX + 64)

typedef struct
{
  LeashRecording *recording;
  LeashRegisters start;
  guintptr stack_high;
  gboolean failed;
} Walk;

static unw_addr_space_t address_space;
static pthread_once_t address_space_once = PTHREAD_ONCE_INIT;

static int
find_tables (unw_addr_space_t as, unw_word_t pc, unw_proc_info_t *info, int need_unwind_info, void *walk)
{
  return unw_get_accessors (unw_local_addr_space)->find_proc_info (as, pc, info, need_unwind_info, walk);
}

static void
put_tables (unw_addr_space_t as, unw_proc_info_t *info, void *walk)
{
  unw_get_accessors (unw_local_addr_space)->put_unwind_info (as, info, walk);
}

/* Code that was registered at run time is not replayed. */
static int
find_registered (unw_addr_space_t as, unw_word_t *ret_address, void *walk)
{
  return -UNW_ENOINFO;
}

static int
fail (Walk *walk)
{
  walk->failed = TRUE;
  return -UNW_EINVAL;
}

/* Returns FALSE where the address is in no module, or may be written to. */
static gboolean
add_module (LeashRecording *recording, guintptr address)
{
  int number;

  if (!leash_replay_module_find (address, &number))
    return FALSE;
  if (number == LEASH_REPLAY_MODULE_STAYS)
    return TRUE;
  for (guint i = 0; i < recording->n_modules; i++)
    if (recording->modules[i] == number)
      return TRUE;
  if (recording->n_modules == LEASH_REPLAY_MODULES_MAX)
    return FALSE;
  recording->modules[recording->n_modules++] = number;
  return TRUE;
}

static int
read_stack (Walk *walk, guintptr address, unw_word_t *ret_word)
{
  LeashRecording *recording = walk->recording;
  guintptr offset = address - walk->start.sp;

  if (offset % sizeof (guintptr) != 0 || recording->n_words == LEASH_REPLAY_WORDS_MAX
      || offset / sizeof (guintptr) > G_MAXUINT32)
    return fail (walk);
  *ret_word = *(const guintptr *) address;
  recording->offsets[recording->n_words] = offset / sizeof (guintptr);
  recording->values[recording->n_words++] = *ret_word;
  return 0;
}

static int
access_memory (unw_addr_space_t as, unw_word_t address, unw_word_t *word, int write, void *user_data)
{
  Walk *walk = user_data;

  if (write)
    return fail (walk);
  if (address >= walk->start.sp && address <= walk->stack_high - sizeof (guintptr))
    return read_stack (walk, address, word);
  if (!add_module (walk->recording, address) || !add_module (walk->recording, address + sizeof *word - 1))
    return fail (walk);
  memcpy (word, (gconstpointer) address, sizeof *word);
  return 0;
}

static int
access_register (unw_addr_space_t as, unw_regnum_t number, unw_word_t *value, int write, void *user_data)
{
  Walk *walk = user_data;

  if (write)
    return fail (walk);
  switch (number)
    {
    case LEASH_REGISTER_PC:
      *value = walk->start.pc - 1;
      return 0;
    case LEASH_REGISTER_SP:
      *value = walk->start.sp;
      return 0;
    case LEASH_REGISTER_FP:
      *value = walk->start.fp;
      walk->recording->uses_fp = TRUE;
      return 0;
    default:
      return fail (walk);
    }
}

static int
access_float (unw_addr_space_t as, unw_regnum_t number, unw_fpreg_t *value, int write, void *walk)
{
  return fail (walk);
}

static int
resume (unw_addr_space_t as, unw_cursor_t *cursor, void *walk)
{
  return fail (walk);
}

static int
get_name (unw_addr_space_t as, unw_word_t address, char *name, size_t size, unw_word_t *ret_offset,
          void *walk)
{
  return fail (walk);
}

static void
make_address_space (void)
{
  static unw_accessors_t accessors = {
    .find_proc_info = find_tables,
    .put_unwind_info = put_tables,
    .get_dyn_info_list_addr = find_registered,
    .access_mem = access_memory,
    .access_reg = access_register,
    .access_fpreg = access_float,
    .resume = resume,
    .get_proc_name = get_name,
  };

  address_space = unw_create_addr_space (&accessors, 0);
  if (address_space != NULL)
    unw_set_caching_policy (address_space, UNW_CACHE_NONE);
}

/*
 * The library opens a pipe of its own at its first use, to test addresses with, and leaves a byte in it when
 * a cursor over this process is stepped: see leash-warm-up.c, which looks for both.
 */
void
leash_replay_warm_up (void)
{
  unw_context_t context;
  unw_cursor_t cursor;

  unw_set_caching_policy (unw_local_addr_space, UNW_CACHE_NONE);
  if (unw_getcontext (&context) == 0 && unw_init_local (&cursor, &context) == 0)
    unw_step (&cursor);
  pthread_once (&address_space_once, make_address_space);
}

/* Where the cursor stands; 0 where it does not say. */
static guintptr
get_pc (unw_cursor_t *cursor, gboolean is_first)
{
  unw_word_t pc;

  return unw_get_reg (cursor, UNW_REG_IP, &pc) < 0 ? 0 : pc + is_first;
}

/* The frame that the cursor stands at; beyond what was asked for it is only noted that there is one. */
static gboolean
add_frame (LeashRecording *recording, unw_cursor_t *cursor, guintptr pc, guint depth, guintptr caller)
{
  if (pc == 0 || unw_is_signal_frame (cursor) > 0 || !add_module (recording, pc - 1))
    return FALSE;
  if (recording->n_frames == 0 && pc != caller)
    return TRUE;
  if (recording->n_frames == depth)
    recording->is_limited = TRUE;
  else
    recording->frames[recording->n_frames++] = pc;
  return TRUE;
}

gboolean
leash_replay_record (LeashRecording *recording, const LeashRegisters *start, guintptr stack_high,
                     guintptr caller, guint depth)
{
  Walk walk = { .recording = recording, .start = *start, .stack_high = stack_high };
  unw_cursor_t cursor;
  int stepped = 1;

  pthread_once (&address_space_once, make_address_space); /* where nobody has made a tracker */
  recording->n_frames = recording->n_words = recording->n_modules = 0;
  recording->is_limited = recording->uses_fp = FALSE;
  if (address_space == NULL || unw_init_remote (&cursor, address_space, &walk) < 0)
    return FALSE;
  for (guint i = 0; i < STEPS_MAX && stepped > 0 && !recording->is_limited; i++)
    {
      if (!add_frame (recording, &cursor, get_pc (&cursor, i == 0), depth, caller))
        return FALSE;
      if (!recording->is_limited)
        stepped = unw_step (&cursor);
    }
  /* The last frame is known as such by its tables; a step that failed would be taken for an end. */
  return !walk.failed && stepped >= 0 && (stepped == 0 || recording->is_limited) && recording->n_words > 0
         && recording->n_frames > 0;
}
