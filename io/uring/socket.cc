// SPDX-License-Identifier: Apache-2.0
#include "io/uring/socket.h"

#include "io/posix/connection.h"

namespace afterimage::io::uring {

void RingSocket::close() {
  if (is_closed()) return;
  for (RingOperation* call : {reading_, writing_}) {
    if (call != nullptr) ring_.take_back(*call);
  }
  fd_.reset();
}

Error error_of_call(const Scope& scope, const RingSocket& socket, const char* what, int result) {
  if (socket.is_closed()) return posix::fail_closed(socket.peer()).error();
  if (result == -ECANCELED && scope.is_interrupted()) return scope.interruption(what);
  return posix::fail_broken(-result, what, socket.peer()).error();
}

}  // namespace afterimage::io::uring
