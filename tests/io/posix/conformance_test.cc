// SPDX-License-Identifier: Apache-2.0
#include "tests/io/conformance/platform_fixture.h"
#include "tests/io/posix/fixture.h"

namespace afterimage::io::posix {
namespace {

class HostFixture final : public conformance::PlatformFixture {
 public:
  [[nodiscard]] Platform platform() override { return posix_->platform(); }
  [[nodiscard]] std::string folder() const override { return folder_.path(); }

 private:
  TemporaryFolder folder_;
  std::unique_ptr<HostPlatform> posix_ = make_platform();
};

std::unique_ptr<conformance::PlatformFixture> make_host_fixture() { return std::make_unique<HostFixture>(); }

}  // namespace
}  // namespace afterimage::io::posix

AFI_CONFORMANCE(Host, afterimage::io::posix::make_host_fixture);
