/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Handles of libcurl on the leash. A loader fetches a list of files at once, and returns early when one of
 * them is not there: the leaking version forgets the easy handles that it has made.
 */
#include <curl/curl.h>
#include <glib/gstdio.h>
#include <leash/leash.h>

LEASH_ADOPT ("curl easy", CURL *, curl_easy_init, (LeashContext * ctx), (), NULL, curl_easy_cleanup)
LEASH_ADOPT_RESULT ("curl multi", CURLM *, curl_multi_init, (LeashContext * ctx), (), NULL, CURLMcode,
                    curl_multi_cleanup)

static size_t
count (char *bytes, size_t size, size_t n, void *total)
{
  *(size_t *) total += size * n;
  return size * n;
}

/* Fetches all, and returns how many came; the handles come into easy. */
static guint
fetch_all (CURLM *multi, GPtrArray *easy)
{
  int n_running = 1, n_left;
  guint n = 0;
  CURLMsg *message;

  for (guint i = 0; i < easy->len; i++)
    curl_multi_add_handle (multi, easy->pdata[i]);
  while (n_running > 0 && curl_multi_perform (multi, &n_running) == CURLM_OK)
    curl_multi_poll (multi, NULL, 0, 100, NULL);
  while ((message = curl_multi_info_read (multi, &n_left)) != NULL)
    n += message->msg == CURLMSG_DONE && message->data.result == CURLE_OK;
  for (guint i = 0; i < easy->len; i++)
    curl_multi_remove_handle (multi, easy->pdata[i]);
  return n;
}

static void
clean_up (LeashContext *ctx, GPtrArray *easy)
{
  for (guint i = 0; i < easy->len; i++)
    leash_curl_easy_cleanup (ctx, easy->pdata[i]);
}

static gboolean
load (LeashContext *ctx, const char *const *urls, gboolean forgets, size_t *total)
{
  g_autoptr (GPtrArray) easy = g_ptr_array_new ();
  CURLM *multi = leash_curl_multi_init (ctx);
  guint n;

  for (guint i = 0; urls[i] != NULL; i++)
    {
      CURL *one = leash_curl_easy_init (ctx);

      curl_easy_setopt (one, CURLOPT_URL, urls[i]);
      curl_easy_setopt (one, CURLOPT_WRITEFUNCTION, count);
      curl_easy_setopt (one, CURLOPT_WRITEDATA, total);
      g_ptr_array_add (easy, one);
    }
  n = fetch_all (multi, easy);
  leash_curl_multi_cleanup (ctx, multi);
  if (n < easy->len && forgets)
    return FALSE; /* the bug: nobody cleans the easy handles up */
  clean_up (ctx, easy);
  return n == easy->len;
}

static void
test_file_is_missing (gconstpointer forgets)
{
  g_auto (LeashTest) test = leash_test_begin ();
  g_autofree char *there = g_strdup_printf ("file://%s/there", test.dir);
  g_autofree char *missing = g_strdup_printf ("file://%s/missing", test.dir);
  const char *const urls[] = { there, missing, NULL };
  size_t total = 0;

  g_assert_true (g_file_set_contents (there + strlen ("file://"), "content", -1, NULL));
  g_assert_false (load (test.ctx, urls, GPOINTER_TO_INT (forgets), &total));
  g_assert_cmpuint (total, ==, 7);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  curl_global_init (CURL_GLOBAL_DEFAULT);
  g_test_add_data_func ("/adopt-curl/leaking", GINT_TO_POINTER (TRUE), test_file_is_missing);
  g_test_add_data_func ("/adopt-curl/mended", GINT_TO_POINTER (FALSE), test_file_is_missing);
  return g_test_run ();
}
