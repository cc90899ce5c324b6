/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Errors that carry a whole report beside their message. */
#pragma once

#include <leash/leash-tracker.h>

/* Sets error, if there is one to set, to a LEASH_ERROR with that report; both texts are copied. */
void leash_set_error_with_report (GError    **error,
                                  LeashError  code,
                                  const char *message,
                                  const char *report);
