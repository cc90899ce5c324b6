/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The report for people, line by line. Ages are set where they matter; places are those of the fixture. */
#include "leash-report-private.h"

#include <string.h>

#include "report-fixture.h"

#define AGE " (<10 ms|[0-9]+ ms|[0-9.]+ s)"

static LeashStackId stack_of_main; /* taken outside of any test */

static char *
report (LeashSnapshot *snapshot)
{
  return leash_snapshot_report (snapshot, LEASH_FORMAT_TEXT, LEASH_REPORT_NONE, 0);
}

static char *
report_now (Fixture *fixture, LeashReportFlags flags)
{
  return leash_tracker_report_full (fixture->tracker, LEASH_FORMAT_TEXT, flags, 0);
}

static void
assert_has (const char *text, const char *part)
{
  if (strstr (text, part) == NULL)
    g_error ("\"%s\" is not in:\n%s", part, text);
}

static void
assert_has_not (const char *text, const char *part)
{
  if (strstr (text, part) != NULL)
    g_error ("\"%s\" is in:\n%s", part, text);
}

static void
assert_matches (const char *text, const char *pattern)
{
  if (!g_regex_match_simple (pattern, text, G_REGEX_MULTILINE, 0))
    g_error ("%s does not match:\n%s", pattern, text);
}

static LeashResource *
get_resource (LeashSnapshot *snapshot, guint index)
{
  return &g_array_index (snapshot->resources, LeashResource, index);
}

static void
add_misuse (LeashSnapshot *snapshot, const LeashMisuse *misuse)
{
  g_array_append_vals (snapshot->misuses, misuse, 1);
}

static void
test_nothing (void)
{
  g_auto (Fixture) fixture = { 0 };
  g_autofree char *text = NULL;

  fixture_init (&fixture);
  close_tag (load_config (&fixture, "a.ini"));
  text = report_now (&fixture, LEASH_REPORT_NONE);
  g_assert_cmpstr (text, ==, "leash: nothing is open\n");
}

static void
test_one_place (void)
{
  g_auto (Fixture) fixture = { 0 };
  g_autofree char *text = NULL;

  fixture_init (&fixture);
  load_two (&fixture, "a.ini", "b.ini");
  text = report_now (&fixture, LEASH_REPORT_NONE);
  assert_matches (text,
                  "\\Aleash: 2 resources still open, from 1 place\n"
                  "2 x file \"a\\.ini\", \"b\\.ini\", opened( <10 ms to)?" AGE " ago by thread \"main\"\n"
                  "    open_file       +[^ ]*report-fixture\\.h:[0-9]+\n"
                  "    load_config     +[^ ]+\n"
                  "    load_each       +[^ ]+\n"
                  "    test_one_place  +[^ ]+\n\\Z");
}

static void
test_columns_are_aligned (void)
{
  g_auto (Fixture) fixture = { 0 };
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;
  gsize column = 0;

  fixture_init (&fixture);
  load_two (&fixture, "a.ini", "b.ini");
  text = report_now (&fixture, LEASH_REPORT_NONE);
  lines = g_strsplit (text, "\n", -1);
  for (guint i = 2; lines[i] != NULL && lines[i][0] != '\0'; i++)
    {
      gsize place = (gsize) (strrchr (lines[i], ' ') - lines[i]);

      g_assert_true (column == 0 || place == column);
      column = place;
    }
  g_assert_cmpuint (column, >, 0);
}

static void
test_most_first_then_oldest (void)
{
  g_auto (Fixture) fixture = { 0 };
  g_autofree char *text = NULL;

  fixture_init (&fixture);
  open_conn (&fixture, "first");
  open_conn (&fixture, "second");
  load_two (&fixture, "a.ini", "b.ini");
  text = report_now (&fixture, LEASH_REPORT_NONE);
  g_assert_true (strstr (text, "2 x file") < strstr (text, "1 x conn \"first\""));
  g_assert_true (strstr (text, "1 x conn \"first\"") < strstr (text, "1 x conn \"second\""));
  assert_has (text, "leash: 4 resources still open, from 3 places\n");
}

static void
test_one_stack_two_kinds (void)
{
  g_auto (Fixture) fixture = { 0 };
  g_autoptr (LeashSnapshot) snapshot = NULL;
  g_autofree char *text = NULL;

  fixture_init (&fixture);
  load_two (&fixture, "a.ini", "b.ini");
  snapshot = leash_snapshot_new (fixture.tracker);
  get_resource (snapshot, 0)->kind = "pipe";
  text = report (snapshot);
  assert_has (text, "2 resources still open, from 2 places");
  assert_has (text, "1 x pipe");
  assert_has (text, "1 x file");
}

