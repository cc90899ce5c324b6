/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The gate before a session: so many requests at a time, and a line of those that wait for their context's
 * sake.
 *
 * A session has a limit of connections, and who meets it waits in libsoup, where neither a deadline nor a
 * cancellation is heard: one leaked response would stop a program for good. So nobody gets as far. The gate
 * lets in as many requests as the session may have connections. A request has one connection at a time, and
 * has given it back when its place is; idle connections make room for new ones.
 *
 * Places are handed over and not freed, so nobody overtakes. A waiter waits by two sources of a main context:
 * its turn, and the end of its context. Who waits synchronously brings a main context of its own, so that
 * there is one way to wait.
 */
#include "leash-http-private.h"

#include <pthread.h>

struct _HttpGate
{
  gint ref_count; /* atomic */
  pthread_mutex_t lock;
  guint max;      /* never changes */
  guint n_in;     /* under the lock */
  GQueue waiters; /* likewise */
};

typedef struct
{
  HttpGate *gate;
  gboolean is_in; /* under the gate's lock */
  GSource *turn;
  GSource *end;
  HttpGateFunc func;
  gpointer user_data;
} Waiter;

HttpGate *
http_gate_new (guint max)
{
  HttpGate *gate = g_new0 (HttpGate, 1);

  gate->ref_count = 1;
  pthread_mutex_init (&gate->lock, NULL);
  gate->max = max;
  g_queue_init (&gate->waiters);
  return gate;
}

HttpGate *
http_gate_ref (HttpGate *gate)
{
  __atomic_fetch_add (&gate->ref_count, 1, __ATOMIC_RELAXED);
  return gate;
}

void
http_gate_unref (HttpGate *gate)
{
  if (__atomic_sub_fetch (&gate->ref_count, 1, __ATOMIC_ACQ_REL) != 0)
    return;
  pthread_mutex_destroy (&gate->lock);
  g_free (gate);
}

void
http_gate_leave (HttpGate *gate)
{
  Waiter *next;

  pthread_mutex_lock (&gate->lock);
  next = g_queue_pop_head (&gate->waiters);
  if (next == NULL)
    gate->n_in--;
  else
    {
      next->is_in = TRUE;
      g_source_set_ready_time (next->turn, 0);
    }
  pthread_mutex_unlock (&gate->lock);
}

guint
http_gate_get_max (HttpGate *gate)
{
  return gate->max;
}

static void
drop_source (GSource *source)
{
  g_source_destroy (source);
  g_source_unref (source);
}

/* It is the waiter's turn, or its context is done. If both, it is in. */
static gboolean
stop_waiting (gpointer user_data)
{
  Waiter *waiter = user_data;
  gboolean is_in;

  pthread_mutex_lock (&waiter->gate->lock);
  is_in = waiter->is_in;
  if (!is_in)
    g_queue_remove (&waiter->gate->waiters, waiter);
  pthread_mutex_unlock (&waiter->gate->lock);
  drop_source (waiter->turn);
  drop_source (waiter->end);
  waiter->func (is_in, waiter->user_data);
  http_gate_unref (waiter->gate);
  g_free (waiter);
  return G_SOURCE_REMOVE;
}

static gboolean
give_up (LeashContext *ctx, gpointer user_data)
{
  return stop_waiting (user_data);
}

static gboolean
dispatch (GSource *source, GSourceFunc callback, gpointer user_data)
{
  return callback (user_data);
}

/* Ready when its time is set, and not before. */
static GSourceFuncs turn_funcs = { .dispatch = dispatch };

/* Returns the waiter that is in line now, NULL when there was room. */
static Waiter *
enter_or_line_up (HttpGate *gate, HttpGateFunc func, gpointer user_data)
{
  Waiter *waiter = NULL;

  pthread_mutex_lock (&gate->lock);
  if (gate->n_in < gate->max)
    gate->n_in++;
  else
    {
      waiter = g_new0 (Waiter, 1);
      waiter->gate = http_gate_ref (gate);
      waiter->turn = g_source_new (&turn_funcs, sizeof (GSource));
      waiter->func = func;
      waiter->user_data = user_data;
      g_queue_push_tail (&gate->waiters, waiter);
    }
  pthread_mutex_unlock (&gate->lock);
  return waiter;
}

static void
wait_in (GMainContext *context, Waiter *waiter, LeashContext *ctx)
{
  waiter->end = leash_context_source_new (ctx);
  g_source_set_callback (waiter->turn, stop_waiting, waiter, NULL);
  g_source_set_callback (waiter->end, G_SOURCE_FUNC (give_up), waiter, NULL);
  g_source_attach (waiter->turn, context);
  g_source_attach (waiter->end, context);
}

void
http_gate_enter_async (HttpGate *gate, LeashContext *ctx, HttpGateFunc func, gpointer user_data)
{
  Waiter *waiter = enter_or_line_up (gate, func, user_data);

  if (waiter == NULL)
    func (TRUE, user_data);
  else
    wait_in (g_main_context_get_thread_default (), waiter, ctx);
}

typedef struct
{
  gboolean has_come;
  gboolean is_in;
} Answer;

static void
note_answer (gboolean is_in, gpointer user_data)
{
  *(Answer *) user_data = (Answer){ TRUE, is_in };
}

gboolean
http_gate_enter (HttpGate *gate, LeashContext *ctx)
{
  Answer answer = { FALSE, FALSE };
  Waiter *waiter = enter_or_line_up (gate, note_answer, &answer);
  g_autoptr (GMainContext) context = NULL;

  if (waiter == NULL)
    return TRUE;
  context = g_main_context_new ();
  wait_in (context, waiter, ctx);
  while (!answer.has_come)
    g_main_context_iteration (context, TRUE);
  return answer.is_in;
}
