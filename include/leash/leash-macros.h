/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What every public header starts from: GLib, symbol visibility, and the names of all the types. */
#pragma once

#include <gio/gio.h>

#if defined(__GNUC__)
#define LEASH_EXTERN __attribute__ ((visibility ("default"))) extern
#else
#define LEASH_EXTERN extern
#endif

#define LEASH_AVAILABLE_IN_0_1 LEASH_EXTERN

G_BEGIN_DECLS

typedef struct _LeashClock LeashClock;
typedef struct _LeashConn LeashConn;
typedef struct _LeashContext LeashContext;
typedef struct _LeashDir LeashDir;
typedef struct _LeashFile LeashFile;
typedef struct _LeashFs LeashFs;
typedef struct _LeashListener LeashListener;
typedef struct _LeashNetwork LeashNetwork;
typedef struct _LeashSnapshot LeashSnapshot;
typedef struct _LeashTag LeashTag;
typedef struct _LeashTracker LeashTracker;

G_END_DECLS