static void
test_names_are_listed_once_and_capped (void)
{
  g_auto (Fixture) fixture = { 0 };
  g_autoptr (LeashSnapshot) snapshot = NULL;
  g_autofree char *text = NULL;

  fixture_init (&fixture);
  for (guint i = 0; i < 10; i++)
    {
      g_autofree char *name = g_strdup_printf ("%u", i / 2);

      load_config (&fixture, name);
    }
  load_config (&fixture, NULL);
  snapshot = leash_snapshot_new (fixture.tracker);
  for (guint i = 0; i < snapshot->resources->len; i++)
    get_resource (snapshot, i)->stack = get_resource (snapshot, 0)->stack;
  text = report (snapshot);
  assert_has (text, "11 x file \"0\", \"1\", \"2\" and 2 more and some without a name, opened");
}

static void
test_without_a_name (void)
{
  g_auto (Fixture) fixture = { 0 };
  g_autofree char *text = NULL;

  fixture_init (&fixture);
  load_config (&fixture, NULL);
  text = report_now (&fixture, LEASH_REPORT_NONE);
  assert_has (text, "1 x file, opened");
}

static void
test_hostile_names (void)
{
  g_auto (Fixture) fixture = { 0 };
  g_autofree char *text = NULL;

  fixture_init (&fixture);
  load_config (&fixture, "\033]0;owned\a\nleash: nothing is open\xff");
  leash_track (fixture.ctx, "ki\033nd", NULL);
  text = report_now (&fixture, LEASH_REPORT_NONE);
  assert_has (text, "1 x file \"\\x1b]0;owned\\x07\\nleash: nothing is open\\xff\", opened");
  assert_has (text, "1 x ki\\x1bnd, opened");
  assert_has_not (text, "\033");
  g_assert_true (g_utf8_validate (text, -1, NULL));
}

static void
test_ages (void)
{
  static const struct
  {
    gint64 newest, oldest;
    const char *text;
  } cases[] = {
    { 0, 9999, "opened <10 ms ago" },
    { -5000, 10000, "opened <10 ms to 10 ms ago" },
    { 1200000, 3499999, "opened 1.2 s to 3.4 s ago" },
    { 1250000, 1299999, "opened 1.2 s ago" },
    { 59999999, 60000000, "opened 59.9 s to 1 min 0 s ago" },
    { G_GINT64_CONSTANT (3599) * 1000000, G_GINT64_CONSTANT (3600) * 1000000,
      "opened 59 min 59 s to 1 h 0 min ago" },
    { G_GINT64_CONSTANT (86399) * 1000000, G_GINT64_CONSTANT (1000000) * 1000000,
      "opened 23 h 59 min to 11 d 13 h ago" },
  };
  g_auto (Fixture) fixture = { 0 };

  fixture_init (&fixture);
  load_two (&fixture, "a.ini", "b.ini");
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (LeashSnapshot) snapshot = leash_snapshot_new (fixture.tracker);
      g_autofree char *text = NULL;

      get_resource (snapshot, 0)->opened_at = snapshot->taken_at - cases[i].newest;
      get_resource (snapshot, 1)->opened_at = snapshot->taken_at - cases[i].oldest;
      text = report (snapshot);
      assert_has (text, cases[i].text);
    }
}

static gpointer
load_in_thread (gpointer fixture)
{
  load_two (fixture, "a.ini", "b.ini");
  return NULL;
}

static void
test_threads_are_named_and_their_start_is_hidden (void)
{
  g_auto (Fixture) fixture = { 0 };
  g_autofree char *text = NULL;

  fixture_init (&fixture);
  g_thread_join (g_thread_new ("loader-1", load_in_thread, &fixture));
  g_thread_join (g_thread_new ("loader-2", load_in_thread, &fixture));
  text = report_now (&fixture, LEASH_REPORT_NONE);
  assert_matches (text,
                  "^4 x file \"a.ini\", \"b.ini\", opened.* ago by threads \"loader-1\", \"loader-2\"$");
  assert_matches (text, "^    load_in_thread  [^\n]+\n\\Z");
}

