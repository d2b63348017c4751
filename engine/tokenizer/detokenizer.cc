#include "engine/tokenizer/detokenizer.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "engine/tokenizer/decoders/decode_stage.h"
#include "engine/tokenizer/text/utf8.h"

namespace firstlight {
namespace {

// How much of a context is decoded again, at least: what a decoder holds back of a text, a
// character of four bytes, is far shorter.
constexpr size_t kContextTokens = 64;
// What of it may be tokens without any text.
constexpr size_t kEmptyTokens = 64;
// And about how much of it is looked at at most.
constexpr size_t kMostContextTokens = 1024;
constexpr size_t kMaxCharacterBytes = 4;
constexpr size_t kByteTokenBytes = std::string_view("<0x41>").size();

// Where to start decoding the end of `context`: not within a character, nor within a run of byte
// tokens, which a decoder holds back; a very long run is cut in front of a character.
size_t ContextStart(const Tokenizer& tokenizer, absl::Span<const int32_t> context) {
  size_t start = context.size() - std::min(context.size(), kContextTokens);
  size_t empty = 0;
  while (start > 0 && empty < kEmptyTokens) {
    const std::string bytes = tokenizer.TokenBytes(context[start]);
    if (bytes.empty()) ++empty;
    const bool is_byte_token =
        bytes.size() == 1 && tokenizer.IdToToken(context[start]).size() == kByteTokenBytes;
    if (!bytes.empty() && !is_byte_token && FindInvalidUtf8(bytes) == std::string::npos) {
      break;
    }
    const size_t looked_at = context.size() - start;
    if (looked_at >= kMostContextTokens + kMaxCharacterBytes ||
        (looked_at >= kMostContextTokens &&
         (bytes.empty() || !ContinuesCharacter(bytes.front())))) {
      break;
    }
    --start;
  }
  return start;
}

// How many tokens at the end of `context` are the bytes of a character that is not whole yet.
size_t CutCharacterTokens(const Tokenizer& tokenizer, absl::Span<const int32_t> context) {
  for (size_t count = 1; count <= std::min(context.size(), kMaxCharacterBytes); ++count) {
    const std::string bytes = tokenizer.TokenBytes(context[context.size() - count]);
    if (bytes.size() != 1) return 0;
    if (!ContinuesCharacter(bytes.front())) return Utf8Length(bytes.front()) > count ? count : 0;
  }
  return 0;
}

}  // namespace

Detokenizer::Detokenizer(const Tokenizer& tokenizer, DecodeOptions options)
    : tokenizer_(tokenizer), options_(std::move(options)), decoding_(tokenizer.NewDecoding()) {}

Detokenizer::~Detokenizer() = default;

std::unique_ptr<Detokenizer> Detokenizer::Create(const Tokenizer& tokenizer,
                                                 absl::Span<const int32_t> context,
                                                 DecodeOptions options) {
  std::unique_ptr<Detokenizer> detokenizer(new Detokenizer(tokenizer, std::move(options)));
  if (context.empty()) {
    return detokenizer;
  }
  context = context.subspan(ContextStart(tokenizer, context));
  for (const int32_t id : context) {
    detokenizer->Push(id);
  }
  detokenizer->certain_.clear();
  // What a decoding that ends here still has to say is the end of the context's text. A character
  // cut in two is not: it becomes whole in the generated text, and belongs to that.
  context.remove_suffix(CutCharacterTokens(tokenizer, context));
  Detokenizer ending(tokenizer, detokenizer->options_);
  for (const int32_t id : context) {
    ending.Push(id);
  }
  ending.certain_.clear();
  std::string tail = ending.Flush();
  if (tail.find(kReplacementUtf8) == std::string::npos) {
    detokenizer->context_tail_ = std::move(tail);
  }
  return detokenizer;
}

bool Detokenizer::IsSkipped(int32_t id) const {
  return options_.skip_special_tokens && tokenizer_.IsSpecial(id) &&
         !std::binary_search(options_.shown_special_ids.begin(), options_.shown_special_ids.end(),
                             id);
}

void Detokenizer::Push(int32_t id) {
  if (!tokenizer_.HasToken(id) || IsSkipped(id)) {
    return;
  }
  const std::string_view token = tokenizer_.IdToToken(id);
  if (tokenizer_.image() == nullptr) {
    decoding_->Push(token, certain_);
    return;
  }
  // An image may have been damaged, and may change at any time: what is checked is a copy.
  const std::string copy(token);
  decoding_->Push(FindInvalidUtf8(copy) == std::string::npos ? copy : ReplaceInvalidUtf8(copy),
                  certain_);
}

std::string Detokenizer::Take() {
  std::string text = std::exchange(certain_, std::string());
  if (!context_tail_.empty() && !text.empty()) {
    const size_t common =
        std::mismatch(text.begin(), text.end(), context_tail_.begin(), context_tail_.end()).first -
        text.begin();
    context_tail_ = common == text.size() ? context_tail_.substr(common) : std::string();
    text.erase(0, common);
  }
  return text;
}

std::string Detokenizer::Append(int32_t id) {
  Push(id);
  return Take();
}

std::string Detokenizer::Flush() {
  decoding_->Flush(certain_);
  return Take();
}

std::string Decode(const Tokenizer& tokenizer, absl::Span<const int32_t> ids,
                   DecodeOptions options) {
  const std::unique_ptr<Detokenizer> detokenizer =
      Detokenizer::Create(tokenizer, {}, std::move(options));
  std::string text;
  for (const int32_t id : ids) {
    text += detokenizer->Append(id);
  }
  text += detokenizer->Flush();
  return text;
}

}  // namespace firstlight
