/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Handles of libcurl on the leash. A loader fetches the index of a site, then at once all that it lists, and
 * returns early when one of these is not there: the leaking version forgets the easy handles that it has
 * made.
 *
 * $SITE_SOCKET names the socket of a server of HTTP, which serves `index`, a list of names, and some of them.
 */
#include <curl/curl.h>
#include <leash/leash.h>

LEASH_ADOPT ("curl easy", CURL *, curl_easy_init, (LeashContext * ctx), (), NULL, curl_easy_cleanup)
LEASH_ADOPT_RESULT ("curl multi", CURLM *, curl_multi_init, (LeashContext * ctx), (), NULL, CURLMcode,
                    curl_multi_cleanup)

static size_t
append (char *bytes, size_t size, size_t n, void *text)
{
  g_string_append_len ((GString *) text, bytes, (gssize) (size * n));
  return size * n;
}

/* A handle that will fetch a file of the site. */
static CURL *
prepare (LeashContext *ctx, const char *name, GString *text)
{
  g_autofree char *url = g_strconcat ("http://site/", name, NULL);
  CURL *easy = leash_curl_easy_init (ctx);

  curl_easy_setopt (easy, CURLOPT_UNIX_SOCKET_PATH, g_getenv ("SITE_SOCKET"));
  curl_easy_setopt (easy, CURLOPT_URL, url);
  curl_easy_setopt (easy, CURLOPT_FAILONERROR, 1L);
  curl_easy_setopt (easy, CURLOPT_TIMEOUT, 30L);
  curl_easy_setopt (easy, CURLOPT_WRITEFUNCTION, append);
  curl_easy_setopt (easy, CURLOPT_WRITEDATA, text);
  return easy;
}

/* Runs them all, and returns how many came. */
static guint
fetch_all (LeashContext *ctx, GPtrArray *easy)
{
  CURLM *multi = leash_curl_multi_init (ctx);
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
  leash_curl_multi_cleanup (ctx, multi);
  return n;
}

static char **
fetch_index (LeashContext *ctx)
{
  g_autoptr (GString) text = g_string_new (NULL);
  CURL *easy = prepare (ctx, "index", text);
  CURLcode result = curl_easy_perform (easy);

  leash_curl_easy_cleanup (ctx, easy);
  return result == CURLE_OK ? g_strsplit (g_strchomp (text->str), "\n", -1) : NULL;
}

static gboolean
load (LeashContext *ctx, gboolean forgets, GString *text)
{
  g_autoptr (GPtrArray) easy = g_ptr_array_new ();
  g_auto (GStrv) names = fetch_index (ctx);
  guint n;

  g_assert_nonnull (names);
  for (guint i = 0; names[i] != NULL; i++)
    g_ptr_array_add (easy, prepare (ctx, names[i], text));
  n = fetch_all (ctx, easy);
  if (n < easy->len && forgets)
    return FALSE; /* the bug */
  for (guint i = 0; i < easy->len; i++)
    leash_curl_easy_cleanup (ctx, easy->pdata[i]);
  return n == easy->len;
}

static void
test_file_is_missing (gconstpointer forgets)
{
  g_auto (LeashTest) test = leash_test_begin ();
  g_autoptr (GString) text = g_string_new (NULL);

  if (g_getenv ("SITE_SOCKET") == NULL)
    g_test_skip ("$SITE_SOCKET names no server");
  else
    {
      g_assert_false (load (test.ctx, GPOINTER_TO_INT (forgets), text));
      g_assert_cmpstr (text->str, ==, "content");
    }
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
