/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A PostgreSQL server of a test program's own, on a socket in a directory of its own, as Debian installs it: one at a
 * time, for one thread. It does not run as root: if the program does, the server has another user. It ends with the
 * program, in whatever way that ends.
 */
#pragma once

#include <glib.h>

/* NULL, with the reason, when there can be none here. Names a database without a password. */
const char *postgresql_start        (const char **ret_reason);
/* NULL, with the reason printed as by a test program that skips all, which is then to end. */
const char *postgresql_start_or_skip (void);

/* All of its processes at once, by SIGKILL: what was committed is kept, and nothing else is put in order. */
void        postgresql_kill         (void);
void        postgresql_start_again  (void);

/* To hold it still, and to let it go on. */
void        postgresql_freeze       (gboolean is_frozen);

/* The name of another database, of another user, or with something behind: what is NULL is as in the first one. */
char       *postgresql_uri          (const char  *database,
                                     const char  *user,
                                     const char  *options);

/* The directory with its socket. */
const char *postgresql_get_dir      (void);

/* Ends it, and removes all. */
void        postgresql_stop         (void);