static void
test_adopted_shows_both_stacks (void)
{
  g_auto (Fixture) fixture = { 0 };
  g_autofree char *text = NULL;

  fixture_init (&fixture);
  take_over (&fixture, load_config (&fixture, "a.ini"));
  text = report_now (&fixture, LEASH_REPORT_NONE);
  assert_matches (text,
                  "^1 x file \"a.ini\", opened" AGE " ago by thread \"main\", adopted by thread \"main\"\n"
                  "    open_file [^\n]+\n    load_config [^\n]+\n    test_adopted_shows_both_stacks [^\n]+\n"
                  "  adopted at\n"
                  "    take_over [^\n]+\n    test_adopted_shows_both_stacks [^\n]+\n\\Z");
}

static void
test_parent_closed_before_shows_three_stacks (void)
{
  g_auto (Fixture) fixture = { 0 };
  g_autofree char *text = NULL;
  LeashTag *conn;

  fixture_init (&fixture);
  conn = open_conn (&fixture, "db");
  open_child (&fixture, conn, "select 1");
  close_tag (conn);
  text = report_now (&fixture, LEASH_REPORT_NONE);
  assert_matches (text, "^1 x stmt \"select 1\", opened" AGE
                        " ago by thread \"main\" from conn \"db\", which was closed before\n"
                        "    open_child [^\n]+\n    test_[^\n]+\n"
                        "  parent opened at\n    open_conn [^\n]+\n    test_[^\n]+\n"
                        "  parent closed at\n    close_tag [^\n]+\n    test_[^\n]+\n\\Z");
}

static void
test_parent_still_open_is_named (void)
{
  g_auto (Fixture) fixture = { 0 };
  g_autofree char *text = NULL;

  fixture_init (&fixture);
  open_child (&fixture, open_conn (&fixture, "db"), "select 1");
  text = report_now (&fixture, LEASH_REPORT_NONE);
  assert_has (text, "by thread \"main\" from conn \"db\"\n");
  assert_has_not (text, "parent opened at");
}

static void
test_several_parents_are_not_named (void)
{
  g_auto (Fixture) fixture = { 0 };
  g_autoptr (LeashSnapshot) snapshot = NULL;
  g_autofree char *text = NULL;

  fixture_init (&fixture);
  load_two (&fixture, "a.ini", "b.ini");
  snapshot = leash_snapshot_new (fixture.tracker);
  get_resource (snapshot, 0)->parent_kind = get_resource (snapshot, 1)->parent_kind = "conn";
  get_resource (snapshot, 0)->parent_name = "one";
  get_resource (snapshot, 1)->parent_name = "other";
  text = report (snapshot);
  assert_has (text, "by thread \"main\" from conn\n");
}

static void
test_kept_open_is_listed_apart (void)
{
  g_auto (Fixture) fixture = { 0 };
  g_autofree char *text = NULL;

  fixture_init (&fixture);
  leash_tag_keep_open (load_config (&fixture, "log"));
  text = report_now (&fixture, LEASH_REPORT_NONE);
  g_assert_cmpstr (text, ==,
                   "leash: nothing is open\n"
                   "1 resource is meant to stay open\n"
                   "    1 x file \"log\", opened by thread \"main\"\n");
}

static void
test_double_release_shows_three_stacks (void)
{
  g_auto (Fixture) fixture = { 0 };
  g_autofree char *text = NULL;
  LeashTag *tag;

  fixture_init (&fixture);
  leash_tracker_set_release_stacks (fixture.tracker, TRUE);
  tag = load_config (&fixture, "a.ini");
  close_tag (tag);
  close_again (tag);
  text = report_now (&fixture, LEASH_REPORT_NONE);
  assert_matches (text, "\\Aleash: nothing is open, 1 misuse\n"
                        "1 x released twice: file \"a.ini\"\n"
                        "  opened at\n    open_file [^\n]+\n    load_config [^\n]+\n    test_[^\n]+\n"
                        "  released first at\n    close_tag [^\n]+\n    test_[^\n]+\n"
                        "  released again at\n    close_again [^\n]+\n    test_[^\n]+\n\\Z");
}

