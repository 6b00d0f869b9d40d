// SPDX-License-Identifier: Apache-2.0
// Model: what must be true, kept outside of both hosts. The images as the guest left them, every freeze that a point
// may have come from, and every point that was acknowledged or seen.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "engine/host/commands.h"
#include "io/base/bytes.h"
#include "io/sim/content.h"
#include "io/sim/world.h"

namespace afterimage::system {

// One a disk each. What the source held shares its pages with the simulated disk; what a replica gives was read.
using Images = std::vector<io::sim::Snapshot>;
using Restored = std::vector<Bytes>;

class Model {
 public:
  Model(io::sim::World& world, io::sim::NodeId primary, std::vector<std::string> paths);

  // The guest writes, trims, and now and then resizes and syncs.
  void change_images();
  // What the images are now may become a point.
  void note_freeze();
  // The guest has written nothing since, but a failed sync may have dropped what the page cache showed: once it is
  // dropped the image is another one, without a write.
  void note_surfaced();
  // After a power cut of the primary: what of the newest point the guest had not changed since must still be on its
  // disk. `newest`: as the replica lists it. Takes over what the cut left. Empty if fine, else the fault.
  [[nodiscard]] std::string check_not_ahead(const host::PointInfo* newest);

  // A point as a host lists it: fine, or why it is wrong.
  [[nodiscard]] std::string check_listed(const host::PointInfo& point);
  // The content of a point: fine if it is that of its freeze. Learns a point that was not acknowledged to us.
  [[nodiscard]] std::string check_content(const host::PointInfo& point, const Restored& restored);
  void acknowledge(const host::SyncResult& result);
  // After the points of an acknowledged cycle were looked at: only its own freeze can still become one.
  void forget_old_freezes();
  [[nodiscard]] bool is_known(Sequence sequence) const { return known_.contains(sequence); }
  [[nodiscard]] const std::map<Sequence, Digest>& acknowledged() const { return acknowledged_; }
  [[nodiscard]] std::size_t disks() const { return paths_.size(); }

 private:
  struct Known {
    Digest digest;
    Images images;
  };
  void write(std::size_t disk);
  [[nodiscard]] Images read_images() const;

  io::sim::World& world_;
  io::sim::NodeId primary_;
  std::vector<std::string> paths_;
  std::vector<Images> freezes_;  // since the last acknowledged one, newest last
  std::map<Sequence, Digest> acknowledged_;
  std::map<Sequence, Known> known_;
  std::vector<std::set<std::uint64_t>> sectors_since_freeze_;  // written by the guest, 512 bytes each, by disk
  bool resized_since_freeze_ = false;
};

}  // namespace afterimage::system
