/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether a test is built for a sanitizer under which some things cannot be tested. */
#pragma once

#include <glib.h>

#if defined(__has_feature)
  #if __has_feature(thread_sanitizer)
    #define UNDER_THREAD_SANITIZER TRUE
  #endif
  #if __has_feature(address_sanitizer)
    #define UNDER_ADDRESS_SANITIZER TRUE
  #endif
#endif
#if defined(__SANITIZE_THREAD__)
  #define UNDER_THREAD_SANITIZER TRUE
#endif
#ifndef UNDER_THREAD_SANITIZER
  #define UNDER_THREAD_SANITIZER FALSE
#endif
#if defined(__SANITIZE_ADDRESS__)
  #define UNDER_ADDRESS_SANITIZER TRUE
#endif
#ifndef UNDER_ADDRESS_SANITIZER
  #define UNDER_ADDRESS_SANITIZER FALSE
#endif
