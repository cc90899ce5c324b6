/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Names for addresses, made only when a report is. One LeashSymbols is used by one thread; it keeps what it
 * found, each address once. See leash-symbols.c.
 */
#pragma once

#include <glib.h>

/* A source-level frame; one address gives several where functions were inlined, innermost first. */
typedef struct
{
  const char *function; /* demangled; NULL when unknown */
  const char *file;     /* as leash-dwarf-unit.c shortens it; NULL when unknown */
  guint line;           /* 0 when unknown */
  const char *module;   /* path; NULL when in no module */
  const char *build_id; /* hex, or NULL */
  guintptr offset;    /* of the call in the module's file, as addr2line takes it; an address without module */
  gboolean inlined;   /* into the next one */
  gboolean unloaded;  /* the module is not loaded any more */
  gboolean uncertain; /* another module was seen at the address since */
} LeashFrame;

typedef struct _LeashSymbols LeashSymbols;

LeashSymbols     *leash_symbols_new    (void);
void              leash_symbols_free   (LeashSymbols *symbols);

/*
 * pc is a return address: what is named is the call before it. generation is that of the stack; for an
 * address of now it is leash_modules_refresh()'s. There is always one frame at least. They live as long as
 * symbols.
 */
const LeashFrame *leash_symbols_lookup (LeashSymbols *symbols,
                                        guintptr      pc,
                                        guint16       generation,
                                        guint        *ret_n_frames);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (LeashSymbols, leash_symbols_free)
