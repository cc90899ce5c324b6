/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The walk from within, for who chooses where it begins and what is opened as a root. */
#pragma once

#include <leash/leash-walk.h>

#include "leash-trail-private.h"

/* As leash_walk(), from where trail is. Where there is nothing, it fails. */
gboolean leash_walk_run (LeashTrail     *trail,
                         LeashWalkFlags  flags,
                         LeashWalkFunc   func,
                         gpointer        user_data,
                         GError        **error);
