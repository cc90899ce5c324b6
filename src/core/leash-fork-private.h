/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Makes forking safe, once. Who takes locks of the tracker with one of their own held calls it before registering
 * handlers: locks that are taken first elsewhere are to be taken first before a fork, and the last registered are.
 */
void leash_fork_set_up (void);
