// SPDX-License-Identifier: Apache-2.0
// NodeDisk, NodeDirectory, NodeFile: the contract of io/disk.h on a node's FileSystem. Thread: the world's.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "io/disk.h"
#include "io/sim/directory_node.h"
#include "io/sim/file_node.h"

namespace afterimage::io::sim {

class FileSystem;
class Incarnation;

class NodeFile final : public File {
 public:
  NodeFile(Incarnation& life, std::shared_ptr<FileNode> node, std::string path, OpenMode mode);
  ~NodeFile() override;

  Task<Result<std::size_t>> read_at(Scope& scope, ByteOffset offset, MutableBytes out) override;
  std::size_t read_cached(ByteOffset offset, MutableBytes out) override;
  Task<Status> write_at(Scope& scope, ByteOffset offset, ByteView data) override;
  Task<Status> sync(Scope& scope) override;
  Task<Status> resize(Scope& scope, ByteCount size) override;
  Task<Status> write_zeros(Scope& scope, FileRange range) override;
  Task<Result<std::optional<FileRange>>> next_data(Scope& scope, ByteOffset from) override;
  Task<Result<DataMap>> map_data(Scope& scope, FileRange range) override;
  Task<Result<FileFacts>> facts(Scope& scope) override;
  Task<Status> drop_cache(Scope& scope, FileRange range) override;
  Status try_lock(LockMode mode) override;
  Status close() override;

  [[nodiscard]] const FileNode& node() const { return *node_; }

 private:
  [[nodiscard]] Status check_open() const;
  [[nodiscard]] Status check_writable() const;  // open for writing, and no sync failed
  [[nodiscard]] std::unexpected<Error> broken(int error, const char* what) const;
  [[nodiscard]] Status write_now(std::uint64_t offset, ByteView data, int error);
  void write_wrongly(std::uint64_t offset, ByteView data, int how);  // lost_write, misdirected_write
  [[nodiscard]] Status sync_now(std::uint64_t up_to, int error);
  void unlock();

  Incarnation& life_;
  std::shared_ptr<FileNode> node_;
  std::string path_;
  OpenMode mode_;
  std::uint64_t seen_failed_syncs_;
  std::optional<LockMode> lock_;
  bool closed_ = false;
  bool failed_ = false;  // a sync failed: final
};

class NodeDirectory final : public Directory {
 public:
  NodeDirectory(Incarnation& life, std::shared_ptr<DirectoryNode> node, std::string path);

  Task<Result<std::unique_ptr<File>>> open_file(Scope& scope, std::string name, OpenMode mode) override;
  Task<Result<std::unique_ptr<Directory>>> make_directory(Scope& scope, std::string name) override;
  Task<Result<std::unique_ptr<Directory>>> open_directory(Scope& scope, std::string name) override;
  Task<Result<std::vector<DirectoryEntry>>> list(Scope& scope) override;
  Task<Status> remove_file(Scope& scope, std::string name) override;
  Task<Status> remove_directory(Scope& scope, std::string name) override;
  Task<Status> replace(Scope& scope, std::string from, std::string to) override;
  Task<Status> rename_new(Scope& scope, std::string from, std::string to) override;
  Task<Result<std::unique_ptr<File>>> clone_file(Scope& scope, File& source, std::string name) override;
  Task<Status> sync(Scope& scope) override;
  Task<Result<ByteCount>> free_space(Scope& scope) override;
  [[nodiscard]] std::string path() const override { return path_; }

 private:
  [[nodiscard]] FileSystem& files() const;
  [[nodiscard]] std::string path_of(const std::string& name) const;
  [[nodiscard]] Result<std::unique_ptr<File>> open_now(const std::string& name, OpenMode mode);
  [[nodiscard]] Result<std::unique_ptr<Directory>> make_now(const std::string& name);
  [[nodiscard]] Status remove_now(const std::string& name, EntryKind kind);
  [[nodiscard]] Status rename_now(const std::string& from, const std::string& to);

  Incarnation& life_;
  std::shared_ptr<DirectoryNode> node_;
  std::string path_;
  bool failed_ = false;  // a sync failed, and this folder goes on saying so
};

class NodeDisk final : public Disk {
 public:
  explicit NodeDisk(Incarnation& life) : life_(life) {}

  Task<Result<std::unique_ptr<File>>> open_file(Scope& scope, std::string path, OpenMode mode) override;
  Task<Result<std::unique_ptr<Directory>>> open_directory(Scope& scope, std::string path) override;
  Task<Result<std::unique_ptr<Directory>>> make_directory(Scope& scope, std::string path) override;

 private:
  Incarnation& life_;
};

}  // namespace afterimage::io::sim
