/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reports are written from snapshots, each by one of these files:
 *
 *     leash-report.c         groups resources into places; the summary
 *     leash-report-frames.c  which frames of a stack are worth showing
 *     leash-report-stack.c   a stack as lines of text
 *     leash-report-line.c    what is written of each frame, made once
 *     leash-report-text.c    the report for people: what is open, and notes
 *     leash-report-history.c its part about what happened to the resources of a place
 *     leash-report-misuse.c  its part about misuses
 *     leash-report-age.c     its part about what is or was overdue
 *     leash-report-json.c    the report for programs
 */
#pragma once

#include "leash-depot-private.h"
#include "leash-snapshot-private.h"
#include "leash-symbols-private.h"

/* Resources of one kind that were opened at the same place, with the same history. */
typedef struct
{
  const LeashResource *first; /* the oldest: its kind, stacks and flags are those of all */
  GPtrArray *resources;       /* of const LeashResource, oldest first */
  gsize n_left_out;           /* more that are not among them, see leash-crowd.c */
  gsize n_overdue_left_out;   /* of these */
  gint64 newest_at;           /* when the last of all was opened */
  gsize estimate;             /* at level sample: how many were opened so, as the samples have it; else 0 */
} LeashPlace;

/* Where text goes, and how. */
typedef struct
{
  GString *text;
  LeashSymbols *symbols;
  LeashReportFlags flags;
  guint seen;                 /* LeashStackFlags of the stacks that were written: what needs a note */
  GHashTable *lines;          /* of LeashLine, by their frames; NULL until needed */
  char *directory;            /* the working one; likewise */
} LeashPrinter;

/* What is written of a frame. */
typedef struct
{
  LeashFrame frame;
  char *function;
  char *place;                /* with marks */
  glong width;                /* of the function, in characters */
  char *json;                 /* NULL until needed */
} LeashLine;

typedef enum
{
  LEASH_PAINT_COUNT,
  LEASH_PAINT_KIND,
  LEASH_PAINT_MISUSE,
  LEASH_PAINT_DIM
} LeashPaint;

static inline gsize
leash_place_count (const LeashPlace *place)
{
  return place->resources->len + place->n_left_out;
}

/* Groups of the open resources (or, if kept, of those meant to stay open), most resources first. */
GPtrArray  *leash_report_group         (LeashSnapshot    *snapshot,
                                        gboolean          kept);

/* The frames of a stack that a reader wants: none of Leash's, the harness's or the C library's, unless all. */
GArray     *leash_report_frames        (LeashSymbols     *symbols,
                                        const LeashStack *stack,
                                        gboolean          all); /* of LeashFrame */

char       *leash_report_summary       (LeashSnapshot    *snapshot);
char       *leash_report_text          (LeashSnapshot    *snapshot,
                                        LeashReportFlags  flags,
                                        guint             max_places);
char       *leash_report_json          (LeashSnapshot    *snapshot,
                                        LeashReportFlags  flags);

/* Ends with the sum of all counts and those that were dropped. */
guint64     leash_report_count_misuses (LeashSnapshot    *snapshot);
/* "released twice" */
const char *leash_report_misuse_title  (LeashMisuseType   type);
void        leash_report_misuses       (LeashPrinter     *printer,
                                        LeashSnapshot    *snapshot,
                                        guint             max_places);

/* leash-report-age.c */
gsize       leash_report_count_overdue (const LeashPlace *place);
void        leash_report_overdue       (LeashPrinter     *printer,
                                        const LeashPlace *place);
void        leash_report_returned      (LeashPrinter     *printer,
                                        LeashSnapshot    *snapshot,
                                        guint             max_places);

/* "1.2 s" */
char       *leash_report_format_age    (gint64            microseconds);
void        leash_report_history       (LeashPrinter     *printer,
                                        LeashSnapshot    *snapshot,
                                        const LeashPlace *place);

/* Text between the two is in that colour, if any is wanted. They do not nest. */
void        leash_printer_begin        (LeashPrinter     *printer,
                                        LeashPaint        paint);
void        leash_printer_end          (LeashPrinter     *printer);
/* A bold "3 x " */
void        leash_printer_count        (LeashPrinter     *printer,
                                        guint64           count);
/* Lives as long as the printer is not cleared. The frame's strings must do so too. */
LeashLine  *leash_printer_get_line     (LeashPrinter     *printer,
                                        const LeashFrame *frame);
/* Frees what a printer keeps; its text and symbols belong to whoever made them. */
void        leash_printer_clear        (LeashPrinter     *printer);
/* A line for each frame, indented by so many spaces. Nothing for the stack 0. */
void        leash_printer_stack        (LeashPrinter     *printer,
                                        LeashStackId      stack,
                                        guint             indent);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (LeashPrinter, leash_printer_clear)
