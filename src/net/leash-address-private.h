/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Addresses of the host's network, as text and as the kernel has them. */
#pragma once

#include <gio/gio.h>
#include <sys/socket.h>

typedef enum
{
  LEASH_SCHEME_TCP,
  LEASH_SCHEME_UDP,
  LEASH_SCHEME_UNIX,
  LEASH_SCHEME_UNIX_ABSTRACT,
  LEASH_SCHEME_FD
} LeashScheme;

typedef struct
{
  LeashScheme scheme;
  int family;   /* that a host must have; AF_UNSPEC for either */
  char *host;   /* a name or a number without brackets; NULL where the scheme has none */
  guint16 port;
  char *path;   /* of a socket, or its name in the abstract namespace; NULL where the scheme has none */
  int fd;       /* -1 where the scheme has none */
} LeashAddress;

/* An address in the kernel's form. */
typedef struct
{
  struct sockaddr_storage native;
  socklen_t length;
} LeashNative;

/* Clear it with leash_address_clear(), after a failure too. */
gboolean leash_address_parse     (LeashAddress          *address,
                                  const char            *text,
                                  GError               **error);
void     leash_address_clear     (LeashAddress          *address);

/* Where nothing has to be looked up: paths, and hosts that are numbers. Returns FALSE for others. */
gboolean leash_address_get_native (const LeashAddress   *address,
                                   LeashNative          *ret_native);

/* "tcp:127.0.0.1:80", "unix:/run/x", with the type of socket telling tcp and udp apart; NULL without a name. */
char    *leash_native_to_string  (const LeashNative     *native,
                                  int                    type) G_GNUC_WARN_UNUSED_RESULT;
/* Whether it stands for every address of the machine. */
gboolean leash_native_is_any     (const LeashNative     *native);
/* Whether host and port are the same; FALSE for local sockets. */
gboolean leash_native_equal      (const LeashNative     *native,
                                  const LeashNative     *other);

static inline const struct sockaddr *
leash_native_get (const LeashNative *native)
{
  return (const struct sockaddr *) &native->native;
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (LeashAddress, leash_address_clear)