static void
test_each_misuse_has_its_words (void)
{
  static const char *const titles[] = {
    "released twice: ",
    "released through a context with another tracker: ",
    "released, but not tracked: ",
    "opened on a tracker that had ended: ",
    "closed after its parent: ",
    "handle tracked again while still open: ",
    "used after it was closed: ",
    "ended before a tracker nested in it: ",
  };
  g_auto (Fixture) fixture = { 0 };
  LeashStackId stack = leash_stack_capture ();

  fixture_init (&fixture);
  for (guint i = 0; i < G_N_ELEMENTS (titles); i++)
    {
      g_autoptr (LeashSnapshot) snapshot = leash_snapshot_new (fixture.tracker);
      LeashMisuse misuse = { .type = i, .kind = "file", .name = "x", .count = 3, .stack = stack };
      g_autofree char *line = g_strdup_printf ("3 x %sfile \"x\"\n  ", titles[i]);
      g_autofree char *text = NULL;

      add_misuse (snapshot, &misuse);
      text = report (snapshot);
      assert_has (text, line);
      assert_has (text, "leash: nothing is open, 3 misuses\n");
      assert_has (text, "    test_each_misuse_has_its_words ");
    }
}

static void
test_misuse_in_other_words_and_of_the_forgotten (void)
{
  g_auto (Fixture) fixture = { 0 };
  g_autoptr (LeashSnapshot) snapshot = NULL;
  g_autofree char *text = NULL;
  LeashMisuse misuse = { .type = LEASH_MISUSE_USE_AFTER_CLOSE, .what = "read after close", .count = 1 };

  fixture_init (&fixture);
  snapshot = leash_snapshot_new (fixture.tracker);
  misuse.kind = "file";
  add_misuse (snapshot, &misuse);
  misuse.kind = "(forgotten)";
  add_misuse (snapshot, &misuse);
  text = report (snapshot);
  g_assert_cmpstr (text, ==,
                   "leash: nothing is open, 2 misuses\n"
                   "1 x read after close: file\n"
                   "1 x read after close: something closed so long ago that its name is forgotten\n");
}

static void
test_places_are_capped (void)
{
  g_auto (Fixture) fixture = { 0 };
  g_autoptr (LeashSnapshot) snapshot = NULL;
  g_autofree char *text = NULL;
  LeashMisuse misuse = { .type = LEASH_MISUSE_NOT_TRACKED, .kind = "file", .count = 1 };

  fixture_init (&fixture);
  load_two (&fixture, "a", "b");
  load_two (&fixture, "c", "d");
  open_conn (&fixture, "e");
  leash_tag_keep_open (open_conn (&fixture, "kept-1"));
  leash_tag_keep_open (open_conn (&fixture, "kept-2"));
  snapshot = leash_snapshot_new (fixture.tracker);
  add_misuse (snapshot, &misuse);
  add_misuse (snapshot, &misuse);
  add_misuse (snapshot, &misuse);
  text = leash_snapshot_report (snapshot, LEASH_FORMAT_TEXT, LEASH_REPORT_NONE, 1);
  assert_has (text, "\n2 x file \"a\", \"b\"");
  assert_has_not (text, "\"c\"");
  assert_has (text, "\n... and 3 more resources from 2 places, not shown (LEASH_PLACES)\n1 x released");
  assert_has (text, "\n... and 2 more misuses, not shown (LEASH_PLACES)\n2 resources are meant");
  assert_has (text, "kept-1");
  assert_has (text, "\n... and 1 more resource from 1 place, not shown (LEASH_PLACES)\n");
}

static void
test_frames_of_harness_and_start_are_hidden_unless_all (void)
{
  g_auto (Fixture) fixture = { 0 };
  g_autofree char *user = NULL;
  g_autofree char *all = NULL;

  fixture_init (&fixture);
  load_config (&fixture, "a.ini");
  user = report_now (&fixture, LEASH_REPORT_NONE);
  all = report_now (&fixture, LEASH_REPORT_ALL_FRAMES);
  assert_has_not (user, "g_test_run");
  assert_has_not (user, "    main ");
  assert_has_not (user, "libc.so");
  assert_has_not (user, "    _start ");
  assert_matches (all, "^    g_test_run ");
  assert_matches (all, "^    main ");
  assert_matches (all, "^    _start ");
}

static void
test_main_is_shown_where_no_harness_called (void)
{
  g_autofree char *text = leash_stack_to_string (stack_of_main);

  assert_matches (text, "\\Amain  [^\n]+\n\\Z");
}

/* Of the program's own: their names alone hide nothing. */
REPORT_FRAME static LeashTag *
start_thread (Fixture *fixture)
{
  LeashTag *tag = load_config (fixture, "a.ini");

  REPORT_KEEP_FRAME ();
  return tag;
}

