// SPDX-License-Identifier: Apache-2.0
// Any text as the body of every request, and as every answer of a daemon. What is read is written and read the same.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <nlohmann/json.hpp>

#include "io/base/check.h"
#include "transport/control/answer_json.h"
#include "transport/control/command_json.h"
#include "transport/control/error_json.h"
#include "transport/control/json_text.h"

namespace {

using namespace afterimage;
using namespace afterimage::control;
using nlohmann::ordered_json;

template <typename Read, typename Write>
void there_and_back(const ordered_json& value, Read read, Write write) {
  const auto first = read(value);
  if (!first) return;
  const ordered_json written = write(*first);
  const auto second = read(written);
  AFI_CHECK(second.has_value());
  AFI_CHECK(print_json(write(*second)) == print_json(written));
}

constexpr auto to_json = [](const auto& value) { return json_of(value); };

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto value =
      parse_json(std::string_view(reinterpret_cast<const char*>(data), size), ErrorCode::invalid_argument);
  if (!value) return 0;
  there_and_back(*value, protect_from, to_json);
  there_and_back(*value, [](const ordered_json& body) { return sync_from("m", body); }, to_json);
  there_and_back(*value, [](const ordered_json& body) { return restore_from("m", body); }, to_json);
  there_and_back(*value, [](const ordered_json& body) { return verify_from("m", body); }, to_json);
  there_and_back(*value, [](const ordered_json& body) { return export_from("m", body); }, to_json);
  there_and_back(*value, import_from, to_json);
  there_and_back(*value, make_key_from, to_json);
  there_and_back(*value, join_from, to_json);
  there_and_back(*value, enrolment_request_from, to_json);
  there_and_back(*value, enrolment_answer_from, to_json);
  there_and_back(*value, status_from, status_document);
  there_and_back(*value, points_from, to_json);
  there_and_back(*value, jobs_from, jobs_document);
  there_and_back(*value, peers_from, peers_document);
  there_and_back(*value, started_from, started_document);
  there_and_back(*value, issued_key_from, to_json);
  there_and_back(*value, version_from, to_json);
  AFI_CHECK(!error_from(*value).text().empty());
  return 0;
}
