/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* LeashTracker: keeps what is open, and says so. */
#pragma once

#include <leash/leash-macros.h>
#include <leash/leash-stack.h>

G_BEGIN_DECLS

#define LEASH_TYPE_TRACKER (leash_tracker_get_type ())
#define LEASH_ERROR (leash_error_quark ())

/**
 * LeashError:
 * @LEASH_ERROR_STILL_OPEN: resources are still open
 * @LEASH_ERROR_MISUSE: nothing is open, but resources were misused: released twice, used after close …
 * @LEASH_ERROR_BAD_SETTING: a LEASH_* environment variable has a value that it cannot have
 *
 * The errors of leash_tracker_check() and of the settings. Those of input and output are GIO's.
 */
typedef enum
{
  LEASH_ERROR_STILL_OPEN,
  LEASH_ERROR_MISUSE,
  LEASH_ERROR_BAD_SETTING
} LeashError;

/**
 * LeashFormat:
 * @LEASH_FORMAT_TEXT: for people
 * @LEASH_FORMAT_JSON: for programs; the schema is in docs/report-format.md
 *
 * The forms a report comes in.
 */
typedef enum
{
  LEASH_FORMAT_TEXT,
  LEASH_FORMAT_JSON
} LeashFormat;

/**
 * LeashReportFlags:
 * @LEASH_REPORT_NONE: plain
 * @LEASH_REPORT_COLOR: with colours for a terminal (text only)
 * @LEASH_REPORT_ALL_FRAMES: with the frames of Leash, the test harness and the C library
 *
 * How a report is written.
 */
typedef enum
{
  LEASH_REPORT_NONE = 0,
  LEASH_REPORT_COLOR = 1 << 0,
  LEASH_REPORT_ALL_FRAMES = 1 << 1
} LeashReportFlags;

/**
 * LeashLevel:
 * @LEASH_LEVEL_OFF: nothing is tracked
 * @LEASH_LEVEL_COUNT: resources are tracked without stacks
 * @LEASH_LEVEL_SAMPLE: one resource in so many has its stack taken
 * @LEASH_LEVEL_FULL: every resource has its stack taken
 *
 * How much a tracker remembers.
 */
typedef enum
{
  LEASH_LEVEL_OFF,
  LEASH_LEVEL_COUNT,
  LEASH_LEVEL_SAMPLE,
  LEASH_LEVEL_FULL
} LeashLevel;

/**
 * LeashResourceFlags:
 * @LEASH_RESOURCE_NONE: an open resource
 * @LEASH_RESOURCE_KEPT: it is meant to stay open
 * @LEASH_RESOURCE_ADOPTED: it was handed on
 * @LEASH_RESOURCE_PARENT_CLOSED: what it was opened from was closed before it
 * @LEASH_RESOURCE_OVERDUE: it was found to be open for longer than its tracker's age limit, or its kind's
 * @LEASH_RESOURCE_SAMPLED: it is of the sample whose stacks were taken at %LEASH_LEVEL_SAMPLE
 *
 * What is known of a resource beside its fields.
 */
typedef enum
{
  LEASH_RESOURCE_NONE = 0,
  LEASH_RESOURCE_KEPT = 1 << 0,
  LEASH_RESOURCE_ADOPTED = 1 << 1,
  LEASH_RESOURCE_PARENT_CLOSED = 1 << 2,
  LEASH_RESOURCE_OVERDUE = 1 << 3,
  LEASH_RESOURCE_SAMPLED = 1 << 4
} LeashResourceFlags;

/**
 * LeashHistoryEventType:
 * @LEASH_HISTORY_TOUCHED: the resource was touched
 * @LEASH_HISTORY_HANDED_OVER: it was touched by another thread than the one that touched it, adopted it or
 *   opened it before
 * @LEASH_HISTORY_ADOPTED: it was handed on by leash_tag_adopt()
 *
 * What can happen to a resource after it was opened.
 */
typedef enum
{
  LEASH_HISTORY_TOUCHED,
  LEASH_HISTORY_HANDED_OVER,
  LEASH_HISTORY_ADOPTED
} LeashHistoryEventType;

/**
 * LeashHistoryEvent:
 * @type: what happened
 * @what: (nullable): in words: "read"
 * @at: when: monotonic time in microseconds, to some milliseconds
 * @thread: the name of the thread that did it
 * @tid: that thread's id
 * @stack: where it was done
 *
 * What happened to a resource, as a snapshot shows it. See leash_tracker_set_history().
 */
typedef struct
{
  LeashHistoryEventType type;
  const char *what;
  gint64 at;
  const char *thread;
  guint tid;
  LeashStackId stack;
} LeashHistoryEvent;

