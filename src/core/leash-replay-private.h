/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Stacks that a thread had before, known again without unwinding: see leash-replay.c. */
#pragma once

#include "leash-depot-private.h"
#include "leash-lock-private.h"
#include "leash-registers-private.h"
#include "leash-settings-private.h"
#include "leash-thread-private.h"

#define LEASH_REPLAY_BUCKETS 256
#define LEASH_REPLAY_ENTRIES 512
#define LEASH_REPLAY_WORDS 8192
#define LEASH_REPLAY_CANDIDATES 128
#define LEASH_REPLAY_SITES 64 /* bits of a word */

/* Words that one stack may depend on. */
#define LEASH_REPLAY_WORDS_MAX 512

/* Modules of one stack that may be unloaded, and are looked at again each time. */
#define LEASH_REPLAY_MODULES_MAX 2

typedef struct _LeashReplayModule LeashReplayModule;

typedef struct _LeashReplayEntry LeashReplayEntry;

/* Callers whose addresses fall together. */
typedef struct
{
  guint32 n_hits, n_misses; /* lately */
  guint32 rest;             /* captures until more than one entry is looked at again; 0 while they are */
  guint32 credit;           /* what it may spend on recording */
} LeashReplaySite;

/* A stack that was recorded: where the walk began, what it read, and what came out. */
struct _LeashReplayEntry
{
  LeashReplayEntry *next;  /* in its bucket */
  guintptr pc, sp;  /* of the public function's caller; pc is 0 once the entry is of no use any more */
  guintptr fp;      /* likewise, where the walk asked for it */
  guintptr fp_mask; /* all bits then, none otherwise */
  guintptr caller;  /* where the stack that is kept begins: pc, or further out */
  LeashStackId id;
  guint32 *offsets;        /* of what the walk read, in the order in which it did: in words above sp; */
  guintptr *values, *values_end; /* and what was there. Four or a multiple: the last is there again to fill up */
  guint16 depth;           /* frames that were asked for */
  LeashReplaySite *site;
  guint8 is_guarded;       /* a hit is to be confirmed */
  guint8 n_modules;
  guint16 modules[LEASH_REPLAY_MODULES_MAX]; /* numbers for leash_replay_module_is_there() */
};

/* A stack that was unwound, to be recorded when it comes again. */
typedef struct
{
  guintptr pc, sp;
  guint32 id;
  gboolean is_hopeless; /* was not to be recorded */
} LeashReplayCandidate;

/* Of one thread, and used by it alone. */
struct _LeashReplay
{
  LeashReplayEntry *heads[LEASH_REPLAY_BUCKETS]; /* of the buckets */
  guint64 resting;                /* a bit for each site */
  gboolean verify;
  guint oldest, n_entries;        /* entries are a ring, */
  guint next_word;                /* and so are words: what is oldest in one is in the other */
  guintptr stack_low, stack_high; /* where the thread's stack is */
  LeashReplayCandidate candidates[LEASH_REPLAY_CANDIDATES];
  LeashReplaySite sites[LEASH_REPLAY_SITES];
  guint64 n_recorded, n_declined, n_flushed, n_verified; /* for tests */
  LeashReplayEntry entries[LEASH_REPLAY_ENTRIES];
  guint32 offsets[LEASH_REPLAY_WORDS]; /* of what was read, in words above sp, */
  guintptr values[LEASH_REPLAY_WORDS]; /* and what was there */
};

G_STATIC_ASSERT (sizeof (LeashReplay) <= 160 * 1024); /* docs/design.md says so */

/* Whether stacks are replayed in this process at all: LEASH_CAPTURE is not unwind, and the processor is known. */
extern gboolean leash_replay_is_on __attribute__ ((visibility ("hidden")));

/* After a plain capture: remembers the stack, to be replayed when it comes again. */
void     leash_replay_note            (LeashThread            *thread,
                                       const LeashRegisters   *start,
                                       guintptr                caller,
                                       guint                   depth,
                                       LeashStackId            id);
/* Of a guarded entry: whether its modules, which may be unloaded, are still there; it is dropped if not. Verifies it
 * if it is to be verified. */
