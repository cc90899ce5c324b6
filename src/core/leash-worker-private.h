/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The library's own threads. Each is detached, has a name that begins with "leash-", by which a census of
 * threads knows it, and leaves the program's signals to the program's threads.
 */
#pragma once

#include <glib.h>

/* Returns FALSE when the system has no thread to give. The thread names itself, by leash_worker_set_name(). */
gboolean leash_worker_start    (void      *(*func) (void *),
                                void      *data);

/* Up to 15 characters. */
void     leash_worker_set_name (const char *name);