REPORT_FRAME static LeashTag *
test_case_run (Fixture *fixture)
{
  LeashTag *tag = start_thread (fixture);

  REPORT_KEEP_FRAME ();
  return tag;
}

static void
test_namesakes_of_the_program_are_shown (void)
{
  g_auto (Fixture) fixture = { 0 };
  g_autofree char *text = NULL;

  fixture_init (&fixture);
  test_case_run (&fixture);
  text = report_now (&fixture, LEASH_REPORT_NONE);
  assert_matches (text, "^    start_thread ");
  assert_matches (text, "^    test_case_run ");
}

/* As Check does, which is linked into the program. */
REPORT_FRAME static void
tcase_run_tfun_nofork (Fixture *fixture)
{
  load_config (fixture, "a.ini");
  REPORT_KEEP_FRAME ();
}

REPORT_FRAME static void
srunner_run_all (Fixture *fixture)
{
  tcase_run_tfun_nofork (fixture);
  REPORT_KEEP_FRAME ();
}

static void
test_check_is_known_by_its_runner (void)
{
  g_auto (Fixture) run = { 0 };
  g_auto (Fixture) alone = { 0 };
  g_autofree char *text_run = NULL;
  g_autofree char *text_alone = NULL;

  fixture_init (&run);
  fixture_init (&alone);
  srunner_run_all (&run);
  tcase_run_tfun_nofork (&alone);
  text_run = report_now (&run, LEASH_REPORT_NONE);
  text_alone = report_now (&alone, LEASH_REPORT_NONE);
  assert_has_not (text_run, "tcase_run_tfun_nofork");
  assert_has_not (text_run, "srunner_run_all");
  assert_has (text_alone, "tcase_run_tfun_nofork");
}

static void
test_a_stack_of_the_harness_alone_is_shown (void)
{
  guintptr pc = (guintptr) g_test_run + 4;
  g_autofree char *text = leash_stack_to_string (leash_depot_put (&pc, 1, LEASH_STACK_LIMITED, NULL));

  assert_matches (text, "\\Ag_test_run  [^\n]+\n\\.\\.\\.\n\\Z");
}

static void
test_unknown_addresses (void)
{
  guintptr pc = 0x1000;
  g_autofree char *text = leash_stack_to_string (leash_depot_put (&pc, 1, 0, NULL));

  assert_matches (text, "\\A\\?  0x[0-9a-f]+\n\\(cut short\\)\n\\Z");
}

static void
test_no_stack_is_empty (void)
{
  g_autofree char *text = leash_stack_to_string (0);

  g_assert_cmpstr (text, ==, "");
}

static void
test_site_stands_in_where_no_stack_was_taken (void)
{
  g_auto (Fixture) fixture = { 0 };
  g_autofree char *text = NULL;

  fixture_init (&fixture);
  leash_tracker_set_level (fixture.tracker, LEASH_LEVEL_COUNT, 1);
  load_config (&fixture, "a.ini");
  text = report_now (&fixture, LEASH_REPORT_NONE);
  assert_matches (text, "^1 x file \"a.ini\"[^\n]+\n"
                        "    open_file  [^ \n]*report-fixture\\.h:[0-9]+\n"
                        "note: stacks are not taken at level count; LEASH_LEVEL=full takes them\n\\Z");
}

static LeashSnapshot *
snapshot_with_stack (Fixture *fixture, guintptr pc, guint n_frames, guint flags, const LeashSite *site)
{
  LeashSnapshot *snapshot;

  load_config (fixture, "a.ini");
  snapshot = leash_snapshot_new (fixture->tracker);
  get_resource (snapshot, 0)->stack = leash_depot_put (&pc, n_frames, flags, site);
  return snapshot;
}

static void
test_limited_and_cut_stacks_are_marked (void)
{
  g_auto (Fixture) fixture = { 0 };
  g_autoptr (LeashSnapshot) limited = NULL;
  g_autoptr (LeashSnapshot) cut = NULL;
  g_autofree char *limited_text = NULL;
  g_autofree char *cut_text = NULL;

  fixture_init (&fixture);
  limited = snapshot_with_stack (&fixture, (guintptr) test_nothing + 4, 1, LEASH_STACK_LIMITED, NULL);
  cut = snapshot_with_stack (&fixture, 0x1000, 1, 0, NULL);
  limited_text = report (limited);
  cut_text = report (cut);
  assert_matches (limited_text,
                  "\n    test_nothing  [^\n]+\n    \\.\\.\\.\n"
                  "note: \"\\.\\.\\.\" marks stacks with more frames than are kept \\(LEASH_DEPTH\\)\n\\Z");
  assert_has (cut_text, "    (cut short)\n");
  assert_has (cut_text, "note: \"(cut short)\" marks stacks that reach code without unwind information\n");
}

