#include "engine/tokenizer/formats/component_json.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/tokenizer/models/vocabulary.h"
#include "engine/tokenizer/normalizers/unicode_form.h"
#include "engine/tokenizer/pre_tokenizers/split.h"
#include "engine/tokenizer/text/utf8.h"
#include "loader/base/status_macros.h"
#include "loader/base/strings.h"

namespace firstlight {
namespace {

// Real ones nest two deep and hold a handful.
constexpr int kMaxNesting = 8;
constexpr size_t kMaxSequence = 256;
constexpr size_t kMaxTemplateTokens = 256;
constexpr int64_t kMaxStrip = 1024;

// The members of a "Sequence" under `key`, one level deeper than `depth`.
absl::StatusOr<JsonArray> SequenceItems(const JsonValue& json, std::string_view key, int depth) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonArray items, json.GetArray(key));
  if (depth >= kMaxNesting) {
    return json.Error(StrCat("sequences nest deeper than ", kMaxNesting));
  }
  if (items.size() > kMaxSequence) {
    return json.Error(
        StrCat("expected at most ", kMaxSequence, " components, found ", items.size()));
  }
  return items;
}

absl::Status InField(const JsonValue& json, const absl::Status& status) {
  const absl::Status located = json.Error(ToStd(status.message()));
  return absl::Status(status.code(), located.message());
}

struct JsonPattern {
  std::unique_ptr<const TextPattern> pattern;
  bool single_character = false;
};

// {"String": "…"} or {"Regex": "…"}.
absl::StatusOr<JsonPattern> PatternFromJson(const JsonValue& json) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonValue field, json.Get("pattern"));
  if (field.type() == JsonType::kString || field.Find("String").has_value()) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string_view literal, field.type() == JsonType::kString
                                                                    ? field.AsString()
                                                                    : field.GetString("String"));
    return JsonPattern{
        .pattern = TextPattern::Literal(literal),
        .single_character = !literal.empty() && Utf8Length(literal[0]) == literal.size()};
  }
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string_view regex, field.GetString("Regex"));
  absl::StatusOr<std::unique_ptr<const TextPattern>> pattern = TextPattern::Regex(regex);
  if (!pattern.ok()) {
    return InField(field, pattern.status());
  }
  return JsonPattern{.pattern = *std::move(pattern)};
}

absl::StatusOr<std::unique_ptr<const TextNormalizer>> Normalizer(const JsonValue& json, int depth) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string_view type, json.GetString("type"));
  if (type == "Sequence") {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonArray items, SequenceItems(json, "normalizers", depth));
    std::vector<std::unique_ptr<const TextNormalizer>> normalizers;
    for (const JsonValue item : items) {
      FIRSTLIGHT_ASSIGN_OR_RETURN(std::unique_ptr<const TextNormalizer> normalizer,
                                  Normalizer(item, depth + 1));
      normalizers.push_back(std::move(normalizer));
    }
    return SequenceNormalizer(std::move(normalizers));
  }
  if (type == "NFC" || type == "NFD" || type == "NFKC" || type == "NFKD") {
    return UnicodeFormNormalizer(
        {.compatibility = type.size() == 4, .compose = type.back() == 'C'});
  }
  if (type == "Prepend") {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string_view prefix, json.GetString("prepend"));
    return PrependNormalizer(std::string(prefix));
  }
  if (type == "Replace") {
    FIRSTLIGHT_ASSIGN_OR_RETURN(JsonPattern pattern, PatternFromJson(json));
    FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string_view content, json.GetString("content"));
    return ReplaceNormalizer(std::move(pattern.pattern), std::string(content));
  }
  if (type == "Strip") {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const bool left, json.GetBool("strip_left"));
    FIRSTLIGHT_ASSIGN_OR_RETURN(const bool right, json.GetBool("strip_right"));
    return StripNormalizer(left, right);
  }
  if (type == "Lowercase") {
    return LowercaseNormalizer();
  }
  return ComponentNotImplemented(json, "normalizer", type);
}

absl::StatusOr<SplitBehavior> BehaviorFromJson(const JsonValue& json, std::string_view otherwise) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string_view behavior,
                              json.GetString("behavior", otherwise));
  if (behavior == "Removed") return SplitBehavior::kRemoved;
  if (behavior == "Isolated") return SplitBehavior::kIsolated;
  if (behavior == "MergedWithPrevious") return SplitBehavior::kMergedWithPrevious;
  if (behavior == "MergedWithNext") return SplitBehavior::kMergedWithNext;
  if (behavior == "Contiguous") return SplitBehavior::kContiguous;
  return json.Error(
      StrCat("behavior: expected Removed, Isolated, MergedWithPrevious, "
             "MergedWithNext or Contiguous, found ",
             Quoted(behavior)));
}

absl::StatusOr<std::string> ReplacementFromJson(const JsonValue& json) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string_view replacement, json.GetString("replacement"));
  if (replacement.empty() || Utf8Length(replacement[0]) != replacement.size()) {
    return json.Error(StrCat("replacement: expected one character, found ", Quoted(replacement)));
  }
  return std::string(replacement);
}

