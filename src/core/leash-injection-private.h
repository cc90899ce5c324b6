/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What rules that inject faults have in common, whatever they are of. See leash-injection.c. */
#pragma once

#include <gio/gio.h>

/* On which of the calls that match a rule it strikes. */
typedef struct
{
  guint64 first; /* from 1 */
  guint64 every; /* 1 for each from there */
  double chance; /* from 0 to 1 */
  guint64 seed;
} LeashInjectionTurn;

/* Whether it is the rule's turn at the nth of the calls that match it, from 1. */
gboolean leash_injection_is_due (const LeashInjectionTurn *turn, guint64 nth);
/* code is GIO's, or an errno. call is the call's text. */
void leash_injection_set_error (gboolean is_errno, int code, guint rule, guint64 nth, const char *call,
                                GError **error);
