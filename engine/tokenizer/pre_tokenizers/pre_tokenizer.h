#ifndef FIRSTLIGHT_ENGINE_TOKENIZER_PRE_TOKENIZERS_PRE_TOKENIZER_H_
#define FIRSTLIGHT_ENGINE_TOKENIZER_PRE_TOKENIZERS_PRE_TOKENIZER_H_

// `pre_tokenizer` of tokenizer.json: cuts a normalized text into the pieces that the model then
// encodes one by one. Each class is equal to its namesake under tokenizers/src/pre_tokenizers/.
//
// Immutable; any thread may call Split.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "engine/tokenizer/image/image_writer.h"
#include "engine/tokenizer/text/cancellation.h"
#include "engine/tokenizer/text/pattern.h"

namespace firstlight {

// A text and its pieces so far.
class PreTokenizedText {
 public:
  // `text` must outlive this. `starts_input`: it is the very start of what is encoded, with no
  // added token before it.
  PreTokenizedText(std::string_view text, bool starts_input);
  PreTokenizedText(const PreTokenizedText&) = delete;
  PreTokenizedText& operator=(const PreTokenizedText&) = delete;

  size_t size() const { return pieces_.size(); }
  std::string_view piece(size_t index) const {
    return text_.substr(pieces_[index].begin, pieces_[index].end - pieces_[index].begin);
  }

  // Whether piece `index` begins where the input does.
  bool StartsInput(size_t index) const { return index == 0 && starts_input_; }

  // Cuts every piece: `cut(piece, parts)` appends the parts to keep, as ranges of the piece, in
  // order. Empty parts are dropped.
  template <typename Cut>
  absl::Status CutPieces(const Cut& cut) {
    std::vector<TextRange> pieces;
    std::vector<TextRange> parts;
    for (size_t i = 0; i < pieces_.size(); ++i) {
      parts.clear();
      if (absl::Status status = cut(piece(i), parts); !status.ok()) {
        return status;
      }
      for (const TextRange& part : parts) {
        if (part.begin < part.end) {
          pieces.push_back({pieces_[i].begin + part.begin, pieces_[i].begin + part.end});
        }
      }
    }
    starts_input_ = starts_input_ && !pieces.empty() && pieces[0].begin == pieces_[0].begin;
    pieces_.swap(pieces);
    return absl::OkStatus();
  }

  // Rewrites every piece: `rewrite(index, piece, out)` appends what stands for it. Errors:
  // CANCELLED; RESOURCE_EXHAUSTED when a hostile tokenizer makes more of the text than it may.
  template <typename Rewrite>
  absl::Status RewritePieces(EncodeCancellation& cancellation, const Rewrite& rewrite) {
    std::string text;
    text.reserve(text_.size() + text_.size() / 4 + 4);
    for (size_t i = 0; i < pieces_.size(); ++i) {
      const size_t begin = text.size();
      rewrite(i, piece(i), text);
      if (text.size() > max_bytes_) return TooLong();
      pieces_[i] = {begin, text.size()};
      if (absl::Status status = cancellation.Check(1 + (text.size() - begin) / 8); !status.ok()) {
        return status;
      }
    }
    owned_.swap(text);
    text_ = owned_;
    return absl::OkStatus();
  }

 private:
  // Each of these rewrites doubles a text at most, but a file can name any number of them. One
  // makes a space before each piece and four bytes of a space.
  static constexpr size_t kGrowth = 32;
  static constexpr size_t kMoreBytes = size_t{1} << 20;

  absl::Status TooLong() const;

  std::string owned_;
  std::string_view text_;
  std::vector<TextRange> pieces_;
  bool starts_input_;
  const size_t max_bytes_;
};

class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;

  // Errors: CANCELLED; RESOURCE_EXHAUSTED from a pattern.
  virtual absl::Status Split(PreTokenizedText& text, EncodeCancellation& cancellation) const = 0;

  // Its PreTokenizerTag, then its fields; PreTokenizerFromImage (image/component_image.h) reads
  // them.
  virtual void Save(ImageWriter& image) const = 0;
};

// "Sequence": one after the other.
std::unique_ptr<const PreTokenizer> SequencePreTokenizer(
    std::vector<std::unique_ptr<const PreTokenizer>> pre_tokenizers);

// "Metaspace": `replacement` for each space.
struct MetaspaceOptions {
  enum class Prepend : uint8_t { kAlways, kFirst, kNever, kLast = kNever };

  std::string replacement;
  // Which pieces get a replacement in front if they do not begin with one: all, the one that starts
  // the input, none.
  Prepend prepend = Prepend::kAlways;
  // Whether to cut before each replacement.
  bool split = true;
};
std::unique_ptr<const PreTokenizer> MetaspacePreTokenizer(MetaspaceOptions options);

// "ByteLevel".
struct ByteLevelOptions {
  // A space in front of each piece that does not begin with one.
  bool add_prefix_space = true;
  // Cut with GPT-2's pattern.
  bool use_regex = true;
  // Spell the bytes in the byte-level alphabet. When false, that is left to the model
  // (BpeModel::Options::byte_level) and the pieces are plain bytes.
  bool spell = true;
};
absl::StatusOr<std::unique_ptr<const PreTokenizer>> ByteLevelPreTokenizer(ByteLevelOptions options);

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_TOKENIZER_PRE_TOKENIZERS_PRE_TOKENIZER_H_
