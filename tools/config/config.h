// SPDX-License-Identifier: Apache-2.0
// afterimaged.toml: what a daemon is told at its start. `afterimage host init` writes it, afterimaged reads it,
// operators edit it; docs/man/afterimaged.toml.5.scd is its manual.
//
// Reading is strict: an unknown key, a wrong type or a value out of bounds is an error that names file and line,
// because a setting that is silently ignored is found on the day it was needed. Pure: text in, value out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/plan/level_chooser.h"
#include "io/base/identity.h"
#include "io/base/limits.h"
#include "io/base/result.h"

namespace afterimage::tools {

inline constexpr std::size_t config_bytes_max = 64 * 1024;
inline constexpr std::size_t stores_max = 16;
inline constexpr std::uint32_t segment_mebibytes_max = limits::segment_bytes_max / limits::MiB;
inline constexpr std::uint16_t replication_port_default = 8084;
inline constexpr std::uint16_t control_port_default = 8083;
inline constexpr std::uint8_t lanes_default = 1;
inline constexpr std::string_view config_file_name = "afterimaged.toml";
inline constexpr std::size_t socket_path_bytes_max = 107;  // of a unix socket, by the kernel

enum class LogLevel : std::uint8_t { error, warning, info, debug };

// How the daemon reaches files and sockets: io_uring, or epoll and threads; `automatic` takes io_uring where it works.
enum class IoChoice : std::uint8_t { automatic, uring, posix };

struct StoreConfig {
  std::string name;                                         // check_name, unique
  std::string path;                                         // absolute, unique
  std::uint32_t segment_mebibytes = segment_mebibytes_max;  // at about this size a segment of a journal is sealed
  bool operator==(const StoreConfig&) const = default;
};

// Every path is absolute.
struct Config {
  std::string host_name;  // check_name
  HostId host_id;
  IoChoice io = IoChoice::automatic;
  std::string listen_address;  // empty = every address
  std::uint16_t replication_port = replication_port_default;
  std::uint16_t control_port = control_port_default;
  std::string control_socket;
  std::string pki_dir;
  std::string state_dir;
  std::vector<StoreConfig> stores;     // none: a primary only
  CompressionSetting compression;      // of what this host sends
  std::uint8_t lanes = lanes_default;  // connections of one of its sessions, 1 to limits::lanes_max
  LogLevel log_level = LogLevel::info;

  bool operator==(const Config&) const = default;
};

// `path` is the file's absolute path: it stands in messages, and its folder is what relative paths start from. Defaults
// are filled in: DIR/control.sock, DIR/pki, DIR/state. Errors: invalid_argument, limit_exceeded.
[[nodiscard]] Result<Config> parse_config(std::string_view text, std::string_view path);

// The rules between values: names, ports, paths that must differ. parse_config has checked them; host init does before
// it writes. invalid_argument with a sentence.
[[nodiscard]] Status check_config(const Config& config);

// A file that parse_config reads as the same value, with comments for the operator.
[[nodiscard]] std::string print_config(const Config& config);

}  // namespace afterimage::tools
