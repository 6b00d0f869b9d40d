// SPDX-License-Identifier: Apache-2.0
// What the catalogue keeps, as plain values. Peers, permissions, registration keys and stores are known only here;
// machines and points are an index that can be rebuilt from the journals.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "engine/format/point_record.h"
#include "io/base/identity.h"
#include "io/base/time.h"
#include "io/base/units.h"

namespace afterimage::catalogue {

enum class PeerRole : std::uint8_t {
  primary = 1,  // it sends to us
  replica = 2,  // we send to it
  both = 3
};
enum class PeerState : std::uint8_t { trusted, revoked };

// A host that exchanged roots with this one.
struct PeerRow {
  HostId id;
  std::string name;
  PeerRole role = PeerRole::primary;
  std::string address;   // "chi.example:8084"; empty for a host that only comes to us
  std::string root_pem;  // its trust anchor
  PeerState state = PeerState::trusted;
  WallTime joined;
  std::optional<WallTime> last_seen;
  bool operator==(const PeerRow&) const = default;
};

enum class MachineRemoval : std::uint8_t { forbidden, allowed };

// What a primary may do here.
struct PermissionRow {
  HostId peer;
  std::string store;               // where its machines lie
  std::uint64_t machines_max = 0;  // how many it may keep
  std::optional<ByteCount> quota;  // bytes that its machines may take; none: the store's space
  MachineRemoval removal = MachineRemoval::forbidden;
  bool operator==(const PermissionRow&) const = default;
};

// A registration key that this host has printed. The secret itself is not kept.
struct KeyRow {
  Digest secret_digest;
  WallTime expires;
  std::string store;              // where machines of who joins will lie
  std::optional<Digest> used_by;  // who joined with it (transport/tls/enrolment.h)
  bool operator==(const KeyRow&) const = default;
};

struct StoreRow {
  std::string name;
  StoreId id;
  bool operator==(const StoreRow&) const = default;
};

struct MachineRow {
  MachineId id;
  std::string name;
  HostId owner;
  std::string store;
  bool operator==(const MachineRow&) const = default;
};

struct PointRow {
  MachineId machine;
  Sequence sequence;
  Digest digest;
  WallTime frozen;
  WallTime received;
  format::Consistency consistency = format::Consistency::crash;
  ByteCount changed;
  ByteCount stored;
  std::optional<WallTime> verified_at;
  std::string damage;  // not empty: what verify or recovery found
  bool operator==(const PointRow&) const = default;
};

}  // namespace afterimage::catalogue
