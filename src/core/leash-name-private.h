/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names of resources, as slots own them. See leash-name.c. */
#pragma once

#include "leash-thread-private.h"


/* With the thread's busy mark set, both. The result is to be freed by g_free(), or recycled. */
char *leash_name_copy    (LeashThread *self,
                          const char  *name);
/* Frees the memory of a name, or keeps it for the thread's next one. */
void  leash_name_recycle (LeashThread *self,
                          char        *name);
