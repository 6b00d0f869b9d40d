// SPDX-License-Identifier: Apache-2.0
#include "transport/control/http_client.h"

#include <optional>

namespace afterimage::control {

io::Task<Result<HttpResponse>> HttpClient::call(io::Scope& scope, HttpRequest request) {
  const std::string text = encode_request(request, host_);
  AFI_CO_TRY_STATUS(stream_.write(scope, view_of(text)));
  Bytes buffer(http_step_bytes);
  while (true) {
    AFI_CO_RESULT(std::optional<HttpResponse> response, decoder_.next());
    if (response) co_return std::move(*response);
    AFI_CO_TRY(const std::size_t count, stream_.read_some(scope, buffer));
    if (count == 0) co_return fail(ErrorCode::unreachable, "the daemon ended the connection before it had answered");
    decoder_.feed(ByteView(buffer).first(count));
  }
}

}  // namespace afterimage::control
