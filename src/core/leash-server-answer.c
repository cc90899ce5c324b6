/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Requests and answers, without anything of sockets: a line of words, or as much of HTTP as curl needs. A
 * line that has " HTTP/" in it is a request of HTTP, which ends with an empty line; any other ends with
 * itself. What ends in the middle is taken as it is: who connects and sends nothing more gets the text.
 */
#include <string.h>

#include "leash-live-private.h"
#include "leash-quote-private.h"
#include "leash-server-private.h"

#define EXPECTED "text, json, or either and \"all\""

typedef struct
{
  LeashFormat format;
  gboolean all; /* frames and places */
} Wanted;

/* The line's length, without its end. */
static gsize
line_length (const char *request)
{
  return strcspn (request, "\r\n");
}

static gboolean
is_http (const char *request)
{
  return g_strstr_len (request, (gssize) line_length (request), " HTTP/") != NULL;
}

gboolean
leash_request_is_complete (const char *request, gsize length)
{
  if (length >= LEASH_REQUEST_MAX)
    return TRUE;
  if (is_http (request))
    return strstr (request, "\r\n\r\n") != NULL || strstr (request, "\n\n") != NULL;
  return memchr (request, '\n', length) != NULL;
}

static gboolean
is_too_long (const char *request, gsize length)
{
  return length >= LEASH_REQUEST_MAX && memchr (request, '\n', length) == NULL;
}

/* Returns FALSE where a word means nothing. */
static gboolean
parse_words (const char *line, Wanted *ret_wanted)
{
  g_auto (GStrv) words = g_strsplit_set (line, " \t", -1);

  for (guint i = 0; words[i] != NULL; i++)
    if (strcmp (words[i], "json") == 0)
      ret_wanted->format = LEASH_FORMAT_JSON;
    else if (strcmp (words[i], "all") == 0)
      ret_wanted->all = TRUE;
    else if (*words[i] != '\0' && strcmp (words[i], "text") != 0)
      return FALSE;
  return TRUE;
}

/* Returns FALSE where there is no such page. */
static gboolean
parse_target (const char *target, Wanted *ret_wanted)
{
  gsize length = strcspn (target, "?");

  if (strncmp (target, "/report.json", MAX (length, strlen ("/report.json"))) == 0)
    ret_wanted->format = LEASH_FORMAT_JSON;
  else if (strncmp (target, "/report.txt", MAX (length, strlen ("/report.txt"))) != 0)
    return FALSE;
  ret_wanted->all = strcmp (target + length, "?all") == 0;
  return target[length] == '\0' || ret_wanted->all;
}

static char *
make_report (LeashTracker *tracker, const Wanted *wanted)
{
  return leash_live_report (tracker, wanted->format, wanted->all);
}

static GString *
answer_http (LeashTracker *tracker, const char *line)
{
  g_auto (GStrv) words = g_strsplit (line, " ", 3);
  Wanted wanted = { LEASH_FORMAT_TEXT, FALSE };
  const char *status = "200 OK", *type = "text/plain; charset=utf-8";
  g_autofree char *body = NULL;
  GString *answer = g_string_new ("HTTP/1.0 ");

  if (strcmp (words[0], "GET") != 0)
    status = "405 Method Not Allowed\r\nAllow: GET";
  else if (!parse_target (words[1], &wanted))
    status = "404 Not Found";
  if (g_str_has_prefix (status, "200"))
    {
      body = make_report (tracker, &wanted);
      if (wanted.format == LEASH_FORMAT_JSON)
        type = "application/json";
    }
  else
    body = g_strdup ("leash: expected GET /report.txt or GET /report.json, and ?all after it\n");

  g_string_append_printf (answer,
                          "%s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n",
                          status, type, strlen (body));
  return g_string_append (answer, body);
}

static GString *
answer_bad (const char *line)
{
  GString *answer = g_string_new ("leash: bad request ");

  leash_quote_append (answer, line);
  return g_string_append (answer, ": expected " EXPECTED "\n");
}

GString *
leash_request_answer (LeashTracker *tracker, const char *request, gsize length)
{
  g_autofree char *line = g_strndup (request, line_length (request));
  Wanted wanted = { LEASH_FORMAT_TEXT, FALSE };
  g_autofree char *report = NULL;

  if (is_too_long (request, length))
    return g_string_new ("leash: a request has up to " G_STRINGIFY (LEASH_REQUEST_MAX) " bytes\n");
  if (is_http (request))
    return answer_http (tracker, line);
  if (!parse_words (line, &wanted))
    return answer_bad (line);
  report = make_report (tracker, &wanted);
  return g_string_new (report);
}
