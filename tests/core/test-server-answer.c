/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Requests and answers, without a socket. */
#include <leash/leash.h>

#include "leash-server-private.h"

#include "ask.h"

#define WORDS ": expected text, json, or either and \"all\"\n"
#define PAGES "leash: expected GET /report.txt or GET /report.json, and ?all after it\n"
#define HEADER_OF_TEXT "Content-Type: text/plain; charset=utf-8\r\n"

typedef struct
{
  const char *name;
  const char *request;
  gboolean is_complete; /* without the end of what the client sends */
  const char *begins;
  const char *has;
} Case;

static const Case cases[] = {
  { "nothing-is-text", "", FALSE, "leash: ", "thing" },
  { "empty-line-is-text", "\n", TRUE, "leash: ", "thing" },
  { "text", "text\n", TRUE, "leash: ", "thing" },
  { "text-crlf", "text\r\n", TRUE, "leash: ", "thing" },
  { "text-without-end", "text", FALSE, "leash: ", "thing" },
  { "text-all", "text all\n", TRUE, "leash: ", "libc.so" },
  { "all-alone", "all\n", TRUE, "leash: ", "libc.so" },
  { "json", "json\n", TRUE, "{\"schema\":1,", "\"thing\"" },
  { "json-all", " json\tall \n", TRUE, "{\"schema\":1,", "libc.so" },
  { "word-unknown", "xml\n", TRUE, "leash: bad request \"xml\"" WORDS, "" },
  { "word-with-bytes", "x\x1b\xff\n", TRUE, "leash: bad request \"x\\x1b\\xff\"" WORDS, "" },
  { "http-0.9", "GET /report.txt\n", TRUE, "leash: bad request \"GET /report.txt\"" WORDS, "" },
  { "http-text", "GET /report.txt HTTP/1.1\r\nHost: leash\r\n\r\n", TRUE,
    "HTTP/1.0 200 OK\r\n" HEADER_OF_TEXT, "\r\n\r\nleash: " },
  { "http-json", "GET /report.json HTTP/1.0\n\n", TRUE,
    "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n", "\r\n\r\n{\"schema\":1," },
  { "http-all", "GET /report.txt?all HTTP/1.1\r\n\r\n", TRUE, "HTTP/1.0 200 OK\r\n", "libc.so" },
  { "http-headers-to-come", "GET /report.txt HTTP/1.1\r\nHost: leash\r\n", FALSE, "HTTP/1.0 200 OK\r\n", "" },
  { "http-root", "GET / HTTP/1.1\r\n\r\n", TRUE, "HTTP/1.0 404 Not Found\r\n" HEADER_OF_TEXT, PAGES },
  { "http-longer", "GET /report.txts HTTP/1.1\r\n\r\n", TRUE, "HTTP/1.0 404 Not Found\r\n", PAGES },
  { "http-shorter", "GET /report.tx HTTP/1.1\r\n\r\n", TRUE, "HTTP/1.0 404 Not Found\r\n", PAGES },
  /* Regression: the line that says what was expected was announced as JSON. */
  { "http-query", "GET /report.json?x HTTP/1.1\r\n\r\n", TRUE, "HTTP/1.0 404 Not Found\r\n" HEADER_OF_TEXT,
    PAGES },
  { "http-no-target", "GET HTTP/1.1\r\n\r\n", TRUE, "HTTP/1.0 404 Not Found\r\n", PAGES },
  { "http-two-spaces", "GET  HTTP/1.1\r\n\r\n", TRUE, "HTTP/1.0 404 Not Found\r\n", PAGES },
  { "http-put", "PUT /report.txt HTTP/1.1\r\n\r\n", TRUE, "HTTP/1.0 405 Method Not Allowed\r\nAllow: GET\r\n",
    PAGES },
  { "http-head", "HEAD /report.txt HTTP/1.1\r\n\r\n", TRUE, "HTTP/1.0 405 Method Not Allowed\r\n", PAGES },
};

static LeashTracker *tracker;

static void
test_case (gconstpointer user_data)
{
  const Case *tried = user_data;
  gsize length = strlen (tried->request);
  GString *answer = leash_request_answer (tracker, tried->request, length);

  g_assert_cmpint (leash_request_is_complete (tried->request, length), ==, tried->is_complete);
  if (!g_str_has_prefix (answer->str, tried->begins))
    g_error ("“%s” does not begin with “%s”", answer->str, tried->begins);
  assert_has (answer->str, tried->has);
  g_assert_true (g_str_has_suffix (answer->str, "\n"));
  g_assert_cmpuint (answer->len, ==, strlen (answer->str));
  g_string_free (answer, TRUE);
}

static void
test_http_says_its_length (void)
{
  static const char request[] = "GET /report.json HTTP/1.1\r\n\r\n";
  GString *answer = leash_request_answer (tracker, request, strlen (request));
  const char *body = strstr (answer->str, "\r\n\r\n") + 4;
  g_autofree char *header = g_strdup_printf ("\r\nContent-Length: %zu\r\n", strlen (body));

  assert_has (answer->str, header);
  g_string_free (answer, TRUE);
}

static void
test_too_long (void)
{
  g_autofree char *request = g_strnfill (LEASH_REQUEST_MAX, 'x');
  GString *answer = leash_request_answer (tracker, request, LEASH_REQUEST_MAX);

  g_assert_true (leash_request_is_complete (request, LEASH_REQUEST_MAX));
  g_assert_false (leash_request_is_complete (request, LEASH_REQUEST_MAX - 1));
  g_assert_cmpstr (answer->str, ==, "leash: a request has up to 4096 bytes\n");
  g_string_free (answer, TRUE);
}

int
main (int argc, char **argv)
{
  g_autoptr (LeashContext) ctx = NULL;
  int result;

  g_test_init (&argc, &argv, NULL);
  tracker = leash_tracker_new ();
  ctx = leash_context_with_tracker (leash_context_background (), tracker);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *path = g_strconcat ("/server-answer/", cases[i].name, NULL);

      g_test_add_data_func (path, &cases[i], test_case);
    }
  g_test_add_func ("/server-answer/http-says-its-length", test_http_says_its_length);
  g_test_add_func ("/server-answer/too-long", test_too_long);
  leash_track (ctx, "thing", "one");
  result = g_test_run ();
  g_clear_pointer (&ctx, leash_context_unref);
  leash_tracker_unref (tracker);
  return result;
}