/**
 * LeashResource:
 * @kind: what it is
 * @name: (nullable): which one it is
 * @opened_at: when it was opened: monotonic time in microseconds, to some milliseconds
 * @thread: the name of the thread that opened it
 * @tid: that thread's id
 * @flags: what else is known
 * @stack: where it was opened
 * @adopter_stack: where it was handed on, or 0
 * @adopter_thread: (nullable): the name of the thread that it was handed on to
 * @key: (nullable): the handle that it is tracked by, if it is by one; %NULL once it is closed
 * @parent_kind: (nullable): what its parent is
 * @parent_name: (nullable): which one its parent is
 * @parent_key: (nullable): the handle that its parent is tracked by, as @key
 * @parent_stack: where its parent was opened, or 0
 * @parent_close_stack: where its parent was closed, or 0
 * @n_events: how many of its events were kept
 * @events: (array length=n_events): what happened to it, oldest first; %NULL where @n_events is 0. A listener is
 *   shown none
 * @n_events_not_kept: how many more there were
 *
 * A resource as a snapshot or a listener shows it. The strings live as long as what holds it.
 */
typedef struct
{
  const char *kind;
  const char *name;
  gint64 opened_at;
  const char *thread;
  guint tid;
  LeashResourceFlags flags;
  LeashStackId stack;
  LeashStackId adopter_stack;
  const char *adopter_thread;
  gconstpointer key;
  const char *parent_kind;
  const char *parent_name;
  gconstpointer parent_key;
  LeashStackId parent_stack;
  LeashStackId parent_close_stack;
  guint n_events;
  const LeashHistoryEvent *events;
  guint64 n_events_not_kept;
  /*< private >*/
  guint64 id[2];
} LeashResource;

/**
 * LeashMisuseType:
 * @LEASH_MISUSE_DOUBLE_RELEASE: released twice
 * @LEASH_MISUSE_WRONG_TRACKER: released through a context with another tracker
 * @LEASH_MISUSE_NOT_TRACKED: released by a handle that nothing is tracked by
 * @LEASH_MISUSE_ENDED_TRACKER: opened on a tracker that was ended
 * @LEASH_MISUSE_CLOSED_AFTER_PARENT: closed after what it was opened from
 * @LEASH_MISUSE_KEY_REUSED: tracked by a handle that another open resource still had
 * @LEASH_MISUSE_USE_AFTER_CLOSE: used after it was closed
 * @LEASH_MISUSE_END_ORDER: a tracker ended before one nested in it
 *
 * What can be done wrong with a resource beside leaking it.
 */
typedef enum
{
  LEASH_MISUSE_DOUBLE_RELEASE,
  LEASH_MISUSE_WRONG_TRACKER,
  LEASH_MISUSE_NOT_TRACKED,
  LEASH_MISUSE_ENDED_TRACKER,
  LEASH_MISUSE_CLOSED_AFTER_PARENT,
  LEASH_MISUSE_KEY_REUSED,
  LEASH_MISUSE_USE_AFTER_CLOSE,
  LEASH_MISUSE_END_ORDER
} LeashMisuseType;

/**
 * LeashMisuse:
 * @type: what was done wrong
 * @what: (nullable): in words, where the type does not say it all: "read after close"
 * @kind: what the resource is
 * @name: (nullable): which one it is
 * @count: how often it was done so
 * @stack: where it was done
 * @opened_stack: where the resource was opened, or 0
 * @closed_stack: where the resource, or its parent, was closed first, or 0
 * @parent_stack: where its parent was opened, or 0
 *
 * A misuse as a snapshot or a listener shows it.
 */
typedef struct
{
  LeashMisuseType type;
  const char *what;
  const char *kind;
  const char *name;
  guint count;
  LeashStackId stack;
  LeashStackId opened_stack;
  LeashStackId closed_stack;
  LeashStackId parent_stack;
} LeashMisuse;

/**
 * LeashEventType:
 * @LEASH_EVENT_OPENED: a resource was tracked
 * @LEASH_EVENT_CLOSED: a resource was released
 * @LEASH_EVENT_ADOPTED: a resource was handed on
 * @LEASH_EVENT_MISUSED: a resource was misused
 * @LEASH_EVENT_OVERDUE: a resource was found to be open for longer than the age limit
 * @LEASH_EVENT_RETURNED: one that was overdue is closed, or handed on, after all
 *
 * What a listener is told of.
 */
typedef enum
{
  LEASH_EVENT_OPENED,
  LEASH_EVENT_CLOSED,
  LEASH_EVENT_ADOPTED,
  LEASH_EVENT_MISUSED,
  LEASH_EVENT_OVERDUE,
  LEASH_EVENT_RETURNED
} LeashEventType;

