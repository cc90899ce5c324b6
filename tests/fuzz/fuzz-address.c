/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Addresses: what is taken apart and has a form for the kernel is text again, and that text is the same
 * address. */
#include "fuzz.h"

#include <netinet/in.h>

#include "leash-address-private.h"

static void
check_round_trip (const LeashAddress *address)
{
  g_autofree char *text = NULL;
  g_auto (LeashAddress) again = { 0 };
  LeashNative native, other;

  if (!leash_address_get_native (address, &native))
    return;
  fuzz_assert (address->family == AF_UNSPEC || native.native.ss_family == address->family);
  text = leash_native_to_string (&native, address->scheme == LEASH_SCHEME_UDP ? SOCK_DGRAM : SOCK_STREAM);
  fuzz_assert (text != NULL);
  fuzz_assert (leash_address_parse (&again, text, NULL));
  fuzz_assert (leash_address_get_native (&again, &other));
  fuzz_assert (other.length == native.length);
  fuzz_assert (memcmp (&other.native, &native.native, native.length) == 0);
}

int
LLVMFuzzerTestOneInput (const guint8 *bytes, gsize size)
{
  g_autofree char *text = size > 0 ? g_strndup ((const char *) bytes, size) : g_strdup ("");
  g_auto (LeashAddress) address = { 0 };
  g_autoptr (GError) error = NULL;

  if (!leash_address_parse (&address, text, &error))
    fuzz_assert (error != NULL && g_utf8_validate (error->message, -1, NULL));
  else if (address.scheme == LEASH_SCHEME_FD)
    fuzz_assert (address.fd >= 0);
  else
    check_round_trip (&address);
  return 0;
}
