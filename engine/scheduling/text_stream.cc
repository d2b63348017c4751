#include "engine/scheduling/text_stream.h"

#include <algorithm>
#include <utility>

namespace firstlight {
namespace {

// As this tokenizer has them; those that it has not, or that it shows anyway, are no concern.
std::vector<int32_t> IdsOf(const std::vector<std::string>& tokens, const Tokenizer* tokenizer) {
  std::vector<int32_t> ids;
  if (tokenizer == nullptr) return ids;
  for (const std::string& token : tokens) {
    const std::optional<int32_t> id = tokenizer->TokenToId(token);
    if (id.has_value()) ids.push_back(*id);
  }
  std::sort(ids.begin(), ids.end());
  return ids;
}

}  // namespace

GeneratedToken DescribeToken(const Tokenizer* tokenizer, int32_t id, const Logprobs* logprobs) {
  const auto text_of = [tokenizer](int32_t token) {
    return tokenizer != nullptr ? tokenizer->TokenText(token) : std::string();
  };
  GeneratedToken described{.id = id, .text = text_of(id), .logprob = {}, .top = {}};
  if (logprobs != nullptr) {
    described.logprob = logprobs->chosen;
    for (const auto& [other, logprob] : logprobs->top) {
      described.top.push_back({.id = other, .text = text_of(other), .logprob = logprob});
    }
  }
  return described;
}

TextStream::TextStream(Options options, absl::Span<const int32_t> prompt)
    : options_(std::move(options)),
      shown_special_ids_(IdsOf(options_.shown_special_tokens, options_.tokenizer)),
      stop_matcher_(options_.stop_sequences, options_.include_stop_sequence) {
  if (options_.tokenizer != nullptr) {
    detokenizer_ =
        Detokenizer::Create(*options_.tokenizer, prompt, {.shown_special_ids = shown_special_ids_});
  }
}

// Whether the token leaves no text, whatever follows it.
bool TextStream::IsHidden(int32_t id) const {
  return options_.tokenizer->IsSpecial(id) &&
         !std::binary_search(shown_special_ids_.begin(), shown_special_ids_.end(), id);
}

TextStream::Output TextStream::Append(const Token& token) {
  std::string made;
  if (detokenizer_ != nullptr && token.has_text) {
    made = detokenizer_->Append(token.id);
  }
  if (options_.tokens) {
    const bool text_follows =
        detokenizer_ != nullptr && token.has_text && made.empty() && !IsHidden(token.id);
    const Logprobs* const logprobs = options_.logprobs ? &token.logprobs : nullptr;
    pending_.push_back({.token = DescribeToken(options_.tokenizer, token.id, logprobs),
                        .made = made,
                        .begin = made_bytes_,
                        .text_follows = text_follows});
  }
  made_bytes_ += static_cast<int64_t>(made.size());
  StopMatcher::Released released = stop_matcher_.Append(made, token.stops_armed);
  return Release(std::move(released.text), std::move(released.stop_sequence), /*last=*/false);
}

TextStream::Output TextStream::Finish() {
  if (stopped_ || detokenizer_ == nullptr) {
    return Release(std::string(), std::nullopt, /*last=*/true);
  }
  StopMatcher::Released released = stop_matcher_.Append(detokenizer_->Flush(), /*armed=*/true);
  if (!released.stop_sequence.has_value()) {
    released.text += stop_matcher_.Flush();
  }
  return Release(std::move(released.text), std::move(released.stop_sequence), /*last=*/true);
}

TextStream::Output TextStream::Release(std::string text, std::optional<std::string> stop_sequence,
                                       bool last) {
  stopped_ = stopped_ || stop_sequence.has_value();
  released_bytes_ += static_cast<int64_t>(text.size());
  Output output;
  output.delta = {.index = options_.index, .text = std::move(text), .tokens = {}};
  output.stop_sequence = std::move(stop_sequence);
  while (!pending_.empty()) {
    PendingToken& next = pending_.front();
    const int64_t size = static_cast<int64_t>(next.made.size());
    const int64_t shown = std::clamp<int64_t>(released_bytes_ - next.begin, 0, size);
    const bool is_shown = next.text_follows ? released_bytes_ > next.begin : shown == size;
    if (!is_shown && !stopped_ && !last) {
      break;
    }
    if (!is_shown && stopped_) {
      next.token.text = next.made.substr(0, shown);
    }
    output.delta.tokens.push_back(std::move(next.token));
    pending_.pop_front();
  }
  return output;
}

}  // namespace firstlight
