/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A program that calls a function of the library's own: it must not link. */
unsigned leash_depot_count (void);

int
main (void)
{
  return (int) leash_depot_count ();
}
