/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What GIO's TLS reads from and writes to. See leash-tls-base.c. */
#pragma once

#include "leash-conn-private.h"

/* Over a connection that it takes no reference of. */
GIOStream *leash_tls_base_new  (LeashConn    *conn);
/* The context that one direction's calls get from now on; NULL, as at first, has them fail. */
void       leash_tls_base_lend (GIOStream    *base,
                                LeashWay      way,
                                LeashContext *ctx);
/* Whether all was read that comes from below. */
gboolean   leash_tls_base_is_over (GIOStream *base);
