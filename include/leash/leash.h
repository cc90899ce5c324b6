/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* All of Leash. */
#pragma once

#include <leash/leash-adopt.h>
#include <leash/leash-client.h>
#include <leash/leash-clock.h>
#include <leash/leash-conn.h>
#include <leash/leash-context.h>
#include <leash/leash-dir.h>
#include <leash/leash-fault-fs.h>
#include <leash/leash-fault-network.h>
#include <leash/leash-file-stream.h>
#include <leash/leash-file.h>
#include <leash/leash-files.h>
#include <leash/leash-fs.h>
#include <leash/leash-gfile-fs.h>
#include <leash/leash-glob.h>
#include <leash/leash-listener.h>
#include <leash/leash-memory-fs.h>
#include <leash/leash-memory-network.h>
#include <leash/leash-network.h>
#include <leash/leash-overlay-fs.h>
#include <leash/leash-read-only-fs.h>
#include <leash/leash-resource-fs.h>
#include <leash/leash-path.h>
#include <leash/leash-server.h>
#include <leash/leash-snapshot.h>
#include <leash/leash-stack.h>
#include <leash/leash-sub-fs.h>
#include <leash/leash-test-sweep.h>
#include <leash/leash-test.h>
#include <leash/leash-trace-fs.h>
#include <leash/leash-track.h>
#include <leash/leash-tracker.h>
#include <leash/leash-union-fs.h>
#include <leash/leash-version.h>
#include <leash/leash-walk.h>
