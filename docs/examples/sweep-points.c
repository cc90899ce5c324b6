/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Story (d): a library talks to a device, by calls that are neither on files nor on connections. With a fault
 * point before each of them, whoever uses the library can sweep: here a meter is opened, set to zero and
 * read. The leaking version forgets to close it when it cannot be set to zero.
 */
#include <leash/leash.h>

/* The library: meter.h and meter.c. */

typedef struct
{
  LeashTag *tag;
  int value;
} Meter;

static Meter *
meter_open (LeashContext *ctx, const char *name, GError **error)
{
  Meter *meter;

  if (!leash_fault_point (ctx, "open", name, error))
    return NULL;
  meter = g_new0 (Meter, 1);
  meter->tag = leash_track (ctx, "meter", name);
  meter->value = 41;
  return meter;
}

static gboolean
meter_reset (Meter *meter, LeashContext *ctx, GError **error)
{
  if (!leash_fault_point (ctx, "reset", NULL, error))
    return FALSE;
  meter->value = 0;
  return TRUE;
}

static gboolean
meter_read (Meter *meter, LeashContext *ctx, int *ret_value, GError **error)
{
  if (!leash_fault_point (ctx, "read", NULL, error))
    return FALSE;
  *ret_value = ++meter->value;
  return TRUE;
}

static void
meter_close (Meter *meter)
{
  leash_untrack (meter->tag);
  g_free (meter);
}

/* The program that uses it. */

static gboolean
measure_leaking (LeashContext *ctx, int *ret_value, GError **error)
{
  Meter *meter = meter_open (ctx, "kitchen", error);
  gboolean is_read;

  if (meter == NULL)
    return FALSE;
  if (!meter_reset (meter, ctx, error))
    return FALSE; /* the bug */
  is_read = meter_read (meter, ctx, ret_value, error);
  meter_close (meter);
  return is_read;
}

static gboolean
measure_mended (LeashContext *ctx, int *ret_value, GError **error)
{
  Meter *meter = meter_open (ctx, "kitchen", error);
  gboolean is_read;

  if (meter == NULL)
    return FALSE;
  is_read = meter_reset (meter, ctx, error) && meter_read (meter, ctx, ret_value, error);
  meter_close (meter);
  return is_read;
}

typedef gboolean (*MeasureFunc) (LeashContext *ctx, int *ret_value, GError **error);

static void
measure (LeashContext *ctx, gpointer user_data)
{
  const MeasureFunc *func = user_data;
  g_autoptr (GError) error = NULL;
  int value = 0;

  if ((*func) (ctx, &value, &error))
    g_assert_cmpint (value, ==, 1);
  else
    g_assert_nonnull (error);
}

static void
test_every_failure (gconstpointer func)
{
  leash_test_sweep (measure, (gpointer) func);
}

int
main (int argc, char **argv)
{
  static const MeasureFunc leaking = measure_leaking;
  static const MeasureFunc mended = measure_mended;

  g_test_init (&argc, &argv, NULL);
  g_test_add_data_func ("/sweep-points/leaking", &leaking, test_every_failure);
  g_test_add_data_func ("/sweep-points/mended", &mended, test_every_failure);
  return g_test_run ();
}