/**
 * LeashTrackerFunc:
 * @tracker: the tracker
 * @event: what happened
 * @resource: (nullable): the resource, %NULL for %LEASH_EVENT_MISUSED
 * @misuse: (nullable): the misuse, %NULL for the others
 * @user_data: what was given with the function
 *
 * Called in the thread that did it, for %LEASH_EVENT_OVERDUE in one of Leash's own, with no lock held. It may use
 * the tracker, and open and close resources, of which it is not told.
 */
typedef void (*LeashTrackerFunc) (LeashTracker        *tracker,
                                  LeashEventType       event,
                                  const LeashResource *resource,
                                  const LeashMisuse   *misuse,
                                  gpointer             user_data);

/* Life */
LEASH_AVAILABLE_IN_0_1
GType         leash_tracker_get_type           (void) G_GNUC_CONST;
LEASH_AVAILABLE_IN_0_1
LeashTracker *leash_tracker_new                (void) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
LeashTracker *leash_tracker_new_nested         (LeashTracker     *parent) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
LeashTracker *leash_tracker_ref                (LeashTracker     *tracker);
LEASH_AVAILABLE_IN_0_1
void          leash_tracker_unref              (LeashTracker     *tracker);
LEASH_AVAILABLE_IN_0_1
void          leash_tracker_end                (LeashTracker     *tracker);
LEASH_AVAILABLE_IN_0_1
gboolean      leash_tracker_is_ended           (LeashTracker     *tracker);

/* Settings */
LEASH_AVAILABLE_IN_0_1
LeashLevel    leash_tracker_get_level          (LeashTracker     *tracker);
LEASH_AVAILABLE_IN_0_1
void          leash_tracker_set_level          (LeashTracker     *tracker,
                                                LeashLevel        level,
                                                guint             sample_every);
LEASH_AVAILABLE_IN_0_1
void          leash_tracker_set_depth          (LeashTracker     *tracker,
                                                guint             frames);
LEASH_AVAILABLE_IN_0_1
void          leash_tracker_set_release_stacks (LeashTracker     *tracker,
                                                gboolean          keep);
LEASH_AVAILABLE_IN_0_1
void          leash_tracker_set_history        (LeashTracker     *tracker,
                                                guint             max_events);
LEASH_AVAILABLE_IN_0_1
void          leash_tracker_set_age_limit      (LeashTracker     *tracker,
                                                gint64            microseconds);
LEASH_AVAILABLE_IN_0_1
void          leash_tracker_set_kind_age_limit (LeashTracker     *tracker,
                                                const char       *kind,
                                                gint64            microseconds);
LEASH_AVAILABLE_IN_0_1
guint         leash_tracker_add_listener       (LeashTracker     *tracker,
                                                LeashTrackerFunc  func,
                                                gpointer          user_data,
                                                GDestroyNotify    destroy);
LEASH_AVAILABLE_IN_0_1
void          leash_tracker_remove_listener    (LeashTracker     *tracker,
                                                guint             id);

/* What is open */
LEASH_AVAILABLE_IN_0_1
gsize         leash_tracker_count_open         (LeashTracker     *tracker);
LEASH_AVAILABLE_IN_0_1
gsize         leash_tracker_count_kind         (LeashTracker     *tracker,
                                                const char       *kind);
LEASH_AVAILABLE_IN_0_1
gsize         leash_tracker_count_misuses      (LeashTracker     *tracker);
LEASH_AVAILABLE_IN_0_1
gboolean      leash_tracker_check              (LeashTracker     *tracker,
                                                GError          **error);
LEASH_AVAILABLE_IN_0_1
char         *leash_tracker_report             (LeashTracker     *tracker,
                                                LeashFormat       format) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
char         *leash_tracker_report_full        (LeashTracker     *tracker,
                                                LeashFormat       format,
                                                LeashReportFlags  flags,
                                                guint             max_places) G_GNUC_WARN_UNUSED_RESULT;
LEASH_AVAILABLE_IN_0_1
gboolean      leash_tracker_write_report       (LeashTracker     *tracker,
                                                GError          **error);

/* Errors and settings */
LEASH_AVAILABLE_IN_0_1
GQuark        leash_error_quark                (void);
LEASH_AVAILABLE_IN_0_1
const char   *leash_error_get_report           (const GError     *error);
LEASH_AVAILABLE_IN_0_1
gboolean      leash_check_settings             (GError          **error);
LEASH_AVAILABLE_IN_0_1
gboolean      leash_has_tracking               (void);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (LeashTracker, leash_tracker_unref)

G_END_DECLS
