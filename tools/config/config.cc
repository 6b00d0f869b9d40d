// SPDX-License-Identifier: Apache-2.0
#include "tools/config/config.h"

#include <algorithm>
#include <set>

#include <toml++/toml.h>

#include "io/base/limits.h"
#include "tools/config/path.h"

namespace afterimage::tools {
namespace {

struct LevelName {
  LogLevel level;
  std::string_view name;
};
constexpr LevelName level_names[] = {
    {LogLevel::error, "error"}, {LogLevel::warning, "warning"}, {LogLevel::info, "info"}, {LogLevel::debug, "debug"}};

std::string_view name_of(LogLevel level) {
  for (const LevelName& entry : level_names) {
    if (entry.level == level) return entry.name;
  }
  return "info";
}

struct IoName {
  IoChoice choice;
  std::string_view name;
};
constexpr IoName io_names[] = {{IoChoice::automatic, "auto"}, {IoChoice::uring, "uring"}, {IoChoice::posix, "posix"}};

std::string_view name_of(IoChoice choice) {
  for (const IoName& entry : io_names) {
    if (entry.choice == choice) return entry.name;
  }
  return "auto";
}

// Takes the keys of one table, keeps the first fault.
class TableReader {
 public:
  TableReader(const toml::table* table, std::string name, std::string_view file, std::string* fault)
      : table_(table), name_(std::move(name)), file_(file), fault_(fault) {}

  void text(std::string_view key, std::string& out) {
    const toml::node* node = find(key);
    if (node == nullptr) return;
    const auto* value = node->as_string();
    if (value == nullptr) return refuse(*node, key, "has to be a text in quotes");
    const auto bad = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
    if (std::any_of(value->get().begin(), value->get().end(), bad))
      return refuse(*node, key, "has a control character in it");
    if (value->get().empty()) return refuse(*node, key, "is empty");
    if (value->get().size() > path_bytes_max) return refuse(*node, key, "is too long");
    out = value->get();
  }
  void path(std::string_view key, std::string_view folder, std::string& out) {
    std::string value;
    text(key, value);
    if (!value.empty()) out = absolute_path(value, folder);
  }
  void port(std::string_view key, std::uint16_t& out) { number(key, 65535, "has to be a port, 1 to 65535", out); }
  // From 1 on.
  template <typename Number>
  void number(std::string_view key, std::int64_t most, std::string_view rule, Number& out) {
    const toml::node* node = find(key);
    if (node == nullptr) return;
    const auto* value = node->as_integer();
    if (value == nullptr || value->get() < 1 || value->get() > most) return refuse(*node, key, rule);
    out = static_cast<Number>(value->get());
  }
  void require(std::string_view key) {
    if (table_ != nullptr && table_->get(key) != nullptr) return;
    const std::string line = table_ != nullptr ? std::to_string(table_->source().begin.line) : "1";
    keep(line, "[" + name_ + "] " + std::string(key) + " is missing");
  }
  template <typename Read>
  void value(std::string_view key, Read read) {
    std::string raw;
    text(key, raw);
    if (raw.empty()) return;
    const std::string rule = read(raw);
    if (!rule.empty()) refuse(*table_->get(key), key, rule);
  }
  // After all known keys were taken.
  void finish() {
    if (table_ == nullptr) return;
    for (const auto& [key, node] : *table_) {
      if (!asked_.contains(key.str())) refuse(node, key.str(), "is not known");
    }
  }

 private:
  const toml::node* find(std::string_view key) {
    asked_.emplace(key);
    return table_ == nullptr ? nullptr : table_->get(key);
  }
  void refuse(const toml::node& node, std::string_view key, std::string_view rule) {
    keep(std::to_string(node.source().begin.line), "[" + name_ + "] " + std::string(key) + " " + std::string(rule));
  }
  void keep(const std::string& line, const std::string& sentence) {
    if (fault_->empty()) *fault_ = std::string(file_) + ":" + line + ": " + sentence;
  }

  const toml::table* table_;
  std::string name_;
  std::string_view file_;
  std::string* fault_;
  std::set<std::string, std::less<>> asked_;
};

struct Document {
  const toml::table& root;
  std::string_view file;
  std::string folder;
  std::string fault = {};

