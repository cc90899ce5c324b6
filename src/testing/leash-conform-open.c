/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Opening: what each flag does to each kind of thing. */
#include "leash-conform-private.h"

static void
test_missing (Conform *c)
{
  conform_fails (c, ENOENT, OPEN ("missing", LEASH_OPEN_READ));
  conform_fails (c, ENOENT, OPEN ("d/missing", LEASH_OPEN_READ));
}

static void
test_missing_for_writing (Conform *c)
{
  conform_fails (c, ENOENT, OPEN ("missing", LEASH_OPEN_WRITE));
  conform_fails (c, ENOENT, OPEN ("missing", LEASH_OPEN_READ | LEASH_OPEN_WRITE));
  conform_fails (c, ENOENT, OPEN ("missing", LEASH_OPEN_WRITE | LEASH_OPEN_TRUNCATE));
  conform_fails (c, ENOENT, OPEN ("missing", LEASH_OPEN_APPEND));
  conform_missing (c, "missing");
}

static void
test_missing_parents (Conform *c)
{
  conform_fails (c, ENOENT, OPEN ("missing/f", FLAGS_MAKE));
  conform_fails (c, ENOENT, OPEN ("missing/deep/f", FLAGS_MAKE | LEASH_OPEN_EXCLUSIVE));
  conform_fails (c, ENOENT, OPEN ("missing/f", LEASH_OPEN_APPEND | LEASH_OPEN_CREATE));
  conform_missing (c, "missing");
}

static void
test_create (Conform *c)
{
  conform_ok (c, OPEN ("new", FLAGS_MAKE));
  conform_type (c, "new", G_FILE_TYPE_REGULAR);
  conform_size (c, "new", 0);
  conform_list (c, ".", "new");
}

static void
test_create_for_reading (Conform *c)
{
  g_autoptr (LeashFile) file = conform_open (c, "new", LEASH_OPEN_READ | LEASH_OPEN_CREATE);

  conform_file_rest (c, file, "");
  conform_file_close (c, file);
  conform_size (c, "new", 0);
}

static void
test_create_keeps (Conform *c)
{
  conform_ok (c, OPEN ("f", FLAGS_MAKE));
  conform_content (c, "f", "text");
  conform_ok (c, OPEN ("f", LEASH_OPEN_READ | LEASH_OPEN_CREATE));
  conform_content (c, "f", "text");
}

static void
test_exclusive (Conform *c)
{
  const char *const there[] = { "f", "d", "link-to-f", "link-to-d", "dangling", "loop" };

  for (guint i = 0; i < G_N_ELEMENTS (there); i++)
    {
      conform_fails (c, EEXIST, OPEN (there[i], FLAGS_MAKE | LEASH_OPEN_EXCLUSIVE));
      conform_fails (c, EEXIST, OPEN (there[i], FLAGS_MAKE | LEASH_OPEN_EXCLUSIVE | LEASH_OPEN_TRUNCATE));
      conform_fails (c, EEXIST, OPEN (there[i], LEASH_OPEN_READ | LEASH_OPEN_CREATE | LEASH_OPEN_EXCLUSIVE));
    }
  conform_content (c, "f", "text");
  conform_missing (c, "nowhere");
}

static void
test_exclusive_makes (Conform *c)
{
  conform_ok (c, OPEN ("new", FLAGS_MAKE | LEASH_OPEN_EXCLUSIVE));
  conform_type (c, "new", G_FILE_TYPE_REGULAR);
  conform_fails (c, EEXIST, OPEN ("new", FLAGS_MAKE | LEASH_OPEN_EXCLUSIVE));
}

static void
test_truncate (Conform *c)
{
  conform_ok (c, OPEN ("f", LEASH_OPEN_WRITE));
  conform_content (c, "f", "text");
  conform_ok (c, OPEN ("f", LEASH_OPEN_WRITE | LEASH_OPEN_TRUNCATE));
  conform_size (c, "f", 0);
  conform_write (c, "f", "again");
  conform_ok (c, OPEN ("f", LEASH_OPEN_APPEND | LEASH_OPEN_TRUNCATE));
  conform_size (c, "f", 0);
}

/* What open() does with flags to something, by POSIX: 0 or an errno. */
static int
expect_open (guint flags, GFileType type)
{
  gboolean creates = (flags & LEASH_OPEN_CREATE) != 0;

  if (type == G_FILE_TYPE_UNKNOWN)
    return creates ? 0 : ENOENT;
  if (creates && (flags & LEASH_OPEN_EXCLUSIVE) != 0)
    return EEXIST;
  if (type == G_FILE_TYPE_DIRECTORY)
    return creates || (flags & (LEASH_OPEN_WRITE | LEASH_OPEN_APPEND)) != 0 ? EISDIR : 0;
  return 0;
}

