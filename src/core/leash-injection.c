/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Faults that are injected: when, and how they are told. Chance is a function of the rule's seed and the
 * number of the call, and no generator's state: the same calls meet the same faults, in whichever order rules
 * are asked.
 */
#include "leash-injection-private.h"

#include <errno.h>

/* The nth of a seed's numbers, each from 0 to 1: splitmix64 of Steele, Lea and Flood. */
static double
draw (guint64 seed, guint64 nth)
{
  guint64 z = seed + nth * G_GUINT64_CONSTANT (0x9e3779b97f4a7c15);

  z = (z ^ (z >> 30)) * G_GUINT64_CONSTANT (0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * G_GUINT64_CONSTANT (0x94d049bb133111eb);
  z ^= z >> 31;
  return (double) (z >> 11) * 0x1.0p-53;
}

gboolean
leash_injection_is_due (const LeashInjectionTurn *turn, guint64 nth)
{
  return nth >= turn->first && (nth - turn->first) % turn->every == 0
         && (turn->chance >= 1 || draw (turn->seed, nth) < turn->chance);
}

/* The host's words for a code of GIO's, where it has any. */
static const char *
get_words (int code)
{
  /* Of those that GIO has one code for, the one that files or sockets fail with. */
  static const int codes[]
      = { ENOENT, EEXIST,    EISDIR,       ENOTDIR,      ENOTEMPTY,   EACCES,     ENOSPC,
          EROFS,  EBUSY,     EMFILE,       EINVAL,       ELOOP,       ENOTSUP,    ENAMETOOLONG,
          EAGAIN, ETIMEDOUT, ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, EADDRINUSE, ECONNRESET };

  for (guint i = 0; i < G_N_ELEMENTS (codes); i++)
    if (g_io_error_from_errno (codes[i]) == (GIOErrorEnum) code)
      return g_strerror (codes[i]);
  return "it failed";
}

void
leash_injection_set_error (gboolean is_errno, int code, guint rule, guint64 nth, const char *call,
                           GError **error)
{
  g_set_error (error, G_IO_ERROR, is_errno ? (int) g_io_error_from_errno (code) : code,
               "%s (injected by rule %u at call %" G_GUINT64_FORMAT " that matches it, %s)",
               is_errno ? g_strerror (code) : get_words (code), rule, nth, call);
}
