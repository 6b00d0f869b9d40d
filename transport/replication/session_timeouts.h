// SPDX-License-Identifier: Apache-2.0
// Every number of time of a session, in one place, and the same on both sides. Tests shorten them; hosts do not.
#pragma once

#include <chrono>

#include "io/base/time.h"

namespace afterimage::replication {

struct SessionTimeouts {
  Duration hello = std::chrono::seconds(10);      // connection made -> hello, and hello -> welcome or refusal
  Duration open = std::chrono::seconds(30);       // welcome -> open
  Duration opened = std::chrono::minutes(2);      // open -> opened: the replica may have a journal to recover
  Duration begin = std::chrono::minutes(2);       // begin -> need: it may have one to cut off
  Duration window = std::chrono::minutes(5);      // a frame waits for room
  Duration commit = std::chrono::minutes(5);      // commit -> receipt
  Duration commit_seed = std::chrono::hours(12);  // the same for a first point, which is proven over every block
  Duration stall = std::chrono::minutes(30);      // the replica's sink is in a call and does not move: it is stuck
  Duration hashes = std::chrono::minutes(1);      // hashes_request -> hashes or declined
  Duration remove = std::chrono::minutes(5);      // remove -> removed
  Duration heartbeat = std::chrono::seconds(10);  // nothing sent for so long: a heartbeat
  Duration silence = std::chrono::seconds(30);    // not one byte received for so long: the peer is dead
  Duration message = std::chrono::minutes(5);     // a message once begun has arrived whole, or was handed over whole
  Duration linger = std::chrono::seconds(2);      // what a side gives the other to read its last word
};

}  // namespace afterimage::replication
