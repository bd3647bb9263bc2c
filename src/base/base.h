// SPDX-License-Identifier: Apache-2.0
/*
 * base/: what every room stands on. Memory (arena), text (str, buf), errors of the outside world
 * (err), checked arithmetic, a string map, and helpers for files and child processes.
 *
 * Nothing in here knows about the product. Each part has a header of its own; this one is the
 * room's door and includes them all.
 */
#pragma once

#include "base/arena.h"
#include "base/arith.h"
#include "base/assert.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fs.h"
#include "base/idmap.h"
#include "base/json.h"
#include "base/map.h"
#include "base/nearest.h"
#include "base/os.h"
#include "base/proc.h"
#include "base/str.h"
#include "base/units.h"
