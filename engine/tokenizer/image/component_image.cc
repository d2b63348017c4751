#include "engine/tokenizer/image/component_image.h"

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "engine/tokenizer/formats/component_fields.h"
#include "engine/tokenizer/image/component_tags.h"
#include "engine/tokenizer/models/bpe.h"
#include "engine/tokenizer/models/sentencepiece_bpe.h"
#include "engine/tokenizer/models/sentencepiece_unigram.h"
#include "engine/tokenizer/models/unigram.h"
#include "engine/tokenizer/models/word_piece.h"
#include "engine/tokenizer/normalizers/character_rule.h"
#include "engine/tokenizer/normalizers/precompiled_normalizer.h"
#include "engine/tokenizer/normalizers/sentencepiece_normalizer.h"
#include "engine/tokenizer/normalizers/unicode_form.h"
#include "engine/tokenizer/pre_tokenizers/split.h"
#include "engine/tokenizer/text/pattern.h"
#include "loader/base/status_macros.h"

namespace firstlight {
namespace {

// Those read from JSON nest less deep (formats/component_fields.cc).
constexpr int kMaxNesting = 16;

// Where a component stands among those of its kind that are inside each other, and how many more
// there may be: as ComponentPlace of formats/component_fields.h.
struct Place {
  size_t& left;
  int depth = 0;
};

// The members of a sequence, each read by `read_one(image, place)`.
template <typename T, typename ReadOne>
absl::StatusOr<std::vector<std::unique_ptr<const T>>> ReadSequence(ImageReader& image,
                                                                   const Place& place,
                                                                   const ReadOne& read_one) {
  if (place.depth >= kMaxNesting) image.Fail("sequences that nest less deep");
  size_t count = image.ReadCount();
  if (count > place.left) image.Fail("fewer components");
  if (!image.ok()) count = 0;
  place.left -= count;
  std::vector<std::unique_ptr<const T>> items;
  for (; count > 0; --count) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(std::unique_ptr<const T> item,
                                read_one(image, {place.left, place.depth + 1}));
    items.push_back(std::move(item));
  }
  return items;
}

absl::StatusOr<std::unique_ptr<const TextNormalizer>> Normalizer(ImageReader& image,
                                                                 const Place& place) {
  switch (image.ReadEnum<NormalizerTag>()) {
    case NormalizerTag::kSequence: {
      FIRSTLIGHT_ASSIGN_OR_RETURN(auto items,
                                  ReadSequence<TextNormalizer>(image, place, Normalizer));
      FIRSTLIGHT_RETURN_IF_ERROR(image.status());
      return SequenceNormalizer(std::move(items));
    }
    case NormalizerTag::kPrepend:
      return PrependNormalizer(image.ReadString());
    case NormalizerTag::kReplace: {
      FIRSTLIGHT_ASSIGN_OR_RETURN(auto pattern, TextPattern::Load(image));
      return ReplaceNormalizer(std::move(pattern), image.ReadString());
    }
    case NormalizerTag::kStrip: {
      const bool left = image.ReadBool();
      const bool right = image.ReadBool();
      return StripNormalizer(left, right);
    }
    case NormalizerTag::kCharacterRule:
      return CharacterRuleNormalizer(image.ReadEnum<CharacterRule>());
    case NormalizerTag::kUnicodeForm: {
      UnicodeForm form;
      form.compatibility = image.ReadBool();
      form.compose = image.ReadBool();
      return UnicodeFormNormalizer(form);
    }
    case NormalizerTag::kPrecompiled:
      return PrecompiledNormalizer(image.ReadShared<PrecompiledCharsmap>());
    case NormalizerTag::kSentencePiece: {
      SentencePieceNormalizerOptions options;
      options.add_dummy_prefix = image.ReadBool();
      options.remove_extra_whitespaces = image.ReadBool();
      options.escape_whitespaces = image.ReadBool();
      auto charsmap = image.ReadShared<PrecompiledCharsmap>();
      auto pieces = image.ReadShared<SentencePiecePieces>();
      return SentencePieceNormalizer(options, std::move(charsmap), std::move(pieces));
    }
  }
  return absl::InternalError("normalizer tag out of range");
}

absl::StatusOr<std::unique_ptr<const PreTokenizer>> OnePreTokenizer(ImageReader& image,
                                                                    const Place& place) {
  switch (image.ReadEnum<PreTokenizerTag>()) {
    case PreTokenizerTag::kSequence: {
      FIRSTLIGHT_ASSIGN_OR_RETURN(auto items,
                                  ReadSequence<PreTokenizer>(image, place, OnePreTokenizer));
      FIRSTLIGHT_RETURN_IF_ERROR(image.status());
      return SequencePreTokenizer(std::move(items));
    }
    case PreTokenizerTag::kMetaspace: {
      MetaspaceOptions options;
      options.replacement = image.ReadString();
      options.prepend = image.ReadEnum<MetaspaceOptions::Prepend>();
      options.split = image.ReadBool();
      return MetaspacePreTokenizer(std::move(options));
    }
    case PreTokenizerTag::kByteLevel: {
      ByteLevelOptions options;
      options.add_prefix_space = image.ReadBool();
      options.use_regex = image.ReadBool();
      options.spell = image.ReadBool();
      return ByteLevelPreTokenizer(options);
    }
    case PreTokenizerTag::kSplit: {
      FIRSTLIGHT_ASSIGN_OR_RETURN(auto pattern, TextPattern::Load(image));
      const auto behavior = image.ReadEnum<SplitBehavior>();
      const bool invert = image.ReadBool();
      return SplitPreTokenizer(std::move(pattern), behavior, invert);
    }
    case PreTokenizerTag::kDigits:
      return DigitsPreTokenizer(image.ReadEnum<SplitBehavior>() == SplitBehavior::kIsolated);
    case PreTokenizerTag::kPunctuation:
      return PunctuationPreTokenizer(image.ReadEnum<SplitBehavior>());
    case PreTokenizerTag::kWhitespaceSplit:
      image.ReadEnum<SplitBehavior>();
      return WhitespaceSplitPreTokenizer();
    case PreTokenizerTag::kWhitespace:
      return WhitespacePreTokenizer();
  }
  return absl::InternalError("pre-tokenizer tag out of range");
}

absl::StatusOr<std::unique_ptr<const TokenDecoder>> Decoder(ImageReader& image,
                                                            const Place& place) {
  switch (image.ReadEnum<DecoderTag>()) {
    case DecoderTag::kSequence: {
      FIRSTLIGHT_ASSIGN_OR_RETURN(auto items, ReadSequence<TokenDecoder>(image, place, Decoder));
      FIRSTLIGHT_RETURN_IF_ERROR(image.status());
      return SequenceDecoder(std::move(items));
    }
    case DecoderTag::kByteLevel:
      return ByteLevelDecoder();
    case DecoderTag::kByteFallback:
      return ByteFallbackDecoder(image.ReadEnum<InvalidBytes>());
    case DecoderTag::kFuse:
      return FuseDecoder();
    case DecoderTag::kMetaspace: {
      std::string replacement = image.ReadString();
      const bool keep_first = image.ReadBool();
      return MetaspaceDecoder(std::move(replacement), keep_first);
    }
    case DecoderTag::kReplace: {
      FIRSTLIGHT_ASSIGN_OR_RETURN(auto pattern, TextPattern::Load(image));
      std::string content = image.ReadString();
      const bool single_character = image.ReadBool();
      return ReplaceDecoder(std::move(pattern), std::move(content), single_character);
    }
    case DecoderTag::kStrip: {
      std::string content = image.ReadString();
      const auto start = image.Read<uint64_t>();
      const auto stop = image.Read<uint64_t>();
      if (content.empty()) image.Fail("a character to strip");
      return StripDecoder(std::move(content), start, stop);
    }
    case DecoderTag::kWordPiece: {
      std::string prefix = image.ReadString();
      const bool cleanup = image.ReadBool();
      return WordPieceDecoder(std::move(prefix), cleanup);
    }
    case DecoderTag::kWordSuffix:
      return WordSuffixDecoder(image.ReadString());
    case DecoderTag::kCtc: {
      CtcDecoderOptions options;
      options.pad_token = image.ReadString();
      options.word_delimiter_token = image.ReadString();
      options.cleanup = image.ReadBool();
      return CtcDecoder(std::move(options));
    }
    case DecoderTag::kSpaceJoining:
      return SpaceJoiningDecoder();
  }
  return absl::InternalError("decoder tag out of range");
}

absl::StatusOr<std::unique_ptr<const TokenModel>> Model(ImageReader& image) {
  switch (image.ReadEnum<ModelTag>()) {
    case ModelTag::kBpe:
      return BpeModel::Load(image);
    case ModelTag::kUnigram:
      return UnigramModel::Load(image);
    case ModelTag::kWordPiece:
      return WordPieceModel::Load(image);
    case ModelTag::kWordLevel:
      return WordLevelModel::Load(image);
    case ModelTag::kSentencePieceBpe:
      return SentencePieceBpe::Load(image);
    case ModelTag::kSentencePieceUnigram:
      return SentencePieceUnigram::Load(image);
  }
  return absl::InternalError("model tag out of range");
}

// A reader that failed gave zeros, which no component is to be made of.
template <typename T>
absl::StatusOr<std::unique_ptr<const T>> Checked(absl::StatusOr<std::unique_ptr<const T>> component,
                                                 const ImageReader& image) {
  FIRSTLIGHT_RETURN_IF_ERROR(image.status());
  return component;
}

}  // namespace

absl::StatusOr<std::unique_ptr<const TextNormalizer>> NormalizerFromImage(ImageReader& image) {
  size_t left = kMaxComponents;
  return Checked(Normalizer(image, {left}), image);
}

absl::StatusOr<std::unique_ptr<const PreTokenizer>> PreTokenizerFromImage(ImageReader& image) {
  size_t left = kMaxComponents;
  return Checked(OnePreTokenizer(image, {left}), image);
}

absl::StatusOr<std::unique_ptr<const TokenModel>> ModelFromImage(ImageReader& image) {
  return Checked(Model(image), image);
}

absl::StatusOr<std::unique_ptr<const TokenDecoder>> DecoderFromImage(ImageReader& image) {
  size_t left = kMaxComponents;
  absl::StatusOr<std::unique_ptr<const TokenDecoder>> decoder = Decoder(image, {left});
  if (decoder.ok() && (*decoder)->growth() > kMaxDecoderGrowth) {
    image.Fail("decoders that make less of a token");
  }
  if (decoder.ok() && (*decoder)->regexes() > kMaxDecoderRegexes) {
    image.Fail("decoders with fewer regular expressions");
  }
  return Checked(std::move(decoder), image);
}

}  // namespace firstlight
