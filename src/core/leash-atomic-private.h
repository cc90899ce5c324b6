/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Atomic operations that cost less as long as the process has one thread, which the C library says in
 * <sys/single_threaded.h>: the processor's own instructions without the lock, for which processors wait until
 * all that was written before has gone out. They are single instructions still, so that a signal handler sees
 * them done or not done. The C library clears the mark before it makes a second thread, and what was written
 * before is seen by that one.
 *
 * Elsewhere, and where ThreadSanitizer is to see everything, they are the compiler's.
 */
#pragma once

#include <glib.h>

#if defined(__x86_64__) && defined(__has_include) && !defined(__SANITIZE_THREAD__)
  #if __has_include(<sys/single_threaded.h>)
    #define LEASH_KNOWS_ALONE
  #endif
  #if defined(__has_feature)
    #if __has_feature(thread_sanitizer)
      #undef LEASH_KNOWS_ALONE
    #endif
  #endif
#endif

#ifdef LEASH_KNOWS_ALONE

  #include <sys/single_threaded.h>

static inline guint
leash_atomic_fetch_add (guint *word, guint n)
{
  if (!__libc_single_threaded)
    return __atomic_fetch_add (word, n, __ATOMIC_ACQ_REL);
  __asm__ volatile("xaddl %0, %1" : "+r"(n), "+m"(*word) : : "memory", "cc");
  return n;
}

/* Does not say what was found instead. */
static inline gboolean
leash_atomic_compare_set (guint *word, guint expected, guint desired)
{
  gboolean is_set;

  if (!__libc_single_threaded)
    return __atomic_compare_exchange_n (word, &expected, desired, FALSE, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
  __asm__ volatile("cmpxchgl %3, %1"
                   : "=@ccz"(is_set), "+m"(*word), "+a"(expected)
                   : "r"(desired)
                   : "memory");
  return is_set;
}

/* As that. */
static inline gboolean
leash_atomic_compare_set_pointer (gpointer *place, gpointer expected, gpointer desired)
{
  gboolean is_set;

  if (!__libc_single_threaded)
    return __atomic_compare_exchange_n (place, &expected, desired, FALSE, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
  __asm__ volatile("cmpxchgq %3, %1"
                   : "=@ccz"(is_set), "+m"(*place), "+a"(expected)
                   : "r"(desired)
                   : "memory");
  return is_set;
}

static inline void
leash_atomic_or (guint64 *word, guint64 bits)
{
  if (!__libc_single_threaded)
    __atomic_fetch_or (word, bits, __ATOMIC_RELAXED);
  else
    __asm__ volatile("orq %1, %0" : "+m"(*word) : "r"(bits) : "cc");
}

static inline void
leash_atomic_and (guint64 *word, guint64 bits)
{
  if (!__libc_single_threaded)
    __atomic_fetch_and (word, bits, __ATOMIC_RELAXED);
  else
    __asm__ volatile("andq %1, %0" : "+m"(*word) : "r"(bits) : "cc");
}

#else

static inline guint
leash_atomic_fetch_add (guint *word, guint n)
{
  return __atomic_fetch_add (word, n, __ATOMIC_ACQ_REL);
}

static inline gboolean
leash_atomic_compare_set (guint *word, guint expected, guint desired)
{
  return __atomic_compare_exchange_n (word, &expected, desired, FALSE, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

static inline gboolean
leash_atomic_compare_set_pointer (gpointer *place, gpointer expected, gpointer desired)
{
  return __atomic_compare_exchange_n (place, &expected, desired, FALSE, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

static inline void
leash_atomic_or (guint64 *word, guint64 bits)
{
  __atomic_fetch_or (word, bits, __ATOMIC_RELAXED);
}

static inline void
leash_atomic_and (guint64 *word, guint64 bits)
{
  __atomic_fetch_and (word, bits, __ATOMIC_RELAXED);
}

#endif
