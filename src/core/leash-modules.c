/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "leash-modules-private.h"
guint16 leash_modules_refresh (void) { return 1; }
