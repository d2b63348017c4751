#include "engine/tokenizer/decoders/token_decoder.h"

#include <algorithm>
#include <functional>
#include <string_view>
#include <utility>

#include "absl/time/time.h"
#include "engine/tokenizer/decoders/replace_all.h"
#include "engine/tokenizer/image/component_tags.h"
#include "engine/tokenizer/text/cancellation.h"
#include "engine/tokenizer/text/utf8.h"
#include "engine/tokenizer/text/work_allowance.h"

namespace firstlight {
namespace {

// Puts the parts of the one token that there is behind a stage that fuses together again, for a
// decoder that has to see it whole: all of the text comes at the end.
class JoinStage : public DecodeStage {
 public:
  using DecodeStage::DecodeStage;
  void Push(std::string_view part, std::string& out) override { token_ += part; }
  void Flush(std::string& out) override {
    PushNext(token_, out);
    FlushNext(out);
  }

 private:
  std::string token_;
};

class Sequence : public TokenDecoder {
 public:
  explicit Sequence(std::vector<std::unique_ptr<const TokenDecoder>> decoders)
      : decoders_(std::move(decoders)) {}

  std::unique_ptr<DecodeStage> Start(std::unique_ptr<DecodeStage> next,
                                     bool in_parts) const override {
    std::vector<bool> stage_in_parts;
    for (const auto& decoder : decoders_) {
      stage_in_parts.push_back(in_parts);
      in_parts = in_parts || decoder->fuses();
    }
    for (size_t i = decoders_.size(); i-- > 0;) {
      const bool join = stage_in_parts[i] && decoders_[i]->needs_whole_tokens();
      next = decoders_[i]->Start(std::move(next), stage_in_parts[i] && !join);
      if (join) next = std::make_unique<JoinStage>(std::move(next));
    }
    // A sequence of none still is a stage.
    return next != nullptr ? std::move(next) : FuseDecoder()->Start(nullptr, false);
  }

  void ToBytes(std::string& token) const override {
    for (const auto& decoder : decoders_) {
      decoder->ToBytes(token);
    }
  }

  bool fuses() const override {
    for (const auto& decoder : decoders_) {
      if (decoder->fuses()) {
        return true;
      }
    }
    return false;
  }

  double growth() const override {
    double growth = 1.0;
    for (const auto& decoder : decoders_) growth *= decoder->growth();
    return growth;
  }

  size_t regexes() const override {
    size_t regexes = 0;
    for (const auto& decoder : decoders_) regexes += decoder->regexes();
    return regexes;
  }

  void Save(ImageWriter& image) const override {
    image.Write(DecoderTag::kSequence);
    image.Write(uint64_t{decoders_.size()});
    for (const auto& decoder : decoders_) decoder->Save(image);
  }

 private:
  const std::vector<std::unique_ptr<const TokenDecoder>> decoders_;
};

class FuseStage : public DecodeStage {
 public:
  using DecodeStage::DecodeStage;
  void Push(std::string_view token, std::string& out) override { PushNext(token, out); }
};

class Fuse : public TokenDecoder {
 public:
  std::unique_ptr<DecodeStage> Start(std::unique_ptr<DecodeStage> next,
                                     bool in_parts) const override {
    return std::make_unique<FuseStage>(std::move(next));
  }
  bool fuses() const override { return true; }

  void Save(ImageWriter& image) const override { image.Write(DecoderTag::kFuse); }
};

class SpaceJoiningStage : public DecodeStage {
 public:
  using DecodeStage::DecodeStage;
  void Push(std::string_view token, std::string& out) override {
    if (!first_) {
      PushNext(" ", out);
    }
    first_ = false;
    PushNext(token, out);
  }

 private:
  bool first_ = true;
};

class SpaceJoining : public TokenDecoder {
 public:
  std::unique_ptr<DecodeStage> Start(std::unique_ptr<DecodeStage> next,
                                     bool in_parts) const override {
    return std::make_unique<SpaceJoiningStage>(std::move(next));
  }
  bool fuses() const override { return true; }
  bool needs_whole_tokens() const override { return true; }

  void Save(ImageWriter& image) const override { image.Write(DecoderTag::kSpaceJoining); }
};

class MetaspaceStage : public DecodeStage {
 public:
  MetaspaceStage(std::string_view replacement, bool keep_first, std::unique_ptr<DecodeStage> next)
      : DecodeStage(std::move(next)), replacement_(replacement), keep_(keep_first) {}

  void Push(std::string_view token, std::string& out) override {
    PushNext(ReplaceAll(token, replacement_, keep_ ? " " : ""), out);
    keep_ = true;
  }

 private:
  const std::string_view replacement_;
  bool keep_;
};

class Metaspace : public TokenDecoder {
 public:
  Metaspace(std::string replacement, bool keep_first)
      : replacement_(std::move(replacement)), keep_first_(keep_first) {}

