/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* G_DEFINE_BOXED_TYPE() for reference-counted types, without the union that -Wpedantic objects to. */
#pragma once

#include <glib-object.h>

#define LEASH_DEFINE_BOXED(TypeName, type_name)                                                              \
  GType type_name##_get_type (void)                                                                          \
  {                                                                                                          \
    static gsize registered;                                                                                 \
                                                                                                             \
    if (g_once_init_enter (&registered))                                                                     \
      {                                                                                                      \
        GType type = g_boxed_type_register_static (g_intern_static_string (#TypeName),                       \
                                                   (GBoxedCopyFunc) type_name##_ref,                         \
                                                   (GBoxedFreeFunc) type_name##_unref);                      \
                                                                                                             \
        g_once_init_leave (&registered, type);                                                               \
      }                                                                                                      \
    return registered;                                                                                       \
  }
