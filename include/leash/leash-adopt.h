/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Handles of other libraries: from one line, the pair of functions that acquire and release one, and track it between.
 *
 *     LEASH_ADOPT ("curl easy", CURL *, curl_easy_init, (LeashContext *ctx), (), NULL, curl_easy_cleanup)
 *
 * makes
 *
 *     CURL *leash_curl_easy_init    (LeashContext *ctx);
 *     void  leash_curl_easy_cleanup (LeashContext *ctx, CURL *handle);
 *
 * which return and take the library's own handle, and call its functions whether anything is tracked or not. They are
 * inlined: with LEASH_DISABLE they are the library's calls, without a tracker one load and one branch more, and stacks
 * begin where they are called. All macros stand at file scope, with no semicolon behind them, and work in C++ too.
 *
 * What is released is looked for by its kind and handle in the tracker of the context that it is released with, and in
 * those above and below. One that is not there is recorded as a misuse, and released all the same: handles that were
 * acquired by the library's own function are released by its own, too. A handle of 0 is released untracked.
 *
 * docs/guides/adopting.md has examples for libcurl, gRPC, GDBus, hiredis and GLib's own ids.
 */
#pragma once

#include <leash/leash-track.h>
#include <unistd.h>

/* A pointer's or an id's word. */
#define LEASH_ADOPT_KEY_(handle) ((gconstpointer) (guintptr) (handle))

/* Functions of a pair: inlined always, so that no call is theirs, and marked so that no frame in a report is. */
#define LEASH_ADOPT_FUNCTION_ G_GNUC_UNUSED __attribute__ ((always_inline, artificial)) static inline

/* That a handle is 0 is looked at only where there is a tracker. */
#define LEASH_ADOPT_TRACK_(kind, handle, name)                                                               \
  LEASH_TRACKED_CALL_ (                                                                                      \
      ctx, (handle) != 0                                                                                     \
               ? leash_track_pointer_at (leash_ctx_, kind, LEASH_ADOPT_KEY_ (handle), name, NULL)            \
               : NULL)
#define LEASH_ADOPT_UNTRACK_(kind, handle)                                                                   \
  LEASH_CLOSING_CALL_ (                                                                                      \
      ctx, (handle) != 0 ? leash_untrack_pointer_at (leash_ctx_, kind, LEASH_ADOPT_KEY_ (handle), NULL)      \
                         : (void) 0)

/**
 * LEASH_ADOPT_ACQUIRE:
 * @kind: what the resource is, a string: "curl easy"
 * @Type: the handle's type: a pointer, or an integer that is never 0
 * @acquire: the library's function: it returns a handle, or %NULL or 0 when it failed, and then nothing is tracked
 * @params: the parameters of the new function, in parentheses: `LeashContext *ctx`, by this name, and those of @acquire
 * @args: what @acquire is called with, in parentheses
 * @name: which one it is: %NULL, or one of the parameters: a URL, a path
 *
 * Defines `leash_ACQUIRE()`. Where a library has several functions that acquire a kind of handle, each gets one of
 * these, with the same kind.
 *
 * Since: 0.1
 */
#define LEASH_ADOPT_ACQUIRE(kind, Type, acquire, params, args, name)                                         \
  LEASH_ADOPT_FUNCTION_ Type leash_##acquire params                                                          \
  {                                                                                                          \
    Type leash_handle_ = acquire args;                                                                       \
    LEASH_ADOPT_TRACK_ (kind, leash_handle_, name);                                                          \
    return leash_handle_;                                                                                    \
  }

/**
 * LEASH_ADOPT_RELEASE:
 * @kind: what the resource is, as for its acquisition
 * @release: the library's function, which returns nothing
 * @params: the parameters of the new function, in parentheses: `LeashContext *ctx`, by this name, and those of @release
 * @args: what @release is called with, in parentheses
 * @handle: which of the parameters is the handle
 *
 * Defines `leash_RELEASE()`. The resource is off the leash before @release is called, for another thread may get the
 * same handle right behind it.
 *
 * Since: 0.1
 */
#define LEASH_ADOPT_RELEASE(kind, release, params, args, handle)                                             \
  LEASH_ADOPT_FUNCTION_ void leash_##release params                                                          \
  {                                                                                                          \
    LEASH_ADOPT_UNTRACK_ (kind, handle);                                                                     \
    release args;                                                                                            \
  }

