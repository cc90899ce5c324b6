/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The host's network in its parts. */
#pragma once

#include "leash-address-private.h"
#include "leash-net-private.h"

/* Looks a name up: an array of LeashNative, not empty, in the order in which they are to be tried. */
GArray        *leash_host_look_up          (LeashContext       *ctx,
                                            const LeashAddress *address,
                                            GError            **error) G_GNUC_WARN_UNUSED_RESULT;

/* to is a host or a path; address is how the user wrote it. */
LeashConn     *leash_host_dial             (LeashContext       *ctx,
                                            const LeashAddress *to,
                                            const char         *address,
                                            GError            **error);
LeashListener *leash_host_listen           (LeashContext       *ctx,
                                            const LeashAddress *at,
                                            const char         *address,
                                            GError            **error);

/* Takes a listening descriptor over; path is that of the file that it made, NULL for none. */
LeashListener *leash_host_listener_new     (int                 fd,
                                            const char         *path,
                                            const char         *address);

/* Take a descriptor of the program's over, or leave it as it is, with the error set. */
LeashConn     *leash_host_adopt_conn       (int                 fd,
                                            const char         *address,
                                            GError            **error);
LeashListener *leash_host_adopt_listener   (int                 fd,
                                            const char         *address,
                                            GError            **error);
