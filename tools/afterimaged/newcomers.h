// SPDX-License-Identifier: Apache-2.0
// Newcomers: connections that have not proven who they are. They are bounded, in all and for each source; where there
// is no place, the oldest of the source that has most gives way to the newest. So whoever holds places by saying
// nothing holds up nobody: a peer that means it is through in a moment, long before it is the oldest.
// Thread: the reactor's.
#pragma once

#include <cstddef>
#include <map>
#include <string>

#include "io/list.h"
#include "io/scope.h"
#include "tools/afterimaged/places.h"

namespace afterimage::daemon {

struct NewcomerTag;

class Newcomers {
 public:
  // One of them, from its arrival until it has proven itself or is gone; the Newcomers outlive it.
  class Newcomer : public io::ListNode<NewcomerTag> {
   public:
    // Work under `scope()`: it is cancelled when this one has to give way.
    Newcomer(Newcomers& others, io::Scope& parent, std::string source);
    ~Newcomer();
    // False: those that gave way have not even gone yet. Close the connection.
    [[nodiscard]] bool is_admitted() const { return state_ != State::turned_away; }
    [[nodiscard]] bool gave_way() const { return state_ == State::giving_way; }
    [[nodiscard]] io::Scope& scope() { return scope_; }
    // It has proven itself, and is none any more.
    void leave();

   private:
    friend class Newcomers;
    enum class State { waiting, giving_way, turned_away, left };
    Newcomers& others_;
    io::Scope scope_;
    std::string source_;
    State state_ = State::waiting;
  };

  explicit Newcomers(PlacesLimits limits) : limits_(limits) {}
  [[nodiscard]] std::size_t waiting() const { return waiting_; }

 private:
  [[nodiscard]] bool make_room(const std::string& source);
  [[nodiscard]] Newcomer& oldest_of(const std::string& source);
  [[nodiscard]] const std::string& greediest() const;
  void forget(Newcomer& newcomer);

  PlacesLimits limits_;
  std::size_t waiting_ = 0;
  std::size_t giving_way_ = 0;
  std::map<std::string, std::size_t> by_source_;
  io::List<Newcomer, NewcomerTag> in_order_;  // that wait, oldest first
};

}  // namespace afterimage::daemon
