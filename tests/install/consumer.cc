// SPDX-License-Identifier: LGPL-2.1-or-later
// A program outside the project, in C++: all macros, from functions, methods, lambdas and templates. Prints
// the report; its exit status is 0 when what was forgotten is what is reported.
#include <leash/leash.h>

#include <cstdio>
#include <fcntl.h>
#include <string>

namespace
{

#ifdef LEASH_DISABLE
constexpr gsize n_forgotten = 0;
#else
constexpr gsize n_forgotten = 1;
#endif

struct Session
{
  std::string user;
};

LEASH_DEFINE_CONTEXT_VALUE (Session, session)

// Functions of other libraries, whose handles are adopted: pointers, ids and descriptors. The
// macros make names of names, which must be unqualified.
namespace other
{
struct Door
{
  std::string name;
};

Door *
door_new ()
{
  return new Door{ "nameless" };
}

Door *
door_named (const char *name)
{
  return new Door{ name };
}

bool
door_free (Door *door)
{
  delete door;
  return true;
}

unsigned next_id = 0;

unsigned
guest_add (Door *)
{
  return ++next_id;
}

void
guest_remove (Door *, unsigned)
{
}

int
guest_leave (unsigned id)
{
  return static_cast<int> (id);
}
} // namespace other

using namespace other;

LEASH_ADOPT ("string", char *, g_strdup, (LeashContext * ctx, const char *text), (text), text, g_free)
LEASH_ADOPT_RESULT ("door", Door *, door_new, (LeashContext * ctx), (), nullptr, bool, door_free)
LEASH_ADOPT_ACQUIRE ("door", Door *, door_named, (LeashContext * ctx, const char *name), (name), name)
LEASH_ADOPT_ACQUIRE ("guest", unsigned, guest_add, (LeashContext * ctx, Door *door), (door), door->name.c_str ())
LEASH_ADOPT_RELEASE ("guest", guest_remove, (LeashContext * ctx, Door *door, unsigned id), (door, id), id)
LEASH_ADOPT_RELEASE_RESULT ("guest", int, guest_leave, (LeashContext * ctx, unsigned id), (id), id)
LEASH_ADOPT_FD ("log", open, (LeashContext * ctx, const char *path), (path, O_RDONLY), path, log)

class Handle
{
public:
  explicit Handle (LeashContext *ctx) : tag_ (leash_track (ctx, "handle", "of a class")) {}
  ~Handle () { leash_untrack (tag_); }
  Handle (const Handle &) = delete;
  Handle &operator= (const Handle &) = delete;
  LeashTag *
  tag () const
  {
    return tag_;
  }

private:
  LeashTag *tag_;
};

template <typename T>
LeashTag *
track_as (LeashContext *ctx, const T &value)
{
  return leash_track_pointer (ctx, "value", &value, nullptr);
}

void
use_every_macro (LeashContext *ctx)
{
  Handle handle (ctx);
  LeashTag *child = leash_track_child (ctx, handle.tag (), "child", nullptr);
  LeashTag *wrapped = leash_track_caller (ctx, nullptr, "wrapped", "one", LEASH_CALLER);
  auto later = [&] { return leash_track_fd (ctx, "fd", 0, nullptr); };
  int value = 1;

  track_as (ctx, value);
  later ();
  wrapped = leash_tag_adopt (wrapped, ctx);
  leash_tag_set_name (child, session_from_context (ctx)->user.c_str ());
  leash_tag_keep_open (wrapped);
  leash_untrack_caller (wrapped, LEASH_CALLER);
  leash_untrack_fd (ctx, "fd", 0);
  leash_tag_set_pointer (leash_find_pointer (ctx, "value", &value), ctx);
  leash_untrack_pointer (ctx, "value", ctx);
  leash_untrack (child);
}

// Each must be one more on the list while it is open.
bool
use_every_pair (LeashContext *ctx, LeashTracker *tracker)
{
  const gsize n_before = leash_tracker_count_open (tracker);
  Door *door = leash_door_new (ctx), *named = leash_door_named (ctx, "front");
  const unsigned first = leash_guest_add (ctx, named), second = leash_guest_add (ctx, named);
  char *text = leash_g_strdup (ctx, "text");
  const int log = leash_log_open (ctx, "/dev/null");
  const gsize n_open = leash_tracker_count_open (tracker) - n_before;
  bool went_well = log >= 0;

  went_well &= leash_log_close (ctx, log) == 0;
  leash_g_free (ctx, text);
  leash_guest_remove (ctx, named, first);
  went_well &= leash_guest_leave (ctx, second) == static_cast<int> (second);
  went_well &= leash_door_free (ctx, named) && leash_door_free (ctx, door);
  return went_well && n_open == (leash_has_tracking () ? 6 * n_forgotten : 0);
}

G_NO_INLINE void
forget_thing (LeashContext *ctx)
{
  auto *object = static_cast<GObject *> (g_object_new (G_TYPE_OBJECT, nullptr));

  leash_watch_object (ctx, object, nullptr);
  leash_track (ctx, "thing", "forgotten in C++");
  g_object_unref (object);
}

// Opened by the library, which has it on the list whether the program's own calls are compiled out or not.
G_NO_INLINE LeashFile *
forget_file (LeashContext *ctx)
{
  return leash_open (ctx, "/dev/null", LEASH_OPEN_READ, 0, nullptr);
}

} // namespace

int
main ()
{
  g_autoptr (LeashTracker) tracker = leash_tracker_new ();
  g_autoptr (LeashContext) tracked = leash_context_with_tracker (leash_context_background (), tracker);
  Session ada{ "ada" };
  g_autoptr (LeashContext) ctx = session_new_context (tracked, &ada, nullptr);
  g_autoptr (LeashFile) file = nullptr;
  g_autofree char *report = nullptr;
  const gsize wanted = leash_has_tracking () ? n_forgotten + 1 : 0;

  use_every_macro (ctx);
  if (!use_every_pair (ctx, tracker))
    return 2;
  forget_thing (ctx);
  file = forget_file (ctx);
  report = leash_tracker_report (tracker, LEASH_FORMAT_TEXT);
  std::fputs (report, stdout);
  return leash_tracker_count_open (tracker) == wanted && leash_tracker_count_misuses (tracker) == 0 ? 0 : 1;
}