/* Those that the public function refuses, since they make no sense together. */
static gboolean
is_senseless (guint flags)
{
  gboolean writes = (flags & (LEASH_OPEN_WRITE | LEASH_OPEN_APPEND)) != 0;

  return (!writes && (flags & LEASH_OPEN_READ) == 0)
         || ((flags & LEASH_OPEN_EXCLUSIVE) != 0 && (flags & LEASH_OPEN_CREATE) == 0)
         || ((flags & LEASH_OPEN_TRUNCATE) != 0 && !writes);
}

static void
check_flags (Conform *c, const char *path, guint flags, GFileType type)
{
  int expected = is_senseless (flags) ? EINVAL : expect_open (flags, type);

  /* That a directory can be opened for reading is a liberty. */
  if (type == G_FILE_TYPE_DIRECTORY && expected == 0)
    return;
  if (expected == 0)
    conform_ok (c, OPEN (path, flags));
  else
    conform_fails (c, expected, OPEN (path, flags));
  if (type == G_FILE_TYPE_UNKNOWN && expected == 0)
    conform_ok (c, REMOVE (path));
}

static void
test_all_flags (Conform *c)
{
  if (!conform_needs (c, LEASH_FS_FEATURE_WRITE))
    return;
  for (guint flags = 0; flags < LEASH_OPEN_APPEND << 1; flags++)
    {
      gboolean truncates = (flags & LEASH_OPEN_TRUNCATE) != 0 && !is_senseless (flags)
                           && (flags & LEASH_OPEN_EXCLUSIVE) == 0;

      check_flags (c, "missing", flags, G_FILE_TYPE_UNKNOWN);
      check_flags (c, "d", flags, G_FILE_TYPE_DIRECTORY);
      check_flags (c, "f", flags, G_FILE_TYPE_REGULAR);
      conform_content (c, "f", truncates ? "" : "text");
      conform_write (c, "f", "text");
    }
  conform_fails (c, EINVAL, OPEN ("f", LEASH_OPEN_READ | LEASH_OPEN_APPEND << 1));
}

static void
test_directory_for_writing (Conform *c)
{
  const guint flags[] = {
    LEASH_OPEN_WRITE,
    LEASH_OPEN_APPEND,
    LEASH_OPEN_READ | LEASH_OPEN_WRITE,
    LEASH_OPEN_WRITE | LEASH_OPEN_TRUNCATE,
    FLAGS_MAKE,
    FLAGS_MAKE | LEASH_OPEN_TRUNCATE,
    LEASH_OPEN_READ | LEASH_OPEN_CREATE,
  };

  for (guint i = 0; i < G_N_ELEMENTS (flags); i++)
    {
      conform_fails (c, EISDIR, OPEN ("d", flags[i]));
      conform_fails (c, EISDIR, OPEN (".", flags[i]));
    }
  conform_content (c, "d/f", "text");
}

static void
test_directory_for_reading (Conform *c)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LeashFile) file = leash_fs_open (c->fs, c->ctx, "d", LEASH_OPEN_READ, 0, &error);
  char byte;

  /* As POSIX has it, it opens; at the latest reading it fails. */
  if (file != NULL && leash_file_read (file, c->ctx, &byte, 1, &error) >= 0)
    conform_fault (c, "read “d”: expected “%s”, found success", g_strerror (EISDIR));
  else
    conform_error (c, file != NULL ? "read" : "open", "d", EISDIR, &error);
  conform_file_close (c, file);
}

static void
test_through_links (Conform *c)
{
  conform_content (c, "link-to-f", "text");
  conform_content (c, "link-to-d/inner", "inner");
  conform_content (c, "d/up-link", "text");
  conform_content (c, "chain", "text");
}

static void
test_write_through_link (Conform *c)
{
  conform_write (c, "link-to-f", "new");
  conform_content (c, "f", "new");
  conform_type (c, "link-to-f", G_FILE_TYPE_SYMBOLIC_LINK);
  conform_write (c, "chain", "newer");
  conform_content (c, "f", "newer");
}

static void
test_create_through_link (Conform *c)
{
  conform_fails (c, ENOENT, OPEN ("dangling", LEASH_OPEN_WRITE));
  conform_write (c, "dangling", "made");
  conform_content (c, "d/made", "made");
  conform_type (c, "dangling", G_FILE_TYPE_SYMBOLIC_LINK);
  conform_fails (c, ENOENT, OPEN ("lost", FLAGS_MAKE));
  conform_missing (c, "missing");
}

static void
test_link_loop (Conform *c)
{
  conform_fails (c, ELOOP, OPEN ("loop", LEASH_OPEN_READ));
  conform_fails (c, ELOOP, OPEN ("two", LEASH_OPEN_READ));
  conform_fails (c, ELOOP, OPEN ("loop/f", LEASH_OPEN_READ));
}

static void
test_slash (Conform *c)
{
  conform_fails (c, ENOTDIR, OPEN ("f/", LEASH_OPEN_READ));
  conform_fails (c, ENOTDIR, OPEN ("f/.", LEASH_OPEN_READ));
  conform_fails (c, ENOTDIR, OPEN ("f/x", LEASH_OPEN_READ));
  conform_fails (c, ENOENT, OPEN ("missing/", LEASH_OPEN_READ));
}

