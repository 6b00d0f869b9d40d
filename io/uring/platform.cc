// SPDX-License-Identifier: Apache-2.0
#include "io/uring/platform.h"

#include "io/uring/file.h"
#include "io/uring/network.h"
#include "io/uring/reactor.h"

namespace afterimage::io::uring {

Result<std::unique_ptr<UringPlatform>> UringPlatform::create(UringOptions options) {
  std::unique_ptr<UringPlatform> made(new UringPlatform);
  AFI_TRY(std::unique_ptr<UringReactor> reactor, UringReactor::create(options.ring));
  Ring& ring = reactor->ring();
  AFI_TRY_STATUS(made->start(std::move(reactor), options.host));
  made->open_to_files(std::make_unique<UringFileMaker>(ring, made->disk_pool()));
  made->open_to_network(std::make_unique<UringNetwork>(ring, made->disk_pool(), made->resolver()));
  return made;
}

}  // namespace afterimage::io::uring
