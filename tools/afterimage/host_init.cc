// SPDX-License-Identifier: Apache-2.0
// host init: everything is checked before anything is written. Order of writes: folders, identity, configuration; a
// host exists when its configuration does, and what an interrupted init left is gone on with.
#include <algorithm>

#include "io/durable_file.h"
#include "tools/afterimage/commands.h"
#include "tools/afterimage/show.h"
#include "tools/afterimage/words.h"
#include "tools/config/config.h"
#include "transport/control/answer_json.h"
#include "transport/tls/pki_files.h"

namespace afterimage::cli {

using io::Task;
using tools::Config;

namespace {

constexpr const char* store_marker = "afterimage-store";

Error wrong(std::string sentence) {
  return Error{.code = ErrorCode::invalid_argument, .what = "read the command line", .detail = std::move(sentence)};
}

Result<tools::StoreConfig> parse_store(const std::string& text, const Session& session) {
  const std::size_t equal = text.find('=');
  const bool named = equal != std::string::npos && text.find('/') > equal;
  tools::StoreConfig store{.name = named ? text.substr(0, equal) : "default",
                           .path = named ? text.substr(equal + 1) : text};
  if (store.path.empty()) return std::unexpected(wrong("--store " + text + " has no path"));
  store.path = session.absolute(store.path);
  return store;
}

// All that the command line says; the host's id is found later.
Result<Config> config_of(const HostInit& arguments, const Session& session) {
  Config config{.host_name = arguments.name};
  const std::string dir = session.absolute(arguments.dir);
  if (dir.empty() || dir == "/") return std::unexpected(wrong("--dir has to be a folder of its own"));
  if (!arguments.listen.empty()) {
    AFI_TRY(const io::Endpoint endpoint, io::Endpoint::parse(arguments.listen, 0));
    if (endpoint.port != 0) return std::unexpected(wrong("--listen takes an address; ports have options of their own"));
    config.listen_address = endpoint.host;
  }
  config.replication_port = arguments.replication_port;
  config.control_port = arguments.control_port;
  config.control_socket = dir + "/control.sock";
  config.pki_dir = dir + "/pki";
  config.state_dir = dir + "/state";
  for (const std::string& text : arguments.stores) {
    AFI_TRY(tools::StoreConfig store, parse_store(text, session));
    config.stores.push_back(std::move(store));
  }
  AFI_TRY_STATUS(tools::check_config(config));
  return config;
}

// What lies in a folder; nothing if it is not there.
Task<Result<std::vector<std::string>>> names_in(Session& session, std::string path) {
  auto opening = session.platform.disk.open_directory(session.scope, path);
  const auto directory = co_await opening;
  if (!directory && directory.error().code == ErrorCode::not_found) co_return std::vector<std::string>{};
  if (!directory) co_return std::unexpected(directory.error());
  AFI_CO_TRY(const auto entries, (*directory)->list(session.scope));
  std::vector<std::string> names;
  names.reserve(entries.size());
  for (const io::DirectoryEntry& entry : entries) names.push_back(entry.name);
  co_return names;
}

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

Task<Status> check_stores(Session& session, const Config& config) {
  for (const tools::StoreConfig& store : config.stores) {
    AFI_CO_TRY(const auto names, names_in(session, store.path));
    if (names.empty() || contains(names, store_marker) || names == std::vector<std::string>{"lost+found"}) continue;
    co_return fail(
        ErrorCode::refused, "check a store",
        "the folder " + store.path + " is not empty and is no store; name an empty one for store " + store.name);
  }
  co_return Status{};
}

// The identity that is there already; nothing if there is none, or only the beginning of one.
Task<Result<std::optional<tls::HostLabel>>> find_identity(Session& session, const Config& config) {
  AFI_CO_TRY(const auto names, names_in(session, config.pki_dir));
  if (!contains(names, "host.crt")) co_return std::optional<tls::HostLabel>{};
  AFI_CO_TRY(const auto directory, session.platform.disk.open_directory(session.scope, config.pki_dir));
  AFI_CO_TRY(const tls::Identity identity, tls::read_identity(session.scope, *directory));
  if (identity.host.name != config.host_name) {
    co_return fail(ErrorCode::refused, "check the identity",
                   config.pki_dir + " has the identity of host '" + identity.host.name + "'; give --name '" +
                       identity.host.name + "', or another --dir for another host");
  }
  co_return std::optional<tls::HostLabel>(identity.host);
}

Task<Status> write_host(Session& session, const Config& config, std::string dir,
                        const std::optional<tls::PkiTexts>& texts) {
  io::Disk& disk = session.platform.disk;
  AFI_CO_TRY(const auto directory, disk.make_directory(session.scope, dir));
  AFI_CO_TRY(const auto state, disk.make_directory(session.scope, config.state_dir));
  for (const tools::StoreConfig& store : config.stores) {
    AFI_CO_TRY(const auto folder, disk.make_directory(session.scope, store.path));
  }
  AFI_CO_TRY(const auto pki, disk.make_directory(session.scope, config.pki_dir));
  if (texts) AFI_CO_TRY_STATUS(tls::write_pki(session.scope, *pki, *texts));
  const std::string content = tools::print_config(config);
  AFI_CO_TRY_STATUS(
      io::replace_file(session.scope, *directory, std::string(tools::config_file_name), view_of(content)));
  co_return Status{};
}

host::Plan plan_of(const Config& config, const std::string& dir, bool has_identity) {
  host::Plan plan;
  plan.steps.push_back("write " + dir + "/" + std::string(tools::config_file_name));
  plan.steps.push_back((has_identity ? "keep the identity in " : "make an identity in ") + config.pki_dir);
  plan.steps.push_back("make " + config.state_dir);
  for (const tools::StoreConfig& store : config.stores)
    plan.steps.push_back("make store " + store.name + " in " + store.path);
  return plan;
}

void show_host(Session& session, const Config& config, const std::string& dir, bool had_identity) {
  const std::string file = dir + "/" + std::string(tools::config_file_name);
  nlohmann::ordered_json stores = nlohmann::ordered_json::array();
  for (const tools::StoreConfig& store : config.stores) stores.push_back({{"name", store.name}, {"path", store.path}});
  session.show({{"name", config.host_name},
                {"id", config.host_id.text()},
                {"config", file},
                {"socket", config.control_socket},
                {"identity", had_identity ? "kept" : "new"},
                {"stores", std::move(stores)}});
  session.say("host " + config.host_name + " is set up (" + config.host_id.text() +
              ")\n  start it:  afterimaged --config " + file + "\n");
}

// Everything that can be known beforehand; the configuration with the host's id, and the identity if there is one.
struct Checked {
  Config config;
  bool has_identity = false;
};

Task<Result<Checked>> check(Session& session, const HostInit& arguments, const std::string& dir) {
  AFI_CO_RESULT(Config config, config_of(arguments, session));
  AFI_CO_TRY(const auto names, names_in(session, dir));
  const bool exists = contains(names, tools::config_file_name);
  if (exists && arguments.target == host::TargetExists::refuse) {
    co_return fail(ErrorCode::already_exists, "check the folder",
                   dir + " has a configuration already; --force writes it anew and keeps identity and stores");
  }
  AFI_CO_TRY_STATUS(check_stores(session, config));
  AFI_CO_TRY(const auto identity, find_identity(session, config));
  config.host_id = identity ? identity->id : session.platform.random.make_id<HostId>();
  const auto again = tools::parse_config(tools::print_config(config), dir + "/" + std::string(tools::config_file_name));
  if (!again || *again != config) {
    co_return fail(ErrorCode::invalid_argument, "check the paths",
                   "a path has characters that no configuration can hold");
  }
  co_return Checked{.config = std::move(config), .has_identity = identity.has_value()};
}

}  // namespace

Task<ExitStatus> run(Session& session, const HostInit& arguments) {
  const std::string dir = session.absolute(arguments.dir);
  auto checking = check(session, arguments, dir);
  const auto checked = co_await checking;
  if (!checked) co_return session.fail(checked.error());
  const Config& config = checked->config;
  if (session.is_dry_run()) {
    const host::Plan plan = plan_of(config, dir, checked->has_identity);
    session.show(control::plan_document(plan));
    session.say(plan_text(plan));
    co_return ExitStatus::done;
  }
  std::optional<tls::PkiTexts> texts;
  if (!checked->has_identity) {
    auto made = tls::create_pki({.id = config.host_id, .name = config.host_name}, session.platform.clock.now());
    if (!made) co_return session.fail(made.error());
    texts = std::move(*made);
  }
  auto writing = write_host(session, config, dir, texts);
  if (const Status written = co_await writing; !written) co_return session.fail(written.error());
  auto remembering = remember_socket(session.scope, session.platform, session.terminal, config.control_socket);
  const Status remembered = co_await remembering;
  show_host(session, config, dir, checked->has_identity);
  if (remembered) co_return ExitStatus::done;
  session.warn("the socket could not be remembered (" + remembered.error().text() + "); name it with --socket " +
               config.control_socket);
  co_return ExitStatus::warnings;
}

}  // namespace afterimage::cli
