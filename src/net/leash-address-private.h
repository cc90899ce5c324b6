/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Addresses of the host's network, as text and as the kernel has them. */
#pragma once

#include <gio/gio.h>
#include <sys/socket.h>

typedef struct
{
  char *host;   /* a name or a number without brackets; NULL for a path */
  guint16 port;
  char *path;   /* of a socket; NULL for a host */
} LeashAddress;

/* Clear it with leash_address_clear(), after a failure too. */
gboolean leash_address_parse     (LeashAddress          *address,
                                  const char            *text,
                                  GError               **error);
void     leash_address_clear     (LeashAddress          *address);

/* "tcp:127.0.0.1:80", "unix:/run/x"; NULL for a socket without a name. */
char    *leash_address_to_string (const struct sockaddr *native,
                                  socklen_t              length) G_GNUC_WARN_UNUSED_RESULT;

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (LeashAddress, leash_address_clear)