// "prepend_scheme", or what older files call "add_prefix_space".
absl::StatusOr<MetaspaceOptions::Prepend> PrependSchemeFromJson(const JsonValue& json) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const bool prefix_space, json.GetBool("add_prefix_space", true));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string_view scheme,
                              json.GetString("prepend_scheme", prefix_space ? "always" : "never"));
  if (scheme == "always") return MetaspaceOptions::Prepend::kAlways;
  if (scheme == "first") return MetaspaceOptions::Prepend::kFirst;
  if (scheme == "never") return MetaspaceOptions::Prepend::kNever;
  return json.Error(
      StrCat("prepend_scheme: expected always, first or never, found ", Quoted(scheme)));
}

absl::StatusOr<std::unique_ptr<const PreTokenizer>> OnePreTokenizer(const JsonValue& json,
                                                                    int depth, bool leave_bytes,
                                                                    bool& byte_level);

absl::StatusOr<std::unique_ptr<const PreTokenizer>> PreTokenizers(const JsonValue& json, int depth,
                                                                  bool leave_bytes,
                                                                  bool& byte_level) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonArray items, SequenceItems(json, "pretokenizers", depth));
  std::vector<std::unique_ptr<const PreTokenizer>> pre_tokenizers;
  for (const JsonValue item : items) {
    const bool last = pre_tokenizers.size() + 1 == items.size();
    FIRSTLIGHT_ASSIGN_OR_RETURN(std::unique_ptr<const PreTokenizer> pre_tokenizer,
                                OnePreTokenizer(item, depth + 1, leave_bytes && last, byte_level));
    pre_tokenizers.push_back(std::move(pre_tokenizer));
  }
  return SequencePreTokenizer(std::move(pre_tokenizers));
}

absl::StatusOr<std::unique_ptr<const PreTokenizer>> OnePreTokenizer(const JsonValue& json,
                                                                    int depth, bool leave_bytes,
                                                                    bool& byte_level) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string_view type, json.GetString("type"));
  if (type == "Sequence") {
    return PreTokenizers(json, depth, leave_bytes, byte_level);
  }
  if (type == "ByteLevel") {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const bool prefix_space, json.GetBool("add_prefix_space"));
    FIRSTLIGHT_ASSIGN_OR_RETURN(const bool use_regex, json.GetBool("use_regex", true));
    byte_level = leave_bytes;
    return ByteLevelPreTokenizer(
        {.add_prefix_space = prefix_space, .use_regex = use_regex, .spell = !leave_bytes});
  }
  if (type == "Split") {
    FIRSTLIGHT_ASSIGN_OR_RETURN(JsonPattern pattern, PatternFromJson(json));
    FIRSTLIGHT_ASSIGN_OR_RETURN(const SplitBehavior behavior, BehaviorFromJson(json, ""));
    FIRSTLIGHT_ASSIGN_OR_RETURN(const bool invert, json.GetBool("invert", false));
    return SplitPreTokenizer(std::move(pattern.pattern), behavior, invert);
  }
  if (type == "Metaspace") {
    FIRSTLIGHT_ASSIGN_OR_RETURN(std::string replacement, ReplacementFromJson(json));
    FIRSTLIGHT_ASSIGN_OR_RETURN(const MetaspaceOptions::Prepend prepend,
                                PrependSchemeFromJson(json));
    FIRSTLIGHT_ASSIGN_OR_RETURN(const bool split, json.GetBool("split", true));
    return MetaspacePreTokenizer(
        {.replacement = std::move(replacement), .prepend = prepend, .split = split});
  }
  if (type == "Digits") {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const bool individual, json.GetBool("individual_digits", false));
    return DigitsPreTokenizer(individual);
  }
  if (type == "Punctuation") {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const SplitBehavior behavior, BehaviorFromJson(json, "Isolated"));
    return PunctuationPreTokenizer(behavior);
  }
  if (type == "Whitespace") {
    return WhitespacePreTokenizer();
  }
  if (type == "WhitespaceSplit") {
    return WhitespaceSplitPreTokenizer();
  }
  return ComponentNotImplemented(json, "pre_tokenizer", type);
}

// The ids of a special token that a template names.
absl::Status AppendTemplateToken(const JsonValue& json, const JsonValue& item,
                                 std::vector<int32_t>& ids) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string_view name, item.GetString("id"));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonValue tokens, json.Get("special_tokens"));
  const std::optional<JsonValue> token = tokens.Find(name);
  if (!token.has_value()) {
    return item.Error(StrCat("special token ", Quoted(name), " is not among special_tokens"));
  }
  FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonArray token_ids, token->GetArray("ids"));
  for (const JsonValue id : token_ids) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const int64_t value, id.AsInt64());
    if (value < 0 || value >= Vocabulary::kMaxIds) {
      return id.Error(StrCat("expected an id in [0, ", Vocabulary::kMaxIds, "), found ", value));
    }
    if (ids.size() >= kMaxTemplateTokens) {
      return json.Error(StrCat("template adds more than ", kMaxTemplateTokens, " tokens"));
    }
    ids.push_back(static_cast<int32_t>(value));
  }
  return absl::OkStatus();
}

