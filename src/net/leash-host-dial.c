/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Dialling on the host's network. A number or a path is one address, and waited for alone. A host's name may
 * be several: they race (RFC 8305, "Happy Eyeballs"). Each is tried 250 ms after the one before, or at once
 * when that has failed; the first that connects wins, and the others are closed. The thread that dials does
 * all of that, by polling the sockets; GSocketClient needs a main context for it, and makes one each time.
 */
#include <errno.h>
#include <poll.h>

#include "leash-host-private.h"
#include "leash-socket-private.h"
#include "leash-wait-private.h"

#define STAGGER (250 * G_TIME_SPAN_MILLISECOND)

static int
get_type (const LeashAddress *to)
{
  return to->scheme == LEASH_SCHEME_UDP ? SOCK_DGRAM : SOCK_STREAM;
}

/*
 * Makes the connection of what has connected; takes the descriptor over, and closes it on failure: when the
 * socket is connected to itself, which is what TCP makes of connecting to a port of loopback that nobody
 * listens on, if the kernel happens to pick that very port for this end.
 */
static LeashConn *
conn_new (int fd, int type, const LeashNative *to, GError **error)
{
  g_autofree char *local_address = NULL;
  g_autofree char *remote_address = NULL;
  LeashNative local, remote = *to;

  leash_socket_get_local (fd, &local);
  /* Every address of the machine cannot be the peer's. */
  if (G_UNLIKELY (leash_native_is_any (to)))
    leash_socket_get_remote (fd, &remote);
  if (G_UNLIKELY (leash_native_equal (&local, &remote)))
    {
      leash_socket_close (fd, NULL);
      leash_attempt_set_errno (error, ECONNREFUSED);
      return NULL;
    }
  local_address = leash_native_to_string (&local, type);
  remote_address = leash_native_to_string (&remote, type);
  return leash_socket_conn_new (fd, to->native.ss_family, type, TRUE, local_address, remote_address);
}

static LeashConn *
dial_one (LeashContext *ctx, int type, const LeashNative *to, const char *address, GError **error)
{
  int fd = leash_socket_new (to->native.ss_family, type, error);

  if (fd < 0)
    return NULL;
  if (!leash_socket_connect (fd, ctx, to, error))
    {
      leash_socket_close (fd, NULL);
      return NULL;
    }
  /* A local socket that dials has no address, and meets nobody but who listens. */
  return to->native.ss_family == AF_UNIX ? leash_socket_conn_new (fd, AF_UNIX, type, FALSE, NULL, address)
                                         : conn_new (fd, type, to, error);
}

/* One address of a name. */
typedef struct
{
  const LeashNative *to;
  int fd;        /* -1 before it begins, and once it has failed or won */
  GError *error; /* why it failed */
} Attempt;

typedef struct
{
  LeashContext *ctx;
  int type;
  Attempt *attempts;
  guint n_attempts;
  guint n_begun;
  guint n_open;      /* that are under way */
  gint64 next_start; /* of an attempt, in monotonic time */
  LeashConn *winner;
} Race;

static void
race_clear (Race *race)
{
  for (guint i = 0; i < race->n_attempts; i++)
    {
      if (race->attempts[i].fd >= 0)
        leash_socket_close (race->attempts[i].fd, NULL);
      g_clear_error (&race->attempts[i].error);
    }
  g_free (race->attempts);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Race, race_clear)

static void
race_init (Race *race, LeashContext *ctx, int type, const GArray *natives)
{
  *race = (Race){ .ctx = ctx, .type = type, .n_attempts = natives->len };
  race->attempts = g_new0 (Attempt, natives->len);
  for (guint i = 0; i < natives->len; i++)
    race->attempts[i] = (Attempt){ .to = &g_array_index (natives, LeashNative, i), .fd = -1 };
}

