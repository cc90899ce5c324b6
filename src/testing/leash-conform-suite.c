/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the conformance suites have in common: how their tests are added to GLib's, and what is so at the end
 * of each: nothing is open, by the tracker and by the number of the process's descriptors, and nothing was
 * misused but what the test misuses on purpose.
 */
#include "leash-conform-private.h"

#include <dirent.h>
#include <unistd.h>

/* GLib frees what a test was added with only when it has run: what belongs to others is found here by those
 * who look for leaked memory. */
static GSList *subjects;

ConformSubject *
conform_subject_new (ConformRun run, ConformFactory factory, gpointer user_data, GDestroyNotify destroy)
{
  ConformSubject *subject = g_new (ConformSubject, 1);

  *subject = (ConformSubject){
    .run = run,
    .factory = factory,
    .user_data = user_data,
    .destroy = destroy,
    .cases = g_array_new (FALSE, FALSE, sizeof (ConformCase)),
  };
  subjects = g_slist_prepend (subjects, subject);
  return subject;
}

void
conform_subject_put (ConformSubject *subject, const char *name, gconstpointer test)
{
  const ConformCase added = { subject, name, test };

  g_array_append_val (subject->cases, added);
}

static void
case_free (gpointer data)
{
  ConformSubject *subject = ((ConformCase *) data)->subject;

  if (--subject->n_left > 0)
    return;
  if (subject->destroy != NULL)
    subject->destroy (subject->user_data);
  subjects = g_slist_remove (subjects, subject);
  g_array_unref (subject->cases);
  g_free (subject);
}

static void
run_case (gconstpointer data)
{
  const ConformCase *self = data;

  self->subject->run (self);
}

void
conform_subject_add (ConformSubject *subject, const char *path)
{
  subject->n_left = subject->cases->len;
  for (guint i = 0; i < subject->cases->len; i++)
    {
      ConformCase *each = &g_array_index (subject->cases, ConformCase, i);
      g_autofree char *name = g_strconcat (path, "/", each->name, NULL);

      g_test_add_data_func_full (name, each, run_case, case_free);
    }
}

static gboolean
is_event (DIR *stream, const char *name)
{
  static const char event[] = "anon_inode:[eventfd]";
  char target[sizeof event];

  return readlinkat (dirfd (stream), name, target, sizeof target) == sizeof event - 1
         && memcmp (target, event, sizeof event - 1) == 0;
}

int
conform_count_descriptors (gboolean with_events)
{
  DIR *stream = opendir ("/proc/self/fd");
  const struct dirent *entry;
  int n = -1;

  if (stream == NULL)
    return -1;
  while ((entry = readdir (stream)) != NULL)
    n += with_events || !is_event (stream, entry->d_name);
  closedir (stream);
  return n;
}

void
conform_init (Conform *c)
{
  *c = (Conform){ .tracker = leash_tracker_new () };
  c->ctx = leash_context_with_tracker (leash_context_background (), c->tracker);
  pthread_mutex_init (&c->lock, NULL);
  c->faults = g_ptr_array_new_with_free_func (g_free);
}

void
conform_clear (Conform *c)
{
  leash_context_unref (c->ctx);
  leash_tracker_unref (c->tracker);
  pthread_mutex_destroy (&c->lock);
  g_ptr_array_unref (c->faults);
  g_free (c->skipped);
}

void
conform_check_nothing_is_open (Conform *c)
{
  g_autoptr (GError) error = NULL;
  gsize n_misuses = leash_tracker_count_misuses (c->tracker);

  if (leash_has_tracking () && n_misuses != c->n_misuses)
    {
      g_autofree char *report = leash_tracker_report (c->tracker, LEASH_FORMAT_TEXT);

      conform_fault (c, "at the end: expected %" G_GSIZE_FORMAT " misuses, found %" G_GSIZE_FORMAT ":\n%s",
                     c->n_misuses, n_misuses, report);
    }
  /* The timers' thread may be about to put away a context below the test's, whose deadline has just passed.
   */
  for (guint i = 0; i < 200 && leash_tracker_count_open (c->tracker) != 0; i++)
    g_usleep (1000);
  if (leash_tracker_count_open (c->tracker) == 0)
    return;
  leash_tracker_check (c->tracker, &error);
  conform_fault (c, "at the end: expected nothing to be open, found:\n%s",
                 error != NULL ? leash_error_get_report (error) : "something");
}

void
conform_tell (Conform *c)
{
  const char *first = c->faults->len > 0 ? g_ptr_array_index (c->faults, 0) : NULL;
  guint n = 0;

  while (n < c->faults->len && g_ptr_array_index (c->faults, n) != NULL)
    g_test_message ("%s", (char *) g_ptr_array_index (c->faults, n++));
  if (n < c->faults->len)
    g_test_message ("and %u more", c->faults->len - n);
  if (first != NULL)
    g_test_fail_printf ("%u faults, the first: %.*s", c->faults->len, (int) strcspn (first, "\n"), first);
  else if (c->skipped != NULL)
    g_test_skip (c->skipped);
}
