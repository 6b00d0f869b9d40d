// SPDX-License-Identifier: Apache-2.0
// The simulated platform under the suite of all platforms.
#include <memory>
#include <string>

#include "io/sim/world.h"
#include "tests/io/conformance/platform_fixture.h"

namespace afterimage::io::sim {
namespace {

class SimFixture final : public conformance::PlatformFixture {
 public:
  SimFixture() : world_({.seed = 20'260'101}), node_(world_.add_node("host")) {
    EXPECT_TRUE(world_.disk(node_).make_directory("/folder"));
  }
  Platform platform() override { return world_.platform(node_); }
  std::string folder() const override { return "/folder"; }

 private:
  World world_;
  NodeId node_;
};

std::unique_ptr<conformance::PlatformFixture> make_sim_fixture() { return std::make_unique<SimFixture>(); }

}  // namespace
}  // namespace afterimage::io::sim

AFI_CONFORMANCE(Sim, afterimage::io::sim::make_sim_fixture);
