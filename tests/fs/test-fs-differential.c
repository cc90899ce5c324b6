/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The memory file system, the host's and the rooted directory do what the kernel does: the same random calls
 * on each, by three users, and every answer and the trees at the end compared. A sequence that differs is
 * shrunk to few calls, and printed with its seed.
 *
 * For the kernel to know no more than a root of its own, the process changes its root before each of its
 * calls, and its user (setfsuid(), which leaves the right to change the root). That needs user 0.
 *
 * The rooted directory refuses what leads outside; the memory's root must then too, and nobody else is asked.
 * LEASH_TEST_OPERATIONS says how many calls are made in each test; LEASH_TEST_SEED, with which seed the first
 * sequence is made.
 */
#include "posix-raw.h"

#include <sys/fsuid.h>
#include <sys/syscall.h>

#include "leash-wrap-fs-private.h"

#define SEQUENCE 120
/* In memory, and a part of that on the disk: its calls take many times as long. */
#define N_OPERATIONS 70000
#define DISK_PART 8
#define TMPFS "/dev/shm"

/* A memory file system with a fault: what is made gets its parents too. */
typedef LeashWrapFs ForgivingFs;
typedef LeashWrapFsClass ForgivingFsClass;

static GType forgiving_fs_get_type (void);

G_DEFINE_FINAL_TYPE (ForgivingFs, forgiving_fs, LEASH_TYPE_WRAP_FS)

static gboolean
forgiving_around (LeashWrapFs *self, LeashContext *ctx, LeashFsCall *call, GError **error)
{
  g_autofree char *parent = g_path_get_dirname (call->path != NULL ? call->path : ".");

  if (call->op == LEASH_FS_OP_MKDIR)
    leash_fs_mkdir (self->inner, ctx, parent, 0755, NULL);
  return leash_fs_call_perform (self->inner, ctx, call, error);
}

static void
forgiving_fs_class_init (ForgivingFsClass *klass)
{
  klass->around = forgiving_around;
  klass->handles = LEASH_WRAP_NOTHING;
}

static void
forgiving_fs_init (ForgivingFs *self)
{
}

typedef enum
{
  OWN_ROOT, /* against the host's file system */
  ROOTED,   /* against the rooted directory */
  FAULTY    /* as OWN_ROOT, with the fault */
} Kind;

/* What calls are made on: the kernel, another file system on the kernel's, and one in memory. */
typedef struct
{
  Kind kind;
  LeashContext *ctx; /* borrowed */
  char *dir;         /* owned, as all that follows */
  int real_root, real_cwd;
  int trees[2];     /* the kernel's, and the other's */
  LeashFs *other;   /* the host's, or the rooted directory */
  LeashFs *host;    /* to look at the kernel's tree at the end */
  LeashFs *memory;  /* has the users */
  LeashFs *subject; /* memory, a root in it, or what stands before it */
  int raw_slots[N_SLOTS];
  LeashFile *other_slots[N_SLOTS];
  LeashFile *subject_slots[N_SLOTS];
  guint slot_flags[N_SLOTS]; /* of what is open, 0 when nothing is */
  guint slot_users[N_SLOTS];
  gboolean slot_is_dir[N_SLOTS];
} World;

/* How many answers were one thing or the other: a test in which all fail tells little. */
static guint n_done, n_failed;

/* Makes the process's root this directory, and its user for files this one. */
static void
enter (int root, guint user)
{
  setfsuid (0);
  g_assert_cmpint (fchdir (root), ==, 0);
  g_assert_cmpint (chroot ("."), ==, 0);
  setfsgid (user_ids[user]);
  setfsuid (user_ids[user]);
}

static void
leave (World *w)
{
  enter (w->real_root, 0);
  g_assert_cmpint (fchdir (w->real_cwd), ==, 0);
}

