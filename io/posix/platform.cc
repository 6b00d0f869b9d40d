// SPDX-License-Identifier: Apache-2.0
#include "io/posix/platform.h"

#include "io/posix/network.h"
#include "io/posix/reactor.h"

namespace afterimage::io::posix {

Result<std::unique_ptr<PosixPlatform>> PosixPlatform::create(PosixOptions options) {
  std::unique_ptr<PosixPlatform> made(new PosixPlatform);
  AFI_TRY(std::unique_ptr<EventReactor> reactor, PosixReactor::create());
  AFI_TRY_STATUS(made->start(std::move(reactor), options));
  made->open_to_files(std::make_unique<PosixFileMaker>(made->disk_pool()));
  made->open_to_network(
      std::make_unique<PosixNetwork>(made->reactor(), made->disk_pool(), made->resolver(), made->calls()));
  return made;
}

}  // namespace afterimage::io::posix
