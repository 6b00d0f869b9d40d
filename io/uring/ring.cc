// SPDX-License-Identifier: Apache-2.0
#include "io/uring/ring.h"

#include <cerrno>
#include <string>

#include "io/uring/refusal.h"

namespace afterimage::io::uring {
namespace {

constexpr unsigned submissions_of_turn_max = 256;  // more are handed over in between
constexpr unsigned completions_max = 4096;         // more wait in the kernel

struct Needed {
  int opcode;
  const char* name;
};
constexpr Needed needed[] = {
    {IORING_OP_READ, "read"},       {IORING_OP_WRITE, "write"},   {IORING_OP_FSYNC, "fsync"},
    {IORING_OP_ACCEPT, "accept"},   {IORING_OP_RECV, "recv"},     {IORING_OP_SEND, "send"},
    {IORING_OP_CONNECT, "connect"}, {IORING_OP_POLL_ADD, "poll"}, {IORING_OP_ASYNC_CANCEL, "cancel"},
};

__kernel_timespec timespec_of(Duration duration) {
  return {.tv_sec = duration.count() / 1'000'000'000, .tv_nsec = duration.count() % 1'000'000'000};
}

}  // namespace

Result<std::unique_ptr<Ring>> Ring::create(RingOptions options) {
  std::unique_ptr<Ring> ring(new Ring(options));
  AFI_TRY_STATUS(ring->open());
  AFI_TRY_STATUS(ring->check_opcodes());
  AFI_TRY_STATUS(ring->check_round_trip());
  return ring;
}

Status Ring::open() {
  io_uring_params params{};
  params.flags = IORING_SETUP_CQSIZE | IORING_SETUP_SUBMIT_ALL;
  params.cq_entries = completions_max;
  const int opened = io_uring_queue_init_params(submissions_of_turn_max, &ring_, &params);
  if (opened < 0) return refuse(-opened, reason_of_refusal(-opened, setting_of_kernel()));
  is_open_ = true;
  constexpr unsigned features = IORING_FEAT_NODROP | IORING_FEAT_EXT_ARG | IORING_FEAT_FAST_POLL;
  if ((params.features & features) != features) return refuse(0, reason_of_refusal(EINVAL, std::nullopt));
  return {};
}

Status Ring::check_opcodes() {
  io_uring_probe* probe = io_uring_get_probe_ring(&ring_);
  if (probe == nullptr) return refuse(0, "it does not tell what it can do");
  const char* missing = nullptr;
  for (const Needed& one : needed) {
    if (io_uring_opcode_supported(probe, one.opcode) == 0 && missing == nullptr) missing = one.name;
  }
  io_uring_free_probe(probe);
  if (missing != nullptr) return refuse(0, std::string("it has no operation '") + missing + "' here");
  return {};
}

// Filters may let a ring be made and forbid its use.
Status Ring::check_round_trip() {
  io_uring_sqe& entry = free_entry();
  io_uring_prep_nop(&entry);
  io_uring_sqe_set_data64(&entry, 0);
  const int entered = io_uring_submit_and_wait(&ring_, 1);
  if (entered < 0) return refuse(-entered, reason_of_refusal(-entered, setting_of_kernel()));
  complete_what_is_done();
  return {};
}

Ring::~Ring() {
  if (!is_open_) return;
  AFI_CHECK(in_flight_ == 0);
  io_uring_queue_exit(&ring_);
}

io_uring_sqe& Ring::free_entry() {
  for (;;) {
    io_uring_sqe* entry = io_uring_get_sqe(&ring_);
    if (entry != nullptr) return *entry;
    enter_and_wait(Duration::zero());
    complete_what_is_done();  // the kernel takes no more while completions pile up
  }
}

void Ring::launch(io_uring_sqe& entry, RingOperation& operation) {
  AFI_CHECK(!operation.is_in_flight_);
  io_uring_sqe_set_data(&entry, &operation);
  operation.is_in_flight_ = true;
  operation.opcode_ = entry.opcode;
  ++in_flight_;
}

void Ring::cancel(RingOperation& operation) noexcept {
  if (!operation.is_in_flight_) return;
  io_uring_sqe& entry = free_entry();
  if (!operation.is_in_flight_) {  // it completed while there was no free entry
    io_uring_prep_nop(&entry);
  } else {
    io_uring_prep_cancel(&entry, &operation, 0);
  }
  io_uring_sqe_set_data64(&entry, 0);  // whether it was found does not matter: the operation itself will tell
}

void Ring::take_back(RingOperation& operation) noexcept {
  cancel(operation);
  while (operation.is_in_flight_) {
    enter_and_wait(Duration::max());
    complete_what_is_done();
  }
}

void Ring::turn(Duration patience) {
  enter_and_wait(patience);
  complete_what_is_done();
}

void Ring::enter_and_wait(Duration patience) {
  int entered = 0;
  if (patience == Duration::zero()) {
    if (io_uring_sq_ready(&ring_) > 0 || io_uring_cq_has_overflow(&ring_))
      entered = io_uring_submit_and_get_events(&ring_);
  } else {
    io_uring_cqe* first = nullptr;
    __kernel_timespec time = timespec_of(patience == Duration::max() ? Duration::zero() : patience);
    entered =
        io_uring_submit_and_wait_timeout(&ring_, &first, 1, patience == Duration::max() ? nullptr : &time, nullptr);
  }
  // Memory that is short, completions that pile up: what was not taken is handed over the next time.
  AFI_CHECK(entered >= 0 || entered == -ETIME || entered == -EINTR || entered == -EAGAIN || entered == -EBUSY ||
            entered == -ENOMEM);
}

void Ring::complete_what_is_done() {
  io_uring_cqe* done = nullptr;
  for (unsigned left = io_uring_cq_ready(&ring_); left > 0 && io_uring_peek_cqe(&ring_, &done) == 0; --left) {
    auto* operation = static_cast<RingOperation*>(io_uring_cqe_get_data(done));
    int result = done->res;
    const bool has_more = (done->flags & IORING_CQE_F_MORE) != 0;
    io_uring_cqe_seen(&ring_, done);
    if (operation == nullptr) continue;
    if (options_.results != nullptr) result = options_.results(operation->opcode_, result);
    if (!has_more) {
      operation->is_in_flight_ = false;
      --in_flight_;
    }
    operation->completed(result);
  }
}

Status is_available() {
  const auto ring = Ring::create();
  if (!ring) return std::unexpected(ring.error());
  return {};
}

}  // namespace afterimage::io::uring
