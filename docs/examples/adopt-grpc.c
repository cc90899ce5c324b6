/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * gRPC's core on the leash: channel, completion queue and call. A client asks a server that is not there, and
 * returns early; the leaking version forgets the call, which keeps the channel's connection alive.
 *
 * Calls take many arguments: those that a program never changes need not be the pair's.
 */
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/support/time.h>
#include <leash/leash.h>

LEASH_ADOPT ("grpc channel", grpc_channel *, grpc_channel_create,
             (LeashContext * ctx, const char *target, grpc_channel_credentials *credentials),
             (target, credentials, NULL), target, grpc_channel_destroy)
LEASH_ADOPT ("grpc completion queue", grpc_completion_queue *, grpc_completion_queue_create_for_next,
             (LeashContext * ctx), (NULL), NULL, grpc_completion_queue_destroy)
LEASH_ADOPT ("grpc call", grpc_call *, grpc_channel_create_call,
             (LeashContext * ctx, grpc_channel *channel, grpc_completion_queue *queue, const char *method,
              gpr_timespec deadline),
             (channel, NULL, GRPC_PROPAGATE_DEFAULTS, queue, grpc_slice_from_static_string (method), NULL,
              deadline, NULL),
             method, grpc_call_unref)

/* Asks for nothing but a status, and waits for it. */
static grpc_status_code
wait_for_status (grpc_call *call, grpc_completion_queue *queue)
{
  grpc_status_code status = GRPC_STATUS_UNKNOWN;
  grpc_slice details = grpc_empty_slice ();
  grpc_metadata_array trailing;
  grpc_op ops[] = {
    { .op = GRPC_OP_SEND_INITIAL_METADATA },
    { .op = GRPC_OP_RECV_STATUS_ON_CLIENT,
      .data.recv_status_on_client
      = { .trailing_metadata = &trailing, .status = &status, .status_details = &details } },
  };
  grpc_event event;

  grpc_metadata_array_init (&trailing);
  g_assert_cmpint (grpc_call_start_batch (call, ops, G_N_ELEMENTS (ops), call, NULL), ==, GRPC_CALL_OK);
  event = grpc_completion_queue_next (queue, gpr_inf_future (GPR_CLOCK_REALTIME), NULL);
  g_assert_true (event.tag == call);
  grpc_metadata_array_destroy (&trailing);
  grpc_slice_unref (details);
  return status;
}

/* A queue is empty before it is destroyed. */
static void
shut_down (LeashContext *ctx, grpc_completion_queue *queue)
{
  grpc_completion_queue_shutdown (queue);
  while (grpc_completion_queue_next (queue, gpr_inf_future (GPR_CLOCK_REALTIME), NULL).type
         != GRPC_QUEUE_SHUTDOWN)
    continue;
  leash_grpc_completion_queue_destroy (ctx, queue);
}

static gboolean
greet (LeashContext *ctx, grpc_channel *channel, grpc_completion_queue *queue, gboolean forgets)
{
  gpr_timespec deadline
      = gpr_time_add (gpr_now (GPR_CLOCK_REALTIME), gpr_time_from_seconds (30, GPR_TIMESPAN));
  grpc_call *call = leash_grpc_channel_create_call (ctx, channel, queue, "/example.Greeter/Greet", deadline);

  if (wait_for_status (call, queue) != GRPC_STATUS_OK && forgets)
    return FALSE; /* the bug */
  leash_grpc_call_unref (ctx, call);
  return FALSE;
}

static void
greet_at (LeashContext *ctx, const char *target, gboolean forgets)
{
  grpc_channel_credentials *credentials = grpc_insecure_credentials_create ();
  grpc_channel *channel = leash_grpc_channel_create (ctx, target, credentials);
  grpc_completion_queue *queue = leash_grpc_completion_queue_create_for_next (ctx);

  grpc_channel_credentials_release (credentials);
  g_assert_false (greet (ctx, channel, queue, forgets));
  shut_down (ctx, queue);
  leash_grpc_channel_destroy (ctx, channel);
}

static void
test_server_is_down (gconstpointer forgets)
{
  g_auto (LeashTest) test = leash_test_begin ();
  g_autofree char *target = g_strdup_printf ("unix:%s/nobody", test.dir);

  greet_at (test.ctx, target, GPOINTER_TO_INT (forgets));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  grpc_init ();
  /* gRPC's threads come with the first call and stay: before the tests, so that none of them is said to leave
   * them. */
  greet_at (leash_context_background (), "unix:/nowhere", FALSE);
  g_test_add_data_func ("/adopt-grpc/leaking", GINT_TO_POINTER (TRUE), test_server_is_down);
  g_test_add_data_func ("/adopt-grpc/mended", GINT_TO_POINTER (FALSE), test_server_is_down);
  return g_test_run ();
}
