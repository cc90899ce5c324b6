/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether a test is built for ThreadSanitizer, under which some things cannot be tested. */
#pragma once

#include <glib.h>

#if defined(__has_feature)
  #if __has_feature(thread_sanitizer)
    #define UNDER_THREAD_SANITIZER TRUE
  #endif
#endif
#if defined(__SANITIZE_THREAD__)
  #define UNDER_THREAD_SANITIZER TRUE
#endif
#ifndef UNDER_THREAD_SANITIZER
  #define UNDER_THREAD_SANITIZER FALSE
#endif
