/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Connections over streams, and streams over connections: see leash-conn-stream.c and leash-conn-view.c. */
#pragma once

#include <leash/leash-conn-stream.h>

#include "leash-conn-private.h"

/* The connection that a stream is made of, NULL of others'. */
LeashConn *leash_conn_view_get_conn (GIOStream *stream);
