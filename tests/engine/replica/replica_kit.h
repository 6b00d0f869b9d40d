// SPDX-License-Identifier: Apache-2.0
// What the tests of the replica are made of: a model of a primary that knows what every point must read as, and a
// replica host in a simulated world that can be crashed and started again.
//
//   World ─ node "replica" ─ Catalogue (in memory, kept) ─ ReplicaStore /store ◄─ Receiver ◄─ ModelPrimary
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/catalogue/catalogue.h"
#include "engine/format/frame.h"
#include "engine/port/point_sink.h"
#include "engine/replica/replica_store.h"
#include "io/base/check.h"
#include "io/sim/world.h"

namespace afterimage::replica::kit {

struct ModelDisk {
  Bytes content;  // padded to whole blocks
  std::uint64_t size = 0;
  bool is_hollow = false;  // always zeros and without content here; its frames only fill segments
  bool operator==(const ModelDisk&) const = default;
};
using ModelDisks = std::vector<ModelDisk>;

// A primary in memory: disks that change, and the protocol of a session. Everything follows from its seed.
class ModelPrimary {
 public:
  explicit ModelPrimary(std::uint64_t seed, std::vector<std::uint64_t> disk_bytes = {70'000, 300'000});

  [[nodiscard]] const MachineDescription& description() const { return description_; }
  [[nodiscard]] Peer peer() const { return {.id = host_, .name = "alpha"}; }
  [[nodiscard]] const std::map<Sequence, ModelDisks>& acknowledged() const { return acknowledged_; }
  [[nodiscard]] Head head() const { return head_; }
  // Whether that digest was of an acknowledged point or of the pending one.
  [[nodiscard]] bool knows(Sequence sequence, const Digest& digest) const;

  // Changes some blocks of some disks.
  void change(std::uint64_t blocks);
  void write(std::size_t disk, std::uint64_t block, std::byte fill);
  // A session that makes one more point, going on with what an earlier session left unfinished.
  [[nodiscard]] io::Task<Status> make_point(io::Scope& scope, PointSink& sink);
  // Its parts, for tests that want them one by one.
  [[nodiscard]] io::Task<Status> stage(io::Scope& scope, PointSink& sink, const Welcome& welcome);
  void prepare_pending(Epoch epoch);
  [[nodiscard]] io::Task<Status> send_pending(io::Scope& scope, PointSink& sink);
  [[nodiscard]] const format::PointRecord& pending_record() const { return pending_->record; }
  [[nodiscard]] format::PointRecord& pending_record() { return pending_->record; }
  [[nodiscard]] std::vector<Bytes>& pending_frames() { return pending_->frames; }
  void acknowledge_pending();

  // Adds a disk of zeros whose cycles name so many single blocks, enough to fill segments with few bytes. Before
  // anything else.
  void add_hollow_disk(std::uint64_t extents);

  std::size_t frame_blocks = 3;  // blocks in a frame of a cycle

 private:
  struct Pending {
    format::PointRecord record;
    std::vector<Bytes> frames;
    ModelDisks disks;
  };
  [[nodiscard]] std::vector<Bytes> frames_of(Epoch epoch, const ModelDisks& now, const ModelDisks* before,
                                             std::size_t blocks);
  [[nodiscard]] Digest root_of(std::size_t disk, const ModelDisk& now, const ModelDisk* before,
                               BlockCount& changed) const;
  [[nodiscard]] std::uint64_t random(std::uint64_t bound);

  std::uint64_t state_;
  HostId host_;
  MachineDescription description_;
  std::vector<format::BlockHasher> hashers_;
  ModelDisks disks_;
  ModelDisks staged_;  // what the seed was
  std::optional<Epoch> staged_epoch_;
  std::vector<Bytes> seed_frames_;
  Head head_;
  std::map<Sequence, ModelDisks> acknowledged_;
  std::map<Sequence, Digest> digests_;
  std::optional<Pending> pending_;
  std::uint64_t hollow_extents_ = 0;
};

// A frame that its sender made wrong on purpose: decoded, changed, and encoded with checks that are right again.
template <typename Change>
[[nodiscard]] Bytes encode_again(ByteView encoded, Change change) {
  const format::FrameView view = *format::FrameView::parse(encoded);
  format::FrameIdentity identity = view.identity();
  format::RawFrame frame{.extents = {view.extents().begin(), view.extents().end()},
                         .hashes = {view.hashes().begin(), view.hashes().end()},
                         .content = {}};
  format::FrameDecoder decoder;
  AFI_CHECK(format::decode_frame(view, decoder, frame.content).has_value());
  change(identity, frame);
  format::FrameEncoder encoder;
  return format::encode_frame(identity, frame, format::Compression::zstd(1), encoder);
}

// A replica host.
class ReplicaBench {
 public:
  explicit ReplicaBench(std::uint64_t seed);
  ~ReplicaBench();

  // Opens catalogue and store. The error, if any.
  [[nodiscard]] Status start();
  // Ends everything that runs; after a crash too.
  void stop();
  // stop(), a new incarnation if the node is down, start().
  [[nodiscard]] Status restart();
  void admit(const ModelPrimary& primary);

  template <typename T>
  [[nodiscard]] typename io::sim::RunResult<T>::type run(io::Task<T> task) {
    return io::sim::run(world, std::move(task));
  }
  // A session in which the primary makes a point.
  [[nodiscard]] Status make_point(ModelPrimary& primary);
  // Reads every acknowledged point and compares; empty if all is well, else what is wrong.
  [[nodiscard]] std::string check(const ModelPrimary& primary);
  [[nodiscard]] Result<Bytes> read_point(const ModelPrimary& primary, Sequence point, std::size_t disk);
  [[nodiscard]] std::shared_ptr<Machine> machine(const ModelPrimary& primary);
  [[nodiscard]] std::string machine_path(const ModelPrimary& primary) const;
  [[nodiscard]] io::sim::DiskControl& disk() { return world.disk(node); }

  io::sim::World world;
  io::sim::NodeId node;
  ByteCount segment_bytes{limits::segment_bytes_max};  // of the store, from the next start on
  catalogue::KeptInMemory kept;
  std::unique_ptr<io::Scope> scope;
  std::unique_ptr<catalogue::Catalogue> catalogue;
  std::unique_ptr<ReplicaStore> store;

 private:
  [[nodiscard]] io::Task<Status> open_all();
  std::optional<io::Platform> platform_;
};

}  // namespace afterimage::replica::kit
