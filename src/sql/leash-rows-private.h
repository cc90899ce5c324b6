/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* LeashRows, for the files that it is in. */
#pragma once

#include <leash/leash-rows.h>

#include "leash-sql-private.h"

struct _LeashRows
{
  LeashSqlNode node;
  LeashSqlCommand *command; /* own, or the statement's, which is the node's parent then */
  LeashSqlStep step;        /* what the last step came to: whether there is a row */
  gboolean is_first;        /* that one was the query's, and leash_rows_next() has not told of it */
  guint n_columns;
  gboolean is_at_end;       /* by leash_rows_next(), whether there was an error or not */
  gboolean is_unchecked;    /* leash_rows_next() has said that this is the end, and nobody has asked why */
  GError *error;            /* why it is; NULL for a good end */
  LeashTag *error_tag;      /* on the leash until it was asked for; NULL for none */
  LeashSqlCommand own;      /* with a copy of the text, where the rows are a query's */
};
