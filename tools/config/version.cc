// SPDX-License-Identifier: Apache-2.0
#include "tools/config/version.h"

namespace afterimage::tools {

const char* program_version() { return AFTERIMAGE_VERSION; }

}  // namespace afterimage::tools
