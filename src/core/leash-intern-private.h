/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Small numbers for strings that there are few of: kinds and thread names. */
#pragma once

#include <glib.h>

#include "leash-lock-private.h"

#define LEASH_INTERN_OTHER 0 /* stands for all strings past the number that is kept */

/* The string is copied. Takes a lock only where the string is new. */
guint16     leash_intern         (const char *string);
/* 0xffff when the string was never interned: then nothing can have it. */
guint16     leash_intern_lookup  (const char *string);
/* Lives as long as the process. */
const char *leash_intern_get     (guint16 id);

/* For leash-fork.c */
LeashLock *leash_intern_get_fork_lock (void);
