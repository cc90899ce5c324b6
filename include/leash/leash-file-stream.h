/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files as GIO's streams, for whatever reads and writes streams: GDataInputStream, json-glib, gdk-pixbuf. A stream
 * that leash_open_input_stream() and its like open is the file's only user and closes it; a view of a file that
 * is open, as leash_file_get_input_stream() makes, leaves it open.
 */
#pragma once

#include <leash/leash-file.h>

G_BEGIN_DECLS

/* Opened for the stream, and closed with it */
LEASH_AVAILABLE_IN_0_1
GInputStream  *leash_open_input_stream     (LeashContext         *ctx,
                                            const char           *path,
                                            GError              **error) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
GOutputStream *leash_open_output_stream    (LeashContext         *ctx,
                                            const char           *path,
                                            LeashOpenFlags        flags,
                                            guint                 mode,
                                            GError              **error) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
GIOStream     *leash_open_io_stream        (LeashContext         *ctx,
                                            const char           *path,
                                            LeashOpenFlags        flags,
                                            guint                 mode,
                                            GError              **error) G_GNUC_WARN_UNUSED_RESULT;

/* Views of a file that stays open */
LEASH_AVAILABLE_IN_0_1
GInputStream  *leash_file_get_input_stream  (LeashFile           *file,
                                             LeashContext        *ctx) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
GOutputStream *leash_file_get_output_stream (LeashFile           *file,
                                             LeashContext        *ctx) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
GIOStream     *leash_file_get_io_stream     (LeashFile           *file,
                                             LeashContext        *ctx) G_GNUC_WARN_UNUSED_RESULT;

/* Opened in a thread of GIO's pool */
LEASH_AVAILABLE_IN_0_1
void           leash_open_async            (LeashContext         *ctx,
                                            const char           *path,
                                            LeashOpenFlags        flags,
                                            guint                 mode,
                                            int                   io_priority,
                                            GAsyncReadyCallback   callback,
                                            gpointer              user_data);
LEASH_AVAILABLE_IN_0_1
LeashFile     *leash_open_finish           (GAsyncResult         *result,
                                            GError              **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
