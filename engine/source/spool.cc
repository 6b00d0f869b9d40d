// SPDX-License-Identifier: Apache-2.0
#include "engine/source/spool.h"

#include <string>
#include <utility>

namespace afterimage::source {
namespace {

const std::string spool_name = "spool";

}  // namespace

io::Task<Result<std::unique_ptr<SpoolWriter>>> SpoolWriter::create(io::Scope& scope, io::Directory& folder,
                                                                   std::size_t gather_bytes) {
  AFI_CO_TRY(std::unique_ptr<io::File> file, folder.open_file(scope, spool_name, io::OpenMode::open_or_create));
  AFI_CO_TRY_STATUS(file->resize(scope, ByteCount{}));
  co_return std::unique_ptr<SpoolWriter>(new SpoolWriter(std::move(file), gather_bytes));
}

io::Task<Status> SpoolWriter::take(io::Scope& scope, Bytes frame) {
  gathered_.insert(gathered_.end(), frame.begin(), frame.end());
  if (gathered_.size() < gather_bytes_) co_return Status{};
  auto flushing = flush(scope);
  co_return co_await flushing;
}

io::Task<Status> SpoolWriter::flush(io::Scope& scope) {
  AFI_CO_TRY_STATUS(file_->write_at(scope, end_, gathered_));
  end_ += ByteCount(std::uint64_t{gathered_.size()});
  gathered_.clear();
  co_return Status{};
}

io::Task<Result<std::unique_ptr<SpoolReader>>> SpoolReader::open(io::Scope& scope, io::Directory& folder) {
  AFI_CO_TRY(std::unique_ptr<io::File> file, folder.open_file(scope, spool_name, io::OpenMode::read));
  AFI_CO_TRY(const io::FileFacts facts, file->facts(scope));
  co_return std::unique_ptr<SpoolReader>(new SpoolReader(std::move(file), facts.size));
}

io::Task<Result<std::optional<Bytes>>> SpoolReader::next(io::Scope& scope, Epoch epoch) {
  Bytes frame(format::frame_header_bytes);
  AFI_CO_TRY(const std::size_t got, file_->read_at(scope, at_, frame));
  if (got == 0) co_return std::nullopt;
  if (got < frame.size()) co_return fail(ErrorCode::damaged, "the spool ends inside a frame");
  AFI_CO_RESULT(const format::FrameHeader header, format::FrameHeader::parse(frame));
  frame.resize(header.encoded_size());
  const MutableBytes body = MutableBytes(frame).subspan(format::frame_header_bytes);
  AFI_CO_TRY(const std::size_t body_got,
             file_->read_at(scope, at_ + ByteCount(std::uint64_t{format::frame_header_bytes}), body));
  if (body_got < body.size()) co_return fail(ErrorCode::damaged, "the spool ends inside a frame");
  AFI_CO_RESULT(const format::FrameView view, format::FrameView::parse(frame));
  if (view.identity().birth != epoch || view.identity().number != next_number_) {
    co_return fail(ErrorCode::damaged, "the spool holds a frame of another epoch");
  }
  ++next_number_;
  at_ += ByteCount(std::uint64_t{frame.size()});
  co_return frame;
}

io::Task<bool> spool_is_whole(io::Scope& scope, io::Directory& folder, Epoch epoch, std::uint32_t frames) {
  auto opening = SpoolReader::open(scope, folder);
  const Result<std::unique_ptr<SpoolReader>> reader = co_await opening;
  if (!reader) co_return false;
  for (;;) {
    auto reading = (*reader)->next(scope, epoch);
    const Result<std::optional<Bytes>> frame = co_await reading;
    if (!frame) co_return false;
    if (!*frame) co_return (*reader)->next_number() == frames;
  }
}

}  // namespace afterimage::source