/* An attempt's connect() has said 0, EINPROGRESS or why it failed. The one after a failure need not wait. */
static void
race_note (Race *race, Attempt *attempt, int code)
{
  if (code == EINPROGRESS)
    return;
  race->n_open--;
  if (code == 0)
    race->winner = conn_new (attempt->fd, race->type, attempt->to, &attempt->error);
  else
    {
      leash_attempt_set_errno (&attempt->error, code);
      leash_socket_close (attempt->fd, NULL);
    }
  attempt->fd = -1;
  if (race->winner == NULL)
    race->next_start = 0;
}

static void
race_begin_next (Race *race)
{
  Attempt *attempt = &race->attempts[race->n_begun++];

  attempt->fd = leash_socket_new (attempt->to->native.ss_family, race->type, &attempt->error);
  if (attempt->fd < 0)
    return;
  race->n_open++;
  race->next_start = g_get_monotonic_time () + STAGGER;
  race_note (race, attempt, leash_socket_try_connect (attempt->fd, attempt->to));
}

/* Waits until something has happened to the attempts, or it is time for the next one. */
static gboolean
race_wait (Race *race, GError **error)
{
  g_autofree struct pollfd *fds = g_new0 (struct pollfd, race->n_begun + 1);
  gint64 limit = -1;

  if (race->n_begun < race->n_attempts)
    limit = MAX (race->next_start - g_get_monotonic_time (), 0);
  /* The kernel leaves out descriptors of -1. */
  for (guint i = 0; i < race->n_begun; i++)
    fds[i + 1] = (struct pollfd){ .fd = race->attempts[i].fd, .events = POLLOUT };
  if (leash_wait_for_fds (race->ctx, fds, race->n_begun + 1, limit, error) < 0)
    return FALSE;
  for (guint i = 0; i < race->n_begun && race->winner == NULL; i++)
    {
      Attempt *attempt = &race->attempts[i];
      short found = fds[i + 1].revents;

      if (found != 0)
        race_note (race, attempt, found == POLLOUT ? 0 : leash_socket_try_connect (attempt->fd, attempt->to));
    }
  return TRUE;
}

/* Returns with a winner, with the context's error, or without either when all have failed. */
static void
race_run (Race *race, GError **error)
{
  while (race->winner == NULL && (race->n_begun < race->n_attempts || race->n_open > 0))
    if (race->n_begun < race->n_attempts
        && (race->n_open == 0 || g_get_monotonic_time () >= race->next_start))
      race_begin_next (race);
    else if (!race_wait (race, error))
      return;
}

/* Tells how each address fared, and then what ended the race, if it was not that all had failed. */
static void
race_explain (const Race *race, GError **error)
{
  g_autoptr (GString) text = g_string_new (NULL);
  int code = G_IO_ERROR_FAILED;

  if (error == NULL)
    return;
  for (guint i = 0; i < race->n_begun; i++)
    {
      const Attempt *attempt = &race->attempts[i];
      g_autofree char *address = leash_native_to_string (attempt->to, race->type);

      g_string_append_printf (text, "%s%s: %s", i > 0 ? "; " : "", address,
                              attempt->error != NULL ? attempt->error->message : "no answer yet");
      if (attempt->error != NULL)
        code = attempt->error->code;
    }
  if (*error == NULL)
    g_set_error_literal (error, G_IO_ERROR, code, text->str);
  else
    g_prefix_error (error, "%s; ", text->str);
}

static LeashConn *
dial_name (LeashContext *ctx, const LeashAddress *to, GError **error)
{
  g_autoptr (GArray) natives = leash_host_look_up (ctx, to, error);
  g_auto (Race) race = { 0 };

  if (natives == NULL)
    return NULL;
  race_init (&race, ctx, get_type (to), natives);
  race_run (&race, error);
  if (race.winner == NULL)
    race_explain (&race, error);
  return race.winner;
}

LeashConn *
leash_host_dial (LeashContext *ctx, const LeashAddress *to, const char *address, GError **error)
{
  LeashNative native;

  if (to->host != NULL && to->port == 0)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                           "port 0 cannot be dialled: expected 1 to 65535");
      return NULL;
    }
  if (leash_address_get_native (to, &native))
    return dial_one (ctx, get_type (to), &native, address, error);
  return dial_name (ctx, to, error);
}
