// `decoder` of tokenizer.json: the list of its types.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/tokenizer/formats/component_fields.h"
#include "engine/tokenizer/formats/component_json.h"
#include "loader/base/status_macros.h"
#include "loader/base/strings.h"

namespace firstlight {
namespace {

constexpr int64_t kMaxStrip = 1024;

absl::StatusOr<std::unique_ptr<const TokenDecoder>> OneDecoder(const JsonValue& json,
                                                               const ComponentPlace& place) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string_view type, json.GetString("type"));
  if (type == "Sequence") {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonArray items, place.SequenceItems(json, "decoders"));
    std::vector<std::unique_ptr<const TokenDecoder>> decoders;
    for (const JsonValue item : items) {
      FIRSTLIGHT_ASSIGN_OR_RETURN(std::unique_ptr<const TokenDecoder> decoder,
                                  OneDecoder(item, place.Inside()));
      decoders.push_back(std::move(decoder));
    }
    return SequenceDecoder(std::move(decoders));
  }
  if (type == "ByteLevel") {
    return ByteLevelDecoder();
  }
  if (type == "ByteFallback") {
    return ByteFallbackDecoder(InvalidBytes::kReplaceRun);
  }
  if (type == "Fuse") {
    return FuseDecoder();
  }
  if (type == "Metaspace") {
    FIRSTLIGHT_ASSIGN_OR_RETURN(std::string replacement, CharacterFromJson(json, "replacement"));
    FIRSTLIGHT_ASSIGN_OR_RETURN(const MetaspaceOptions::Prepend prepend,
                                PrependSchemeFromJson(json));
    return MetaspaceDecoder(std::move(replacement), prepend == MetaspaceOptions::Prepend::kNever);
  }
  if (type == "Replace") {
    FIRSTLIGHT_ASSIGN_OR_RETURN(JsonPattern pattern, PatternFromJson(json));
    FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string_view content, json.GetString("content"));
    return ReplaceDecoder(std::move(pattern.pattern), std::string(content),
                          pattern.single_character);
  }
  if (type == "Strip") {
    FIRSTLIGHT_ASSIGN_OR_RETURN(std::string content, CharacterFromJson(json, "content"));
    FIRSTLIGHT_ASSIGN_OR_RETURN(const int64_t start, json.GetInt64("start"));
    FIRSTLIGHT_ASSIGN_OR_RETURN(const int64_t stop, json.GetInt64("stop"));
    if (start < 0 || start > kMaxStrip || stop < 0 || stop > kMaxStrip) {
      return json.Error(
          StrCat("start and stop: expected [0, ", kMaxStrip, "], found ", start, " and ", stop));
    }
    return StripDecoder(std::move(content), static_cast<size_t>(start), static_cast<size_t>(stop));
  }
  if (type == "WordPiece") {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string_view prefix, json.GetString("prefix", "##"));
    FIRSTLIGHT_ASSIGN_OR_RETURN(const bool cleanup, json.GetBool("cleanup", true));
    return WordPieceDecoder(std::string(prefix), cleanup);
  }
  if (type == "BPEDecoder") {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string_view suffix, json.GetString("suffix", "</w>"));
    if (suffix.empty()) {
      return json.Error("suffix: expected a text, found none");
    }
    return WordSuffixDecoder(std::string(suffix));
  }
  if (type == "CTC") {
    CtcDecoderOptions options;
    FIRSTLIGHT_ASSIGN_OR_RETURN(options.pad_token, json.GetString("pad_token", "<pad>"));
    FIRSTLIGHT_ASSIGN_OR_RETURN(options.word_delimiter_token,
                                json.GetString("word_delimiter_token", "|"));
    FIRSTLIGHT_ASSIGN_OR_RETURN(options.cleanup, json.GetBool("cleanup", true));
    return CtcDecoder(std::move(options));
  }
  return ComponentNotImplemented(json, "decoder", type);
}

}  // namespace

absl::StatusOr<std::unique_ptr<const TokenDecoder>> DecoderFromJson(const JsonValue& json) {
  size_t left = kMaxComponents;
  FIRSTLIGHT_ASSIGN_OR_RETURN(std::unique_ptr<const TokenDecoder> decoder,
                              OneDecoder(json, ComponentPlace(left)));
  if (decoder->growth() > kMaxDecoderGrowth) {
    return json.Error(StrCat("expected decoders that make at most ", kMaxDecoderGrowth,
                             " bytes of one, found ones that may make more"));
  }
  if (decoder->regexes() > kMaxDecoderRegexes) {
    return json.Error(StrCat("expected at most ", kMaxDecoderRegexes,
                             " decoders with a \"Regex\", found ", decoder->regexes()));
  }
  return decoder;
}

}  // namespace firstlight