  std::unique_ptr<DecodeStage> Start(std::unique_ptr<DecodeStage> next,
                                     bool in_parts) const override {
    return std::make_unique<MetaspaceStage>(replacement_, keep_first_, std::move(next));
  }
  void ToBytes(std::string& token) const override { token = ReplaceAll(token, replacement_, " "); }
  bool needs_whole_tokens() const override { return true; }

  void Save(ImageWriter& image) const override {
    image.Write(DecoderTag::kMetaspace);
    image.Write(replacement_);
    image.Write(keep_first_);
  }

 private:
  const std::string replacement_;
  const bool keep_first_;
};

// Of the thread's processor, for all tokens that a pattern sees; a published one takes a
// microsecond for a token.
constexpr WorkAllowance::Rates kReplaceRates = {.at_most = absl::Milliseconds(50),
                                                .per_input = absl::Microseconds(20),
                                                .per_byte = absl::Nanoseconds(500)};

class Replace : public TokenDecoder {
 public:
  Replace(std::unique_ptr<const TextPattern> pattern, std::string content, bool single_character)
      : pattern_(std::move(pattern)),
        content_(std::move(content)),
        single_character_(single_character) {}

  std::unique_ptr<DecodeStage> Start(std::unique_ptr<DecodeStage> next,
                                     bool in_parts) const override;
  void ToBytes(std::string& token) const override { token = Replaced(token); }
  bool needs_whole_tokens() const override { return !single_character_; }
  double growth() const override {
    const size_t shortest = pattern_->shortest_match_bytes();
    const auto content = static_cast<double>(content_.size());
    return shortest == 0 ? 1.0 + content : std::max(1.0, content / static_cast<double>(shortest));
  }

  size_t regexes() const override { return pattern_->is_regex() ? 1 : 0; }

  // A token stays as it is where a hostile pattern takes too long on it, or took too long on those
  // before it.
  std::string Replaced(std::string_view token) const {
    std::vector<TextRange> matches;
    // What a byte token became need not be UTF-8, which patterns require.
    if (FindInvalidUtf8(token) != std::string_view::npos || !FindAll(token, matches)) {
      return std::string(token);
    }
    std::string replaced;
    size_t copied = 0;
    for (const TextRange& match : matches) {
      replaced += token.substr(copied, match.begin - copied);
      replaced += content_;
      copied = match.end;
    }
    replaced += token.substr(copied);
    return replaced;
  }

  void Save(ImageWriter& image) const override {
    image.Write(DecoderTag::kReplace);
    pattern_->Save(image);
    image.Write(content_);
    image.Write(single_character_);
  }

 private:
  bool FindAll(std::string_view token, std::vector<TextRange>& matches) const {
    const std::function<bool()> never;
    if (!pattern_->is_regex()) {
      EncodeCancellation unlimited(never);
      return pattern_->FindAll(token, unlimited, matches).ok();
    }
    const absl::Duration allowed = allowance_.Earn(token.size());
    if (allowed <= absl::ZeroDuration()) return false;
    EncodeCancellation cancellation(never, allowed);
    const bool ok = pattern_->FindAll(token, cancellation, matches).ok();
    allowance_.Spend(cancellation.spent());
    return ok;
  }

  const std::unique_ptr<const TextPattern> pattern_;
  const std::string content_;
  const bool single_character_;
  mutable WorkAllowance allowance_{kReplaceRates};
};

class ReplaceStage : public DecodeStage {
 public:
  ReplaceStage(const Replace& decoder, std::unique_ptr<DecodeStage> next)
      : DecodeStage(std::move(next)), decoder_(decoder) {}
  void Push(std::string_view token, std::string& out) override {
    PushNext(decoder_.Replaced(token), out);
  }

 private:
  const Replace& decoder_;
};

std::unique_ptr<DecodeStage> Replace::Start(std::unique_ptr<DecodeStage> next,
                                            bool in_parts) const {
  return std::make_unique<ReplaceStage>(*this, std::move(next));
}

}  // namespace

std::unique_ptr<const TokenDecoder> SequenceDecoder(
    std::vector<std::unique_ptr<const TokenDecoder>> decoders) {
  return std::make_unique<Sequence>(std::move(decoders));
}

std::unique_ptr<const TokenDecoder> FuseDecoder() { return std::make_unique<Fuse>(); }

std::unique_ptr<const TokenDecoder> MetaspaceDecoder(std::string replacement, bool keep_first) {
  return std::make_unique<Metaspace>(std::move(replacement), keep_first);
}

std::unique_ptr<const TokenDecoder> ReplaceDecoder(std::unique_ptr<const TextPattern> pattern,
                                                   std::string content, bool single_character) {
  return std::make_unique<Replace>(std::move(pattern), std::move(content), single_character);
}

std::unique_ptr<const TokenDecoder> SpaceJoiningDecoder() {
  return std::make_unique<SpaceJoining>();
}

}  // namespace firstlight
