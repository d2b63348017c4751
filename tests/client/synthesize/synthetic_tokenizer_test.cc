#include "client/synthesize/synthetic_tokenizer.h"

#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "gtest/gtest.h"
#include "loader/json.h"
#include "tests/loader/status_matchers.h"

namespace firstlight {
namespace {

struct Expected {
  TokenizerStyle style;
  size_t vocabulary;
  size_t merges;
  size_t special_tokens;
};

class SyntheticTokenizerTest : public ::testing::TestWithParam<Expected> {};

TEST_P(SyntheticTokenizerTest, HasTheCountsOfThePublishedOneAndConsistentMerges) {
  const Expected& expected = GetParam();
  const TokenizerFiles files = MakeTokenizer(expected.style);
  // The parse refuses duplicate keys: every token is there once.
  const auto document = JsonDocument::Parse("tokenizer.json", files.tokenizer_json);
  ASSERT_THAT(document, IsOk());
  const JsonValue root = (*document)->root();
  const JsonValue model = *root.Get("model");

  absl::flat_hash_map<std::string, int64_t> ids;
  const JsonObject vocabulary = *model.GetObject("vocab");
  for (const auto [token, id] : vocabulary) {
    ASSERT_EQ(*id.AsInt64(), static_cast<int64_t>(ids.size()));
    ids.emplace(token, static_cast<int64_t>(ids.size()));
  }
  EXPECT_EQ(ids.size(), expected.vocabulary);

  const JsonArray merges = *model.GetArray("merges");
  absl::flat_hash_set<std::string> seen;
  int64_t last_token = 0;
  for (const JsonValue merge : merges) {
    const std::string pair(*merge.AsString());
    ASSERT_TRUE(seen.insert(pair).second) << pair;
    const size_t space = pair.find(' ');
    ASSERT_NE(space, std::string::npos);
    const std::string left = pair.substr(0, space);
    const std::string right = pair.substr(space + 1);
    ASSERT_TRUE(ids.contains(left) && ids.contains(right) && ids.contains(left + right)) << pair;
    // A token is made of older ones, or of characters; ranks follow ids.
    const int64_t made = ids[left + right];
    ASSERT_GE(made, last_token) << pair;
    last_token = made;
  }
  EXPECT_EQ(seen.size(), expected.merges);

  const JsonArray added = *root.GetArray("added_tokens");
  EXPECT_EQ(added.size(), expected.special_tokens);
  const auto config = JsonDocument::Parse("tokenizer_config.json", files.tokenizer_config_json);
  ASSERT_THAT(config, IsOk());
  for (const JsonValue token : added) {
    const std::string id = std::to_string(*token.GetInt64("id"));
    const auto decoder = (*config)->root().Get("added_tokens_decoder")->Find(id);
    ASSERT_TRUE(decoder.has_value()) << id;
    EXPECT_EQ(*decoder->GetString("content"), *token.GetString("content"));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Styles, SyntheticTokenizerTest,
    ::testing::Values(Expected{TokenizerStyle::kLlama3, 128'000, 280'147, 256},
                      Expected{TokenizerStyle::kLlama31, 128'000, 280'147, 256},
                      Expected{TokenizerStyle::kLlama2, 32'000, 61'249, 3},
                      Expected{TokenizerStyle::kMistralV3, 32'768, 58'980, 771},
                      Expected{TokenizerStyle::kSmolLm2, 49'152, 48'900, 17}));

}  // namespace
}  // namespace firstlight