static void
test_forked_and_not_kept_stacks_are_marked (void)
{
  static const LeashSite site = { "../src/forked.c", 7, "open_forked" };
  g_auto (Fixture) fixture = { 0 };
  g_autoptr (LeashSnapshot) snapshot = NULL;
  g_autofree char *text = NULL;

  fixture_init (&fixture);
  snapshot = snapshot_with_stack (&fixture, 0, 0, LEASH_STACK_AFTER_FORK, &site);
  snapshot->n_stacks_after_fork = 5;
  snapshot->n_stacks_not_kept = 6;
  snapshot->n_misuses_dropped = 7;
  snapshot->n_reentries = 8;
  snapshot->n_strays = 9;
  text = report (snapshot);
  assert_has (text, "\n    open_forked  src/forked.c:7\n    (no more: in a forked child)\n");
  assert_has (text, "note: 5 stacks were not taken: this is the child of a fork");
  assert_has (text, "note: 6 times a stack was not kept: LEASH_DEPOT_LIMIT is reached\n");
  assert_has (text, "note: 7 more misuses were counted, and not kept\n");
  assert_has (text,
              "note: 8 times something was opened, closed or used inside of Leash itself, as by a signal ");
  assert_has (text, "note: 9 times something was closed or used whose tracker was gone: not looked at\n");
  assert_has (text, "from 1 place, 7 misuses\n");
}

static void
test_a_stack_that_was_not_kept (void)
{
  g_auto (Fixture) fixture = { 0 };
  g_autoptr (LeashSnapshot) snapshot = NULL;
  g_autofree char *text = NULL;

  fixture_init (&fixture);
  snapshot = snapshot_with_stack (&fixture, 0, 0, LEASH_STACK_NOT_KEPT | LEASH_STACK_PLACE_ONLY, NULL);
  text = report (snapshot);
  assert_matches (text, "^1 x file \"a.ini\"[^\n]+\n    \\(stack not kept\\)\n\\Z");
}

static void
test_tracking_off_is_noted (void)
{
  g_auto (Fixture) fixture = { 0 };
  g_autofree char *text = NULL;

  fixture_init (&fixture);
  leash_tracker_set_level (fixture.tracker, LEASH_LEVEL_OFF, 1);
  text = report_now (&fixture, LEASH_REPORT_NONE);
  g_assert_cmpstr (text, ==,
                   "leash: nothing is open\n"
                   "note: tracking is off: what was opened since it was turned off is not known\n");
}

static void
test_samples_stand_for_all (void)
{
  g_auto (Fixture) fixture = { 0 };
  g_autofree char *text = NULL;

  fixture_init (&fixture);
  leash_tracker_set_level (fixture.tracker, LEASH_LEVEL_SAMPLE, 10);
  for (guint i = 0; i < 1000; i++)
    load_config (&fixture, "a.ini");
  text = report_now (&fixture, LEASH_REPORT_NONE);
  assert_has (text, "leash: 1000 resources still open, from 2 places\n");
  assert_matches (text,
                  "^[0-9]+ x file \"a.ini\", opened[^\n]+, a sample of about 1000\n    open_file [^\n]+\n"
                  "    load_config ");
  assert_has (text, "note: every resource is counted; stacks were taken of about 1 in 10 (level sample)\n");
}

/* Regression: what was opened while every stack was taken was multiplied as if it were a sample. */
static void
test_samples_stand_for_no_others (void)
{
  g_auto (Fixture) fixture = { 0 };
  g_autofree char *text = NULL;
  volatile guint n_full = 30; /* or clang makes thirty places of the loop */

  fixture_init (&fixture);
  for (guint i = 0; i < n_full; i++)
    load_config (&fixture, "full");
  leash_tracker_set_level (fixture.tracker, LEASH_LEVEL_SAMPLE, 10);
  for (guint i = 0; i < 1000; i++)
    load_config (&fixture, "a.ini");
  text = report_now (&fixture, LEASH_REPORT_NONE);
  assert_matches (text, "\n30 x file \"full\", opened[^\n,]+\n    open_file ");
  assert_matches (text, "\n[0-9]+ x file \"a.ini\", opened[^\n]+, a sample of about 1000\n    open_file ");
}

