/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Operations in words, after strace: `rename ("a", "b", NO_REPLACE)` and `ok`. For programs, the same things
 * with a name each, as members of a JSON object. Names of files are never cut, for what is cut cannot be
 * searched for.
 */
#include "leash-fs-call-private.h"

#include "leash-quote-private.h"

typedef struct
{
  GString *to;
  gboolean is_json;
  guint n_fields; /* that stand in it already */
} Writer;

static void
begin_field (Writer *writer, const char *key)
{
  if (writer->n_fields++ > 0)
    g_string_append (writer->to, writer->is_json ? "," : ", ");
  if (writer->is_json)
    g_string_append_printf (writer->to, "\"%s\":", key);
}

static void
add_number (Writer *writer, const char *key, gint64 number)
{
  begin_field (writer, key);
  g_string_append_printf (writer->to, "%" G_GINT64_FORMAT, number);
}

/* One that has no need of being quoted. */
static void
add_word (Writer *writer, const char *key, const char *word)
{
  begin_field (writer, key);
  g_string_append_printf (writer->to, writer->is_json ? "\"%s\"" : "%s", word);
}

static void
add_mode (Writer *writer, const char *key, guint mode)
{
  begin_field (writer, key);
  g_string_append_printf (writer->to, writer->is_json ? "\"0%o\"" : "0%o", mode);
}

/* Strings of JSON are text: the bytes of a name that is none come besides, in hexadecimal. */
static void
add_name (Writer *writer, const char *key, const char *name)
{
  begin_field (writer, key);
  if (!writer->is_json)
    {
      leash_quote_append_all (writer->to, name);
      return;
    }
  leash_json_append_string (writer->to, name);
  if (g_utf8_validate (name, -1, NULL))
    return;
  g_string_append_printf (writer->to, ",\"%s_bytes\":\"", key);
  for (const char *p = name; *p != '\0'; p++)
    g_string_append_printf (writer->to, "%02x", (guint) (guchar) *p);
  g_string_append_c (writer->to, '"');
}

/* Nothing where no flag is set. names are those of the bits, from the first. */
static void
add_flags (Writer *writer, guint flags, const char *const *names)
{
  g_autoptr (GString) words = g_string_new (NULL);

  for (guint i = 0; names[i] != NULL; i++)
    if ((flags & 1u << i) != 0)
      g_string_append_printf (words, "%s%s", words->len > 0 ? "|" : "", names[i]);
  if (words->len > 0)
    add_word (writer, "flags", words->str);
}

static void
add_time (Writer *writer, const char *key, gint64 time_ns)
{
  if (time_ns == LEASH_TIME_KEEP || time_ns == LEASH_TIME_NOW)
    add_word (writer, key, time_ns == LEASH_TIME_KEEP ? "KEEP" : "NOW");
  else
    add_number (writer, key, time_ns);
}

static void
add_stat (Writer *writer, const LeashStat *stat)
{
  static const char *const types[] = {
    [G_FILE_TYPE_REGULAR] = "regular",
    [G_FILE_TYPE_DIRECTORY] = "directory",
    [G_FILE_TYPE_SYMBOLIC_LINK] = "symlink",
    [G_FILE_TYPE_SPECIAL] = "special",
  };
  gsize type = (gsize) stat->type;

  add_word (writer, "type", type < G_N_ELEMENTS (types) && types[type] != NULL ? types[type] : "unknown");
  add_mode (writer, "result_mode", stat->mode);
  add_number (writer, "size", (gint64) stat->size);
}

/* What is transferred, or where a seek leads. */
static void
add_range (Writer *writer, const LeashFsCall *call)
{
  static const char *const whences[] = { [G_SEEK_CUR] = "CUR", [G_SEEK_SET] = "SET", [G_SEEK_END] = "END" };
  gboolean seeks = call->op == LEASH_FS_OP_SEEK;

  if (!seeks)
    add_number (writer, "count", (gint64) call->count);
  if (seeks || call->offset >= 0)
    add_number (writer, "offset", call->offset);
  if (seeks)
    add_word (writer, "whence", whences[call->whence]);
}

/* What was given beside names. */
static void
add_arguments (Writer *writer, const LeashFsCall *call)
{
  static const char *const open_flags[]
      = { "READ", "WRITE", "CREATE", "EXCLUSIVE", "TRUNCATE", "APPEND", NULL };
  static const char *const rename_flags[] = { "NO_REPLACE", "EXCHANGE", NULL };
  static const char *const path_flags[] = { "NO_FOLLOW", NULL };
  guint op = (guint) call->op;

  if (op == LEASH_FS_OP_CHOWN)
    {
      add_number (writer, "uid", call->uid);
      add_number (writer, "gid", call->gid);
    }
  if (op == LEASH_FS_OP_SET_TIMES)
    {
      add_time (writer, "atime", call->atime_ns);
      add_time (writer, "mtime", call->mtime_ns);
    }
  if ((op & (LEASH_FS_OP_TRUNCATE | LEASH_FS_OP_FILE_TRUNCATE)) != 0)
    add_number (writer, "length", call->length);
  if ((op & (LEASH_FS_OP_READ | LEASH_FS_OP_WRITE | LEASH_FS_OP_SEEK)) != 0)
    add_range (writer, call);
  add_flags (writer, call->flags,
             op == LEASH_FS_OP_OPEN     ? open_flags
             : op == LEASH_FS_OP_RENAME ? rename_flags
                                        : path_flags);
  if ((op & (LEASH_FS_OP_MKDIR | LEASH_FS_OP_CHMOD)) != 0 || (call->flags & LEASH_OPEN_CREATE) != 0)
    add_mode (writer, "mode", call->mode);
}

static const char *
get_verb (const LeashFsCall *call)
{
  if (call->op == LEASH_FS_OP_READ && call->offset >= 0)
    return "pread";
  if (call->op == LEASH_FS_OP_WRITE && call->offset >= 0)
    return "pwrite";
  return leash_fs_op_to_string (call->op);
}

void
leash_fs_call_append_text (const LeashFsCall *call, GString *to, gboolean is_json)
{
  Writer writer = { .to = to, .is_json = is_json };

  if (is_json)
    add_word (&writer, "op", get_verb (call));
  else
    g_string_append_printf (to, "%s (", get_verb (call));
  add_name (&writer, "path", call->name != NULL ? call->name : call->path);
  if (call->target != NULL)
    add_name (&writer, "target", call->target_name != NULL ? call->target_name : call->target);
  add_arguments (&writer, call);
  if (!is_json)
    g_string_append_c (to, ')');
}

void
leash_fs_call_append_result (const LeashFsCall *call, GString *to, gboolean is_json)
{
  Writer writer = { .to = to, .is_json = is_json, .n_fields = is_json };
  guint op = (guint) call->op;

  if ((op & (LEASH_FS_OP_READ | LEASH_FS_OP_WRITE | LEASH_FS_OP_SEEK)) != 0)
    add_number (&writer, "result", call->number);
  else if ((op & (LEASH_FS_OP_STAT | LEASH_FS_OP_LSTAT | LEASH_FS_OP_FILE_STAT)) != 0)
    add_stat (&writer, call->ret_stat);
  else if (op == LEASH_FS_OP_READLINK)
    add_name (&writer, "result", call->result);
  else if (op == LEASH_FS_OP_NEXT && call->ret_entry->name != NULL)
    add_name (&writer, "result", call->ret_entry->name);
  else if (op == LEASH_FS_OP_NEXT)
    {
      begin_field (&writer, "result");
      g_string_append (to, is_json ? "null" : "end");
    }
  else
    add_word (&writer, "result", "ok");
}
