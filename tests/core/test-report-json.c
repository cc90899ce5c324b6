/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The report for programs is held against docs/report-format.md: what it says is there, of the type it says,
 * and nothing else is. A parser that is not ours reads it.
 */
#include "leash-report-private.h"

#include <json-glib/json-glib.h>
#include <string.h>

#include "report-fixture.h"

static JsonNode *
parse (const char *json)
{
  g_autoptr (GError) error = NULL;
  JsonNode *root = json_from_string (json, &error);

  g_assert_no_error (error);
  g_assert_true (JSON_NODE_HOLDS_OBJECT (root));
  g_assert_true (g_str_has_suffix (json, "}\n"));
  g_assert_true (strchr (json, '\n') == json + strlen (json) - 1);
  return root;
}

static JsonNode *
report (LeashSnapshot *snapshot)
{
  g_autofree char *json = leash_snapshot_report (snapshot, LEASH_FORMAT_JSON, LEASH_REPORT_NONE, 1);

  return parse (json);
}

static char *
read_document (void)
{
  g_autofree char *path = g_test_build_filename (G_TEST_DIST, "..", "docs", "report-format.md", NULL);
  g_autoptr (GError) error = NULL;
  char *text;

  g_file_get_contents (path, &text, NULL, &error);
  g_assert_no_error (error);
  return text;
}

/* The first two columns of its tables. Keys are paths, as in "places[].resources[].name". */
static GHashTable *
read_documented (void)
{
  g_autofree char *text = read_document ();
  g_autoptr (GRegex) row = g_regex_new ("^\\| `([^`]+)` \\| ([^|]+) \\|", G_REGEX_MULTILINE, 0, NULL);
  g_autoptr (GMatchInfo) match = NULL;
  GHashTable *keys = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);

  for (g_regex_match (row, text, 0, &match); g_match_info_matches (match); g_match_info_next (match, NULL))
    g_assert_true (g_hash_table_insert (keys, g_match_info_fetch (match, 1), g_match_info_fetch (match, 2)));
  g_assert_cmpuint (g_hash_table_size (keys), >, 40);
  return keys;
}

static const char *
get_type (JsonNode *node, const char *key)
{
  if (JSON_NODE_HOLDS_NULL (node))
    return "null";
  if (JSON_NODE_HOLDS_ARRAY (node))
    return "array";
  if (JSON_NODE_HOLDS_OBJECT (node))
    return g_str_has_suffix (key, "stack") ? "stack" : "object";
  switch (json_node_get_value_type (node))
    {
    case G_TYPE_STRING:
      return "string";
    case G_TYPE_BOOLEAN:
      return "boolean";
    case G_TYPE_INT64:
      return "number";
    default:
      return "what no key may be";
    }
}

/* The document describes a stack, and a place, once for all keys that hold one. */
static const char *
get_base (const char *path)
{
  if (g_str_has_suffix (path, "stack"))
    return "stack";
  return strcmp (path, "kept_places[]") == 0 ? "places[]" : path;
}

static void collect (GHashTable *keys, JsonNode *node, const char *path);

static void
collect_member (JsonObject *object, const char *name, JsonNode *node, gpointer user_data)
{
  gpointer *arguments = user_data;
  GHashTable *keys = arguments[0];
  const char *base = arguments[1];
  char *path = *base != '\0' ? g_strconcat (base, ".", name, NULL) : g_strdup (name);
  g_autofree char *kept = g_strdup (path);

  g_hash_table_insert (keys, path, (gpointer) get_type (node, name));
  collect (keys, node, kept);
}

static void
collect (GHashTable *keys, JsonNode *node, const char *path)
{
  if (JSON_NODE_HOLDS_OBJECT (node))
    json_object_foreach_member (json_node_get_object (node), collect_member,
                                (gpointer[]){ keys, (gpointer) get_base (path) });
  else if (JSON_NODE_HOLDS_ARRAY (node))
    {
      JsonArray *array = json_node_get_array (node);
      g_autofree char *element = g_strconcat (path, "[]", NULL);

      for (guint i = 0; i < json_array_get_length (array); i++)
        collect (keys, json_array_get_element (array, i), element);
    }
}

static void
add_misuses_of_all_types (LeashSnapshot *snapshot)
{
  LeashStackId stack = leash_stack_capture ();

  for (guint i = LEASH_MISUSE_DOUBLE_RELEASE; i <= LEASH_MISUSE_END_ORDER; i++)
    {
      LeashMisuse misuse = { .type = i, .kind = "file", .count = 1, .stack = stack };

      g_array_append_val (snapshot->misuses, misuse);
    }
}

static JsonNode *
report_all (Fixture *fixture)
{
  g_autoptr (LeashSnapshot) snapshot = NULL;

  fixture_init (fixture);
  fixture_fill (fixture);
  leash_tracker_set_history (fixture->tracker, 8);
  leash_tag_touch (leash_track_fd (fixture->ctx, "fd", 7, "seven"), "read");
  snapshot = leash_snapshot_new (fixture->tracker);
  add_misuses_of_all_types (snapshot);
  leash_returned_add (snapshot->returned, &(LeashReturned){ "file", leash_stack_capture (), 1, 1 }, 1);
  return report (snapshot);
}

