/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How connections with TLS begin: the session, and the handshake, which blocks within GIO under the context
 * of who dials, or of the first that reads or writes what was accepted.
 */
#include "leash-tls-conn-private.h"

static GTlsConnection *
make_client (GIOStream *base, LeashTlsConfig *config, const char *server_name, GError **error)
{
  g_autoptr (GSocketConnectable) identity = g_network_address_new (server_name, 0);
  GTlsConnection *tls = (GTlsConnection *) g_tls_client_connection_new (base, identity, error);

  if (tls != NULL && config->certificate != NULL)
    g_tls_connection_set_certificate (tls, config->certificate);
  return tls;
}

static GTlsConnection *
make_server (GIOStream *base, LeashTlsConfig *config, GError **error)
{
  GTlsConnection *tls = (GTlsConnection *) g_tls_server_connection_new (base, config->certificate, error);

  if (tls != NULL && config->requires_client_certificate)
    g_object_set (tls, "authentication-mode", G_TLS_AUTHENTICATION_REQUIRED, NULL);
  return tls;
}

static gboolean
judge_certificate (GTlsConnection *tls, GTlsCertificate *certificate, GTlsCertificateFlags flaws,
                   gpointer user_data)
{
  LeashTlsConn *self = user_data;

  /* A server is asked about every certificate, the good ones too. */
  g_set_object (&self->refused, certificate);
  self->flaws = flaws;
  return flaws == 0;
}

GTlsConnection *
leash_tls_session_new (LeashTlsConn *self, LeashTlsConfig *config, GError **error)
{
  GTlsConnection *tls = self->server_name != NULL ? make_client (self->base, config, self->server_name, error)
                                                  : make_server (self->base, config, error);

  if (tls == NULL)
    return NULL;
  if (config->database != NULL)
    g_tls_connection_set_database (tls, config->database);
  if (config->protocols != NULL)
    g_tls_connection_set_advertised_protocols (tls, (const char *const *) config->protocols);
  g_signal_connect (tls, "accept-certificate", G_CALLBACK (judge_certificate), self);
  return tls;
}

/* Replaces GIO's words by plainer ones, where there are. */
static void
word_failure (LeashTlsConn *self, GError **reason)
{
  g_autofree char *flaws = NULL;

  if (self->flaws != 0)
    {
      flaws = leash_tls_describe_flaws (self->refused, self->flaws, self->server_name);
      g_clear_error (reason);
      g_set_error (reason, G_TLS_ERROR, G_TLS_ERROR_BAD_CERTIFICATE,
                   "the peer's certificate is not accepted: %s", flaws);
    }
  else if (leash_tls_base_is_over (self->base))
    {
      g_clear_error (reason);
      g_set_error_literal (reason, G_TLS_ERROR, G_TLS_ERROR_EOF,
                           "the peer closed the connection during the handshake");
    }
}

/* A client that says nothing takes none of GIO's threads from others. A context that ends meanwhile ends what
 * comes next, which says so. */
static void
wait_for_client (LeashTlsConn *self, LeashContext *ctx)
{
  if (self->server_name == NULL && leash_tls_can_wait (self))
    self->inner->ops->wait (self->inner->handle.impl, ctx, G_IO_IN, NULL);
}

static gboolean
shake_hands_now (LeashTlsConn *self, LeashContext *ctx, GError **error)
{
  GError *reason = NULL;
  gboolean done;

  wait_for_client (self, ctx);
  leash_tls_lend_both (self, ctx);
  done = g_tls_connection_handshake (self->tls, NULL, &reason);
  leash_tls_lend_both (self, leash_context_background ());
  if (!done)
    {
      if (leash_context_is_done (ctx))
        {
          g_clear_error (&reason);
          leash_context_check (ctx, &reason);
          g_prefix_error (&reason, "the TLS handshake was given up: ");
        }
      else
        word_failure (self, &reason);
      self->failure = g_error_copy (reason);
      /* The peer may not have been told by GIO. */
      if (self->inner->ops->shutdown != NULL)
        self->inner->ops->shutdown (self->inner->handle.impl, TRUE, TRUE, NULL);
      g_propagate_error (error, reason);
    }
  g_atomic_int_set (&self->state, done ? LEASH_TLS_OPEN : LEASH_TLS_FAILED);
  return done;
}

/* The one that comes second waits for the first. */
gboolean
leash_tls_shake_hands (LeashTlsConn *self, LeashContext *ctx, GError **error)
{
  gboolean done;

  if (!leash_tls_take_turn (self, LEASH_WAY_OUT))
    return leash_tls_wait_for_turn (self, LEASH_WAY_OUT, ctx, error);
  if (!leash_tls_take_turn (self, LEASH_WAY_IN))
    {
      leash_tls_give_turn (self, LEASH_WAY_OUT);
      return leash_tls_wait_for_turn (self, LEASH_WAY_IN, ctx, error);
    }
  if (g_atomic_int_get (&self->state) == LEASH_TLS_NEW)
    done = shake_hands_now (self, ctx, error);
  else
    done = TRUE; /* meanwhile: the operation will see */
  leash_tls_give_turn (self, LEASH_WAY_IN);
  leash_tls_give_turn (self, LEASH_WAY_OUT);
  return done;
}

gboolean
leash_tls_is_open (LeashTlsConn *self, LeashContext *ctx, gssize *ret_n, GError **error)
{
  gint state = g_atomic_int_get (&self->state);

  *ret_n = -1;
  if (state == LEASH_TLS_NEW && leash_tls_can_wait (self))
    *ret_n = LEASH_CONN_WOULD_BLOCK;
  else if (state == LEASH_TLS_NEW)
    return leash_tls_shake_hands (self, ctx, error) && leash_tls_is_open (self, ctx, ret_n, error);
  else if (state == LEASH_TLS_FAILED)
    g_propagate_error (error, g_error_copy (self->failure));
  return state == LEASH_TLS_OPEN;
}
