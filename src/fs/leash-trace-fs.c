/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The trace file system: around() hands the call on, takes the time, and writes a line
 * (leash-fs-call-text.c):
 *
 *     open ("a.ini", READ) = ok <0.000012>
 *     stat ("b.ini") = not-found: No such file or directory <0.000004>
 *     {"op":"read","path":"a.ini","count":4096,"result":17,"seconds":0.000003}
 *
 * A line is written when its call has ended, so that it is whole; of calls at once, the one that ends first
 * comes first. Where the lines go is a sink, shared with the roots opened within: a function, which is called
 * with no lock held; a stream, with one, so that lines do not mix; or a log in memory. A sink that fails does
 * not fail the call: that would change what is looked at.
 */
#include "leash-wrap-fs-private.h"

#include <leash/leash-trace-fs.h>

#include <string.h>
#include <time.h>

#include "leash-lock-private.h"
#include "leash-quote-private.h"

/* Of a log in memory. Calls beyond it are counted. */
#define LOG_MAX (64 << 20)

typedef struct
{
  gint ref_count; /* atomic */
  /* None of these changes: how, and where to */
  LeashTraceFlags flags;
  LeashTraceFunc func; /* NULL for none */
  gpointer user_data;
  GDestroyNotify destroy;
  GOutputStream *stream; /* a reference; NULL for none */

  LeashLock lock;     /* guards what is below, and writing to the stream */
  GString *log;       /* lines; of a sink with neither function nor stream */
  guint64 n_left_out; /* calls that the log had no room for */
  GError *failure;    /* the first of the stream's; nothing is written to it any more */
} Sink;

typedef struct
{
  LeashWrapFs parent_instance;
  Sink *sink; /* a reference */
} LeashTraceFs;

typedef LeashWrapFsClass LeashTraceFsClass;

static GType leash_trace_fs_get_type (void);

G_DEFINE_FINAL_TYPE (LeashTraceFs, leash_trace_fs, LEASH_TYPE_WRAP_FS)

static void
sink_unref (Sink *sink)
{
  if (!g_atomic_int_dec_and_test (&sink->ref_count))
    return;
  if (sink->destroy != NULL)
    sink->destroy (sink->user_data);
  g_clear_object (&sink->stream);
  g_string_free (sink->log, TRUE);
  g_clear_error (&sink->failure);
  pthread_mutex_destroy (&sink->lock);
  g_free (sink);
}

static void
sink_log (Sink *sink, const char *line)
{
  if (sink->n_left_out == 0 && sink->log->len < LOG_MAX)
    g_string_append_printf (sink->log, "%s\n", line);
  else
    sink->n_left_out++;
}

static void
sink_write (Sink *sink, const char *line)
{
  g_autofree char *whole = g_strconcat (line, "\n", NULL);

  if (sink->failure == NULL)
    g_output_stream_write_all (sink->stream, whole, strlen (whole), NULL, NULL, &sink->failure);
}

static void
sink_tell (Sink *sink, const char *line)
{
  if (sink->func != NULL)
    {
      sink->func (line, sink->user_data);
      return;
    }
  leash_lock (&sink->lock);
  if (sink->stream != NULL)
    sink_write (sink, line);
  else
    sink_log (sink, line);
  leash_unlock (&sink->lock);
}

static gint64
now_ns (void)
{
  struct timespec now;

  clock_gettime (CLOCK_MONOTONIC, &now);
  return now.tv_sec * G_GINT64_CONSTANT (1000000000) + now.tv_nsec;
}

/* "not-found"; what is of another domain is named by that and a number. */
static void
append_code (GString *line, const GError *error)
{
  g_autoptr (GEnumClass) codes = g_type_class_ref (G_TYPE_IO_ERROR_ENUM);
  GEnumValue *value = error->domain == G_IO_ERROR ? g_enum_get_value (codes, error->code) : NULL;

  if (value != NULL)
    g_string_append (line, value->value_nick);
  else
    g_string_append_printf (line, "%s %d", g_quark_to_string (error->domain), error->code);
}

/* failure is NULL when the call succeeded. */
static void
append_outcome (GString *line, const LeashFsCall *call, const GError *failure, gboolean is_json)
{
  g_autoptr (GString) code = NULL;

  if (failure == NULL)
    {
      g_string_append (line, is_json ? "" : " = ");
      leash_fs_call_append_result (call, line, is_json);
      return;
    }
  code = g_string_new (NULL);
  append_code (code, failure);
  if (is_json)
    {
      g_string_append (line, ",\"error\":");
      leash_json_append_string (line, code->str);
      g_string_append (line, ",\"message\":");
      leash_json_append_string (line, failure->message);
      return;
    }
  g_string_append_printf (line, " = %s: ", code->str);
  leash_escape_append (line, failure->message);
}

