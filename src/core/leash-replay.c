/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The replay cache. What an unwinder answers is a function of the registers that it starts from, of the
 * unwind tables, and of the words of the stack that it reads on its way. So a walk is done once with
 * libunwind's cursor over an address space that notes each word it reads (leash-replay-record.c). When the
 * same caller comes again with the same stack pointer, and every such word is what it was, the answer is what
 * it was: nothing is walked, nothing is hashed. docs/design.md has the proof, with what it presupposes.
 *
 * Per thread, and used by that thread alone, with its busy mark set:
 *
 *     heads[hash of pc and sp] -> entry -> entry -> ...        (several stacks lead to one place)
 *     entries: a ring, oldest overwritten first
 *     words:   a ring, each entry's in one piece; entries and their words grow old together
 *
 * Recording costs some hundred times as much as unwinding. A stack is recorded when it comes for the second
 * time, as far as LEASH_REPLAY_CANDIDATES remember, and when its caller has credit left: a few recordings at
 * once, and then one for each RECORDING_PRICE plain captures. A caller whose stacks are rarely found is not
 * looked for during the next REST captures. So a stack that never comes again costs next to nothing, and the
 * worst that a program can do costs some ten percent.
 *
 * Made when a thread has captured often enough to be worth it, freed when the thread exits; what is captured
 * after that is unwound.
 */
#include "leash-replay-private.h"

#include <pthread.h>
#include <unistd.h>

/* Plain captures in a thread before it gets a cache. */
#define CAPTURES_BEFORE 4

/* In plain captures of the same caller. */
#define RECORDING_PRICE 2048
#define CREDIT_AT_FIRST (24 * RECORDING_PRICE)
#define CREDIT_MAX (32 * RECORDING_PRICE)

/* After so many misses of a caller it is asked what the hits between them were worth. A hit saves about twice
 * what looking in vain costs. */
#define MISSES_TO_JUDGE 256
#define REST 8192

gboolean leash_replay_is_on = LEASH_CAN_REPLAY; /* atomic; FALSE for good once LEASH_CAPTURE has said so */

static pthread_key_t exit_key;
static pthread_once_t set_up_once = PTHREAD_ONCE_INIT;

static void
free_at_exit (void *replay)
{
  leash_thread_self.replay = NULL;
  leash_thread_self.captures_until_replay = G_MAXUINT32;
  g_free (replay);
}

static void
set_up (void)
{
  if (leash_settings_get ()->capture == LEASH_CAPTURE_UNWIND
      || pthread_key_create (&exit_key, free_at_exit) != 0)
    __atomic_store_n (&leash_replay_is_on, FALSE, __ATOMIC_RELAXED);
}

/* Returns FALSE where the system does not tell. */
static gboolean
find_stack (guintptr *ret_low, guintptr *ret_high)
{
  pthread_attr_t attributes;
  void *low;
  gsize size;
  gboolean found;

  if (pthread_getattr_np (pthread_self (), &attributes) != 0)
    return FALSE;
  found = pthread_attr_getstack (&attributes, &low, &size) == 0 && size > 0;
  pthread_attr_destroy (&attributes);
  *ret_low = (guintptr) low;
  *ret_high = (guintptr) low + size;
  return found;
}

/* NULL where the thread is to do without. */
static LeashReplay *
replay_new (void)
{
  LeashReplay *self;
  guintptr low = 0, high = 0;

  pthread_once (&set_up_once, set_up);
  if (!__atomic_load_n (&leash_replay_is_on, __ATOMIC_RELAXED) || !find_stack (&low, &high))
    return NULL;
  self = g_new0 (LeashReplay, 1);
  self->stack_low = low;
  self->stack_high = high;
  self->verify = leash_settings_get ()->capture == LEASH_CAPTURE_VERIFY;
  for (guint i = 0; i < LEASH_REPLAY_SITES; i++)
    self->sites[i].credit = CREDIT_AT_FIRST;
  if (pthread_setspecific (exit_key, self) != 0)
    g_clear_pointer (&self, g_free);
  return self;
}

