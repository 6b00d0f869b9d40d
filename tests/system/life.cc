// SPDX-License-Identifier: Apache-2.0
#include "tests/system/life.h"

#include <algorithm>
#include <utility>

#include "engine/replica/verify.h"

namespace afterimage::system {
namespace {

constexpr int tries_max = 12;
const std::string machine_name = "web1";

}  // namespace

Life::Life(LifeOptions options) : options_(options), world_({.seed = options.seed}) {
  const auto side = [&](Side& of, const std::string& name, io::sim::NodeOptions node) {
    of.node = world_.add_node(name, node);
    of.identity.name = name;
    of.catalogue = std::make_unique<catalogue::KeptInMemory>(name + std::to_string(options.seed));
    of.identity.catalogue = of.catalogue->location();
    of.identity.sizes = draw_sizes(world_);
    of.identity.id.bytes[0] = static_cast<std::byte>(name.size());
  };
  const bool clones = world_.random_below(2) == 0;
  side(primary_, "primary", {.clones = clones ? io::sim::CloneSupport::yes : io::sim::CloneSupport::no});
  side(replica_, "replica", {});
  primary_.identity.id.bytes[1] = std::byte{1};
  replica_.identity.store = "/store";
  for (auto [of, other] : {std::pair(&primary_, &replica_), std::pair(&replica_, &primary_)}) {
    of->identity.other = other->identity.id;
    of->identity.other_name = other->identity.name;
  }
  (void)world_.disk(primary_.node).make_directory("/images");
  model_ = std::make_unique<Model>(world_, primary_.node, std::vector<std::string>{"/images/a.raw", "/images/b.raw"});
  point_bytes_ = format::point_fixed_bytes + model_->disks() * format::point_disk_bytes + 8;
  world_.on_operation([this](const io::sim::OperationNotice& notice) { observe(notice); });
}

void Life::fail(std::string why) {
  if (is_fine())
    result_.failure =
        "seed " + std::to_string(options_.seed) + ", cycle " + std::to_string(result_.cycles) + ": " + why;
}

// ---- faults

void Life::arm() {
  const std::uint64_t cell = (options_.seed * 7 + world_.random_below(fault_kinds * phases)) % (fault_kinds * phases);
  armed_ = Armed{.kind = static_cast<FaultKind>(cell / phases),
                 .phase = static_cast<Phase>(cell % phases),
                 .skip = world_.random_below(6)};
  // A fault in a recovery needs a recovery.
  if (armed_->phase != Phase::recovery) return;
  const io::sim::CrashKind kind =
      world_.random_below(2) == 0 ? io::sim::CrashKind::kill : io::sim::CrashKind::power_cut;
  const std::uint64_t which = world_.random_below(3);
  if (which != 0 && world_.is_up(primary_.node)) world_.crash(primary_.node, kind);
  if (which != 1 && world_.is_up(replica_.node)) world_.crash(replica_.node, kind);
}

void Life::quiet() {
  armed_.reset();
  for (const Side* side : {&primary_, &replica_}) world_.disk(side->node).clear_faults();
}

void Life::observe(const io::sim::OperationNotice& notice) {
  if (!armed_) return;
  const bool is_primary = notice.node == primary_.node;
  const Side& side = is_primary ? primary_ : replica_;
  const bool recovering = side.incarnation && !side.incarnation->is_started();
  if (phase_of(notice, is_primary, recovering, point_bytes_) != armed_->phase) return;
  if (armed_->skip > 0) {
    --armed_->skip;
    return;
  }
  strike(notice);
}

void Life::strike(const io::sim::OperationNotice& notice) {
  const Armed armed = *std::exchange(armed_, std::nullopt);
  result_.faults.add(armed.kind, armed.phase);
  world_.trace(static_cast<std::uint64_t>(armed.kind) * phases + static_cast<std::uint64_t>(armed.phase));
  const auto crash = [&](const Side& side, io::sim::CrashKind kind) {
    if (world_.is_up(side.node)) world_.crash(side.node, kind);
  };
  using enum io::sim::CrashKind;
  switch (armed.kind) {
    case FaultKind::kill_primary: return crash(primary_, kill);
    case FaultKind::kill_replica: return crash(replica_, kill);
    case FaultKind::kill_both: crash(primary_, kill); return crash(replica_, kill);
    case FaultKind::cut_power_of_primary: return crash(primary_, power_cut);
    case FaultKind::cut_power_of_replica: return crash(replica_, power_cut);
    case FaultKind::cut_power_of_both: crash(primary_, power_cut); return crash(replica_, power_cut);
    case FaultKind::cut_link:
      return world_.cut_after(primary_.node, replica_.node, ByteCount(world_.random_below(300)),
                              io::sim::CutKind::reset);
    case FaultKind::cut_link_half_open:
      return world_.cut(
          primary_.node, replica_.node,
          world_.random_below(2) == 0 ? io::sim::CutKind::half_open_first : io::sim::CutKind::half_open_second);
    case FaultKind::fail_disk: {
      const bool reads = world_.random_below(2) == 0;
      return world_.disk(notice.node).fail_next(reads ? io::sim::OperationKind::read : io::sim::OperationKind::write);
    }
    case FaultKind::fail_sync: return world_.disk(notice.node).fail_next(io::sim::OperationKind::sync);
    case FaultKind::no_space: return world_.disk(notice.node).fail_next(io::sim::OperationKind::write, ENOSPC, 3);
  }
}

// ---- hosts

// Runs a task of one side. Nothing if a node went down, or the task failed (then `what` tells why, as a failure, unless
// a fault may be the reason).
template <typename T>
std::optional<T> Life::on(Side& side, io::Task<Result<T>> task, const char* what) {
  Result<T> outcome = io::sim::run(world_, std::move(task), std::chrono::minutes(30));
  if (outcome) return std::move(*outcome);
  // The hosts' watchdogs keep time going, so what hangs shows by the limit, and no longer by nothing left to happen.
  const bool hangs = std::string_view(outcome.error().what) == "run a task of the world" ||
                     outcome.error().text().find("deadlock") != std::string::npos;
  if (hangs && world_.is_up(side.node)) fail(std::string(what) + ": " + outcome.error().text());
  return std::nullopt;
}

void Life::note_down(Side& side) {
  ++result_.crashes;
  side.incarnation.reset();
  world_.restart(side.node);
  if (world_.random_below(8) == 0) side.identity.sizes = draw_sizes(world_);  // another program, or another config
}

bool Life::bring_up(Side& side) {
  for (int tried = 0; tried < tries_max; ++tried) {
    if (!world_.is_up(side.node)) note_down(side);
    if (side.incarnation && side.incarnation->is_started()) return true;
    side.incarnation.reset();
    if (tried > tries_max / 2) quiet();
    side.incarnation = std::make_unique<Incarnation>(world_.platform(side.node), side.identity);
    const Status started = io::sim::run(world_, side.incarnation->start());
    if (started) return true;
    if (world_.is_up(side.node) && world_.is_up(primary_.node) && world_.is_up(replica_.node) &&
        tried > tries_max / 2) {
      fail("the daemon of " + side.identity.name + " does not start: " + started.error().text());
      return false;
    }
  }
  fail("the daemon of " + side.identity.name + " does not come up");
  return false;
}

bool Life::bring_up_both() {
  // A crash while one starts may take the other: until both stand.
  for (int tried = 0; tried < tries_max; ++tried) {
    if (!bring_up(replica_) || !bring_up(primary_)) return false;
    if (world_.is_up(primary_.node) && world_.is_up(replica_.node)) return true;
  }
  fail("the hosts do not come up together");
  return false;
}

bool Life::protect() {
  host::Protect command;
  command.machine = machine_name;
  command.replica = "replica";
  command.disks = {{.name = "a", .path = "/images/a.raw"}, {.name = "b", .path = "/images/b.raw"}};
  const std::optional<host::Started> started =
      on(primary_, primary_.incarnation->host().protect(primary_.incarnation->scope(), command), "protect");
  if (!started) return false;
  const std::optional<host::JobInfo> job = wait_for(std::get<host::JobId>(*started));
  if (!job || job->state != host::JobState::done) return false;
  const std::optional<host::SyncResult>& first = std::get<host::ProtectResult>(job->result).first_point;
  if (first) model_->acknowledge(*first);
  return first.has_value();
}

std::optional<host::JobInfo> Life::wait_for(host::JobId job) {
  for (;;) {
    const std::optional<host::JobInfo> info =
        on(primary_,
           primary_.incarnation->host().wait_for_job(primary_.incarnation->scope(), job, std::chrono::minutes(20)),
           "a job");
    if (!world_.is_up(primary_.node)) return std::nullopt;
    // Only the replica went down: bring it back while the job is under way.
    if (!world_.is_up(replica_.node)) {
      if (!bring_up(replica_) || !world_.is_up(primary_.node)) return std::nullopt;
      continue;
    }
    if (!info) return std::nullopt;
    if (info->state != host::JobState::running) return info;
    fail("a job hangs in phase " + info->phase);
    return std::nullopt;
  }
}

std::optional<host::JobInfo> Life::run_job(host::Sync command) {
  const std::optional<host::Started> started =
      on(primary_, primary_.incarnation->host().sync(primary_.incarnation->scope(), std::move(command)), "sync");
  if (!started) return std::nullopt;
  return wait_for(std::get<host::JobId>(*started));
}

// ---- cycles and questions

void Life::one_cycle() {
  model_->change_images();
  if (world_.random_below(2) == 0) arm();
  std::string last = "no attempt";
  for (int tried = 0; tried < tries_max && is_fine(); ++tried) {
    if (tried > tries_max / 2) quiet();
    const bool was_up = world_.is_up(primary_.node);
    if (!bring_up_both()) return;
    if (!was_up) {
      model_->note_surfaced();
      check_points(false);
      check_not_ahead();
      if (!world_.is_up(primary_.node) || !world_.is_up(replica_.node)) continue;
    }
    model_->note_freeze();
    const std::optional<host::JobInfo> job = run_job(host::Sync{.machine = machine_name});
    if (job && job->state == host::JobState::done) {
      // A cut or a crash is no reason to read everything again, and nothing here rolls the replica back.
      for (const std::string& warning : job->warnings) {
        if (warning.find(" has shrunk ") == std::string::npos) return fail("a cycle had to warn: " + warning);
      }
      model_->acknowledge(std::get<host::SyncResult>(job->result));
      check_points(false);
      model_->forget_old_freezes();
      ++result_.cycles;
      return;
    }
    if (job && job->error) last = job->error->text();
    // A disk that failed needs no new start of its daemon: what has stopped comes back by itself, or when it is asked.
    if (world_.random_below(2) == 0) (void)world_.run_for(std::chrono::seconds(world_.random_below(4)));
  }
  if (is_fine()) fail("no cycle succeeds although the faults are over: " + last);
}

void Life::check_point(const host::PointInfo& point) {
  const std::vector<std::shared_ptr<replica::Machine>> machines =
      replica_.incarnation->host().stores().front()->machines();
  Restored restored;
  for (const DiskDescription& disk : machines.front()->description().disks) {
    const std::optional<std::unique_ptr<image::JournalView>> view =
        on(replica_, machines.front()->view(replica_.incarnation->scope(), point.sequence, disk.id), "view");
    if (!view) return;
    Bytes bytes((*view)->size().value(), std::byte{0xa5});  // what a read leaves as it was is seen
    const Status read = io::sim::run(world_, (*view)->read(replica_.incarnation->scope(), ByteOffset{}, bytes));
    if (!read) {
      if (world_.is_up(replica_.node))
        fail("point " + std::to_string(point.sequence.value()) + " cannot be read: " + read.error().text());
      return;
    }
    restored.push_back(std::move(bytes));
  }
  const std::string wrong = model_->check_content(point, restored);
  if (!wrong.empty()) fail(wrong);
}

void Life::check_points(bool all) {
  if (!world_.is_up(replica_.node) || !replica_.incarnation) return;
  const std::optional<Armed> armed = std::exchange(armed_, std::nullopt);  // questions are not part of the play
  world_.disk(replica_.node).clear_faults();
  auto listed =
      on(replica_, replica_.incarnation->host().points(replica_.incarnation->scope(), machine_name), "points");
  const auto is_damaged = [](const host::PointInfo& point) { return !point.damage.empty(); };
  if (listed && std::ranges::any_of(*listed, is_damaged)) {
    // A read that failed in a recovery is shown as damage for as long as that daemon lives; a new one reads again.
    world_.kill(replica_.node);
    if (!bring_up(replica_)) return;
    listed = on(replica_, replica_.incarnation->host().points(replica_.incarnation->scope(), machine_name), "points");
  }
  armed_ = armed;
  if (!listed) {
    if (!model_->acknowledged().empty() && world_.is_up(replica_.node)) fail("the replica lists no points");
    return;
  }
  result_.points = listed->size();
  for (const auto& [sequence, digest] : model_->acknowledged()) {
    const auto same = [&](const host::PointInfo& point) {
      return point.sequence == sequence && point.digest == digest;
    };
    if (std::ranges::none_of(*listed, same))
      return fail("acknowledged point " + std::to_string(sequence.value()) + " is not listed");
  }
  const std::size_t sample = listed->empty() ? 0 : world_.random_below(listed->size());
  for (std::size_t i = 0; i < listed->size() && is_fine(); ++i) {
    const host::PointInfo& point = (*listed)[i];
    const std::string wrong = model_->check_listed(point);
    if (!wrong.empty()) return fail(wrong);
    if (all || i == sample || i + 1 == listed->size() || !model_->is_known(point.sequence)) {
      const std::optional<Armed> paused = std::exchange(armed_, std::nullopt);
      check_point(point);
      armed_ = paused;
    }
  }
}

// The primary is back: whatever its power cut took from its images, the replica must not have.
void Life::check_not_ahead() {
  if (!is_fine() || !world_.is_up(replica_.node)) return;
  const std::optional<Armed> armed = std::exchange(armed_, std::nullopt);
  const auto listed =
      on(replica_, replica_.incarnation->host().points(replica_.incarnation->scope(), machine_name), "points");
  armed_ = armed;
  const std::string wrong = model_->check_not_ahead(listed && !listed->empty() ? &listed->back() : nullptr);
  if (!wrong.empty()) fail(wrong);
}

void Life::check_verify() {
  const std::vector<std::shared_ptr<replica::Machine>> machines =
      replica_.incarnation->host().stores().front()->machines();
  const auto outcome =
      on(replica_, replica::verify(replica_.incarnation->scope(), machines.front(), std::nullopt, nullptr), "verify");
  if (!outcome) return fail("verify did not end");
  if (!outcome->damage.empty()) fail("verify finds damage: " + outcome->damage.front().what);
  if (outcome->points_verified != result_.points) fail("verify does not see all points");
}

LifeResult Life::run() {
  bool seeded = false;
  for (int tried = 0; tried < 3 * tries_max && is_fine() && !seeded; ++tried) {
    if (tried < tries_max && world_.random_below(3) == 0) arm();
    if (tried >= tries_max) quiet();
    if (!bring_up_both()) break;
    model_->note_freeze();
    seeded = protect();
    if (!seeded && is_fine() && tried % 3 == 2 && world_.is_up(replica_.node)) world_.kill(replica_.node);
  }
  if (!seeded && is_fine()) fail("the seeding does not end although the faults are over");
  while (is_fine() && result_.cycles < options_.cycles) one_cycle();
  if (is_fine() && result_.crashes == 0) {
    world_.power_cut(replica_.node);
    world_.kill(primary_.node);
  }
  quiet();
  if (is_fine() && bring_up_both()) check_points(true);
  if (is_fine()) check_verify();
  result_.trace_hash = world_.trace_hash();
  primary_.incarnation.reset();
  replica_.incarnation.reset();
  return result_;
}

}  // namespace afterimage::system
