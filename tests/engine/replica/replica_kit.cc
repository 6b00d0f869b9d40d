// SPDX-License-Identifier: Apache-2.0
#include "tests/engine/replica/replica_kit.h"

#include <algorithm>

#include <fmt/format.h>

#include "engine/format/change_root.h"
#include "engine/format/frame.h"

namespace afterimage::replica::kit {
namespace {

std::string unique_name() {
  static std::uint64_t count = 0;
  return fmt::format("replica-kit-{}", ++count);
}

ByteView block_of(const ModelDisk& disk, std::uint64_t block) {
  return ByteView(disk.content).subspan(static_cast<std::size_t>(block * block_size), block_size);
}

bool differs(const ModelDisk& now, const ModelDisk* before, std::uint64_t block) {
  return before == nullptr || !std::ranges::equal(block_of(now, block), block_of(*before, block));
}

}  // namespace

ModelPrimary::ModelPrimary(std::uint64_t seed, std::vector<std::uint64_t> disk_bytes) : state_(seed * 2 + 1) {
  const auto fill = [this](auto& bytes) {
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(random(255) + 1);
  };
  fill(host_.bytes);
  fill(description_.id.bytes);
  fill(description_.lineage.bytes);
  description_.name = "web1";
  for (std::size_t i = 0; i < disk_bytes.size(); ++i) {
    DiskDescription disk;
    fill(disk.id.bytes);
    fill(disk.secret.bytes);
    disk.name = fmt::format("disk{}", i);
    disk.size = ByteCount(disk_bytes[i]);
    hashers_.emplace_back(disk.secret);
    ModelDisk model;
    model.size = disk_bytes[i];
    model.content.resize(static_cast<std::size_t>(bytes_of(blocks_of(disk.size)).value()));
    disks_.push_back(std::move(model));
    description_.disks.push_back(disk);
  }
  change(40);
}

void ModelPrimary::add_hollow_disk(std::uint64_t extents) {
  hollow_extents_ = extents;
  DiskDescription disk = description_.disks.back();
  disk.id.bytes[0] ^= std::byte{0x5a};
  disk.name = "hollow";
  disk.size = ByteCount(extents * 2 * block_size);
  hashers_.emplace_back(disk.secret);
  disks_.push_back(ModelDisk{.content = {}, .size = disk.size.value(), .is_hollow = true});
  description_.disks.push_back(std::move(disk));
}

std::uint64_t ModelPrimary::random(std::uint64_t bound) {
  state_ ^= state_ << 13U;
  state_ ^= state_ >> 7U;
  state_ ^= state_ << 17U;
  return (state_ >> 11U) % bound;
}

bool ModelPrimary::knows(Sequence sequence, const Digest& digest) const {
  const auto found = digests_.find(sequence);
  if (found != digests_.end() && found->second == digest) return true;
  return pending_ && pending_->record.sequence == sequence && pending_->record.digest() == digest;
}

void ModelPrimary::write(std::size_t disk, std::uint64_t block, std::byte fill) {
  ModelDisk& model = disks_[disk];
  for (std::uint64_t at = block * block_size; at < std::min((block + 1) * block_size, model.size); ++at) {
    model.content[static_cast<std::size_t>(at)] = fill;
  }
}

void ModelPrimary::change(std::uint64_t blocks) {
  for (std::uint64_t i = 0; i < blocks; ++i) {
    const std::size_t disk = static_cast<std::size_t>(random(disks_.size()));
    if (disks_[disk].is_hollow) continue;
    const std::uint64_t block = random(disks_[disk].content.size() / block_size);
    write(disk, block, std::byte{0});
    if (random(5) == 0) continue;
    for (std::uint64_t j = 0; j < 8; ++j) {
      const std::uint64_t at = block * block_size + random(block_size);
      if (at < disks_[disk].size)
        disks_[disk].content[static_cast<std::size_t>(at)] = static_cast<std::byte>(random(255) + 1);
    }
  }
}

std::vector<Bytes> ModelPrimary::frames_of(Epoch epoch, const ModelDisks& now, const ModelDisks* before,
                                           std::size_t blocks) {
  std::vector<Bytes> frames;
  format::FrameEncoder encoder;
  const auto emit = [&](std::size_t disk, format::FrameBuilder& builder) {
    if (builder.empty()) return;
    const format::FrameIdentity identity{
        .disk = description_.disks[disk].id, .birth = epoch, .number = static_cast<std::uint32_t>(frames.size())};
    frames.push_back(format::encode_frame(identity, builder.take(), format::Compression::zstd(1), encoder));
  };
  for (std::size_t disk = 0; disk < now.size(); ++disk) {
    format::FrameBuilder builder;
    if (now[disk].is_hollow && before == nullptr) {
      builder.add_zero(Extent{.first = {}, .count = blocks_of(ByteCount(now[disk].size))});
      emit(disk, builder);
    } else if (now[disk].is_hollow) {
      for (std::uint64_t i = 0; i < hollow_extents_; ++i) {
        builder.add_zero(Extent{.first = BlockIndex(i * 2), .count = BlockCount(std::uint64_t{1})});
        if (builder.full()) emit(disk, builder);
      }
      emit(disk, builder);
    }
    std::size_t gathered = 0;
    for (std::uint64_t block = 0; block < now[disk].content.size() / block_size; ++block) {
      if (!differs(now[disk], before == nullptr ? nullptr : &(*before)[disk], block)) continue;
      const ByteView content = block_of(now[disk], block);
      if (format::is_zero(content)) {
        builder.add_zero(Extent{.first = BlockIndex(block), .count = BlockCount(std::uint64_t{1})});
      } else {
        builder.add_data(BlockIndex(block), content, hashers_[disk].hash(content));
      }
      if (++gathered % blocks == 0) emit(disk, builder);
    }
    emit(disk, builder);
  }
  return frames;
}

Digest ModelPrimary::root_of(std::size_t disk, const ModelDisk& now, const ModelDisk* before,
                             BlockCount& changed) const {
  format::ChangeRoot root;
  if (now.is_hollow && before == nullptr) {
    [[maybe_unused]] const Status added = root.add_zero(Extent{.first = {}, .count = blocks_of(ByteCount(now.size))});
  }
  for (std::uint64_t i = 0; now.is_hollow && before != nullptr && i < hollow_extents_; ++i) {
    [[maybe_unused]] const Status added = root.add(BlockIndex(i * 2), format::BlockKind::zero, {});
  }
  for (std::uint64_t block = 0; block < now.content.size() / block_size; ++block) {
    if (!differs(now, before, block)) continue;
    const ByteView content = block_of(now, block);
    const auto kind = format::is_zero(content) ? format::BlockKind::zero : format::BlockKind::data;
    [[maybe_unused]] const Status added = root.add(BlockIndex(block), kind, hashers_[disk].hash(content));
  }
  changed = root.blocks();
  return root.finish();
}

void ModelPrimary::prepare_pending(Epoch epoch) {
  const bool is_first = head_.is_none();
  const ModelDisks* before = is_first ? nullptr : &acknowledged_.rbegin()->second;
  const ModelDisks now = pending_ ? pending_->disks : disks_;
  Pending pending;
  pending.disks = now;
  pending.frames = frames_of(epoch, now, is_first ? &staged_ : before, frame_blocks);
  format::PointRecord& record = pending.record;
  record.machine = description_.id;
  record.lineage = description_.lineage;
  record.generation = description_.generation;
  record.sequence = head_.sequence.next();
  record.epoch = epoch;
  record.parent = head_.digest;
  record.frozen = WallTime{1'767'225'600'000'000'000 + static_cast<std::int64_t>(epoch.value())};
  record.description = description_.digest();
  record.frame_count = static_cast<std::uint32_t>(pending.frames.size());
  for (std::size_t disk = 0; disk < now.size(); ++disk) {
    const ByteCount size(now[disk].size);
    format::PointDisk entry{.disk = description_.disks[disk].id,
                            .sizes = {.before = size, .smallest = size, .after = size},
                            .changed = {},
                            .change_root = {}};
    entry.change_root = root_of(disk, now[disk], before == nullptr ? nullptr : &(*before)[disk], entry.changed);
    record.disks.push_back(entry);
  }
  pending_ = std::move(pending);
}

void ModelPrimary::acknowledge_pending() {
  head_ = Head{.sequence = pending_->record.sequence, .digest = pending_->record.digest()};
  acknowledged_[head_.sequence] = pending_->disks;
  digests_[head_.sequence] = head_.digest;
  pending_.reset();
}

io::Task<Status> ModelPrimary::stage(io::Scope& scope, PointSink& sink, const Welcome& welcome) {
  const bool resumes = staged_epoch_ && welcome.staged && welcome.staged->epoch == *staged_epoch_;
  if (!resumes) {
    staged_epoch_ = welcome.newest_epoch.next();
    staged_ = disks_;
    seed_frames_ = frames_of(*staged_epoch_, staged_, nullptr, 8);
    pending_.reset();
  }
  AFI_CO_TRY(const Need need,
             sink.begin(scope, BeginEpoch{.kind = EpochKind::seeding, .epoch = *staged_epoch_, .parent = {}}));
  for (std::size_t i = need.first_frame; i < seed_frames_.size(); ++i)
    AFI_CO_TRY_STATUS(sink.append(scope, seed_frames_[i]));
  co_return Status{};
}

io::Task<Status> ModelPrimary::send_pending(io::Scope& scope, PointSink& sink) {
  AFI_CO_TRY(const Need need,
             sink.begin(scope, BeginEpoch{.kind = EpochKind::cycle, .epoch = pending_->record.epoch, .parent = head_}));
  for (std::size_t i = need.first_frame; i < pending_->frames.size(); ++i) {
    AFI_CO_TRY_STATUS(sink.append(scope, pending_->frames[i]));
  }
  AFI_CO_TRY(const Receipt receipt, sink.commit(scope, pending_->record));
  if (receipt.digest != pending_->record.digest()) co_return fail(ErrorCode::internal, "a receipt for another point");
  acknowledge_pending();
  co_return Status{};
}

io::Task<Status> ModelPrimary::make_point(io::Scope& scope, PointSink& sink) {
  AFI_CO_TRY(const Welcome welcome, sink.open(scope, description_, SeedBy::network));
  if (pending_ && !welcome.head.is_none() && welcome.head.digest == pending_->record.digest()) {
    acknowledge_pending();
    co_return Status{};
  }
  if (welcome.head != head_)
    co_return fail(ErrorCode::internal, "the replica's head is neither acknowledged nor pending");
  if (head_.is_none()) {
    const bool closes = pending_ && welcome.unfinished && welcome.unfinished->epoch == pending_->record.epoch;
    if (!closes) AFI_CO_TRY_STATUS(stage(scope, sink, welcome));
  }
  const bool resumes = pending_ && welcome.unfinished && welcome.unfinished->epoch == pending_->record.epoch;
  if (!resumes) {
    Epoch newest = welcome.newest_epoch;
    if (staged_epoch_) newest = std::max(newest, *staged_epoch_);
    prepare_pending(newest.next());
  }
  auto sending = send_pending(scope, sink);
  co_return co_await sending;
}

// ---- ReplicaBench

ReplicaBench::ReplicaBench(std::uint64_t seed)
    : world(io::sim::WorldOptions{.seed = seed}), node(world.add_node("replica")), kept(unique_name()) {}

ReplicaBench::~ReplicaBench() { stop(); }

io::Task<Status> ReplicaBench::open_all() {
  AFI_CO_TRY(catalogue, catalogue::Catalogue::open(*scope, platform_->workers, kept.location()));
  AFI_CO_TRY(store,
             ReplicaStore::open(*scope, *platform_, *catalogue,
                                StoreOptions{.name = "default", .path = "/store", .segment_bytes = segment_bytes}));
  co_return Status{};
}

Status ReplicaBench::start() {
  platform_.emplace(world.platform(node));
  scope = std::make_unique<io::Scope>(platform_->reactor);
  return run(open_all());
}

void ReplicaBench::stop() {
  store.reset();
  catalogue.reset();
  scope.reset();
  platform_.reset();
}

Status ReplicaBench::restart() {
  stop();
  if (!world.is_up(node)) world.restart(node);
  return start();
}

void ReplicaBench::admit(const ModelPrimary& primary) {
  const catalogue::PeerRow peer{.id = primary.peer().id, .name = primary.peer().name, .root_pem = "-"};
  const catalogue::PermissionRow permission{.peer = primary.peer().id, .store = "default", .machines_max = 8};
  [[maybe_unused]] const Status kept_peer = run(catalogue->put_peer(*scope, peer));
  [[maybe_unused]] const Status kept_permission = run(catalogue->put_permission(*scope, permission));
}

Status ReplicaBench::make_point(ModelPrimary& primary) {
  const std::unique_ptr<PointSink> sink = store->receiver(primary.peer());
  return run(primary.make_point(*scope, *sink));
}

std::shared_ptr<Machine> ReplicaBench::machine(const ModelPrimary& primary) {
  return store->find(primary.description().id);
}

std::string ReplicaBench::machine_path(const ModelPrimary& primary) const {
  return "/store/machines/" + primary.description().id.text();
}

namespace {

io::Task<Result<Bytes>> read_all(io::Scope& scope, std::shared_ptr<Machine> machine, Sequence point, DiskId disk) {
  AFI_CO_TRY(const std::unique_ptr<image::JournalView> view, machine->view(scope, point, disk));
  Bytes content(static_cast<std::size_t>(view->size().value()));
  AFI_CO_TRY_STATUS(view->read(scope, ByteOffset{}, content));
  co_return content;
}

}  // namespace

Result<Bytes> ReplicaBench::read_point(const ModelPrimary& primary, Sequence point, std::size_t disk) {
  return run(read_all(*scope, machine(primary), point, primary.description().disks[disk].id));
}

std::string ReplicaBench::check(const ModelPrimary& primary) {
  const std::shared_ptr<Machine> machine = this->machine(primary);
  if (machine == nullptr) return primary.acknowledged().empty() ? "" : "the machine is gone";
  for (const catalogue::PointRow& row : machine->points()) {
    if (!row.damage.empty()) return fmt::format("point {} is damaged: {}", row.sequence.value(), row.damage);
    if (!primary.knows(row.sequence, row.digest)) return fmt::format("point {} was never made", row.sequence.value());
  }
  for (const auto& [sequence, disks] : primary.acknowledged()) {
    for (std::size_t disk = 0; disk < disks.size(); ++disk) {
      if (disks[disk].is_hollow) continue;
      const Result<Bytes> read = read_point(primary, sequence, disk);
      if (!read) return fmt::format("point {} of disk {}: {}", sequence.value(), disk, read.error().text());
      const ByteView expected = ByteView(disks[disk].content).first(static_cast<std::size_t>(disks[disk].size));
      if (!std::ranges::equal(*read, expected))
        return fmt::format("point {} of disk {} reads wrong", sequence.value(), disk);
    }
  }
  return "";
}

}  // namespace afterimage::replica::kit
