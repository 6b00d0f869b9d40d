// SPDX-License-Identifier: Apache-2.0
// The table of engine/plan/welcome_plan.h, row by row.
#include "engine/plan/welcome_plan.h"

#include <gtest/gtest.h>

#include "tests/engine/plan/plan_samples.h"

namespace afterimage {
namespace {

Welcome at(const format::PointRecord& point) {
  Welcome welcome;
  welcome.head = {.sequence = point.sequence, .digest = point.digest()};
  return welcome;
}

PrimaryRecord of_stage(PrimaryRecord record, PrimaryStage stage) {
  record.stage = stage;
  return record;
}

constexpr PrimaryStage stages[] = {PrimaryStage::seeding, PrimaryStage::awaiting_medium, PrimaryStage::replicating};

TEST(WelcomePlan, TheAcknowledgementWasLost) {
  const PrimaryRecord record = plan_samples::pending();
  for (const PrimaryStage stage : stages) {
    EXPECT_EQ(plan_welcome(of_stage(record, stage), at(record.pending->record)), WelcomePlan::adopt_pending);
  }
}

TEST(WelcomePlan, ASeedingGoesOnWhereTheReplicaStands) {
  EXPECT_EQ(plan_welcome(plan_samples::seeding(), Welcome{}), WelcomePlan::seed);
  EXPECT_EQ(plan_welcome(of_stage(plan_samples::pending(), PrimaryStage::seeding), Welcome{}), WelcomePlan::seed);
}

TEST(WelcomePlan, TheSeedHasNotBeenImportedYet) {
  EXPECT_EQ(plan_welcome(of_stage(plan_samples::seeding(), PrimaryStage::awaiting_medium), Welcome{}),
            WelcomePlan::await_medium);
}

TEST(WelcomePlan, ACommonBaseIsACycle) {
  const PrimaryRecord record = plan_samples::replicating();
  EXPECT_EQ(plan_welcome(record, at(*record.acknowledged)), WelcomePlan::cycle);
}

TEST(WelcomePlan, WhatDidNotArriveIsSentOn) {
  const PrimaryRecord record = plan_samples::pending();
  EXPECT_EQ(plan_welcome(record, at(*record.acknowledged)), WelcomePlan::resume_pending);
}

// Of a compare, and then the replica's newer state came back.
TEST(WelcomePlan, WhatStandsOnAnotherPointIsCapturedAgain) {
  PrimaryRecord record = plan_samples::pending();
  record.pending->record.parent = plan_samples::point(2).digest();
  EXPECT_EQ(plan_welcome(record, at(*record.acknowledged)), WelcomePlan::cycle);
}

TEST(WelcomePlan, TheReplicaHasLostTheMachine) {
  EXPECT_EQ(plan_welcome(plan_samples::replicating(), Welcome{}), WelcomePlan::seed_again);
  EXPECT_EQ(plan_welcome(plan_samples::pending(), Welcome{}), WelcomePlan::seed_again);
}

TEST(WelcomePlan, AnythingElseIsCompared) {
  const PrimaryRecord record = plan_samples::pending();
  EXPECT_EQ(plan_welcome(record, at(plan_samples::point(2))), WelcomePlan::compare);  // rolled back
  EXPECT_EQ(plan_welcome(record, at(plan_samples::point(9))), WelcomePlan::compare);  // never seen
  Welcome same_number = at(*record.acknowledged);
  same_number.head.digest.bytes[0] ^= std::byte{1};
  EXPECT_EQ(plan_welcome(record, same_number), WelcomePlan::compare);
  Welcome pending_number = at(record.pending->record);
  pending_number.head.digest.bytes[31] ^= std::byte{1};
  EXPECT_EQ(plan_welcome(record, pending_number), WelcomePlan::compare);
  EXPECT_EQ(plan_welcome(plan_samples::seeding(), at(plan_samples::point(1))), WelcomePlan::compare);
}

}  // namespace
}  // namespace afterimage
