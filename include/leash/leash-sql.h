/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* All of leash-sql-1 but what is for one engine. */
#pragma once

#include <leash/leash-copy.h>
#include <leash/leash-db-conn.h>
#include <leash/leash-db.h>
#include <leash/leash-rows.h>
#include <leash/leash-sql-driver.h>
#include <leash/leash-stmt.h>
#include <leash/leash-tx.h>