/* "1 stacks were not taken" reads like a mistake in the count. */
static void
test_notes_of_one (void)
{
  static const LeashSite site = { "../src/forked.c", 7, "open_forked" };
  g_auto (Fixture) fixture = { 0 };
  g_autoptr (LeashSnapshot) snapshot = NULL;
  g_autofree char *text = NULL;

  fixture_init (&fixture);
  snapshot = snapshot_with_stack (&fixture, 0, 0, LEASH_STACK_AFTER_FORK, &site);
  snapshot->n_stacks_after_fork = snapshot->n_stacks_not_kept = 1;
  snapshot->n_misuses_dropped = snapshot->n_returned_dropped = 1;
  text = report (snapshot);
  assert_has (text, "note: 1 stack was not taken: this is the child of a fork");
  assert_has (text, "note: 1 time a stack was not kept: LEASH_DEPOT_LIMIT is reached\n");
  assert_has (text, "note: 1 more misuse was counted, and not kept\n");
  assert_has (text, "note: 1 more that was overdue returned, from places that were not kept\n");
}

static void
test_difference_says_so (void)
{
  g_auto (Fixture) fixture = { 0 };
  g_autoptr (LeashSnapshot) before = NULL;
  g_autoptr (LeashSnapshot) after = NULL;
  g_autoptr (LeashSnapshot) difference = NULL;
  g_autofree char *text = NULL;

  fixture_init (&fixture);
  load_config (&fixture, "old");
  before = leash_snapshot_new (fixture.tracker);
  load_config (&fixture, "new");
  after = leash_snapshot_new (fixture.tracker);
  difference = leash_snapshot_new_difference (before, after);
  text = report (difference);
  assert_has (text, "leash: 1 resource opened in between and still open, from 1 place\n1 x file \"new\"");
}

static void
test_summary (void)
{
  g_auto (Fixture) fixture = { 0 };
  g_autoptr (LeashSnapshot) empty = NULL;
  g_autoptr (LeashSnapshot) full = NULL;
  g_autofree char *nothing = NULL;
  g_autofree char *summary = NULL;
  g_autofree char *misuses = NULL;
  LeashMisuse misuse = { .type = LEASH_MISUSE_NOT_TRACKED, .kind = "file", .count = 2 };

  fixture_init (&fixture);
  empty = leash_snapshot_new (fixture.tracker);
  nothing = leash_report_summary (empty);
  g_assert_cmpstr (nothing, ==, "nothing is open");
  add_misuse (empty, &misuse);
  misuses = leash_report_summary (empty);
  g_assert_cmpstr (misuses, ==, "2 misuses: 2 x released, but not tracked");
  fixture_fill (&fixture);
  full = leash_snapshot_new (fixture.tracker);
  summary = leash_report_summary (full);
  g_assert_cmpstr (summary, ==, "4 resources still open, from 3 places: 3 x file, 1 x stmt, 1 misuse");
}

static void
test_summary_of_many_kinds (void)
{
  g_auto (Fixture) fixture = { 0 };
  g_autoptr (LeashSnapshot) snapshot = NULL;
  g_autofree char *summary = NULL;

  fixture_init (&fixture);
  for (char kind[] = "a"; kind[0] <= 'i'; kind[0]++)
    leash_track (fixture.ctx, kind, NULL);
  snapshot = leash_snapshot_new (fixture.tracker);
  summary = leash_report_summary (snapshot);
  g_assert_cmpstr (summary, ==,
                   "9 resources still open, from 9 places: "
                   "1 x a, 1 x b, 1 x c, 1 x d, 1 x e, 1 x f and 3 more kinds");
}

static void
test_colours_change_no_text (void)
{
  g_auto (Fixture) fixture = { 0 };
  g_autoptr (LeashSnapshot) snapshot = NULL;
  g_autoptr (GRegex) colours = g_regex_new ("\033\\[[0-9]+m", 0, 0, NULL);
  g_autofree char *plain = NULL;
  g_autofree char *coloured = NULL;
  g_autofree char *stripped = NULL;

  fixture_init (&fixture);
  fixture_fill (&fixture);
  snapshot = leash_snapshot_new (fixture.tracker);
  plain = report (snapshot);
  coloured = leash_snapshot_report (snapshot, LEASH_FORMAT_TEXT, LEASH_REPORT_COLOR, 0);
  assert_has_not (plain, "\033");
  assert_has (coloured, "\033[1m1\033[0m x \033[36mstmt\033[0m \"select 1\"");
  assert_has (coloured, "\033[31mreleased twice\033[0m");
  stripped = g_regex_replace_literal (colours, coloured, -1, 0, "", 0, NULL);
  g_assert_cmpstr (stripped, ==, plain);
}