static int
make_tree (World *w, const char *name)
{
  g_autofree char *path = g_build_filename (w->dir, name, NULL);

  g_assert_cmpint (mkdir (path, 0755), ==, 0);
  g_assert_cmpint (chmod (path, 0777), ==, 0);
  return open (path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static void
world_make_memory (World *w)
{
  w->memory = leash_memory_fs_new ();
  g_assert_true (leash_fs_chmod (w->memory, w->ctx, "/", 0777, NULL));
  if (w->kind == ROOTED)
    {
      /* A root whose users are its own; what is above it belongs to nobody's test. */
      LeashFs *above = w->memory;

      g_assert_true (leash_fs_mkdir (above, w->ctx, "root", 0777, NULL));
      g_assert_true (leash_fs_chmod (above, w->ctx, "root", 0777, NULL));
      w->memory = leash_fs_open_root (above, w->ctx, "root", 0, NULL);
      g_object_unref (above);
    }
  if (w->kind == FAULTY)
    w->subject = leash_wrap_fs_set_up (g_object_new (forgiving_fs_get_type (), NULL), w->memory, NULL);
  else
    w->subject = g_object_ref (w->memory);
}

static void
world_init (World *w, Kind kind, const char *place, LeashContext *ctx)
{
  g_autofree char *other = NULL;

  *w = (World){ .kind = kind, .ctx = ctx };
  w->real_root = open ("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  w->real_cwd = open (".", O_PATH | O_DIRECTORY | O_CLOEXEC);
  w->dir = g_build_filename (place, "leash-differential-XXXXXX", NULL);
  g_assert_nonnull (g_mkdtemp_full (w->dir, 0755));
  w->trees[0] = make_tree (w, "raw");
  w->trees[1] = make_tree (w, "other");
  other = g_build_filename (w->dir, "other", NULL);
  w->host = leash_host_fs_new ();
  w->other = kind == ROOTED ? leash_dir_fs_new (other, NULL) : g_object_ref (w->host);
  for (guint i = 0; i < N_SLOTS; i++)
    w->raw_slots[i] = -1;
  world_make_memory (w);
}

static void
world_clear (World *w)
{
  leave (w);
  for (guint i = 0; i < N_SLOTS; i++)
    {
      if (w->raw_slots[i] >= 0)
        close (w->raw_slots[i]);
      g_clear_pointer (&w->other_slots[i], leash_file_unref);
      g_clear_pointer (&w->subject_slots[i], leash_file_unref);
    }
  g_object_unref (w->subject);
  g_object_unref (w->memory);
  g_object_unref (w->other);
  g_object_unref (w->host);
  close (w->trees[0]);
  close (w->trees[1]);
  close (w->real_root);
  close (w->real_cwd);
  remove_tree (w->dir);
  g_free (w->dir);
}

/* The answers. Only codes of errors are compared, and whether it is the one of a root. */

static void
answer_raw (World *w, const Call *call, guint user, GString *to)
{
  gboolean appends = (w->slot_flags[call->slot] & LEASH_OPEN_APPEND) != 0;
  int code;

  enter (w->trees[0], user);
  code = raw_call (w->raw_slots, appends, call, to);
  if (code != 0)
    g_string_printf (to, "error %d", g_io_error_from_errno (code));
}

static void
answer_leash (World *w, LeashFs *fs, LeashFile **slots, const Call *call, GString *to)
{
  g_autoptr (GError) error = NULL;

  if (call_leash (fs, w->ctx, slots, call, to, &error))
    return;
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED)
      && strstr (error->message, "outside") != NULL)
    g_string_assign (to, "outside");
  else
    g_string_printf (to, "error %d", error->code);
}

static void
answer_other (World *w, const Call *call, guint user, GString *to)
{
  /* The rooted directory knows its root by itself, and needs /proc. */
  enter (w->kind == ROOTED ? w->real_root : w->trees[1], user);
  answer_leash (w, w->other, w->other_slots, call, to);
}

static void
answer_subject (World *w, const Call *call, guint user, GString *to)
{
  leash_memory_fs_set_credentials (w->memory, user_ids[user], user_ids[user], user_groups,
                                   G_N_ELEMENTS (user_groups));
  answer_leash (w, w->subject, w->subject_slots, call, to);
}

static gboolean
ends_in_dots (const char *path)
{
  gsize length = strlen (path);

  while (length > 0 && path[length - 1] == '/')
    length--;
  return length == 0 || path[length - 1] == '.';
}

/* Whether truncating to a length that is the size already changes times is told in different ways by ext4 and
 * tmpfs. */
static gboolean
has_size (const World *w, const Call *call)
{
  LeashStat found;

  leash_memory_fs_set_credentials (w->memory, 0, 0, NULL, 0);
  return leash_fs_stat (w->subject, w->ctx, call->path, &found, NULL) && (gint64) found.size == call->a;
}

/* Calls on files that are not open for them are refused by the public functions, with no kernel's code; a
 * position in a directory means what its file system likes. The rooted directory has words of its own for
 * names that are none, and looks at paths where the kernel has nothing to do. */
static gboolean
is_comparable (const World *w, const Call *call)
{
  guint flags = w->slot_flags[call->slot];

  if (is_on_slot (call))
    {
      if (call->op == LEASH_FS_OP_READ)
        return (flags & LEASH_OPEN_READ) != 0;
      if (call->op == LEASH_FS_OP_WRITE || call->op == LEASH_FS_OP_FILE_TRUNCATE)
        return (flags & LEASH_OPEN_WRITE) != 0;
      return flags != 0 && (call->op != LEASH_FS_OP_SEEK || !w->slot_is_dir[call->slot]);
    }
  if (call->op == LEASH_FS_OP_TRUNCATE && has_size (w, call))
    return FALSE;
  if (w->kind != ROOTED)
    return TRUE;
  if (call->op == LEASH_FS_OP_SET_TIMES)
    return call->a != LEASH_TIME_KEEP || call->b != LEASH_TIME_KEEP;
  return !ends_in_dots (call->path) && (!has_target (call) || !ends_in_dots (call->target));
}

/* What the world must remember of an answer that was the same everywhere. */
static void
note_slot (World *w, const Call *call, gboolean done)
{
  struct stat found;

  if (call->op == LEASH_FS_OP_CLOSE)
    w->slot_flags[call->slot] = 0;
  if (call->op != LEASH_FS_OP_OPEN)
    return;
  w->slot_flags[call->slot] = done ? call->flags : 0;
  w->slot_users[call->slot] = call->user;
  w->slot_is_dir[call->slot]
      = done && fstat (w->raw_slots[call->slot], &found) == 0 && S_ISDIR (found.st_mode);
}

/* What fails for two reasons may be told one or the other by the rooted directory, which opens what the
 * kernel only looks at, and splits a path's last name off. */
static gboolean
is_same (const World *w, const Call *call, const GString *raw, const GString *other)
{
  if (w->kind == ROOTED && (has_target (call) || g_str_has_suffix (call->path, "/"))
      && !g_str_has_prefix (raw->str, "ok"))
    return !g_str_has_prefix (other->str, "ok");
  return g_string_equal (raw, other);
}

/* TRUE when all answer the same; else tells how not. */
static gboolean
world_call (World *w, const Call *call, GString *ret_difference)
{
  g_autoptr (GString) raw = g_string_new ("ok");
  g_autoptr (GString) other = g_string_new ("ok");
  g_autoptr (GString) subject = g_string_new ("ok");
  gboolean leads_out;
  guint user = is_on_slot (call) ? w->slot_users[call->slot] : call->user;

  if (!is_comparable (w, call))
    return TRUE;
  answer_other (w, call, user, other);
  answer_subject (w, call, user, subject);
  leads_out = strcmp (other->str, "outside") == 0;
  if (leads_out)
    g_string_assign (raw, other->str);
  else
    answer_raw (w, call, user, raw);
  note_slot (w, call, g_str_has_prefix (raw->str, "ok"));
  n_done += g_str_has_prefix (raw->str, "ok") ? 1 : 0;
  n_failed += g_str_has_prefix (raw->str, "ok") ? 0 : 1;
  if (is_same (w, call, raw, other)
      && (leads_out ? is_same (w, call, raw, subject) : g_string_equal (raw, subject)))
    return TRUE;
  g_string_printf (ret_difference, "kernel: %s\n%s: %s\nmemory: %s", raw->str,
                   w->kind == ROOTED ? "rooted directory" : "host", other->str, subject->str);
  return FALSE;
}

static void
describe_tree (World *w, LeashFs *fs, const char *path, GString *to)
{
  g_autoptr (LeashDir) dir = leash_fs_open_dir (fs, w->ctx, path, NULL);
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  const LeashDirEntry *entry;

  g_assert_nonnull (dir);
  while (leash_dir_next (dir, w->ctx, &entry, NULL))
    g_ptr_array_add (names, g_strdup (entry->name));
  g_ptr_array_sort (names, compare_names);
  for (guint i = 0; i < names->len; i++)
    {
      g_autofree char *child = g_strconcat (path, "/", names->pdata[i], NULL);
      static char content[200000];
      LeashStat found;

      /* Deeper than a path can tell. */
      if (!leash_fs_lstat (fs, w->ctx, child, &found, NULL))
        continue;
      g_string_append_printf (to, "%s", child);
      describe_stat (&found, to);
      if (found.type == G_FILE_TYPE_REGULAR)
        {
          g_autoptr (LeashFile) file = leash_fs_open (fs, w->ctx, child, LEASH_OPEN_READ, 0, NULL);

          describe_content (content, leash_file_read (file, w->ctx, content, sizeof content, NULL), to);
        }
      g_string_append_c (to, '\n');
      if (found.type == G_FILE_TYPE_DIRECTORY)
        describe_tree (w, fs, child, to);
    }
}

static gboolean
world_compare_trees (World *w, GString *ret_difference)
{
  g_autoptr (GString) raw = g_string_new (NULL);
  g_autoptr (GString) subject = g_string_new (NULL);

  enter (w->trees[0], 0);
  describe_tree (w, w->host, ".", raw);
  leash_memory_fs_set_credentials (w->memory, 0, 0, NULL, 0);
  describe_tree (w, w->subject, ".", subject);
  if (g_string_equal (raw, subject))
    return TRUE;
  g_string_printf (ret_difference, "the kernel's tree:\n%s\nthe memory's:\n%s", raw->str, subject->str);
  return FALSE;
}

/* Makes the calls in a new world. Returns how many were made until something differed, 0 when nothing did. */
static guint
run_calls (Kind kind, const char *place, LeashContext *ctx, const GArray *calls, GString *ret_difference)
{
  World w;
  guint n = 0;
  gboolean same = TRUE;

  world_init (&w, kind, place, ctx);
  for (guint i = 0; i < calls->len && same; i++, n++)
    same = world_call (&w, &g_array_index (calls, Call, i), ret_difference);
  if (same)
    same = world_compare_trees (&w, ret_difference);
  world_clear (&w);
  return same ? 0 : n;
}

/* Leaves out what a difference does not need: halves, quarters, single calls, as long as one is left. */
static void
shrink (Kind kind, const char *place, LeashContext *ctx, GArray *calls, GString *ret_difference)
{
  for (guint size = MAX (calls->len / 2, 1); size > 0; size /= 2)
    for (guint i = 0; i + size <= calls->len;)
      {
        g_autoptr (GArray) fewer = g_array_copy (calls);
        guint n;

        g_array_remove_range (fewer, i, size);
        n = run_calls (kind, place, ctx, fewer, ret_difference);
        if (n == 0)
          {
            i += size;
            continue;
          }
        g_array_set_size (fewer, n);
        g_array_set_size (calls, 0);
        g_array_append_vals (calls, fewer->data, fewer->len);
      }
  run_calls (kind, place, ctx, calls, ret_difference);
}

static gboolean
sysctl_is_set (const char *name)
{
  g_autofree char *path = g_strconcat ("/proc/sys/fs/", name, NULL);
  g_autofree char *content = NULL;

  return g_file_get_contents (path, &content, NULL, NULL) && content[0] != '0';
}

/* So that there is something to begin with, which everybody may use. */
static void
begin_with_dir (GArray *calls, guint i, const char *path)
{
  Call *call = &g_array_index (calls, Call, i);

  call->op = LEASH_FS_OP_MKDIR;
  call->user = i % N_USERS;
  call->mode = 0777;
  g_strlcpy (call->path, path, sizeof call->path);
}

/* What an administrator forbids beyond POSIX is left out where it would matter. */
static GArray *
draw_calls (guint32 seed, gboolean one_user)
{
  gboolean sticky = !sysctl_is_set ("protected_symlinks") && !sysctl_is_set ("protected_regular");
  gboolean protects_links = sysctl_is_set ("protected_hardlinks");
  GArray *calls = g_array_sized_new (FALSE, FALSE, sizeof (Call), SEQUENCE);
  GRand *rand = g_rand_new_with_seed (seed);

  g_array_set_size (calls, SEQUENCE);
  for (guint i = 0; i < SEQUENCE; i++)
    {
      Call *call = &g_array_index (calls, Call, i);

      draw_call (rand, one_user, sticky, call);
      if (call->op == LEASH_FS_OP_LINK && protects_links)
        call->user = 0;
    }
  begin_with_dir (calls, 0, "a");
  begin_with_dir (calls, 1, "b");
  begin_with_dir (calls, 2, "a/b");
  g_rand_free (rand);
  return calls;
}

static guint32
number_from (const char *variable, guint32 otherwise)
{
  const char *value = g_getenv (variable);

  return value != NULL ? (guint32) g_ascii_strtoull (value, NULL, 10) : otherwise;
}

/* Runs sequences until one differs. Returns it, shrunk, or NULL. */
static GArray *
find_difference (Kind kind, const char *place, LeashContext *ctx, gboolean one_user, guint n_calls,
                 GString *ret_report)
{
  guint32 seed = number_from ("LEASH_TEST_SEED", (guint32) g_test_rand_int ());

  for (guint done = 0; done < n_calls; done += SEQUENCE, seed++)
    {
      g_autoptr (GArray) calls = draw_calls (seed, one_user);
      g_autoptr (GString) difference = g_string_new (NULL);
      guint n = run_calls (kind, place, ctx, calls, difference);

      if (n == 0)
        continue;
      g_array_set_size (calls, n);
      shrink (kind, place, ctx, calls, difference);
      g_string_printf (ret_report, "LEASH_TEST_SEED=%u, in %u calls:\n", seed, calls->len);
      for (guint i = 0; i < calls->len; i++)
        {
          print_call (&g_array_index (calls, Call, i), ret_report);
          g_string_append_c (ret_report, '\n');
        }
      g_string_append (ret_report, difference->str);
      return g_steal_pointer (&calls);
    }
  return NULL;
}

/* The root is changed, and so are groups and umask: all is put back. */
static gboolean
begin_as_root (gid_t *ret_groups, int *ret_n_groups)
{
  if (geteuid () != 0)
    {
      g_test_skip ("only user 0 may change the root that the kernel's calls count from");
      return FALSE;
    }
  *ret_n_groups = getgroups (64, ret_groups);
  g_assert_cmpint (*ret_n_groups, >=, 0);
  umask (022);
  g_assert_cmpint (syscall (SYS_setgroups, G_N_ELEMENTS (user_groups), user_groups), ==, 0);
  return TRUE;
}

static void
compare (Kind kind, gboolean one_user, const char *place, guint n_calls)
{
  g_autoptr (GString) report = g_string_new (NULL);
  g_autoptr (GArray) calls = NULL;
  gid_t groups[64];
  int n_groups;

  if (!begin_as_root (groups, &n_groups))
    return;
  n_done = n_failed = 0;
  calls = find_difference (kind, place, leash_context_background (), one_user,
                           number_from ("LEASH_TEST_OPERATIONS", n_calls), report);
  syscall (SYS_setgroups, n_groups, groups);
  if (calls != NULL)
    g_error ("in %s: %s", place, report->str);
  g_test_message ("%u calls succeeded and %u failed", n_done, n_failed);
  g_assert_cmpuint (n_done, >, n_failed / 10);
  g_assert_cmpuint (n_failed, >, n_done / 10);
}

/* What a test compares with, and who calls. */
typedef struct
{
  Kind kind;
  gboolean one_user;
} Setting;

static void
test_on_disk (Fixture *fixture, gconstpointer data)
{
  const Setting *setting = data;

  compare (setting->kind, setting->one_user, fixture->dir, N_OPERATIONS / DISK_PART);
}

static void
test_on_tmpfs (Fixture *fixture, gconstpointer data)
{
  const Setting *setting = data;

  if (access (TMPFS, W_OK) != 0)
    g_test_skip (TMPFS " is not there, or not ours to write to");
  else
    compare (setting->kind, setting->one_user, TMPFS, N_OPERATIONS);
}

static void
test_planted_fault (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (GString) report = g_string_new (NULL);
  g_autoptr (GArray) calls = NULL;
  gid_t groups[64];
  int n_groups;

  if (!begin_as_root (groups, &n_groups))
    return;
  calls = find_difference (FAULTY, fixture->dir, leash_context_background (), TRUE, N_OPERATIONS, report);
  syscall (SYS_setgroups, n_groups, groups);
  g_assert_nonnull (calls);
  g_test_message ("%s", report->str);
  g_assert_cmpuint (calls->len, <=, 3);
}

int
main (int argc, char *argv[])
{
  static const char *const names[] = { "user-0", "users", "rooted" };
  static const Setting settings[] = { { OWN_ROOT, TRUE }, { OWN_ROOT, FALSE }, { ROOTED, FALSE } };

  g_test_init (&argc, &argv, NULL);

  for (guint i = 0; i < G_N_ELEMENTS (settings); i++)
    {
      g_autofree char *on_disk = g_strconcat ("/fs/differential/", names[i], "/disk", NULL);
      g_autofree char *on_tmpfs = g_strconcat ("/fs/differential/", names[i], "/tmpfs", NULL);

      g_test_add (on_disk, Fixture, &settings[i], set_up, test_on_disk, tear_down);
      g_test_add (on_tmpfs, Fixture, &settings[i], set_up, test_on_tmpfs, tear_down);
    }
  ADD ("/fs/differential/planted-fault-is-found", test_planted_fault);

  return g_test_run ();
}