static void
test_create_with_slash (Conform *c)
{
  conform_fails (c, EISDIR, OPEN ("new/", FLAGS_MAKE));
  conform_fails (c, EISDIR, OPEN ("f/", FLAGS_MAKE));
  conform_fails (c, ENOTDIR, OPEN ("f/", LEASH_OPEN_WRITE));
  conform_fails (c, ENOTDIR, OPEN ("f/new", FLAGS_MAKE));
  conform_missing (c, "new");
  conform_content (c, "f", "text");
}

static void
test_long_name (Conform *c)
{
  conform_write (c, NAME_255, "long");
  conform_content (c, NAME_255, "long");
  conform_fails (c, ENAMETOOLONG, OPEN (NAME_256, FLAGS_MAKE));
  conform_list (c, ".", NAME_255);
}

static void
test_two_handles (Conform *c)
{
  g_autoptr (LeashFile) one = conform_open (c, "f", LEASH_OPEN_READ);
  g_autoptr (LeashFile) two = conform_open (c, "f", LEASH_OPEN_READ);

  conform_file_seek (c, one, 2, G_SEEK_SET);
  conform_file_rest (c, two, "text");
  conform_file_rest (c, one, "xt");
  conform_file_close (c, one);
  conform_file_seek (c, two, 1, G_SEEK_SET);
  conform_file_rest (c, two, "ext");
  conform_file_close (c, two);
}

static void
test_descriptor (Conform *c)
{
  g_autoptr (LeashFile) file = conform_open (c, "f", LEASH_OPEN_READ);
  gboolean has_one = (c->features & LEASH_FS_FEATURE_DESCRIPTORS) != 0;

  if (file == NULL)
    return;
  /* Without the feature some files may have one all the same: those of one layer of several. */
  conform_same_number (c, "get_fd", "f", "has one", TRUE, !has_one || leash_file_get_fd (file) >= 0);
  conform_file_close (c, file);
}

/* A file is written through the handle that made it, whatever its mode says from then on. */
static void
test_mode_of_maker (Conform *c)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LeashFile) file = NULL;

  if (!conform_needs (c, LEASH_FS_FEATURE_WRITE))
    return;
  file = leash_fs_open (c->fs, c->ctx, "new", FLAGS_MAKE | LEASH_OPEN_READ, 0, &error);
  if (file == NULL)
    conform_fault (c, "open “new” with mode 0: expected success, found: %s", error->message);
  conform_file_write (c, file, "text");
  conform_file_close (c, file);
  conform_size (c, "new", 4);
}

#define LINKS "d/ d/inner=inner f=text link-to-f>f link-to-d>d chain>link-to-f d/up-link>../f"

const ConformTest conform_open_tests[] = {
  { "open/missing-is-not-found", test_missing, "d/ d/f=text", 0 },
  { "open/missing-is-not-made-by-writing", test_missing_for_writing, NULL, 0 },
  { "open/missing-parents-are-not-made", test_missing_parents, NULL, 0 },
  { "open/create-makes-an-empty-file", test_create, NULL, 0 },
  { "open/create-for-reading-makes-it-too", test_create_for_reading, NULL, 0 },
  { "open/create-keeps-what-is-there", test_create_keeps, "f=text", 0 },
  { "open/exclusive-refuses-what-is-there", test_exclusive,
    "f=text d/ link-to-f>f link-to-d>d dangling>nowhere loop>loop", 0 },
  { "open/exclusive-makes-what-is-missing", test_exclusive_makes, NULL, 0 },
  { "open/truncate-empties", test_truncate, "f=text", 0 },
  { "open/all-flags-do-as-posix-says", test_all_flags, "f=text d/", 0 },
  { "open/directory-is-not-opened-for-writing", test_directory_for_writing, "d/ d/f=text", 0 },
  { "open/directory-cannot-be-read-as-a-file", test_directory_for_reading, "d/ d/f=text", 0 },
  { "open/links-are-followed", test_through_links, LINKS, 0 },
  { "open/writing-through-a-link-keeps-the-link", test_write_through_link, LINKS, 0 },
  { "open/create-through-a-dangling-link-makes-its-target", test_create_through_link,
    "d/ dangling>d/made lost>missing/f", 0 },
  { "open/loop-of-links-is-refused", test_link_loop, "loop>loop two>one one>two", 0 },
  { "open/slash-behind-a-file-is-refused", test_slash, "f=text", 0 },
  { "open/create-with-a-slash-makes-nothing", test_create_with_slash, "f=text", 0 },
  { "open/name-of-255-bytes-is-the-longest", test_long_name, NULL, 0 },
  { "open/each-handle-has-its-position", test_two_handles, "f=text", 0 },
  { "open/descriptor-is-there-if-it-says-so", test_descriptor, "f=text", 0 },
  { "open/mode-does-not-bind-the-maker", test_mode_of_maker, NULL, 0 },
  { NULL, NULL, NULL, 0 },
};