static char *
write_line (LeashTraceFlags flags, const LeashFsCall *call, const GError *failure, gint64 taken_ns)
{
  gboolean is_json = (flags & LEASH_TRACE_JSON) != 0;
  GString *line = g_string_new (is_json ? "{" : NULL);

  leash_fs_call_append_text (call, line, is_json);
  append_outcome (line, call, failure, is_json);
  if ((flags & LEASH_TRACE_NO_TIMES) == 0)
    g_string_append_printf (line, is_json ? ",\"seconds\":%d.%09d" : " <%d.%09d>",
                            (int) (taken_ns / 1000000000), (int) (taken_ns % 1000000000));
  if (is_json)
    g_string_append_c (line, '}');
  return g_string_free (line, FALSE);
}

static gboolean
trace_around (LeashWrapFs *wrap, LeashContext *ctx, LeashFsCall *call, GError **error)
{
  Sink *sink = ((LeashTraceFs *) wrap)->sink;
  g_autoptr (GError) failure = NULL;
  g_autofree char *line = NULL;
  gint64 begun = now_ns ();
  gboolean done = leash_fs_call_perform (wrap->inner, ctx, call, &failure);
  gint64 taken = now_ns () - begun;

  /* An implementation may fail without a reason; the public function says so. */
  if (!done && failure == NULL)
    g_set_error_literal (&failure, G_IO_ERROR, G_IO_ERROR_FAILED, "it failed without giving a reason");
  line = write_line (sink->flags, call, failure, taken);
  sink_tell (sink, line);
  if (!done)
    g_propagate_error (error, g_steal_pointer (&failure));
  return done;
}

static LeashWrapFs *
trace_new_root (LeashWrapFs *wrap)
{
  Sink *sink = ((LeashTraceFs *) wrap)->sink;
  LeashTraceFs *root = g_object_new (leash_trace_fs_get_type (), NULL);

  g_atomic_int_inc (&sink->ref_count);
  root->sink = sink;
  return (LeashWrapFs *) root;
}

static void
leash_trace_fs_finalize (GObject *object)
{
  sink_unref (((LeashTraceFs *) object)->sink);
  G_OBJECT_CLASS (leash_trace_fs_parent_class)->finalize (object);
}

static void
leash_trace_fs_class_init (LeashTraceFsClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = leash_trace_fs_finalize;
  klass->around = trace_around;
  klass->new_root = trace_new_root;
  klass->handles = LEASH_WRAP_HANDLES;
  klass->no_features = LEASH_FS_FEATURE_DESCRIPTORS;
}

static void
leash_trace_fs_init (LeashTraceFs *self)
{
}

/* Named for the message of a critical. */
static gboolean
is_trace_fs (LeashFs *fs)
{
  return G_TYPE_CHECK_INSTANCE_TYPE (fs, leash_trace_fs_get_type ());
}

static gboolean
are_trace_flags (LeashTraceFlags flags)
{
  return ((guint) flags & ~(guint) (LEASH_TRACE_JSON | LEASH_TRACE_NO_TIMES)) == 0;
}

static LeashFs *
trace_fs_new (LeashFs *fs, LeashTraceFlags flags, Sink **ret_sink)
{
  LeashTraceFs *self = g_object_new (leash_trace_fs_get_type (), NULL);
  Sink *sink = g_new0 (Sink, 1);

  sink->ref_count = 1;
  sink->flags = flags;
  pthread_mutex_init (&sink->lock, NULL);
  sink->log = g_string_new (NULL);
  self->sink = *ret_sink = sink;
  return leash_wrap_fs_set_up ((LeashWrapFs *) self, fs, NULL);
}

/**
 * leash_trace_fs_new:
 * @fs: a file system
 * @flags: how calls are written down
 *
 * Makes a file system that hands everything on to another one, and keeps a log of every call: what was given,
 * what came of it, and how long it took. leash_trace_fs_get_log() has it. Names are quoted, with escapes for
 * what is no text; in JSON, a name that is no UTF-8 has its bytes in hexadecimal beside it.
 *
 * Files have no descriptor, which would go around the trace. What leash_fs_open_root() returns is traced too,
 * by paths from this file system's root.
 *
 * Returns: (transfer full): the file system, which holds a reference to @fs
 *
 * Since: 0.1
 */
LeashFs *
leash_trace_fs_new (LeashFs *fs, LeashTraceFlags flags)
{
  Sink *sink;

  g_return_val_if_fail (LEASH_IS_FS (fs), NULL);
  g_return_val_if_fail (are_trace_flags (flags), NULL);

  return trace_fs_new (fs, flags, &sink);
}

