/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * gRPC's core on the leash: servers, channels, completion queues, calls, messages and metadata. A client asks
 * a greeter for greetings, and returns early when that refuses; the leaking version forgets the call, which
 * keeps the channel's connection alive.
 *
 * Functions take many arguments: those that a program never changes need not be the pair's. What the core
 * hands out by a pointer is tracked where it comes, and released by the pair. The server is a thread of the
 * test's.
 */
#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/support/time.h>
#include <leash/leash.h>
#include <unistd.h>

#define METHOD "/example.Greeter/Greet"

LEASH_ADOPT ("grpc server", grpc_server *, grpc_server_create, (LeashContext * ctx), (NULL, NULL), NULL,
             grpc_server_destroy)
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

/* The core's functions take a structure, or a slice that somebody must unref: the pairs are made for these.
 */
static grpc_metadata_array *
metadata_init (grpc_metadata_array *array)
{
  grpc_metadata_array_init (array);
  return array;
}

static grpc_byte_buffer *
message_new (const char *text)
{
  grpc_slice slice = grpc_slice_from_copied_string (text);
  grpc_byte_buffer *message = grpc_raw_byte_buffer_create (&slice, 1);

  grpc_slice_unref (slice);
  return message;
}

LEASH_ADOPT ("grpc metadata", grpc_metadata_array *, metadata_init,
             (LeashContext * ctx, grpc_metadata_array *array), (array), NULL, grpc_metadata_array_destroy)
LEASH_ADOPT ("grpc message", grpc_byte_buffer *, message_new, (LeashContext * ctx, const char *text), (text),
             "sent", grpc_byte_buffer_destroy)

/* The text of a message that has been received, which is released. */
static char *
take_text (LeashContext *ctx, grpc_byte_buffer *message)
{
  grpc_byte_buffer_reader reader;
  grpc_slice slice;
  char *text;

  g_assert_true (grpc_byte_buffer_reader_init (&reader, message));
  slice = grpc_byte_buffer_reader_readall (&reader);
  text = g_strndup ((const char *) GRPC_SLICE_START_PTR (slice), GRPC_SLICE_LENGTH (slice));
  grpc_slice_unref (slice);
  grpc_byte_buffer_reader_destroy (&reader);
  leash_grpc_byte_buffer_destroy (ctx, message);
  return text;
}

/* Nothing here waits for ever. */
static gpr_timespec
soon (void)
{
  return gpr_time_add (gpr_now (GPR_CLOCK_REALTIME), gpr_time_from_seconds (30, GPR_TIMESPAN));
}

static grpc_event
wait_for_event (grpc_completion_queue *queue)
{
  grpc_event event = grpc_completion_queue_next (queue, soon (), NULL);

  g_assert_cmpint (event.type, !=, GRPC_QUEUE_TIMEOUT);
  return event;
}

/* A queue is empty before it is destroyed. */
static void
shut_down (LeashContext *ctx, grpc_completion_queue *queue)
{
  grpc_completion_queue_shutdown (queue);
  while (wait_for_event (queue).type != GRPC_QUEUE_SHUTDOWN)
    continue;
  leash_grpc_completion_queue_destroy (ctx, queue);
}

/* The server: answers one call after the other. */

typedef struct
{
  LeashContext *ctx;
  grpc_server *server;
  grpc_completion_queue *queue;
  grpc_completion_queue *stop_queue; /* of its own: an event here may overtake the last one of the other */
  void *method;
  GThread *thread;
} Greeter;

/* A call that is served. Its address is the tag of the events that are its own. */
typedef struct
{
  grpc_call *call;
  gpr_timespec deadline;
  grpc_metadata_array metadata;
  grpc_byte_buffer *question;
} Served;

