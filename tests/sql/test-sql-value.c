/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What values and errors of databases are. */
#include <leash/leash-sql-driver.h>

static void
test_makes_each_type (void)
{
  static const char bytes[] = { 1, 0, 2 };
  LeashSqlValue text = leash_sql_text ("naïve"), blob = leash_sql_bytes (bytes, 3);

  g_assert_cmpint (leash_sql_null ().type, ==, LEASH_SQL_NULL);
  g_assert_cmpint (leash_sql_int64 (G_MININT64).as.int64, ==, G_MININT64);
  g_assert_cmpfloat (leash_sql_double (0.5).as.number, ==, 0.5);
  g_assert_cmpint (text.type, ==, LEASH_SQL_TEXT);
  g_assert_cmpuint (text.length, ==, 6);
  g_assert_cmpint (leash_sql_text (NULL).type, ==, LEASH_SQL_NULL);
  g_assert_cmpmem (blob.as.bytes, blob.length, bytes, 3);
  g_assert_cmpint (leash_sql_bytes (NULL, 0).type, ==, LEASH_SQL_BYTES);
}

static void
count (const LeashSqlValue *values, gsize n_values, gsize expected)
{
  g_assert_cmpuint (n_values, ==, expected);
  g_assert_cmpint (values[n_values - 1].as.int64, ==, 7);
}

static void
test_makes_arguments (void)
{
  count (LEASH_SQL_ARGS (leash_sql_int64 (7)), 1);
  count (LEASH_SQL_ARGS (leash_sql_text ("a"), leash_sql_null (), leash_sql_int64 (7)), 3);
}

static void
test_error_keeps_what_the_engine_said (void)
{
  g_autoptr (GError) error = NULL, copy = NULL;
  LeashSqlErrorDetail detail = { .native_code = 1555, .sqlstate = "23505", .position = 4 };

  leash_sql_error_set (&error, LEASH_SQL_ERROR_CONSTRAINT, &detail, "no %s", "twins");
  copy = g_error_copy (error);
  g_clear_error (&error);
  detail = (LeashSqlErrorDetail){ 0 };
  g_assert_true (leash_sql_error_get_detail (copy, &detail));
  g_assert_error (copy, LEASH_SQL_ERROR, LEASH_SQL_ERROR_CONSTRAINT);
  g_assert_cmpstr (copy->message, ==, "no twins");
  g_assert_cmpint (detail.native_code, ==, 1555);
  g_assert_cmpstr (detail.sqlstate, ==, "23505");
  g_assert_cmpuint (detail.position, ==, 4);
}

static void
test_error_of_another_domain_has_no_detail (void)
{
  g_autoptr (GError) error = g_error_new (G_IO_ERROR, G_IO_ERROR_CLOSED, "closed");
  LeashSqlErrorDetail detail = { .native_code = 1 };

  g_assert_false (leash_sql_error_get_detail (error, &detail));
  g_assert_cmpint (detail.native_code, ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/sql/value/makes-each-type", test_makes_each_type);
  g_test_add_func ("/sql/value/makes-arguments", test_makes_arguments);
  g_test_add_func ("/sql/error/keeps-what-the-engine-said", test_error_keeps_what_the_engine_said);
  g_test_add_func ("/sql/error/of-another-domain-has-no-detail", test_error_of_another_domain_has_no_detail);
  return g_test_run ();
}
