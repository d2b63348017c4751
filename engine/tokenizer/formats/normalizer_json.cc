// `normalizer` of tokenizer.json: the list of its types.

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "engine/tokenizer/formats/component_fields.h"
#include "engine/tokenizer/formats/component_json.h"
#include "engine/tokenizer/normalizers/character_rule.h"
#include "engine/tokenizer/normalizers/precompiled_normalizer.h"
#include "engine/tokenizer/normalizers/unicode_form.h"
#include "loader/base/status_macros.h"
#include "loader/base/strings.h"

namespace firstlight {
namespace {

absl::StatusOr<std::unique_ptr<const TextNormalizer>> Bert(const JsonValue& json) {
  BertNormalizerOptions options;
  FIRSTLIGHT_ASSIGN_OR_RETURN(options.clean_text, json.GetBool("clean_text", true));
  FIRSTLIGHT_ASSIGN_OR_RETURN(options.handle_chinese_chars,
                              json.GetBool("handle_chinese_chars", true));
  FIRSTLIGHT_ASSIGN_OR_RETURN(options.lowercase, json.GetBool("lowercase", true));
  FIRSTLIGHT_ASSIGN_OR_RETURN(options.strip_accents,
                              json.GetBool("strip_accents", options.lowercase));
  return BertNormalizer(options);
}

absl::StatusOr<std::unique_ptr<const TextNormalizer>> Precompiled(const JsonValue& json) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string_view base64,
                              json.GetString("precompiled_charsmap"));
  std::string bytes;
  if (!absl::Base64Unescape(ToAbsl(base64), &bytes)) {
    return json.Error("precompiled_charsmap: expected base64, found something else");
  }
  absl::StatusOr<PrecompiledCharsmap> charsmap = PrecompiledCharsmap::Create(bytes);
  if (!charsmap.ok()) {
    return InField(json, charsmap.status());
  }
  return PrecompiledNormalizer(std::make_shared<const PrecompiledCharsmap>(*std::move(charsmap)));
}

absl::StatusOr<std::unique_ptr<const TextNormalizer>> Normalizer(const JsonValue& json,
                                                                 const ComponentPlace& place) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string_view type, json.GetString("type"));
  if (type == "Sequence") {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonArray items, place.SequenceItems(json, "normalizers"));
    std::vector<std::unique_ptr<const TextNormalizer>> normalizers;
    for (const JsonValue item : items) {
      FIRSTLIGHT_ASSIGN_OR_RETURN(std::unique_ptr<const TextNormalizer> normalizer,
                                  Normalizer(item, place.Inside()));
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
  if (type == "Lowercase") return CharacterRuleNormalizer(CharacterRule::kLowercase);
  if (type == "StripAccents") return CharacterRuleNormalizer(CharacterRule::kStripAccents);
  if (type == "Nmt") return CharacterRuleNormalizer(CharacterRule::kNmt);
  if (type == "ByteLevel") return CharacterRuleNormalizer(CharacterRule::kByteLevel);
  if (type == "BertNormalizer") return Bert(json);
  if (type == "Precompiled") return Precompiled(json);
  return ComponentNotImplemented(json, "normalizer", type);
}

}  // namespace

absl::StatusOr<std::unique_ptr<const TextNormalizer>> NormalizerFromJson(const JsonValue& json) {
  size_t left = kMaxComponents;
  return Normalizer(json, ComponentPlace(left));
}

}  // namespace firstlight