static void
answer (Greeter *greeter, Served *served)
{
  g_autofree char *name = take_text (greeter->ctx, served->question);
  g_autofree char *greeting = g_strdup_printf ("Hello, %s", name);
  grpc_byte_buffer *message = leash_message_new (greeter->ctx, greeting);
  grpc_slice nobody = grpc_slice_from_static_string ("there is nobody of no name");
  int cancelled = 0;
  grpc_op ops[] = {
    { .op = GRPC_OP_SEND_INITIAL_METADATA },
    { .op = GRPC_OP_RECV_CLOSE_ON_SERVER, .data.recv_close_on_server.cancelled = &cancelled },
    { .op = GRPC_OP_SEND_STATUS_FROM_SERVER,
      .data.send_status_from_server = { .status = *name ? GRPC_STATUS_OK : GRPC_STATUS_INVALID_ARGUMENT,
                                        .status_details = *name ? NULL : &nobody } },
    { .op = GRPC_OP_SEND_MESSAGE, .data.send_message.send_message = message },
  };

  g_assert_cmpint (grpc_call_start_batch (served->call, ops, *name ? 4 : 3, served, NULL), ==, GRPC_CALL_OK);
  g_assert_true (wait_for_event (greeter->queue).tag == served);
  leash_grpc_byte_buffer_destroy (greeter->ctx, message);
}

/* Returns FALSE when the server is shut down. */
static gboolean
serve_one (Greeter *greeter)
{
  Served served = { 0 };
  gboolean is_there;

  leash_metadata_init (greeter->ctx, &served.metadata);
  g_assert_cmpint (grpc_server_request_registered_call (greeter->server, greeter->method, &served.call,
                                                        &served.deadline, &served.metadata, &served.question,
                                                        greeter->queue, greeter->queue, &served),
                   ==, GRPC_CALL_OK);
  is_there = wait_for_event (greeter->queue).success;
  if (is_there)
    {
      leash_track_pointer (greeter->ctx, "grpc call", served.call, "served");
      leash_track_pointer (greeter->ctx, "grpc message", served.question, "received");
      answer (greeter, &served);
      leash_grpc_call_unref (greeter->ctx, served.call);
    }
  leash_grpc_metadata_array_destroy (greeter->ctx, &served.metadata);
  return is_there;
}

static gpointer
serve (gpointer data)
{
  while (serve_one (data))
    continue;
  return NULL;
}

static void
greeter_start (Greeter *greeter, LeashContext *ctx, const char *address)
{
  grpc_server_credentials *credentials = grpc_insecure_server_credentials_create ();

  greeter->ctx = ctx;
  greeter->server = leash_grpc_server_create (ctx);
  greeter->queue = leash_grpc_completion_queue_create_for_next (ctx);
  greeter->method = grpc_server_register_method (greeter->server, METHOD, NULL,
                                                 GRPC_SRM_PAYLOAD_READ_INITIAL_BYTE_BUFFER, 0);
  grpc_server_register_completion_queue (greeter->server, greeter->queue, NULL);
  greeter->stop_queue = leash_grpc_completion_queue_create_for_next (ctx);
  grpc_server_register_completion_queue (greeter->server, greeter->stop_queue, NULL);
  g_assert_cmpint (grpc_server_add_http2_port (greeter->server, address, credentials), >, 0);
  grpc_server_credentials_release (credentials);
  grpc_server_start (greeter->server);
  greeter->thread = g_thread_new ("greeter", serve, greeter);
}

/* What the thread waits for, or will wait for, fails, which ends it. */
static void
greeter_stop (Greeter *greeter)
{
  grpc_server_shutdown_and_notify (greeter->server, greeter->stop_queue, greeter);
  g_thread_join (greeter->thread);
  g_assert_true (wait_for_event (greeter->stop_queue).tag == greeter);
  leash_grpc_server_destroy (greeter->ctx, greeter->server);
  shut_down (greeter->ctx, greeter->stop_queue);
  shut_down (greeter->ctx, greeter->queue);
}

/* The client. */

typedef struct
{
  grpc_status_code status;
  grpc_byte_buffer *message; /* NULL where the status is not GRPC_STATUS_OK */
} Reply;

