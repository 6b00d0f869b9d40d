// SPDX-License-Identifier: Apache-2.0
// Commands that need no daemon: segments and images.
#include <fmt/format.h>

#include "engine/image/raw_image.h"
#include "tools/afterimage/commands.h"
#include "tools/afterimage/progress.h"
#include "tools/afterimage/words.h"
#include "tools/offline/image_compare.h"
#include "tools/offline/segment_report.h"
#include "transport/control/names.h"

namespace afterimage::cli {

using io::Task;
using nlohmann::ordered_json;

namespace {

// Progress of work in this process; only a bar: without a terminal nobody waits for lines of a local command.
class LocalProgress {
 public:
  LocalProgress(Session& session, std::string title)
      : session_(session),
        text_({.title = std::move(title),
               .style = session.terminal.is_terminal(Sink::err) ? ProgressStyle::bar : ProgressStyle::silent,
               .columns = session.terminal.columns()},
              session.platform.reactor.now()) {}
  ~LocalProgress() { session_.terminal.write(Sink::err, text_.clear()); }
  LocalProgress(const LocalProgress&) = delete;
  LocalProgress& operator=(const LocalProgress&) = delete;

  void advance(std::uint64_t done, std::uint64_t total) {
    const MonotonicTime now = session_.platform.reactor.now();
    if (done < total && now - last_ < std::chrono::milliseconds(200)) return;
    last_ = now;
    session_.terminal.write(Sink::err, text_.update({.phase = "", .bytes_done = done, .bytes_total = total}, now));
  }

