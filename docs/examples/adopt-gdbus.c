/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * D-Bus on the leash: the connection, its subscriptions, and names that are owned or watched. A service owns
 * a name, watches another and subscribes to a signal, and ends; the leaking version forgets the subscription.
 * Ids of GIO's are used once in a process, so they need no connection beside them to be told apart.
 *
 * The bus is a daemon of the test's own.
 */
#include <leash/leash.h>

LEASH_ADOPT_ACQUIRE ("signal subscription", guint, g_dbus_connection_signal_subscribe,
                     (LeashContext * ctx, GDBusConnection *bus, const char *member, GDBusSignalCallback func,
                      gpointer data),
                     (bus, NULL, NULL, member, NULL, NULL, G_DBUS_SIGNAL_FLAGS_NONE, func, data, NULL),
                     member)
LEASH_ADOPT_RELEASE ("signal subscription", g_dbus_connection_signal_unsubscribe,
                     (LeashContext * ctx, GDBusConnection *bus, guint id), (bus, id), id)

LEASH_ADOPT_ACQUIRE ("bus name", guint, g_bus_own_name_on_connection,
                     (LeashContext * ctx, GDBusConnection *bus, const char *name),
                     (bus, name, G_BUS_NAME_OWNER_FLAGS_NONE, NULL, NULL, NULL, NULL), name)
LEASH_ADOPT_RELEASE ("bus name", g_bus_unown_name, (LeashContext * ctx, guint id), (id), id)

LEASH_ADOPT_ACQUIRE ("bus name watch", guint, g_bus_watch_name_on_connection,
                     (LeashContext * ctx, GDBusConnection *bus, const char *name),
                     (bus, name, G_BUS_NAME_WATCHER_FLAGS_NONE, NULL, NULL, NULL, NULL), name)
LEASH_ADOPT_RELEASE ("bus name watch", g_bus_unwatch_name, (LeashContext * ctx, guint id), (id), id)

typedef struct
{
  GDBusConnection *bus;
  guint subscription;
  guint name;
  guint watch;
} Service;

static void
heard (GDBusConnection *bus, const char *sender, const char *path, const char *interface, const char *member,
       GVariant *arguments, gpointer data)
{
}

static void
service_start (LeashContext *ctx, Service *service, const char *address)
{
  g_autoptr (GError) error = NULL;

  service->bus = g_dbus_connection_new_for_address_sync (
      address, G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT | G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
      NULL, leash_context_get_cancellable (ctx), &error);
  g_assert_no_error (error);
  /* A GObject is watched until it is finalized: it needs no pair. */
  leash_watch_object (ctx, G_OBJECT (service->bus), NULL);
  service->subscription
      = leash_g_dbus_connection_signal_subscribe (ctx, service->bus, "NameOwnerChanged", heard, service);
  service->name = leash_g_bus_own_name_on_connection (ctx, service->bus, "org.example.Service");
  service->watch = leash_g_bus_watch_name_on_connection (ctx, service->bus, "org.example.Other");
}

static void
service_stop (LeashContext *ctx, Service *service, gboolean forgets)
{
  g_autoptr (GError) error = NULL;

  leash_g_bus_unwatch_name (ctx, service->watch);
  leash_g_bus_unown_name (ctx, service->name);
  if (!forgets) /* the bug */
    leash_g_dbus_connection_signal_unsubscribe (ctx, service->bus, service->subscription);
  g_dbus_connection_close_sync (service->bus, NULL, &error);
  g_assert_no_error (error);
  g_clear_object (&service->bus);
}

/* What GIO does behind a call's back, in the main context. */
static void
settle (void)
{
  for (guint i = 0; i < 50; i++)
    {
      while (g_main_context_iteration (NULL, FALSE))
        continue;
      g_usleep (1000);
    }
}

static void
test_service (gconstpointer forgets)
{
  g_autoptr (GTestDBus) daemon = g_test_dbus_new (G_TEST_DBUS_NONE);

  g_test_dbus_up (daemon);
  {
    g_auto (LeashTest) test = leash_test_begin ();
    Service service = { 0 };

    service_start (test.ctx, &service, g_test_dbus_get_bus_address (daemon));
    settle ();
    service_stop (test.ctx, &service, GPOINTER_TO_INT (forgets));
    settle ();
  }
  g_test_dbus_stop (daemon);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_data_func ("/adopt-gdbus/leaking", GINT_TO_POINTER (TRUE), test_service);
  g_test_add_data_func ("/adopt-gdbus/mended", GINT_TO_POINTER (FALSE), test_service);
  return g_test_run ();
}