/* Counts the thread's captures, and makes its cache when there were some. */
static LeashReplay *
get_replay (LeashThread *self)
{
  if (LEASH_LIKELY (self->replay != NULL))
    return self->replay;
  /* It was made: the thread is exiting, or has been forked and may capture again. */
  if (self->captures_until_replay == G_MAXUINT32)
    self->replay = pthread_getspecific (exit_key);
  else if (self->captures_until_replay++ == CAPTURES_BEFORE)
    {
      self->captures_until_replay = G_MAXUINT32;
      self->replay = replay_new ();
    }
  return self->replay;
}

static void
unlink_entry (LeashReplay *self, LeashReplayEntry *entry)
{
  LeashReplayEntry **link = &self->heads[leash_replay_bucket (entry->pc, entry->sp)];

  while (*link != entry)
    link = &(*link)->next;
  *link = entry->next;
  entry->pc = 0;
}

static void
drop_oldest (LeashReplay *self)
{
  LeashReplayEntry *entry = &self->entries[self->oldest];

  if (entry->pc != 0)
    unlink_entry (self, entry);
  self->oldest = (self->oldest + 1) % LEASH_REPLAY_ENTRIES;
  self->n_entries--;
}

static guint
get_first_word (const LeashReplay *self, const LeashReplayEntry *entry)
{
  return entry->values - self->values;
}

static gboolean
overlaps (const LeashReplay *self, const LeashReplayEntry *entry, guint first, guint n)
{
  return entry->values < self->values + first + n && self->values + first < entry->values_end;
}

/* Makes room for n words in one piece; returns where. */
static guint
take_words (LeashReplay *self, guint n)
{
  guint first = self->next_word + n <= LEASH_REPLAY_WORDS ? self->next_word : 0;

  /* Where the rest of the ring is too short, what lies there is older than what is at its beginning. */
  while (first == 0 && self->n_entries > 0
         && get_first_word (self, &self->entries[self->oldest]) >= self->next_word && self->next_word > 0)
    drop_oldest (self);
  while (self->n_entries > 0 && overlaps (self, &self->entries[self->oldest], first, n))
    drop_oldest (self);
  self->next_word = first + n;
  return first;
}

/* Repeats the last word until there is a multiple of four. */
static void
fill_up (LeashRecording *recording)
{
  while (recording->n_words % 4 != 0)
    {
      recording->offsets[recording->n_words] = recording->offsets[recording->n_words - 1];
      recording->values[recording->n_words] = recording->values[recording->n_words - 1];
      recording->n_words++;
    }
}

static void
add (LeashReplay *self, LeashRecording *recording, const LeashReplayEntry *as)
{
  LeashReplayEntry **head = &self->heads[leash_replay_bucket (as->pc, as->sp)];
  LeashReplayEntry *entry;
  guint first;

  fill_up (recording);
  first = take_words (self, recording->n_words);
  if (self->n_entries == LEASH_REPLAY_ENTRIES)
    drop_oldest (self);
  entry = &self->entries[(self->oldest + self->n_entries++) % LEASH_REPLAY_ENTRIES];
  *entry = *as;
  entry->fp_mask = recording->uses_fp ? G_MAXSIZE : 0;
  entry->offsets = self->offsets + first;
  entry->values = self->values + first;
  entry->values_end = entry->values + recording->n_words;
  entry->is_guarded = recording->n_modules > 0 || self->verify;
  entry->n_modules = recording->n_modules;
  memcpy (entry->modules, recording->modules, sizeof entry->modules);
  memcpy (entry->offsets, recording->offsets, recording->n_words * sizeof *recording->offsets);
  memcpy (entry->values, recording->values, recording->n_words * sizeof *recording->values);
  entry->next = *head;
  *head = entry;
}