static void
test_every_key_is_documented_and_there (void)
{
  g_auto (Fixture) fixture = { 0 };
  g_autoptr (GHashTable) documented = read_documented ();
  g_autoptr (GHashTable) found = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (JsonNode) root = report_all (&fixture);
  GHashTableIter iter;
  gpointer key, type;

  collect (found, root, "");
  g_hash_table_iter_init (&iter, found);
  while (g_hash_table_iter_next (&iter, &key, &type))
    {
      const char *types = g_hash_table_lookup (documented, key);

      if (types == NULL || strstr (types, type) == NULL)
        g_error ("%s is a %s; the document says: %s", (char *) key, (char *) type,
                 types != NULL ? types : "nothing");
    }
  g_hash_table_iter_init (&iter, documented);
  while (g_hash_table_iter_next (&iter, &key, NULL))
    if (!g_hash_table_contains (found, key))
      g_error ("%s is documented, and not there", (char *) key);
}

static JsonObject *
get_element (JsonNode *root, const char *array, guint index)
{
  return json_array_get_object_element (json_object_get_array_member (json_node_get_object (root), array),
                                        index);
}

static void
test_every_word_is_documented (void)
{
  g_auto (Fixture) fixture = { 0 };
  g_autoptr (JsonNode) root = report_all (&fixture);
  g_autofree char *document = read_document ();
  JsonArray *misuses = json_object_get_array_member (json_node_get_object (root), "misuses");
  g_autoptr (GHashTable) words = g_hash_table_new (g_str_hash, g_str_equal);

  for (guint i = 0; i < json_array_get_length (misuses); i++)
    {
      const char *type = json_object_get_string_member (get_element (root, "misuses", i), "type");
      g_autofree char *quoted = g_strdup_printf ("`%s`", type);

      g_assert_nonnull (strstr (document, quoted));
      g_hash_table_add (words, (gpointer) type);
    }
  g_assert_cmpuint (g_hash_table_size (words), ==, LEASH_MISUSE_END_ORDER + 1);
}

static void
test_values (void)
{
  g_auto (Fixture) fixture = { 0 };
  g_autoptr (JsonNode) root = report_all (&fixture);
  JsonObject *top = json_node_get_object (root);
  JsonObject *place = get_element (root, "places", 0);
  JsonArray *resources = json_object_get_array_member (place, "resources");
  g_autoptr (GDateTime) time
      = g_date_time_new_from_iso8601 (json_object_get_string_member (top, "time"), NULL);

  g_assert_cmpint (json_object_get_int_member (top, "schema"), ==, 1);
  g_assert_cmpint (json_object_get_int_member (top, "open"), ==, 5);
  g_assert_cmpint (json_object_get_int_member (top, "kept"), ==, 1);
  g_assert_cmpint (json_object_get_int_member (top, "misused"), ==, 9);
  g_assert_nonnull (time);
  g_assert_cmpint (ABS (g_date_time_to_unix (time) - g_get_real_time () / G_USEC_PER_SEC), <, 3600);
  g_assert_cmpstr (json_object_get_string_member (place, "kind"), ==, "file");
  g_assert_cmpint (json_object_get_int_member (place, "count"), ==, 2);
  g_assert_cmpuint (json_array_get_length (resources), ==, 2);
  g_assert_cmpstr (json_object_get_string_member (json_array_get_object_element (resources, 1), "name"), ==,
                   "b.ini");
  /* All, although the text shows one place only. */
  g_assert_cmpuint (json_array_get_length (json_object_get_array_member (top, "places")), ==, 4);
}

/* What was touched, as report_all() did, and what was adopted and handed over. */
static void
test_events (void)
{
  g_auto (Fixture) fixture = { 0 };
  g_autoptr (LeashSnapshot) snapshot = NULL;
  g_autoptr (JsonNode) root = NULL;
  g_autofree char *document = read_document ();
  JsonObject *resource, *event;
  LeashTag *tag;

  fixture_init (&fixture);
  leash_tracker_set_history (fixture.tracker, 1);
  tag = leash_track (fixture.ctx, "thing", NULL);
  leash_tag_touch (tag, NULL);
  leash_tag_adopt (tag, fixture.ctx);
  snapshot = leash_snapshot_new (fixture.tracker);
  root = report (snapshot);
  resource = json_array_get_object_element (
      json_object_get_array_member (get_element (root, "places", 0), "resources"), 0);
  g_assert_cmpint (json_object_get_int_member (resource, "events_not_kept"), ==, 1);
  event = json_array_get_object_element (json_object_get_array_member (resource, "events"), 0);
  g_assert_cmpstr (json_object_get_string_member (event, "type"), ==, "adopted");
  g_assert_true (json_object_get_null_member (event, "what"));
  g_assert_false (json_object_get_null_member (event, "stack"));
  g_assert_nonnull (strstr (document, "`touched`, `handed-over`, `adopted`"));
}

