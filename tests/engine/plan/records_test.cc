// SPDX-License-Identifier: Apache-2.0
// What a host keeps of its machines in small files: there and back, and nothing that was harmed is believed.
#include <gtest/gtest.h>

#include "engine/format/digest.h"
#include "tests/engine/plan/plan_samples.h"

namespace afterimage {
namespace {

template <typename Record>
void expect_round_trip(const Record& record) {
  const Bytes bytes = record.encode();
  const Result<Record> again = Record::parse(bytes);
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ(*again, record);
}

template <typename Record>
void expect_harm_is_found(const Record& record) {
  const Bytes sound = record.encode();
  for (std::size_t bit = 0; bit < sound.size() * 8; ++bit) {
    Bytes bytes = sound;
    bytes[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    EXPECT_FALSE(Record::parse(bytes)) << "bit " << bit;
  }
  for (std::size_t size = 0; size < sound.size(); ++size) EXPECT_FALSE(Record::parse(ByteView(sound).first(size)));
  Bytes longer = sound;
  longer.push_back({});
  EXPECT_FALSE(Record::parse(longer));
}

// With its check mended, any byte may still be wrong in itself: a value that encodes to the same bytes, or an error.
template <typename Record>
void expect_strict(const Record& record) {
  const Bytes sound = record.encode();
  for (std::size_t at = 0; at + 8 < sound.size(); ++at) {
    for (const std::byte value : {std::byte{0}, std::byte{1}, std::byte{0x7f}, std::byte{0xff}}) {
      Bytes bytes = sound;
      bytes[at] = value;
      store(bytes.data() + bytes.size() - 8, format::check_of(ByteView(bytes).first(bytes.size() - 8)));
      const Result<Record> parsed = Record::parse(bytes);
      if (parsed) {
        EXPECT_EQ(parsed->encode(), bytes) << "byte " << at;
      }
    }
  }
}

template <typename Record>
void expect_kept(const Record& record) {
  expect_round_trip(record);
  expect_harm_is_found(record);
  expect_strict(record);
}

TEST(Records, ADescriptionIsKept) { expect_kept(plan_samples::machine()); }
TEST(Records, APrimaryRecordIsKept) {
  expect_kept(plan_samples::seeding());
  expect_kept(plan_samples::replicating());
  expect_kept(plan_samples::pending());
}
TEST(Records, APrimaryRecordWhosePartsContradictEachOtherIsRefused) {
  std::vector<PrimaryRecord> bad(5, plan_samples::pending());
  bad[0].acknowledged.reset();
  bad[1].stage = PrimaryStage::seeding;
  bad[2].hashes->checks.pop_back();
  bad[3].pending->hashes.checks.push_back(1);
  bad[4] = plan_samples::seeding();
  bad[4].hashes = HashFiles{.epoch = Epoch(std::uint64_t{1}), .checks = {1, 2}};
  for (const PrimaryRecord& record : bad) {
    const auto parsed = PrimaryRecord::parse(record.encode());
    ASSERT_FALSE(parsed);
    EXPECT_EQ(parsed.error().code, ErrorCode::damaged);
  }
}
TEST(Records, AManifestIsKept) { expect_kept(plan_samples::manifest()); }
TEST(Records, AnExportsProgressIsKept) { expect_kept(plan_samples::export_progress()); }

}  // namespace
}  // namespace afterimage
