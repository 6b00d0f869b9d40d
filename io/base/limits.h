// SPDX-License-Identifier: Apache-2.0
// Every limit in one place, with its relations checked. A limit on outside bytes is tested before memory is taken.
#pragma once

#include <cstddef>
#include <cstdint>

#include "io/base/units.h"

namespace afterimage::limits {

inline constexpr std::uint64_t KiB = 1024;
inline constexpr std::uint64_t MiB = 1024 * KiB;
inline constexpr std::uint64_t TiB = 1024 * KiB * MiB;

// Machines and names.
inline constexpr std::size_t name_bytes_max = 64;
inline constexpr std::size_t disks_max = 64;               // of one machine
inline constexpr std::uint64_t disk_bytes_max = 64 * TiB;  // VHDX's own limit
inline constexpr std::size_t description_bytes_max = 256 * KiB;

// Frames and segments.
inline constexpr std::uint64_t frame_raw_bytes_max = 256 * KiB;  // content of one frame before compression
inline constexpr std::uint64_t cycle_frame_raw_bytes =
    64 * KiB;  // what a cycle groups: a random read decompresses little
inline constexpr std::uint64_t seeding_frame_raw_bytes = 256 * KiB;
inline constexpr std::size_t frame_blocks_max = frame_raw_bytes_max / block_size;  // data blocks of one frame
inline constexpr std::size_t frame_extents_max = 1024;                             // data and zero extents of one frame
inline constexpr std::uint64_t frame_stored_bytes_max =
    frame_raw_bytes_max;                                        // stored raw when compression does not help
inline constexpr std::uint64_t segment_bytes_max = 64 * MiB;    // when it is reached the segment is sealed
inline constexpr std::size_t segment_extents_max = 128 * 1024;  // of all frames of a segment: bounds its index
inline constexpr std::size_t segment_runs_max = 64 * 1024;      // cycles of a segment
inline constexpr std::uint64_t index_run_bytes_max = 10 * MiB;  // one run of a segment's index, encoded
inline constexpr std::uint64_t point_record_bytes_max = 8 * KiB;
inline constexpr std::uint64_t zstd_window_log_max = 18;  // 256 KiB: no frame needs more

// The wire.
inline constexpr std::uint64_t message_bytes_max = 512 * KiB;   // one replication message, header included
inline constexpr std::uint64_t session_window_bytes = 8 * MiB;  // frames in flight of one session
inline constexpr std::size_t sessions_per_peer_max = 16;
inline constexpr std::size_t lanes_max = 8;            // connections of one session, its first included
inline constexpr std::size_t lanes_per_peer_max = 32;  // further connections of all its sessions together
inline constexpr std::size_t http_header_bytes_max = 16 * KiB;
inline constexpr std::size_t http_body_bytes_max = 1 * MiB;     // of a request
inline constexpr std::size_t http_answer_bytes_max = 64 * MiB;  // what a client takes: a table of points is long

// Host.
inline constexpr std::size_t machines_max = 4096;
inline constexpr std::size_t jobs_kept_max = 256;

static_assert(cycle_frame_raw_bytes <= frame_raw_bytes_max && seeding_frame_raw_bytes <= frame_raw_bytes_max);
static_assert(frame_stored_bytes_max + 64 * KiB <= message_bytes_max, "a frame with its tables fits a message");
static_assert(point_record_bytes_max >= disks_max * 80 + 256, "a point record holds every disk");
static_assert(message_bytes_max <= session_window_bytes);
static_assert(lanes_per_peer_max >= lanes_max - 1, "a lone session can have all of its lanes");
static_assert((std::uint64_t{1} << zstd_window_log_max) >= frame_raw_bytes_max);

}  // namespace afterimage::limits
