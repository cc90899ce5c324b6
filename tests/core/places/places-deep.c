/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A file with debug information that no compiler writes: one unit, and in it 150,000 blocks within one
 * another. A byte each is all that takes, so that a small file can be deeper than any thread's stack.
 */
#include "places.h"

void *places_deep (PlacesCapture capture);

void *
places_deep (PlacesCapture capture)
{
  PLACES_RETURN (capture ());
}

/* The unit has a first address and a length, and children; a block has nothing but children. */
__asm__(".section .debug_abbrev,\"\",%progbits\n"
        ".byte 1, 0x11, 1, 0x11, 0x01, 0x12, 0x06, 0, 0\n"
        ".byte 2, 0x0b, 1, 0, 0\n"
        ".byte 0\n"
        ".section .debug_info,\"\",%progbits\n"
        ".4byte 2f - 1f\n"
        "1: .2byte 4\n"
        ".4byte 0\n"
        ".byte 8, 1\n"
        ".8byte places_deep\n"
        ".4byte 4096\n"
        ".fill 150000, 1, 2\n"
        ".fill 150001, 1, 0\n"
        "2:\n"
        ".text\n");
