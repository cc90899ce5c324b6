/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names of any bytes, made fit for a terminal, or for a reader of JSON. */
#pragma once

#include <glib.h>

/* Characters of a quoted name beyond which its middle is left out. */
#define LEASH_QUOTE_MAX 80

/* Control and invisible characters, and bytes that are not UTF-8, as escapes. */
void leash_escape_append (GString    *text,
                          const char *string);

/* As that, in quotes, with the middle left out where it is long. */
void leash_quote_append  (GString    *text,
                          const char *string);

/* As that, however long it is. */
void leash_quote_append_all (GString *text,
                             const char *string);

/* A string of JSON, with its quotes. */
void leash_json_append_string (GString    *json,
                               const char *string);
