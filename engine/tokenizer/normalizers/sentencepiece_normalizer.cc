#include "engine/tokenizer/normalizers/sentencepiece_normalizer.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "engine/tokenizer/image/component_tags.h"
#include "engine/tokenizer/text/utf8.h"
#include "loader/base/status_macros.h"

namespace firstlight {
namespace {

constexpr std::string_view kSpaceSymbol = "\xE2\x96\x81";

class Normalizer : public TextNormalizer {
 public:
  Normalizer(SentencePieceNormalizerOptions options,
             std::shared_ptr<const PrecompiledCharsmap> charsmap,
             std::shared_ptr<const SentencePiecePieces> pieces)
      : options_(options), charsmap_(std::move(charsmap)), pieces_(std::move(pieces)) {}

  absl::Status Normalize(NormalizedText& text, EncodeCancellation& cancellation) const override {
    const std::string_view space = options_.escape_whitespaces ? kSpaceSymbol : " ";
    Rewriting rewriting(text);
    if (options_.remove_extra_whitespaces) {
      while (!rewriting.rest().empty() && Front(rewriting.rest()).with == " ") {
        rewriting.Drop(Front(rewriting.rest()).length);
        FIRSTLIGHT_RETURN_IF_ERROR(cancellation.Check(1));
      }
    }
    if (options_.add_dummy_prefix && !rewriting.rest().empty()) {
      rewriting.Insert(space);
    }
    bool after_space = options_.remove_extra_whitespaces;
    std::string escaped;
    while (!rewriting.rest().empty()) {
      FIRSTLIGHT_RETURN_IF_ERROR(cancellation.Check(1));
      const PrecompiledCharsmap::Replacement front = Front(rewriting.rest());
      std::string_view with = front.with;
      while (after_space && with.starts_with(' ')) {
        with.remove_prefix(1);
      }
      if (!with.empty()) {
        after_space = options_.remove_extra_whitespaces && with.ends_with(' ');
      }
      escaped.clear();
      for (const char byte : with) {
        if (byte == ' ') {
          escaped += space;
        } else {
          escaped.push_back(byte);
        }
      }
      rewriting.Replace(front.length, escaped);
      FIRSTLIGHT_RETURN_IF_ERROR(rewriting.CheckSize());
    }
    if (options_.remove_extra_whitespaces) {
      while (rewriting.rewritten().ends_with(space)) {
        rewriting.RemoveSuffix(space.size());
      }
    }
    rewriting.Finish();
    return absl::OkStatus();
  }

  void Save(ImageWriter& image) const override {
    image.Write(NormalizerTag::kSentencePiece);
    image.Write(options_.add_dummy_prefix);
    image.Write(options_.remove_extra_whitespaces);
    image.Write(options_.escape_whitespaces);
    image.WriteShared(charsmap_);
    image.WriteShared(pieces_);
  }

 private:
  // What `text`, not empty, starts with and what stands for it.
  PrecompiledCharsmap::Replacement Front(std::string_view text) const {
    const auto [length, id] = pieces_->user_defined.LongestPrefix(text);
    if (id != ByteTrie::kNoValue) {
      return {.length = length, .with = text.substr(0, length)};
    }
    const PrecompiledCharsmap::Replacement replacement = charsmap_->FindLongest(text);
    if (replacement.length > 0) {
      return replacement;
    }
    // A piece of a damaged image may have ended within a character.
    const size_t character = std::min(Utf8Length(text[0]), text.size());
    return {.length = character, .with = text.substr(0, character)};
  }

  const SentencePieceNormalizerOptions options_;
  const std::shared_ptr<const PrecompiledCharsmap> charsmap_;
  const std::shared_ptr<const SentencePiecePieces> pieces_;
};

}  // namespace

std::unique_ptr<const TextNormalizer> SentencePieceNormalizer(
    SentencePieceNormalizerOptions options, std::shared_ptr<const PrecompiledCharsmap> charsmap,
    std::shared_ptr<const SentencePiecePieces> pieces) {
  return std::make_unique<Normalizer>(options, std::move(charsmap), std::move(pieces));
}

}  // namespace firstlight