// The template for a single text: special tokens before and behind sequence A.
absl::StatusOr<PostProcessor> TemplateProcessing(const JsonValue& json) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonArray items, json.GetArray("single"));
  PostProcessor processor;
  bool seen_text = false;
  for (const JsonValue item : items) {
    if (const std::optional<JsonValue> token = item.Find("SpecialToken"); token.has_value()) {
      FIRSTLIGHT_RETURN_IF_ERROR(
          AppendTemplateToken(json, *token, seen_text ? processor.suffix : processor.prefix));
      continue;
    }
    FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonValue sequence, item.Get("Sequence"));
    FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string_view id, sequence.GetString("id"));
    if (id != "A" || seen_text) {
      return item.Error(
          StrCat("expected the sequence A once, found ", Quoted(id), seen_text ? " after it" : ""));
    }
    seen_text = true;
  }
  if (!seen_text) {
    return json.Error("single: expected the sequence A, found none");
  }
  return processor;
}

absl::StatusOr<PostProcessor> OnePostProcessor(const JsonValue& json, int depth) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string_view type, json.GetString("type"));
  if (type == "ByteLevel") {
    // Changes offsets only, which nothing here reports.
    return PostProcessor();
  }
  if (type == "TemplateProcessing") {
    return TemplateProcessing(json);
  }
  if (type == "Sequence") {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonArray items, SequenceItems(json, "processors", depth));
    PostProcessor all;
    for (const JsonValue item : items) {
      FIRSTLIGHT_ASSIGN_OR_RETURN(const PostProcessor one, OnePostProcessor(item, depth + 1));
      // A later processor goes around what the earlier ones made.
      all.prefix.insert(all.prefix.begin(), one.prefix.begin(), one.prefix.end());
      all.suffix.insert(all.suffix.end(), one.suffix.begin(), one.suffix.end());
    }
    return all;
  }
  return ComponentNotImplemented(json, "post_processor", type);
}

absl::StatusOr<std::unique_ptr<const TokenDecoder>> OneDecoder(const JsonValue& json, int depth) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string_view type, json.GetString("type"));
  if (type == "Sequence") {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonArray items, SequenceItems(json, "decoders", depth));
    std::vector<std::unique_ptr<const TokenDecoder>> decoders;
    for (const JsonValue item : items) {
      FIRSTLIGHT_ASSIGN_OR_RETURN(std::unique_ptr<const TokenDecoder> decoder,
                                  OneDecoder(item, depth + 1));
      decoders.push_back(std::move(decoder));
    }
    absl::StatusOr<std::unique_ptr<const TokenDecoder>> sequence =
        SequenceDecoder(std::move(decoders));
    return sequence.ok() ? std::move(sequence)
                         : absl::StatusOr<std::unique_ptr<const TokenDecoder>>(
                               InField(json, sequence.status()));
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
    FIRSTLIGHT_ASSIGN_OR_RETURN(std::string replacement, ReplacementFromJson(json));
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
    FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string_view content, json.GetString("content"));
    FIRSTLIGHT_ASSIGN_OR_RETURN(const int64_t start, json.GetInt64("start"));
    FIRSTLIGHT_ASSIGN_OR_RETURN(const int64_t stop, json.GetInt64("stop"));
    if (content.empty() || Utf8Length(content[0]) != content.size()) {
      return json.Error(StrCat("content: expected one character, found ", Quoted(content)));
    }
    if (start < 0 || start > kMaxStrip || stop < 0 || stop > kMaxStrip) {
      return json.Error(
          StrCat("start and stop: expected [0, ", kMaxStrip, "], found ", start, " and ", stop));
    }
    return StripDecoder(std::string(content), static_cast<size_t>(start),
                        static_cast<size_t>(stop));
  }
  return ComponentNotImplemented(json, "decoder", type);
}

}  // namespace

absl::Status ComponentNotImplemented(const JsonValue& component, std::string_view kind,
                                     std::string_view type) {
  const std::string location(component.Error("").message());
  const std::string file = location.substr(0, location.find(':'));
  return absl::UnimplementedError(
      StrCat(file, ": ", kind, " type ", Quoted(type), " is not implemented"));
}

absl::StatusOr<std::unique_ptr<const TextNormalizer>> NormalizerFromJson(const JsonValue& json) {
  return Normalizer(json, 0);
}

absl::StatusOr<PreTokenizerFromJsonResult> PreTokenizerFromJson(const JsonValue& json,
                                                                bool may_leave_bytes) {
  PreTokenizerFromJsonResult result;
  FIRSTLIGHT_ASSIGN_OR_RETURN(result.pre_tokenizer,
                              OnePreTokenizer(json, 0, may_leave_bytes, result.byte_level));
  return result;
}

absl::StatusOr<PostProcessor> PostProcessorFromJson(const JsonValue& json) {
  return OnePostProcessor(json, 0);
}

absl::StatusOr<std::unique_ptr<const TokenDecoder>> DecoderFromJson(const JsonValue& json) {
  return OneDecoder(json, 0);
}

}  // namespace firstlight
