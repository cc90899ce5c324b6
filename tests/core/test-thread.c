/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is known of threads. */
#include "tracker-fixture.h"

#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "leash-intern-private.h"
#include "leash-thread-private.h"

static gpointer
copy_self (gpointer copy)
{
  *(LeashThread *) copy = *leash_thread_get ();
  g_assert_cmpuint (((LeashThread *) copy)->tid, ==, syscall (SYS_gettid));
  return NULL;
}

static void
test_named (void)
{
  LeashThread first, second;

  g_thread_join (g_thread_new ("a-worker", copy_self, &first));
  g_thread_join (g_thread_new ("a-worker", copy_self, &second));
  g_assert_cmpstr (leash_intern_get (first.name), ==, "a-worker");
  g_assert_cmpuint (first.name, ==, second.name);
  g_assert_cmpuint (first.number, !=, second.number);
  g_assert_cmpstr (leash_intern_get (leash_thread_get ()->name), ==, "main");
}

static void *
copy_nameless (void *copy)
{
  pthread_setname_np (pthread_self (), "");
  return copy_self (copy);
}

static void
test_nameless (void)
{
  LeashThread self;
  pthread_t thread;

  g_assert_cmpint (pthread_create (&thread, NULL, copy_nameless, &self), ==, 0);
  pthread_join (thread, NULL);
  g_assert_cmpstr (leash_intern_get (self.name), ==, "?");
}

static void
test_kinds (void)
{
  LeashThread *self = leash_thread_get ();
  char kind[] = "kind x";
  guint16 id = leash_thread_kind (self, kind);

  g_assert_cmpuint (leash_thread_kind (self, kind), ==, id);
  kind[5] = 'y'; /* at the same address, another */
  g_assert_cmpstr (leash_intern_get (leash_thread_kind (self, kind)), ==, "kind y");
}

static void
test_random (void)
{
  LeashThread self = { .random = 1 };
  guint n_high = 0;

  for (int i = 0; i < 10000; i++)
    n_high += leash_thread_random (&self) >> 31;
  g_assert_cmpuint (n_high, >, 4500);
  g_assert_cmpuint (n_high, <, 5500);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/thread/has-a-name-an-id-and-a-number", test_named);
  g_test_add_func ("/thread/without-a-name-has-a-question-mark", test_nameless);
  g_test_add_func ("/thread/remembers-kinds-by-what-they-say", test_kinds);
  g_test_add_func ("/thread/random-numbers-are-spread", test_random);
  return g_test_run ();
}
