// SPDX-License-Identifier: Apache-2.0
#include <fstream>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/posix/address.h"
#include "io/posix/unique_fd.h"
#include "tests/io/posix/fixture.h"

namespace afterimage::io::posix {
namespace {

class PosixUnixSocket : public PosixTest {
 protected:
  [[nodiscard]] Endpoint endpoint() const { return Endpoint{.host = {}, .unix_path = path("socket")}; }
  Result<std::unique_ptr<Listener>> listen() { return run(platform_.network.listen(scope_, endpoint())); }
};

TEST_F(PosixUnixSocket, IsForItsOwnerOnlyAndGoneWithTheListener) {
  auto listener = unwrap(listen());
  struct stat status{};
  ASSERT_EQ(::lstat(path("socket").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600U);
  listener.reset();
  EXPECT_NE(::lstat(path("socket").c_str(), &status), 0);
  EXPECT_EQ(code_of_error(run(platform_.network.connect(scope_, endpoint()))), ErrorCode::unreachable);
}

TEST_F(PosixUnixSocket, TellsWhoIsThere) {
  const auto listener = unwrap(listen());
  const auto client = unwrap(run(platform_.network.connect(scope_, endpoint())));
  const auto server = unwrap(run(listener->accept(scope_)));
  for (const auto& stream : {client->credentials(), server->credentials()}) {
    ASSERT_TRUE(stream);
    EXPECT_EQ(stream->user, ::getuid());
    EXPECT_EQ(stream->group, ::getgid());
    EXPECT_EQ(stream->process, ::getpid());
  }
  EXPECT_EQ(client->peer(), "unix:" + path("socket"));
  EXPECT_EQ(server->peer(), "unix:process " + std::to_string(::getpid()));
}

TEST_F(PosixUnixSocket, AStaleOneIsReplaced) {
  {
    const UniqueFd dead(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const auto address = unix_address(path("socket"));
    ASSERT_EQ(::bind(dead.get(), address->get(), address->size), 0);
    ASSERT_EQ(::listen(dead.get(), 1), 0);
  }
  const auto listener = unwrap(listen());
  EXPECT_TRUE(run(platform_.network.connect(scope_, endpoint())));
}

TEST_F(PosixUnixSocket, ALiveOneIsBusyAndStaysAsItIs) {
  const auto listener = unwrap(listen());
  EXPECT_EQ(code_of_error(listen()), ErrorCode::busy);
  EXPECT_TRUE(run(platform_.network.connect(scope_, endpoint())));
}

TEST_F(PosixUnixSocket, WhatIsNoSocketIsLeftAlone) {
  std::ofstream(path("socket")) << "precious";
  EXPECT_EQ(code_of_error(listen()), ErrorCode::already_exists);
  EXPECT_EQ(std::filesystem::file_size(path("socket")), 8U);
}

TEST_F(PosixUnixSocket, AReplacedFileIsNotRemovedAtTheEnd) {
  auto listener = unwrap(listen());
  ASSERT_EQ(::unlink(path("socket").c_str()), 0);
  std::ofstream(path("socket")) << "of somebody else";
  listener.reset();
  EXPECT_TRUE(std::filesystem::exists(path("socket")));
}

TEST_F(PosixUnixSocket, APathLongerThanTheKernelTakesIsInvalid) {
  const Endpoint long_one{.host = {}, .unix_path = path(std::string(108, 'x'))};
  EXPECT_EQ(code_of_error(run(platform_.network.listen(scope_, long_one))), ErrorCode::invalid_argument);
  EXPECT_EQ(code_of_error(run(platform_.network.connect(scope_, long_one))), ErrorCode::invalid_argument);
}

TEST_F(PosixUnixSocket, AFolderThatIsNotThereIsNotFound) {
  const Endpoint nowhere{.host = {}, .unix_path = path("missing/socket")};
  EXPECT_EQ(code_of_error(run(platform_.network.listen(scope_, nowhere))), ErrorCode::not_found);
}

}  // namespace
}  // namespace afterimage::io::posix
