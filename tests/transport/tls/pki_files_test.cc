// SPDX-License-Identifier: Apache-2.0
// DIR/pki on a real file system, with renewals cut at every point.
#include "transport/tls/pki_files.h"

#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "io/durable_file.h"
#include "io/posix/platform.h"
#include "io/reactor.h"
#include "tests/transport/tls/expect.h"
#include "tests/transport/tls/forge.h"

namespace afterimage::tls {
namespace {

using forge::noon;

const HostLabel label{.id = forge::id_of(4), .name = "delta"};

class PkiFiles : public testing::Test {
 protected:
  PkiFiles() {
    auto made = io::posix::PosixPlatform::create({.disk_threads = 1, .workers_max = 1});
    AFI_CHECK(made.has_value());
    posix = std::move(*made);
    scope = std::make_unique<io::Scope>(posix->reactor());
    std::string name = (std::filesystem::temp_directory_path() / "afterimage-pki-XXXXXX").string();
    AFI_CHECK(mkdtemp(name.data()) != nullptr);
    path = name;
    auto opened = run(posix->platform().disk.open_directory(*scope, path));
    AFI_CHECK(opened.has_value());
    folder = std::move(*opened);
    auto texts = create_pki(label, noon);
    AFI_CHECK(texts.has_value());
    AFI_CHECK(run(write_pki(*scope, *folder, *texts)).has_value());
  }
  ~PkiFiles() override {
    folder.reset();
    std::filesystem::remove_all(path);
  }

  template <typename T>
  T run(io::Task<T> task) {
    return io::block_on(posix->reactor(), std::move(task));
  }
  Result<Identity> read() { return run(read_identity(*scope, *folder)); }
  void put(const std::string& file, const std::string& text) {
    AFI_CHECK(run(io::replace_file(*scope, *folder, file, view_of(text))).has_value());
  }
  [[nodiscard]] bool has(const std::string& file) const { return std::filesystem::exists(path + "/" + file); }
  Renewal make_renewal() {
    const auto identity = read();
    const auto authority = run(read_authority(*scope, *folder));
    AFI_CHECK(identity.has_value() && authority.has_value());
    auto renewal = renew_identity(*identity, *authority, noon + 60 * forge::day);
    AFI_CHECK(renewal.has_value());
    return std::move(*renewal);
  }

  std::unique_ptr<io::posix::PosixPlatform> posix;
  std::unique_ptr<io::Scope> scope;
  std::string path;
  std::unique_ptr<io::Directory> folder;
};

TEST_F(PkiFiles, WhatWasWrittenIsReadAndKeysAreForTheOwnerOnly) {
  const auto identity = read();
  ASSERT_GOOD(identity);
  EXPECT_EQ(identity->host.id, label.id);
  ASSERT_GOOD(run(read_authority(*scope, *folder)));
  for (const char* file : {"/authority.key", "/host.key"}) {
    struct stat facts{};
    ASSERT_EQ(stat((path + file).c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 0777U, 0600U) << file;
  }
}

TEST_F(PkiFiles, AnIdentityIsNeverOverwritten) {
  EXPECT_REFUSED(run(write_pki(*scope, *folder, *create_pki(label, noon))), ErrorCode::already_exists,
                 "holds an identity");
}

TEST_F(PkiFiles, AKeyThatOthersMayReadIsRefused) {
  for (const unsigned mode : {0640U, 0604U, 0620U, 0601U}) {
    ASSERT_EQ(chmod((path + "/host.key").c_str(), mode), 0);
    EXPECT_REFUSED(read(), ErrorCode::refused, "can be read or written by others");
  }
  ASSERT_EQ(chmod((path + "/host.key").c_str(), 0400), 0);
  ASSERT_GOOD(read());
  ASSERT_EQ(chmod((path + "/authority.key").c_str(), 0644), 0);
  EXPECT_REFUSED(run(read_authority(*scope, *folder)), ErrorCode::refused, "authority.key");
}

TEST_F(PkiFiles, EachMissingFileIsNamed) {
  for (const char* file : {"host.key", "host.crt", "authority.crt"}) {
    const std::string name = path + "/" + file;
    std::filesystem::rename(name, name + ".away");
    EXPECT_REFUSED(read(), ErrorCode::refused, std::string(file) + " is missing");
    std::filesystem::rename(name + ".away", name);
  }
  ASSERT_GOOD(read());
}

TEST_F(PkiFiles, AFileThatIsFarTooLargeIsRefused) {
  put("host.crt", std::string(pem_bytes_max + 1, 'x'));
  EXPECT_REFUSED(read(), ErrorCode::limit_exceeded, "");
}

TEST_F(PkiFiles, ARenewalTakesTheOldPlace) {
  const auto before = read();
  ASSERT_GOOD(before);
  ASSERT_GOOD(run(write_renewal(*scope, *folder, make_renewal())));
  const auto after = read();
  ASSERT_GOOD(after);
  EXPECT_EQ(after->host.id, label.id);
  EXPECT_NE(after->key.fingerprint(), before->key.fingerprint());
  EXPECT_FALSE(has("host.crt.next"));
}

TEST_F(PkiFiles, ARenewalCutBeforeTheKeyLeavesTheOldIdentity) {
  const auto before = read();
  ASSERT_GOOD(before);
  put("host.crt.next", make_renewal().host_certificate);
  const auto after = read();
  ASSERT_GOOD(after);
  EXPECT_EQ(after->key.fingerprint(), before->key.fingerprint());
  EXPECT_FALSE(has("host.crt.next"));
}

TEST_F(PkiFiles, ARenewalCutAfterTheKeyIsFinishedAtTheNextStart) {
  const Renewal renewal = make_renewal();
  put("host.crt.next", renewal.host_certificate);
  put("host.key", renewal.host_key);
  for (int start = 0; start < 2; ++start) {
    const auto identity = read();
    ASSERT_GOOD(identity);
    EXPECT_EQ(*identity->certificate.to_pem(), renewal.host_certificate);
    EXPECT_FALSE(has("host.crt.next"));
  }
}

TEST_F(PkiFiles, ARenewalCutBeforeItsLastStepLeavesTheNewIdentity) {
  const Renewal renewal = make_renewal();
  put("host.crt.next", renewal.host_certificate);
  put("host.key", renewal.host_key);
  put("host.crt", renewal.host_certificate);
  const auto identity = read();
  ASSERT_GOOD(identity);
  EXPECT_EQ(*identity->certificate.to_pem(), renewal.host_certificate);
}

TEST_F(PkiFiles, AKeyThatFitsNothingIsRefused) {
  put("host.key", *forge::make_key().to_pem());
  EXPECT_REFUSED(read(), ErrorCode::refused, "do not belong together");
  put("host.crt.next", "half a certi");
  EXPECT_REFUSED(read(), ErrorCode::refused, "do not belong together");
  EXPECT_TRUE(has("host.crt.next"));
}

}  // namespace
}  // namespace afterimage::tls
