/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A program outside the project that gets a URI: consumer-http URI prints what is there, or the error. */
#include <leash/leash-http-client.h>

#include <stdio.h>

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LeashHttpClient) client = leash_http_client_new (0);
  g_autoptr (GBytes) bytes = NULL;

  bytes = leash_http_client_get_bytes (client, leash_context_background (), argc > 1 ? argv[1] : "", 1 << 20,
                                       &error);
  if (bytes == NULL)
    printf ("%s\n", error->message);
  else
    fwrite (g_bytes_get_data (bytes, NULL), 1, g_bytes_get_size (bytes), stdout);
  return 0;
}
