#include "tests/fuzz/tokenizer_exercise.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/tokenizer/detokenizer.h"
#include "engine/tokenizer/text/text_range.h"
#include "engine/tokenizer/text/utf8.h"
#include "tests/fuzz/fuzz_support.h"

namespace firstlight {
namespace {

// Words, runs, marks, several scripts, spelled bytes, and special tokens as they are often called.
constexpr auto kTexts = std::to_array<std::string_view>({
    "",
    " ",
    "Anna <both> likes\u3000 \u732B 12 <s>\u00E9",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab",
    "<|im_start|>user\nhello [CLS] world</s><unk> <0x0A> ##ing \u2581\u2581a",
    "e\u0301\u0300 \U0001F469\u200D\U0001F469\u200D\U0001F467 \uFB02 \u1E9E\t\r\n\u0085 don't I'LL",
});
constexpr int32_t kIdsAsked = 64;
constexpr int kPatience = 8;

void RequireUtf8(std::string_view text) {
  Require(FindInvalidUtf8(text) == std::string_view::npos, "decoded text is UTF-8");
}

// From the start, and as what follows the first half.
void ExerciseDecoding(const Tokenizer& tokenizer, const std::vector<int32_t>& ids) {
  for (const size_t context : {size_t{0}, ids.size() / 2}) {
    const auto detokenizer = Detokenizer::Create(tokenizer, absl::MakeConstSpan(ids).first(context),
                                                 {.skip_special_tokens = context > 0});
    for (size_t i = context; i < ids.size(); ++i) RequireUtf8(detokenizer->Append(ids[i]));
    RequireUtf8(detokenizer->Flush());
  }
}

void ExerciseIds(const Tokenizer& tokenizer) {
  std::vector<int32_t> ids = tokenizer.special_ids();
  Require(std::is_sorted(ids.begin(), ids.end()), "special ids ascend");
  ids.resize(std::min<size_t>(ids.size(), kIdsAsked));
  for (int32_t id = -1; id < kIdsAsked; ++id) ids.push_back(id);
  for (int32_t id = tokenizer.vocab_size() - kIdsAsked; id <= tokenizer.vocab_size(); ++id) {
    ids.push_back(id);
  }
  for (const int32_t id : ids) {
    Require(tokenizer.image() != nullptr || !tokenizer.HasToken(id) ||
                (id >= 0 && id < tokenizer.vocab_size()),
            "tokens are within the vocabulary's size");
    tokenizer.TokenToId(tokenizer.IdToToken(id));
    RequireUtf8(tokenizer.TokenText(id));
  }
  ExerciseDecoding(tokenizer, ids);
}

}  // namespace

void ExerciseTokenizer(const Tokenizer& tokenizer) {
  ExerciseIds(tokenizer);
  for (const std::string_view text : kTexts) {
    const TextRange all = {.begin = 0, .end = text.size()};
    // Asked every millisecond or, under a hostile pattern, every second.
    int asked = 0;
    const std::function<bool()> cancelled = [&asked] { return ++asked > kPatience; };
    const std::array<EncodeOptions, 3> variants = {
        EncodeOptions{.cancelled = cancelled},
        EncodeOptions{
            .add_special_tokens = false, .parse_special_tokens = false, .cancelled = cancelled},
        EncodeOptions{.add_special_tokens = false,
                      .forbidden_special_ranges = {&all, text.empty() ? 0U : 1U},
                      .cancelled = cancelled}};
    for (const EncodeOptions& options : variants) {
      asked = 0;
      const absl::StatusOr<std::vector<int32_t>> ids = tokenizer.Encode(text, options);
      RequireGoodRefusal(ids.status(), "");
      if (!ids.ok()) continue;
      for (const int32_t id : *ids) {
        Require(tokenizer.image() != nullptr || (id >= 0 && id < tokenizer.vocab_size()),
                "ids are within the vocabulary's size");
      }
      ExerciseDecoding(tokenizer, *ids);
    }
  }
}

}  // namespace firstlight