/**
 * leash_trace_fs_new_for_func: (skip)
 * @fs: a file system
 * @flags: how calls are written down
 * @func: is told of each call
 * @user_data: what @func is called with
 * @destroy: (nullable): frees @user_data with the last file system, file or directory of the trace
 *
 * Makes a file system as leash_trace_fs_new() does that tells a function and keeps no log. The function may
 * use other file systems; what it does with this one is told again.
 *
 * Returns: (transfer full): the file system, which holds a reference to @fs
 *
 * Since: 0.1
 */
LeashFs *
leash_trace_fs_new_for_func (LeashFs *fs, LeashTraceFlags flags, LeashTraceFunc func, gpointer user_data,
                             GDestroyNotify destroy)
{
  LeashFs *self;
  Sink *sink;

  g_return_val_if_fail (LEASH_IS_FS (fs), NULL);
  g_return_val_if_fail (are_trace_flags (flags), NULL);
  g_return_val_if_fail (func != NULL, NULL);

  self = trace_fs_new (fs, flags, &sink);
  sink->func = func;
  sink->user_data = user_data;
  sink->destroy = destroy;
  return self;
}

/**
 * leash_trace_fs_new_for_stream:
 * @fs: a file system
 * @flags: how calls are written down
 * @stream: where to; it must not be of a file of the trace itself
 *
 * Makes a file system as leash_trace_fs_new() does that writes lines to a stream and keeps no log. A stream
 * that fails does not fail the calls: leash_trace_fs_check() tells.
 *
 * Returns: (transfer full): the file system, which holds a reference to @fs and @stream
 *
 * Since: 0.1
 */
LeashFs *
leash_trace_fs_new_for_stream (LeashFs *fs, LeashTraceFlags flags, GOutputStream *stream)
{
  LeashFs *self;
  Sink *sink;

  g_return_val_if_fail (LEASH_IS_FS (fs), NULL);
  g_return_val_if_fail (are_trace_flags (flags), NULL);
  g_return_val_if_fail (G_IS_OUTPUT_STREAM (stream), NULL);

  self = trace_fs_new (fs, flags, &sink);
  sink->stream = g_object_ref (stream);
  return self;
}

/**
 * leash_trace_fs_get_log:
 * @fs: a file system of leash_trace_fs_new()
 *
 * Gets the lines of the calls that have ended, in the order of their ends. A log holds 64 MiB; of calls
 * beyond them the last line gives the number.
 *
 * Returns: (transfer full): the lines, each with a newline
 *
 * Since: 0.1
 */
char *
leash_trace_fs_get_log (LeashFs *fs)
{
  Sink *sink;
  char *log;

  g_return_val_if_fail (is_trace_fs (fs), NULL);

  sink = ((LeashTraceFs *) fs)->sink;
  leash_lock (&sink->lock);
  if (sink->n_left_out == 0)
    log = g_strdup (sink->log->str);
  else if ((sink->flags & LEASH_TRACE_JSON) != 0)
    log = g_strdup_printf ("%s{\"left_out\":%" G_GUINT64_FORMAT "}\n", sink->log->str, sink->n_left_out);
  else
    log = g_strdup_printf ("%s[%" G_GUINT64_FORMAT " calls left out]\n", sink->log->str, sink->n_left_out);
  leash_unlock (&sink->lock);
  return log;
}

/**
 * leash_trace_fs_clear_log:
 * @fs: a file system of leash_trace_fs_new()
 *
 * Empties the log: what comes next is a trace of its own.
 *
 * Since: 0.1
 */
void
leash_trace_fs_clear_log (LeashFs *fs)
{
  Sink *sink;

  g_return_if_fail (is_trace_fs (fs));

  sink = ((LeashTraceFs *) fs)->sink;
  leash_lock (&sink->lock);
  g_string_truncate (sink->log, 0);
  sink->n_left_out = 0;
  leash_unlock (&sink->lock);
}

/**
 * leash_trace_fs_check:
 * @fs: a file system of leash_trace_fs_new_for_stream()
 * @error: what went wrong
 *
 * Tells whether the stream has every line. After the first that it would not take, none is written any more.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
leash_trace_fs_check (LeashFs *fs, GError **error)
{
  GError *failure;
  Sink *sink;

  g_return_val_if_fail (is_trace_fs (fs), FALSE);

  sink = ((LeashTraceFs *) fs)->sink;
  leash_lock (&sink->lock);
  failure = sink->failure != NULL ? g_error_copy (sink->failure) : NULL;
  leash_unlock (&sink->lock);
  if (failure == NULL)
    return TRUE;
  g_propagate_prefixed_error (error, failure, "Writing a trace: ");
  return FALSE;
}