/* The cursor and unw_backtrace() are two implementations: what they do not agree on is not replayed. */
static gboolean
is_same_stack (const LeashRecording *recording, LeashStackId id)
{
  return leash_depot_is_equal (leash_depot_get_stack (id), recording->frames, recording->n_frames,
                               recording->is_limited ? LEASH_STACK_LIMITED : 0);
}

static gboolean
record (LeashReplay *self, const LeashReplayEntry *as)
{
  g_autofree LeashRecording *recording = g_new (LeashRecording, 1);
  LeashRegisters start = { .pc = as->pc, .sp = as->sp, .fp = as->fp };

  if (!leash_replay_record (recording, &start, self->stack_high, as->caller, as->depth)
      || !is_same_stack (recording, as->id))
    {
      self->n_declined++;
      return FALSE;
    }
  add (self, recording, as);
  self->n_recorded++;
  return TRUE;
}

/*
 * What looking in vain costs: a caller with few hits is not looked for at all for a while. Returns FALSE
 * where it is at rest.
 */
static gboolean
count_miss (LeashReplay *self, guint number)
{
  LeashReplaySite *site = &self->sites[number];

  site->credit = MIN (site->credit + 1, CREDIT_MAX);
  if (site->rest > 0)
    {
      if (--site->rest == 0)
        self->resting &= ~((guint64) 1 << number);
      return FALSE;
    }
  if (++site->n_misses == MISSES_TO_JUDGE)
    {
      if (2 * site->n_hits < site->n_misses)
        {
          site->rest = REST;
          self->resting |= (guint64) 1 << number;
        }
      site->n_hits = site->n_misses = 0;
    }
  return TRUE;
}

static LeashReplayCandidate *
get_candidate (LeashReplay *self, guintptr sp, LeashStackId id)
{
  return &self->candidates[(sp / sizeof (guintptr) * 31 + id) % LEASH_REPLAY_CANDIDATES];
}

/* A stack of the depot's that stands for many, or has not been unwound to its end, is not to be replayed. */
static gboolean
is_whole (LeashStackId id)
{
  return (leash_depot_get_stack (id)->flags & ~LEASH_STACK_LIMITED) == 0;
}

void
leash_replay_note (LeashThread *thread, const LeashRegisters *start, guintptr caller, guint depth,
                   LeashStackId id)
{
  LeashReplay *self = get_replay (thread);
  LeashReplayCandidate *candidate;
  LeashReplaySite *site;

  if (self == NULL || start->sp < self->stack_low || start->sp >= self->stack_high)
    return;
  site = &self->sites[leash_replay_site (start->pc)];
  if (!count_miss (self, leash_replay_site (start->pc)))
    return;
  candidate = get_candidate (self, start->sp, id);
  if (candidate->id != id || candidate->pc != start->pc || candidate->sp != start->sp)
    {
      *candidate = (LeashReplayCandidate){ .pc = start->pc, .sp = start->sp, .id = id };
      return;
    }
  if (candidate->is_hopeless || site->credit < RECORDING_PRICE || !is_whole (id)
      || thread->tid != (guint32) gettid ())
    return;
  site->credit -= RECORDING_PRICE;
  candidate->is_hopeless = !record (self, &(LeashReplayEntry){
                                              .pc = start->pc,
                                              .sp = start->sp,
                                              .fp = start->fp,
                                              .caller = caller,
                                              .id = id,
                                              .depth = depth,
                                              .site = site,
                                          });
}

gboolean
leash_replay_confirm (LeashReplay *self, LeashReplayEntry *entry)
{
  for (guint i = 0; i < entry->n_modules; i++)
    if (!leash_replay_module_is_there (entry->modules[i]))
      {
        unlink_entry (self, entry);
        self->n_flushed++;
        return FALSE;
      }
  if (self->verify)
    leash_replay_verify (self, entry);
  return TRUE;
}
