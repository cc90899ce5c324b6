/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The memory network that the host's has its "memory:" in: the process's, made at first need, never freed. */
#pragma once

#include <leash/leash-network.h>

LeashNetwork *leash_memory_network_get_default (void);