static void
test_stacks (void)
{
  g_auto (Fixture) fixture = { 0 };
  g_autoptr (JsonNode) root = report_all (&fixture);
  JsonObject *stack = json_object_get_object_member (get_element (root, "places", 0), "stack");
  JsonArray *frames = json_object_get_array_member (stack, "frames");
  JsonObject *frame = json_array_get_object_element (frames, 0);

  g_assert_cmpuint (json_array_get_length (json_object_get_array_member (stack, "marks")), ==, 0);
  g_assert_cmpstr (json_object_get_string_member (frame, "function"), ==, "open_file");
  g_assert_true (g_str_has_suffix (json_object_get_string_member (frame, "file"), "report-fixture.h"));
  g_assert_cmpint (json_object_get_int_member (frame, "line"), >, 0);
  g_assert_true (g_str_has_prefix (json_object_get_string_member (frame, "offset"), "0x"));
}

static void
test_marks (void)
{
  static const struct
  {
    guint flags;
    const char *name;
  } marks[] = {
    { LEASH_STACK_LIMITED, "limited" },       { LEASH_STACK_AFTER_FORK, "after-fork" },
    { LEASH_STACK_PLACE_ONLY, "place-only" }, { LEASH_STACK_NOT_KEPT | LEASH_STACK_PLACE_ONLY, "not-kept" },
    { LEASH_STACK_CUT_SHORT, "cut-short" },
  };
  g_auto (Fixture) fixture = { 0 };
  g_autofree char *document = read_document ();

  fixture_init (&fixture);
  load_two (&fixture, "a.ini", NULL);
  for (guint i = 0; i < G_N_ELEMENTS (marks); i++)
    {
      g_autoptr (LeashSnapshot) snapshot = leash_snapshot_new (fixture.tracker);
      g_autofree char *quoted = g_strdup_printf ("`%s`", marks[i].name);
      g_autoptr (JsonNode) root = NULL;
      JsonObject *stack;
      guintptr pc = 0x2000 + i;

      g_array_index (snapshot->resources, LeashResource, 0).stack
          = leash_depot_put (&pc, 1, marks[i].flags, NULL);
      root = report (snapshot);
      stack = json_object_get_object_member (get_element (root, "places", 0), "stack");
      g_assert_cmpstr (json_array_get_string_element (json_object_get_array_member (stack, "marks"), 0), ==,
                       marks[i].name);
      g_assert_nonnull (strstr (document, quoted));
    }
}

static void
test_hostile_names_stay_names (void)
{
  static const char *const names[][2] = {
    { "a\", \"schema\": 2, \"", "a\", \"schema\": 2, \"" },
    { "\033[31m\n\t\\", "\033[31m\n\t\\" },
    { "\x01\x1f\x7f", "\x01\x1f\x7f" },
    { "Größe \xff", "Größe \xef\xbf\xbd" },
    { "", "" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_auto (Fixture) fixture = { 0 };
      g_autofree char *json = NULL;
      g_autoptr (JsonNode) root = NULL;
      JsonArray *resources;

      fixture_init (&fixture);
      load_config (&fixture, names[i][0]);
      json = leash_tracker_report (fixture.tracker, LEASH_FORMAT_JSON);
      g_assert_true (g_utf8_validate (json, -1, NULL));
      root = parse (json);
      g_assert_cmpint (json_object_get_int_member (json_node_get_object (root), "schema"), ==, 1);
      resources = json_object_get_array_member (get_element (root, "places", 0), "resources");
      g_assert_cmpstr (json_object_get_string_member (json_array_get_object_element (resources, 0), "name"),
                       ==, names[i][1]);
    }
}

static void
test_nothing_is_an_object_too (void)
{
  g_auto (Fixture) fixture = { 0 };
  g_autofree char *json = NULL;
  g_autoptr (JsonNode) root = NULL;

  fixture_init (&fixture);
  leash_tracker_set_level (fixture.tracker, LEASH_LEVEL_COUNT, 1);
  json = leash_tracker_report (fixture.tracker, LEASH_FORMAT_JSON);
  root = parse (json);
  g_assert_cmpstr (json_object_get_string_member (json_node_get_object (root), "level"), ==, "count");
  g_assert_cmpint (json_object_get_int_member (json_node_get_object (root), "open"), ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(path, name) g_test_add_func ("/report-json/" path, test_##name)
  ADD ("every-key-is-documented-and-there", every_key_is_documented_and_there);
  ADD ("every-word-is-documented", every_word_is_documented);
  ADD ("values", values);
  ADD ("events", events);
  ADD ("stacks", stacks);
  ADD ("marks", marks);
  ADD ("hostile-names-stay-names", hostile_names_stay_names);
  ADD ("nothing-is-an-object-too", nothing_is_an_object_too);
  return g_test_run ();
}