/**
 * LEASH_ADOPT_RELEASE_RESULT:
 * @kind: what the resource is, as for its acquisition
 * @Result: what @release returns
 * @release: the library's function
 * @params: the parameters of the new function, in parentheses, `LeashContext *ctx` among them
 * @args: what @release is called with, in parentheses
 * @handle: which of the parameters is the handle
 *
 * As LEASH_ADOPT_RELEASE(), where the library's function returns something. It is off the leash whatever that says.
 *
 * Since: 0.1
 */
#define LEASH_ADOPT_RELEASE_RESULT(kind, Result, release, params, args, handle)                              \
  LEASH_ADOPT_FUNCTION_ Result leash_##release params                                                        \
  {                                                                                                          \
    LEASH_ADOPT_UNTRACK_ (kind, handle);                                                                     \
    return release args;                                                                                     \
  }

/**
 * LEASH_ADOPT:
 * @kind: what the resource is
 * @Type: the handle's type
 * @acquire: the library's function that acquires one
 * @params: the parameters of the new one, in parentheses, `LeashContext *ctx` among them
 * @args: what @acquire is called with, in parentheses
 * @name: which one it is, %NULL or one of the parameters
 * @release: the library's function that releases one: it takes the handle, and returns nothing
 *
 * Both at once: LEASH_ADOPT_ACQUIRE(), and LEASH_ADOPT_RELEASE() as `leash_RELEASE (ctx, handle)`.
 *
 * Since: 0.1
 */
#define LEASH_ADOPT(kind, Type, acquire, params, args, name, release)                                        \
  LEASH_ADOPT_ACQUIRE (kind, Type, acquire, params, args, name)                                              \
  LEASH_ADOPT_RELEASE (kind, release, (LeashContext * ctx, Type handle), (handle), handle)

/**
 * LEASH_ADOPT_RESULT:
 * @kind: what the resource is
 * @Type: the handle's type
 * @acquire: the library's function that acquires one
 * @params: the parameters of the new one, in parentheses, `LeashContext *ctx` among them
 * @args: what @acquire is called with, in parentheses
 * @name: which one it is, %NULL or one of the parameters
 * @Result: what @release returns
 * @release: the library's function that releases one: it takes the handle
 *
 * As LEASH_ADOPT(), where the library's release returns something.
 *
 * Since: 0.1
 */
#define LEASH_ADOPT_RESULT(kind, Type, acquire, params, args, name, Result, release)                         \
  LEASH_ADOPT_ACQUIRE (kind, Type, acquire, params, args, name)                                              \
  LEASH_ADOPT_RELEASE_RESULT (kind, Result, release, (LeashContext * ctx, Type handle), (handle), handle)

/**
 * LEASH_ADOPT_FD:
 * @kind: what the resource is
 * @acquire: the function that opens a descriptor: 0 or more, or -1 when it failed
 * @params: the parameters of the new one, in parentheses, `LeashContext *ctx` among them
 * @args: what @acquire is called with, in parentheses
 * @name: which one it is, %NULL or one of the parameters
 * @prefix: what the functions are called: `leash_PREFIX_open()` and `leash_PREFIX_close()`
 *
 * A pair for file descriptors, which close() releases.
 *
 * Since: 0.1
 */
#define LEASH_ADOPT_FD(kind, acquire, params, args, name, prefix)                                            \
  LEASH_ADOPT_FUNCTION_ int leash_##prefix##_open params                                                     \
  {                                                                                                          \
    int leash_fd_ = acquire args;                                                                            \
    LEASH_TRACKED_CALL_ (                                                                                    \
        ctx, leash_fd_ >= 0 ? leash_track_fd_at (leash_ctx_, kind, leash_fd_, name, NULL) : NULL);           \
    return leash_fd_;                                                                                        \
  }                                                                                                          \
  LEASH_ADOPT_FUNCTION_ int leash_##prefix##_close (LeashContext *ctx, int fd)                               \
  {                                                                                                          \
    LEASH_CLOSING_CALL_ (ctx, fd >= 0 ? leash_untrack_fd_at (leash_ctx_, kind, fd, NULL) : (void) 0);        \
    return close (fd);                                                                                       \
  }