 private:
  Session& session_;
  ProgressText text_;
  MonotonicTime last_{};
};

std::string_view name_of(tools::SegmentEnd end) {
  switch (end) {
    case tools::SegmentEnd::sealed: return "sealed";
    case tools::SegmentEnd::open: return "open";
    case tools::SegmentEnd::damaged: return "damaged";
  }
  return "damaged";
}

ordered_json json_of(const format::PointRecord& point) {
  return {{"sequence", point.sequence.value()},
          {"epoch", point.epoch.value()},
          {"time", to_rfc3339(point.frozen)},
          {"received", point.received == WallTime{} ? ordered_json() : ordered_json(to_rfc3339(point.received))},
          {"consistency", control::name_in(control::consistency_names, point.consistency)},
          {"digest", point.digest().text()},
          {"parent", point.parent.is_none() ? ordered_json() : ordered_json(point.parent.text())},
          {"disks", point.disks.size()}};
}

ordered_json json_of(const std::string& path, const tools::SegmentReport& report) {
  ordered_json document = {{"path", path}, {"file_bytes", report.file_bytes.value()}, {"state", name_of(report.end)}};
  if (report.header) {
    document["machine_id"] = report.header->machine.text();
    document["lineage_id"] = report.header->lineage.text();
    document["number"] = report.header->number.value();
    document["kind"] = report.header->kind == format::SegmentKind::merged ? "merged" : "stream";
  }
  document["frames"] = report.frames;
  document["content_bytes"] = report.content_bytes.value();
  document["stored_bytes"] = report.stored_bytes.value();
  document["zero_bytes"] = report.zero_blocks * block_size;
  document["points"] = ordered_json::array();
  for (const format::PointRecord& point : report.points) document["points"].push_back(json_of(point));
  document["whole"] = report.is_whole();
  document["faults"] = ordered_json::array();
  for (const tools::SegmentFault& fault : report.faults) {
    document["faults"].push_back(
        {{"offset_bytes", fault.offset.value()}, {"length_bytes", fault.length.value()}, {"what", fault.what}});
  }
  return document;
}

std::string text_of(const std::string& path, const tools::SegmentReport& report) {
  std::string text =
      fmt::format("{}: {}, {}\n", plain_text(path), name_of(report.end), bytes_text(report.file_bytes.value()));
  if (report.header) {
    text += fmt::format("  segment  {} of machine {}, lineage {}{}\n", report.header->number.value(),
                        report.header->machine.text(), report.header->lineage.text(),
                        report.header->kind == format::SegmentKind::merged ? ", merged" : "");
  }
  text += fmt::format("  frames   {}: {} of content in {}, {} of zeros\n", report.frames,
                      bytes_text(report.content_bytes.value()), bytes_text(report.stored_bytes.value()),
                      bytes_text(report.zero_blocks * block_size));
  if (report.points.empty()) return text + "  points   none\n";
  Table table({{"POINT", Align::right},
               {"EPOCH", Align::right},
               {"TIME"},
               {"CONSISTENCY"},
               {"DISKS", Align::right},
               {"DIGEST"}});
  for (const format::PointRecord& point : report.points) {
    table.add({std::to_string(point.sequence.value()), std::to_string(point.epoch.value()), time_text(point.frozen),
               control::name_in(control::consistency_names, point.consistency), std::to_string(point.disks.size()),
               point.digest().text()});
  }
  return text + table.text();
}

std::string faults_text(const tools::SegmentReport& report) {
  std::string text;
  for (const tools::SegmentFault& fault : report.faults) {
    text += fmt::format("  fault    at byte {}, {} bytes: {}\n", fault.offset.value(), fault.length.value(),
                        plain_text(fault.what));
  }
  return text;
}

Task<Result<tools::SegmentReport>> report_of(Session& session, std::string path, tools::SegmentCheck check) {
  AFI_CO_TRY(const auto file, session.platform.disk.open_file(session.scope, path, io::OpenMode::read));
  LocalProgress progress(session, path);
  tools::SegmentProgress steps{
      .advance = [&progress](std::uint64_t done, std::uint64_t total) { progress.advance(done, total); }};
  AFI_CO_TRY(tools::SegmentReport report, tools::read_segment(session.scope, *file, check, std::move(steps)));
  co_return report;
}

Task<Result<tools::ImageComparison>> compare(Session& session, image::RawImage& first, image::RawImage& second) {
  LocalProgress progress(session, "compare");
  tools::CompareProgress steps{
      .advance = [&progress](std::uint64_t done, std::uint64_t total) { progress.advance(done, total); }};
  AFI_CO_TRY(const tools::ImageComparison comparison,
             tools::compare_images(session.scope, first, second, std::move(steps)));
  co_return comparison;
}

}  // namespace

Task<ExitStatus> run(Session& session, const SegmentInspect& arguments) {
  const std::string path = session.absolute(arguments.file);
  auto reading = report_of(session, path, tools::SegmentCheck::records);
  const auto report = co_await reading;
  if (!report) co_return session.fail(report.error());
  session.show(json_of(path, *report));
  session.say(text_of(path, *report) + faults_text(*report));
  if (!report->faults.empty()) session.warn(path + " has faults; 'afterimage segment verify' names them all");
  co_return report->faults.empty() ? ExitStatus::done : ExitStatus::warnings;
}

Task<ExitStatus> run(Session& session, const SegmentVerify& arguments) {
  const std::string path = session.absolute(arguments.file);
  auto reading = report_of(session, path, tools::SegmentCheck::content);
  const auto report = co_await reading;
  if (!report) co_return session.fail(report.error());
  session.show(json_of(path, *report));
  if (report->is_whole()) {
    session.say(fmt::format("{}: every byte is right ({}, {} frames, {} points)\n", plain_text(path),
                            name_of(report->end), report->frames, report->points.size()));
    co_return ExitStatus::done;
  }
  session.say(faults_text(*report));
  co_return session.fail(ErrorCode::damaged,
                         path + " is damaged in " + std::to_string(report->faults.size()) + " places");
}

Task<ExitStatus> run(Session& session, const ImageInfo& arguments) {
  const std::string path = session.absolute(arguments.file);
  auto opening = image::open_image(session.scope, session.platform.disk, path, io::OpenMode::read);
  const auto image = co_await opening;
  if (!image) co_return session.fail(image.error());
  auto asking = (*image)->facts(session.scope);
  const auto facts = co_await asking;
  if (!facts) co_return session.fail(facts.error());
  session.show({{"path", path},
                {"format", "raw"},
                {"size_bytes", (*image)->size().value()},
                {"allocated_bytes", facts->allocated.value()},
                {"modified", to_rfc3339(facts->modified)}});
  session.say(fmt::format("{}\n  format     raw\n  size       {} ({} bytes)\n  allocated  {}\n", plain_text(path),
                          bytes_text((*image)->size().value()), (*image)->size().value(),
                          bytes_text(facts->allocated.value())));
  co_return ExitStatus::done;
}

namespace {

// As of qemu-img: 1 says that they differ, so that what could not be compared is 2.
ExitStatus not_compared(Session& session, const Error& error) {
  (void)session.fail(error);
  return ExitStatus::usage;
}

}  // namespace

Task<ExitStatus> run(Session& session, const ImageCompare& arguments) {
  auto opening_first =
      image::open_image(session.scope, session.platform.disk, session.absolute(arguments.first), io::OpenMode::read);
  const auto first = co_await opening_first;
  if (!first) co_return not_compared(session, first.error());
  auto opening_second =
      image::open_image(session.scope, session.platform.disk, session.absolute(arguments.second), io::OpenMode::read);
  const auto second = co_await opening_second;
  if (!second) co_return not_compared(session, second.error());
  auto comparing = compare(session, **first, **second);
  const auto comparison = co_await comparing;
  if (!comparison) co_return not_compared(session, comparison.error());
  const auto& difference = comparison->first_difference;
  const bool same_size = comparison->first_size == comparison->second_size;
  session.show({{"identical", !difference && same_size},
                {"first_difference_bytes", difference ? ordered_json(difference->value()) : ordered_json()},
                {"size_bytes", {comparison->first_size.value(), comparison->second_size.value()}}});
  if (difference) {
    session.say(fmt::format("the images differ: first at byte {} (block {})\n", difference->value(),
                            difference->value() / block_size));
    co_return ExitStatus::failed;
  }
  session.say(same_size ? "the images are identical\n" : "the images have the same content, but not the same size\n");
  if (same_size) co_return ExitStatus::done;
  session.warn(fmt::format("the sizes are {} and {} bytes; what one has more is zeros", comparison->first_size.value(),
                           comparison->second_size.value()));
  co_return ExitStatus::warnings;
}

}  // namespace afterimage::cli
