// SPDX-License-Identifier: Apache-2.0
#include "io/lock.h"

namespace afterimage::io {

Task<Result<Lock::Guard>> Lock::acquire(Scope& scope) {
  while (held_) {
    freed_.reset();
    AFI_CO_TRY_STATUS(freed_.wait(scope));
  }
  held_ = true;
  co_return Guard(*this);
}

}  // namespace afterimage::io
