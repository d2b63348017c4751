#include "loader/json_text.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/loader/status_matchers.h"

namespace firstlight {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(JsonTextTest, MembersKeepTheirOrderAndSpelling) {
  const std::string text =
      " { \"b\" : 1.50 ,\"a\\u0062\":[1, {\"x\":\",}\"}] , \"c\": \"\\\"}\" }\n";
  const auto members = ParseJsonObject("text", text);
  ASSERT_THAT(members, IsOk());
  ASSERT_EQ(members->size(), 3);
  EXPECT_EQ((*members)[0].key, "b");
  EXPECT_EQ((*members)[0].value, "1.50");
  EXPECT_EQ((*members)[1].key, "ab");
  EXPECT_EQ((*members)[1].spelling, "\"a\\u0062\"");
  EXPECT_EQ((*members)[1].value, "[1, {\"x\":\",}\"}]");
  EXPECT_EQ((*members)[2].value, "\"\\\"}\"");
}

TEST(JsonTextTest, ElementsKeepTheirSpelling) {
  EXPECT_THAT(*ParseJsonArray("text", "[ 1e2,\"a,b\" , [ ], { \"k\" : null } ]"),
              ElementsAre("1e2", "\"a,b\"", "[ ]", "{ \"k\" : null }"));
  EXPECT_THAT(*ParseJsonArray("text", " [ ] "), IsEmpty());
  EXPECT_THAT(*ParseJsonObject("text", "{}"), IsEmpty());
}

TEST(JsonTextTest, WhatIsNotOfTheTypeIsRefusedByName) {
  EXPECT_THAT(ParseJsonArray("tools", "{}"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("tools: expected an array")));
  EXPECT_THAT(ParseJsonObject("call", "[]"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("call: expected an object")));
  EXPECT_THAT(ParseJsonObject("call", "{\"a\":}"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("call: not valid JSON")));
}

}  // namespace
}  // namespace firstlight