static void
test_a_thousand_places (void)
{
  g_auto (Fixture) fixture = { 0 };
  g_autofree char *text = NULL;
  g_autoptr (GTimer) timer = NULL;
  guint n_lines = 0;

  fixture_init (&fixture);
  for (guint i = 0; i < 1000; i++)
    open_by_bits (&fixture, i, 12);
  timer = g_timer_new ();
  text = report_now (&fixture, LEASH_REPORT_NONE);
  g_test_message ("1,000 places: %.1f ms", g_timer_elapsed (timer, NULL) * 1e3);
  assert_has (text, "leash: 1000 resources still open, from 1000 places\n");
  for (const char *p = text; (p = strstr (p, "    open_file ")) != NULL; p++)
    n_lines++;
  g_assert_cmpuint (n_lines, ==, 1000);
}

int
main (int argc, char **argv)
{
  stack_of_main = leash_stack_capture ();
  g_test_init (&argc, &argv, NULL);
#define ADD(path, name) g_test_add_func ("/report/" path, test_##name)
  ADD ("nothing", nothing);
  ADD ("one-place", one_place);
  ADD ("columns-are-aligned", columns_are_aligned);
  ADD ("most-first-then-oldest", most_first_then_oldest);
  ADD ("one-stack-two-kinds", one_stack_two_kinds);
  ADD ("names/listed-once-and-capped", names_are_listed_once_and_capped);
  ADD ("names/none", without_a_name);
  ADD ("names/hostile", hostile_names);
  ADD ("ages", ages);
  ADD ("threads-are-named-and-their-start-is-hidden", threads_are_named_and_their_start_is_hidden);
  ADD ("adopted-shows-both-stacks", adopted_shows_both_stacks);
  ADD ("parent/closed-before-shows-three-stacks", parent_closed_before_shows_three_stacks);
  ADD ("parent/still-open-is-named", parent_still_open_is_named);
  ADD ("parent/several-are-not-named", several_parents_are_not_named);
  ADD ("kept-open-is-listed-apart", kept_open_is_listed_apart);
  ADD ("misuse/double-release-shows-three-stacks", double_release_shows_three_stacks);
  ADD ("misuse/each-has-its-words", each_misuse_has_its_words);
  ADD ("misuse/in-other-words-and-of-the-forgotten", misuse_in_other_words_and_of_the_forgotten);
  ADD ("places-are-capped", places_are_capped);
  ADD ("frames/harness-and-start-are-hidden-unless-all", frames_of_harness_and_start_are_hidden_unless_all);
  ADD ("frames/main-is-shown-where-no-harness-called", main_is_shown_where_no_harness_called);
  ADD ("frames/namesakes-of-the-program-are-shown", namesakes_of_the_program_are_shown);
  ADD ("frames/check-is-known-by-its-runner", check_is_known_by_its_runner);
  ADD ("frames/a-stack-of-the-harness-alone-is-shown", a_stack_of_the_harness_alone_is_shown);
  ADD ("frames/unknown-addresses", unknown_addresses);
  ADD ("frames/no-stack-is-empty", no_stack_is_empty);
  ADD ("frames/site-stands-in-where-no-stack-was-taken", site_stands_in_where_no_stack_was_taken);
  ADD ("notes/limited-and-cut-stacks-are-marked", limited_and_cut_stacks_are_marked);
  ADD ("notes/forked-and-not-kept-stacks-are-marked", forked_and_not_kept_stacks_are_marked);
  ADD ("notes/a-stack-that-was-not-kept", a_stack_that_was_not_kept);
  ADD ("notes/tracking-off", tracking_off_is_noted);
  ADD ("notes/samples-stand-for-all", samples_stand_for_all);
  ADD ("notes/samples-stand-for-no-others", samples_stand_for_no_others);
  ADD ("notes/of-one", notes_of_one);
  ADD ("difference-says-so", difference_says_so);
  ADD ("summary", summary);
  ADD ("summary-of-many-kinds", summary_of_many_kinds);
  ADD ("colours-change-no-text", colours_change_no_text);
  ADD ("a-thousand-places", a_thousand_places);
  return g_test_run ();
}
