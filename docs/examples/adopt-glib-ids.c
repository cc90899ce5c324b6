/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * GLib's own ids on the leash: sources and signal handlers. A watcher connects to an object and looks at it
 * from time to time; the leaking version disconnects, and forgets its timer.
 *
 * A source also goes when its function returns G_SOURCE_REMOVE. Nobody calls the pair's release then: a
 * destroy notify does, which GLib calls whichever way the source goes.
 */
#include <leash/leash.h>

LEASH_ADOPT_ACQUIRE ("source", guint, g_timeout_add,
                     (LeashContext * ctx, guint interval, GSourceFunc func, gpointer data),
                     (interval, func, data), NULL)
LEASH_ADOPT_RELEASE_RESULT ("source", gboolean, g_source_remove, (LeashContext * ctx, guint id), (id), id)

LEASH_ADOPT_ACQUIRE ("signal handler", gulong, g_signal_connect_data,
                     (LeashContext * ctx, gpointer object, const char *signal, GCallback func, gpointer data),
                     (object, signal, func, data, NULL, (GConnectFlags) 0), signal)
LEASH_ADOPT_RELEASE ("signal handler", g_signal_handler_disconnect,
                     (LeashContext * ctx, gpointer object, gulong id), (object, id), id)

typedef struct
{
  GObject *object;
  gulong handler;
  guint timer;
  guint n_notified;
} Watcher;

static void
notified (GObject *object, GParamSpec *property, gpointer data)
{
  ((Watcher *) data)->n_notified++;
}

static gboolean
look (gpointer data)
{
  return G_SOURCE_CONTINUE;
}

static void
watch (LeashContext *ctx, Watcher *watcher, GObject *object)
{
  watcher->object = object;
  watcher->handler = leash_g_signal_connect_data (ctx, object, "notify", G_CALLBACK (notified), watcher);
  watcher->timer = leash_g_timeout_add (ctx, 1000, look, watcher);
}

static void
unwatch (LeashContext *ctx, Watcher *watcher, gboolean forgets)
{
  leash_g_signal_handler_disconnect (ctx, watcher->object, watcher->handler);
  if (!forgets) /* the bug */
    leash_g_source_remove (ctx, watcher->timer);
}

static void
test_watcher (gconstpointer forgets)
{
  g_auto (LeashTest) test = leash_test_begin ();
  g_autoptr (GObject) object
      = G_OBJECT (g_simple_action_new_stateful ("volume", NULL, g_variant_new_int32 (1)));
  Watcher watcher = { 0 };

  watch (test.ctx, &watcher, object);
  g_simple_action_set_state (G_SIMPLE_ACTION (object), g_variant_new_int32 (2));
  g_assert_cmpuint (watcher.n_notified, ==, 1);
  unwatch (test.ctx, &watcher, GPOINTER_TO_INT (forgets));
}

/* A source that ends by itself: what it was tracked by goes with its destroy notify. */

static void
untrack (gpointer tag)
{
  leash_untrack ((LeashTag *) tag);
}

static gboolean
once (gpointer tag)
{
  return G_SOURCE_REMOVE;
}

static void
test_source_that_ends (void)
{
  g_auto (LeashTest) test = leash_test_begin ();

  g_idle_add_full (G_PRIORITY_DEFAULT, once, leash_track (test.ctx, "source", "once"), untrack);
  while (g_main_context_iteration (NULL, FALSE))
    continue;
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_data_func ("/adopt-glib-ids/leaking", GINT_TO_POINTER (TRUE), test_watcher);
  g_test_add_data_func ("/adopt-glib-ids/mended", GINT_TO_POINTER (FALSE), test_watcher);
  g_test_add_func ("/adopt-glib-ids/source-that-ends", test_source_that_ends);
  return g_test_run ();
}
