/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Paths as text; no file system is asked. */
#include <leash/leash-path.h>

#include <string.h>

/* Whether the name that ends a result of length bytes can be taken back by "..". */
static gboolean
has_name (const char *text, gsize length, gsize root)
{
  if (length <= root)
    return FALSE;
  return !(length - root >= 2 && strncmp (text + length - 2, "..", 2) == 0
           && (length - root == 2 || text[length - 3] == '/'));
}

/* Cuts the last name and its slash off. */
static gsize
cut_name (const char *text, gsize length, gsize root)
{
  while (length > root && text[length - 1] != '/')
    length--;
  return length > root ? length - 1 : length;
}

/**
 * leash_path_clean:
 * @path: (type filename): a path
 *
 * Makes the shortest path that says the same, by its text alone: several slashes become one, "." goes, and so
 * does a name with the ".." behind it; ".." behind "/" goes, and a slash at the end. Of what is nothing then,
 * the empty path too, "." is made. As path.Clean() of Go.
 *
 * Where symbolic links are on the way, "a/.." need not be where "a" is: what is to be opened is better left
 * as it was.
 *
 * Returns: (transfer full) (type filename): the clean path
 *
 * Since: 0.1
 */
char *
leash_path_clean (const char *path)
{
  gsize root;
  gsize length;
  char *text;

  g_return_val_if_fail (path != NULL, NULL);

  text = g_malloc (strlen (path) + 2);
  root = path[0] == '/';
  length = root;
  text[0] = '/';
  while (*path != '\0')
    {
      gsize n = strcspn (path, "/");
      gboolean is_up = n == 2 && path[0] == '.' && path[1] == '.';

      if (is_up && has_name (text, length, root))
        length = cut_name (text, length, root);
      else if (n > 0 && !(n == 1 && path[0] == '.') && !(is_up && root > 0))
        {
          if (length > root)
            text[length++] = '/';
          memcpy (text + length, path, n);
          length += n;
        }
      path += n + (path[n] == '/');
    }
  if (length == 0)
    text[length++] = '.';
  text[length] = '\0';
  return text;
}