static void
start (grpc_call *call, grpc_byte_buffer *question, grpc_metadata_array *metadata, grpc_slice *details,
       Reply *reply)
{
  grpc_op ops[] = {
    { .op = GRPC_OP_SEND_INITIAL_METADATA },
    { .op = GRPC_OP_SEND_MESSAGE, .data.send_message.send_message = question },
    { .op = GRPC_OP_SEND_CLOSE_FROM_CLIENT },
    { .op = GRPC_OP_RECV_INITIAL_METADATA, .data.recv_initial_metadata.recv_initial_metadata = &metadata[0] },
    { .op = GRPC_OP_RECV_MESSAGE, .data.recv_message.recv_message = &reply->message },
    { .op = GRPC_OP_RECV_STATUS_ON_CLIENT,
      .data.recv_status_on_client
      = { .trailing_metadata = &metadata[1], .status = &reply->status, .status_details = details } },
  };

  g_assert_cmpint (grpc_call_start_batch (call, ops, G_N_ELEMENTS (ops), call, NULL), ==, GRPC_CALL_OK);
}

/* Sends a question, and waits for all that there is to a reply. */
static void
ask (LeashContext *ctx, grpc_call *call, grpc_completion_queue *queue, const char *name, Reply *ret_reply)
{
  grpc_byte_buffer *question = leash_message_new (ctx, name);
  grpc_metadata_array metadata[2];
  grpc_slice details;

  leash_metadata_init (ctx, &metadata[0]);
  leash_metadata_init (ctx, &metadata[1]);
  start (call, question, metadata, &details, ret_reply);
  g_assert_true (wait_for_event (queue).tag == call);
  if (ret_reply->message != NULL)
    leash_track_pointer (ctx, "grpc message", ret_reply->message, "received");
  grpc_slice_unref (details);
  leash_grpc_metadata_array_destroy (ctx, &metadata[0]);
  leash_grpc_metadata_array_destroy (ctx, &metadata[1]);
  leash_grpc_byte_buffer_destroy (ctx, question);
}

/* Returns the greeting, or NULL where there is none for that name. */
static char *
greet (LeashContext *ctx, grpc_channel *channel, grpc_completion_queue *queue, const char *name,
       gboolean forgets)
{
  grpc_call *call = leash_grpc_channel_create_call (ctx, channel, queue, METHOD, soon ());
  Reply reply;

  ask (ctx, call, queue, name, &reply);
  if (reply.status != GRPC_STATUS_OK && forgets)
    return NULL; /* the bug */
  leash_grpc_call_unref (ctx, call);
  return reply.status == GRPC_STATUS_OK ? take_text (ctx, reply.message) : NULL;
}

static void
greet_all (LeashContext *ctx, const char *target, gboolean forgets)
{
  grpc_channel_credentials *credentials = grpc_insecure_credentials_create ();
  grpc_channel *channel = leash_grpc_channel_create (ctx, target, credentials);
  grpc_completion_queue *queue = leash_grpc_completion_queue_create_for_next (ctx);
  g_autofree char *greeting = NULL;

  grpc_channel_credentials_release (credentials);
  greeting = greet (ctx, channel, queue, "Ada", forgets);
  g_assert_cmpstr (greeting, ==, "Hello, Ada");
  g_assert_null (greet (ctx, channel, queue, "", forgets));
  shut_down (ctx, queue);
  leash_grpc_channel_destroy (ctx, channel);
}

static void
run (LeashContext *ctx, gboolean forgets)
{
  g_autofree char *address = g_strdup_printf ("unix-abstract:greeter-%d", getpid ());
  Greeter greeter = { 0 };

  grpc_init ();
  greeter_start (&greeter, ctx, address);
  greet_all (ctx, address, forgets);
  greeter_stop (&greeter);
  grpc_shutdown ();
  /* Its threads close connections behind all that, and end. A forgotten call keeps them. */
  for (guint i = 0; i < 30000 && !forgets && grpc_is_initialized (); i++)
    g_usleep (1000);
}

static void
test_greeter_refuses (gconstpointer forgets)
{
  g_auto (LeashTest) test = leash_test_begin ();

  run (test.ctx, GPOINTER_TO_INT (forgets));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  /* What gRPC opens once and keeps, before the tests, so that none of them is said to leave it behind. */
  run (leash_context_background (), FALSE);
  g_test_add_data_func ("/adopt-grpc/leaking", GINT_TO_POINTER (TRUE), test_greeter_refuses);
  g_test_add_data_func ("/adopt-grpc/mended", GINT_TO_POINTER (FALSE), test_greeter_refuses);
  return g_test_run ();
}
