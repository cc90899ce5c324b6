/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* LeashSqlDriver: the interface, and which driver speaks to what, by the scheme in front of a name's first
 * colon. */
#include "leash-sql-driver-private.h"

#include <string.h>

G_DEFINE_INTERFACE (LeashSqlDriver, leash_sql_driver, G_TYPE_OBJECT)

static GMutex drivers_lock;
static GHashTable *drivers; /* of scheme to LeashSqlDriver; NULL before the first use; the lock's */

static void
leash_sql_driver_default_init (LeashSqlDriverInterface *iface)
{
}

/* With the lock held. */
static void
add (const char *scheme, LeashSqlDriver *driver)
{
  g_hash_table_insert (drivers, g_strdup (scheme), driver);
}

/* With the lock held. */
static void
add_those_here (void)
{
  if (drivers != NULL)
    return;
  drivers = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_object_unref);
  leash_sql_add_built_in (add);
}

static gboolean
is_scheme (const char *scheme)
{
  return g_ascii_isalpha (scheme[0])
         && strspn (scheme, "abcdefghijklmnopqrstuvwxyz0123456789+-.") == strlen (scheme);
}

static gboolean
is_version_known (const char *scheme, guint version, GError **error)
{
  if (version >= 1 && version <= LEASH_SQL_DRIVER_INTERFACE_VERSION)
    return TRUE;
  leash_sql_error_set (error, LEASH_SQL_ERROR_FAILED, NULL,
                       "Adding a driver for “%s”: it is of version %u of the interface, not from 1 to %u",
                       scheme, version, LEASH_SQL_DRIVER_INTERFACE_VERSION);
  return FALSE;
}

/**
 * leash_sql_add_driver:
 * @scheme: what stands before the colon in the names of its databases, in lower case: "mysql"
 * @driver: (transfer none): the driver
 * @error: return location for an error
 *
 * Adds a driver for the whole process: for databases that are opened from then on. May be called from any
 * thread.
 *
 * Returns: %TRUE, or %FALSE with %LEASH_SQL_ERROR_URI when @scheme is none or has a driver, and with
 *   %LEASH_SQL_ERROR_FAILED when the driver is of a version of the interface that this library does not know
 *
 * Since: 0.1
 */
gboolean
leash_sql_add_driver (const char *scheme, LeashSqlDriver *driver, GError **error)
{
  gboolean is_free;

  g_return_val_if_fail (scheme != NULL, FALSE);
  g_return_val_if_fail (LEASH_IS_SQL_DRIVER (driver), FALSE);

  if (!is_version_known (scheme, LEASH_SQL_DRIVER_GET_IFACE (driver)->version, error))
    return FALSE;
  if (!is_scheme (scheme))
    {
      leash_sql_error_set (error, LEASH_SQL_ERROR_URI, NULL,
                           "Adding a driver for “%s”: a scheme is of small letters, digits, +, - and .",
                           scheme);
      return FALSE;
    }
  g_mutex_lock (&drivers_lock);
  add_those_here ();
  is_free = !g_hash_table_contains (drivers, scheme);
  if (is_free)
    add (scheme, g_object_ref (driver));
  g_mutex_unlock (&drivers_lock);
  if (!is_free)
    leash_sql_error_set (error, LEASH_SQL_ERROR_URI, NULL, "Adding a driver for “%s”: it has one", scheme);
  return is_free;
}

static char *
list_schemes (void)
{
  g_autoptr (GList) schemes = g_list_sort (g_hash_table_get_keys (drivers), (GCompareFunc) strcmp);
  GString *text = g_string_new (NULL);

  for (GList *each = schemes; each != NULL; each = each->next)
    g_string_append_printf (text, "%s%s:", text->len > 0 ? ", " : "", (const char *) each->data);
  return g_string_free (text, FALSE);
}

LeashSqlDriver *
leash_sql_find_driver (const char *uri, GError **error)
{
  const char *colon = strchr (uri, ':');
  g_autofree char *scheme = g_strndup (uri, colon != NULL ? (gsize) (colon - uri) : 0);
  g_autofree char *schemes = NULL;
  LeashSqlDriver *driver;

  g_mutex_lock (&drivers_lock);
  add_those_here ();
  driver = g_hash_table_lookup (drivers, scheme);
  if (driver != NULL)
    g_object_ref (driver);
  else
    schemes = list_schemes ();
  g_mutex_unlock (&drivers_lock);
  if (driver == NULL)
    leash_sql_error_set (error, LEASH_SQL_ERROR_URI, NULL, "it begins with none of %s", schemes);
  return driver;
}