  [[nodiscard]] TableReader table(const std::string& name) {
    const toml::node* node = root.get(name);
    if (node != nullptr && !node->is_table() && fault.empty()) {
      fault = std::string(file) + ":" + std::to_string(node->source().begin.line) + ": " + name +
              " has to be a table: [" + name + "]";
    }
    return TableReader(node != nullptr ? node->as_table() : nullptr, name, file, &fault);
  }
};

void read_stores(Document& document, Config& config) {
  const toml::node* node = document.root.get("store");
  if (node == nullptr) return;
  const toml::array* list = node->as_array();
  const bool of_tables = list != nullptr && std::all_of(list->begin(), list->end(),
                                                        [](const toml::node& entry) { return entry.is_table(); });
  if (!of_tables || list->size() > stores_max) {
    if (document.fault.empty()) {
      document.fault = std::string(document.file) + ":" + std::to_string(node->source().begin.line) +
                       ": stores are written as [[store]], at most " + std::to_string(stores_max) + " of them";
    }
    return;
  }
  for (const toml::node& entry : *list) {
    TableReader in(entry.as_table(), "store", document.file, &document.fault);
    StoreConfig store;
    in.require("name");
    in.text("name", store.name);
    in.require("path");
    in.path("path", document.folder, store.path);
    in.number("segment_mebibytes", segment_mebibytes_max, "has to be a whole number, 1 to 64", store.segment_mebibytes);
    in.finish();
    config.stores.push_back(std::move(store));
  }
}

static_assert(limits::lanes_max == 8, "as the sentences below say");

void read_sections(Document& document, Config& config) {
  TableReader host = document.table("host");
  host.require("name");
  host.text("name", config.host_name);
  host.require("id");
  host.value("id", [&](const std::string& text) {
    const auto id = HostId::parse(text);
    if (!id || id->is_none()) return "has to be 32 hexadecimal digits";
    config.host_id = *id;
    return "";
  });
  host.value("io", [&](const std::string& text) {
    for (const IoName& entry : io_names) {
      if (entry.name == text) {
        config.io = entry.choice;
        return "";
      }
    }
    return "has to be auto, uring or posix";
  });
  host.finish();

  TableReader listen = document.table("listen");
  listen.text("address", config.listen_address);
  listen.port("replication_port", config.replication_port);
  listen.port("control_port", config.control_port);
  listen.finish();

  TableReader control = document.table("control");
  control.path("socket", document.folder, config.control_socket);
  control.finish();
  TableReader pki = document.table("pki");
  pki.path("dir", document.folder, config.pki_dir);
  pki.finish();
  TableReader state = document.table("state");
  state.path("dir", document.folder, config.state_dir);
  state.finish();

  TableReader replication = document.table("replication");
  replication.value("compression", [&](const std::string& text) -> std::string {
    const auto setting = parse_compression(text);
    if (!setting) return setting.error().detail;
    config.compression = *setting;
    return "";
  });
  replication.number("lanes", limits::lanes_max, "has to be a number of connections, 1 to 8", config.lanes);
  replication.finish();

  TableReader log = document.table("log");
  log.value("level", [&](const std::string& text) {
    for (const LevelName& entry : level_names) {
      if (entry.name == text) {
        config.log_level = entry.level;
        return "";
      }
    }
    return "has to be error, warning, info or debug";
  });
  log.finish();
  read_stores(document, config);
}

Result<Config> config_from(const toml::table& root, std::string_view path) {
  Document document{.root = root, .file = path, .folder = std::string(path.substr(0, path.rfind('/')))};
  Config config;
  config.control_socket = document.folder + "/control.sock";
  config.pki_dir = document.folder + "/pki";
  config.state_dir = document.folder + "/state";
  constexpr std::string_view sections[] = {"host", "listen", "control", "pki", "state", "store", "replication", "log"};
  for (const auto& [key, node] : root) {
    if (std::find(std::begin(sections), std::end(sections), key.str()) == std::end(sections) &&
        document.fault.empty()) {
      document.fault = std::string(path) + ":" + std::to_string(node.source().begin.line) + ": [" +
                       std::string(key.str()) + "] is not known";
    }
  }
  read_sections(document, config);
  if (!document.fault.empty()) return fail(ErrorCode::invalid_argument, "read the configuration", document.fault);
  if (const Status status = check_config(config); !status) {
    return fail(status.error().code, "read the configuration", std::string(path) + ": " + status.error().text());
  }
  return config;
}

// Quoted as a TOML basic string.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

Status check_paths(const Config& config) {
  std::set<std::string> seen = {config.pki_dir, config.state_dir};
  if (seen.size() != 2) {
    return fail(ErrorCode::invalid_argument, "check paths", "[pki] dir and [state] dir have to be different folders");
  }
  for (const StoreConfig& store : config.stores) {
    if (!seen.insert(store.path).second) {
      return fail(ErrorCode::invalid_argument, "check paths", "two folders are the same: " + store.path);
    }
    for (const StoreConfig& other : config.stores) {
      if (&other != &store && other.path.starts_with(store.path + "/")) {
        return fail(ErrorCode::invalid_argument, "check paths",
                    "store " + other.name + " lies inside store " + store.name);
      }
    }
  }
  return {};
}

}  // namespace

Result<Config> parse_config(std::string_view text, std::string_view path) {
  if (text.size() > config_bytes_max) {
    return fail(ErrorCode::limit_exceeded, "read the configuration", std::string(path) + ": longer than 64 KiB");
  }
  try {
    const toml::table root = toml::parse(text, path);
    return config_from(root, path);
  } catch (const toml::parse_error& error) {
    return fail(
        ErrorCode::invalid_argument, "read the configuration",
        std::string(path) + ":" + std::to_string(error.source().begin.line) + ": " + std::string(error.description()));
  }
}

Status check_config(const Config& config) {
  AFI_TRY_STATUS(check_name("host", config.host_name));
  if (config.replication_port == config.control_port) {
    return fail(ErrorCode::invalid_argument, "check ports", "the replication port and the control port have to differ");
  }
  if (config.control_socket.size() > socket_path_bytes_max) {
    return fail(
        ErrorCode::invalid_argument, "check the socket",
        "the path of the control socket is longer than 107 bytes, which no socket can have: " + config.control_socket);
  }
  if (config.stores.size() > stores_max) {
    return fail(ErrorCode::invalid_argument, "check stores",
                "a host has at most " + std::to_string(stores_max) + " stores");
  }
  std::set<std::string> names;
  for (const StoreConfig& store : config.stores) {
    AFI_TRY_STATUS(check_name("store", store.name));
    if (!names.insert(store.name).second) {
      return fail(ErrorCode::invalid_argument, "check stores", "two stores have the name '" + store.name + "'");
    }
  }
  return check_paths(config);
}

std::string print_config(const Config& config) {
  std::string out =
      "# The configuration of afterimaged; see afterimaged.toml(5). Relative paths start at this file's folder.\n";
  out += "[host]\nname = " + quoted(config.host_name) + "\n";
  out += "id = " + quoted(config.host_id.text()) + "  # never change it: certificates and peers know the host by it\n";
  out += "io = " + quoted(name_of(config.io)) +
         "  # auto: io_uring where this host has it, else posix; or one of the two\n";
  out += "\n[listen]\n";
  out += config.listen_address.empty() ? "# address = \"10.0.0.1\"  # every address if none is given\n"
                                       : "address = " + quoted(config.listen_address) + "\n";
  out += "replication_port = " + std::to_string(config.replication_port) + "\n";
  out += "control_port = " + std::to_string(config.control_port) + "\n";
  out += "\n[control]\nsocket = " + quoted(config.control_socket) + "\n";
  out += "\n[pki]\ndir = " + quoted(config.pki_dir) + "\n";
  out += "\n[state]\ndir = " + quoted(config.state_dir) + "\n";
  for (const StoreConfig& store : config.stores) {
    out += "\n[[store]]  # makes this host a replica\nname = " + quoted(store.name) + "\npath = " + quoted(store.path) +
           "\n";
    if (store.segment_mebibytes != segment_mebibytes_max)
      out += "segment_mebibytes = " + std::to_string(store.segment_mebibytes) + "\n";
  }
  out += "\n[replication]\ncompression = " + quoted(text_of(config.compression)) +
         "  # of what this host sends: auto (by the speed of the link), off, or a level of zstd, 1 to 19\n";
  out += "lanes = " + std::to_string(config.lanes) + "  # connections that a session to a replica may have, 1 to 8\n";
  out += "\n[log]\nlevel = " + quoted(name_of(config.log_level)) + "  # error, warning, info, debug\n";
  return out;
}

}  // namespace afterimage::tools
