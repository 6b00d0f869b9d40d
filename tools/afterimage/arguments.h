// SPDX-License-Identifier: Apache-2.0
// What a command line asks for: one struct a command, plain values. Paths are as they were written; run.h makes them
// absolute.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "engine/host/commands.h"
#include "tools/config/config.h"

namespace afterimage::cli {

enum class Form : std::uint8_t { human, json };
enum class Wait : std::uint8_t { follow, detach };
enum class Repeat : std::uint8_t { once, watch };

// Of every command.
struct Common {
  Form form = Form::human;
  std::string socket;  // --socket; empty: look for it
  host::Execution execution = host::Execution::real;
  Wait wait = Wait::follow;
};

struct HostInit {
  std::string name;
  std::string dir;
  std::string listen;
  std::uint16_t replication_port = tools::replication_port_default;
  std::uint16_t control_port = tools::control_port_default;
  std::vector<std::string> stores;  // [NAME=]PATH
  host::TargetExists target = host::TargetExists::refuse;
};
struct EnrolKey {
  std::string expires = "5d";
  std::string store;
  std::vector<std::string> addresses;
};
struct EnrolJoin {
  std::string key;
  std::string replica;  // empty: the key's
};
struct Peers {};
struct PeersRevoke {
  std::string name;
};
struct Protect {
  std::string machine;
  std::string replica;
  std::vector<std::string> disks;  // NAME=PATH[,track=scan]
  std::string seed = "network";
};
struct Sync {
  std::string machine;
};
struct ShowStatus {
  std::string machine;  // empty: all
  Repeat repeat = Repeat::once;
  std::string interval = "2s";
};
struct Points {
  std::string machine;
};
struct Pause {
  std::string machine;
};
struct Resume {
  std::string machine;
};
struct Unprotect {
  std::string machine;
  host::ReplicaRemoval replica_removal = host::ReplicaRemoval::keep;
};
struct Remove {
  std::string machine;
  host::Confirmation confirmation = host::Confirmation::missing;
};
struct Restore {
  std::string machine;
  std::string point = "latest";
  std::string disk;
  std::string to;
  host::TargetExists target = host::TargetExists::refuse;
};
struct Verify {
  std::string machine;
  std::string point;  // empty: all
};
struct Export {
  std::string machine;
  std::string to;
};
struct Import {
  std::string from;
};
struct Jobs {};
struct JobShow {
  host::JobId id = 0;
};
struct JobCancel {
  host::JobId id = 0;
};
struct SegmentInspect {
  std::string file;
};
struct SegmentVerify {
  std::string file;
};
struct ImageInfo {
  std::string file;
};
struct ImageCompare {
  std::string first;
  std::string second;
};
enum class Shell : std::uint8_t { bash, zsh };
struct Completion {
  Shell shell = Shell::bash;
};

using Command = std::variant<HostInit, EnrolKey, EnrolJoin, Peers, PeersRevoke, Protect, Sync, ShowStatus, Points,
                             Pause, Resume, Unprotect, Remove, Restore, Verify, Export, Import, Jobs, JobShow,
                             JobCancel, SegmentInspect, SegmentVerify, ImageInfo, ImageCompare, Completion>;

struct Invocation {
  Common common;
  Command command;
};

}  // namespace afterimage::cli