gboolean leash_replay_confirm         (LeashReplay            *self,
                                       LeashReplayEntry       *entry);

/* leash-replay-verify.c: compares a hit with what unwinding says now, and complains if they differ. */
void     leash_replay_verify          (LeashReplay            *self,
                                       const LeashReplayEntry *entry);
/* How often they did, in the whole process. */
guint64  leash_replay_count_different (void);

/* leash-replay-record.c: a walk, with all that it read. */
typedef struct
{
  guint n_frames, n_words, n_modules;
  gboolean is_limited;     /* there are frames beyond those that were asked for */
  gboolean uses_fp;
  guint16 modules[LEASH_REPLAY_MODULES_MAX];
  guintptr frames[LEASH_DEPTH_MAX];
  guint32 offsets[LEASH_REPLAY_WORDS_MAX];
  guintptr values[LEASH_REPLAY_WORDS_MAX];
} LeashRecording;

/* Returns FALSE where the walk depended on anything but unwind tables that stay, and words of this stack. */
gboolean leash_replay_record          (LeashRecording         *recording,
                                       const LeashRegisters   *start,
                                       guintptr                stack_high,
                                       guintptr                caller,
                                       guint                   depth);
/* The recorder's first use, which costs more and opens a pipe: once in the process, before time matters. */
void     leash_replay_warm_up         (void);

/* leash-replay-modules.c */
#define LEASH_REPLAY_MODULE_STAYS -1

/* The number of the module that the address is in, LEASH_REPLAY_MODULE_STAYS for one that is never unloaded. FALSE
 * where it is in none, or in a part that may be written to. */
gboolean leash_replay_module_find     (guintptr                address,
                                       int                    *ret_number);
gboolean leash_replay_module_is_there (guint                   number);
/* Whether what is there never changes in the life of the process, as a string in the program's code. */
gboolean leash_replay_module_stays    (gconstpointer           address);
/* For leash-fork.c */
LeashLock *leash_replay_get_fork_lock (void);

static inline guint
leash_replay_bucket (guintptr pc, guintptr sp)
{
  const guint64 k = G_GUINT64_CONSTANT (0x9e3779b97f4a7c15); /* 2^64 / phi */

  return (guint) (((guint64) (pc ^ (sp << 16)) * k) >> 56);
}

/*
 * In the order in which they were read: each address follows from what was read before, so that as long as
 * all are as they were, the next one is a word that the unwinder would read too.
 */
static inline gboolean
leash_replay_has_words (const LeashReplayEntry *entry, guintptr sp)
{
  const guint32 *offset = entry->offsets;

  const guintptr *value = entry->values;

  do
    {
      if (LEASH_UNLIKELY (((const guintptr *) sp)[offset[0]] != value[0]
                          || ((const guintptr *) sp)[offset[1]] != value[1]
                          || ((const guintptr *) sp)[offset[2]] != value[2]
                          || ((const guintptr *) sp)[offset[3]] != value[3]))
        return FALSE;
      offset += 4;
      value += 4;
    }
  while (value < entry->values_end);
  return TRUE;
}

static inline guint
leash_replay_site (guintptr pc)
{
  return (pc >> 2) % LEASH_REPLAY_SITES;
}

/* The entry of the stack that unwinding from there would give, or NULL where it is not known. */
G_ALWAYS_INLINE static inline LeashReplayEntry *
leash_replay_find (LeashReplay *self, guintptr pc, guintptr sp, guintptr fp, guintptr caller, guint depth)
{
  LeashReplayEntry *entry = self->heads[leash_replay_bucket (pc, sp)];

  while (entry != NULL)
    {
      if (LEASH_LIKELY (entry->sp == sp && entry->pc == pc && entry->caller == caller && entry->depth == depth
                    && ((entry->fp ^ fp) & entry->fp_mask) == 0 && leash_replay_has_words (entry, sp)))
        {
          entry->site->n_hits++;
          return LEASH_LIKELY (!entry->is_guarded) || leash_replay_confirm (self, entry) ? entry : NULL;
        }
      entry = (self->resting >> leash_replay_site (pc) & 1) == 0 ? entry->next : NULL;
    }
  return NULL;
}
