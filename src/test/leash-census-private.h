/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The process's descriptors and threads, counted before and after a test. */
#pragma once

#include <glib.h>

typedef struct _LeashCensus LeashCensus;

/* Looks at the process now. Any thread. */
LeashCensus *leash_census_new  (void);
void         leash_census_free (LeashCensus *census);

/* Takes what is told elsewhere out of a census. */
void         leash_census_forget_fd     (LeashCensus *census,
                                         int          fd);
void         leash_census_forget_thread (LeashCensus *census,
                                         int          tid);

/*
 * What is there in after and was not in before, in words, a line each: "fd 7: pipe, number 4711".
 * Left out are Leash's own descriptors and threads, those that Leash tracks, and GLib's worker threads with
 * what they open. The strings are owned by the array.
 */
GPtrArray   *leash_census_list_new_fds     (LeashCensus *before,
                                            LeashCensus *after);
GPtrArray   *leash_census_list_new_threads (LeashCensus *before,
                                            LeashCensus *after);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (LeashCensus, leash_census_free)
