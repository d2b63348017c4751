#include "engine/tokenizer/formats/model_json.h"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "engine/tokenizer/formats/component_fields.h"
#include "engine/tokenizer/models/unigram.h"
#include "engine/tokenizer/models/word_piece.h"
#include "loader/base/status_macros.h"
#include "loader/base/strings.h"

namespace firstlight {
namespace {

// `model`, with where in the file it went wrong.
template <typename T>
absl::StatusOr<std::unique_ptr<const TokenModel>> Located(
    const JsonValue& json, absl::StatusOr<std::unique_ptr<const T>> model) {
  if (!model.ok()) {
    return InField(json, model.status());
  }
  return *std::move(model);
}

// ["a", "b"], or "a b" in older files.
absl::StatusOr<BpeModel::MergePair> MergeFromJson(const JsonValue& merge) {
  if (merge.type() == JsonType::kString) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string_view text, merge.AsString());
    const std::optional<BpeModel::MergePair> pair = SplitMerge(text);
    if (!pair.has_value()) {
      return merge.Error(
          StrCat("expected two tokens and a space between them, found ", Quoted(text)));
    }
    return *pair;
  }
  FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonArray pair, merge.AsArray());
  if (pair.size() != 2) {
    return merge.Error(StrCat("expected two tokens, found ", pair.size()));
  }
  auto token = pair.begin();
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string_view left, (*token).AsString());
  ++token;
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string_view right, (*token).AsString());
  return BpeModel::MergePair(left, right);
}

absl::StatusOr<BpeModel::Options> ReadBpeOptions(const JsonValue& model) {
  BpeModel::Options options;
  FIRSTLIGHT_ASSIGN_OR_RETURN(const double dropout, model.GetDouble("dropout", 0.0));
  if (dropout != 0.0) {
    return absl::UnimplementedError(
        model.Error(StrCat("dropout ", dropout, " is not implemented")).message());
  }
  FIRSTLIGHT_ASSIGN_OR_RETURN(options.ignore_merges, model.GetBool("ignore_merges", false));
  FIRSTLIGHT_ASSIGN_OR_RETURN(options.byte_fallback, model.GetBool("byte_fallback", false));
  FIRSTLIGHT_ASSIGN_OR_RETURN(options.fuse_unk, model.GetBool("fuse_unk", false));
  FIRSTLIGHT_ASSIGN_OR_RETURN(options.unk_token, model.GetString("unk_token", ""));
  FIRSTLIGHT_ASSIGN_OR_RETURN(options.continuing_subword_prefix,
                              model.GetString("continuing_subword_prefix", ""));
  FIRSTLIGHT_ASSIGN_OR_RETURN(options.end_of_word_suffix,
                              model.GetString("end_of_word_suffix", ""));
  return options;
}

absl::StatusOr<std::unique_ptr<const TokenModel>> Bpe(const JsonValue& json, bool byte_level) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(BpeModel::Options options, ReadBpeOptions(json));
  options.byte_level = byte_level;
  FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonValue vocab, json.Get("vocab"));
  FIRSTLIGHT_ASSIGN_OR_RETURN(Vocabulary vocabulary, VocabularyFromJson(vocab));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonArray items, json.GetArray("merges"));
  std::vector<BpeModel::MergePair> merges;
  merges.reserve(items.size());
  for (const JsonValue item : items) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const BpeModel::MergePair merge, MergeFromJson(item));
    merges.push_back(merge);
  }
  return Located(json, BpeModel::Create(std::move(vocabulary), merges, std::move(options)));
}

// [["token", score], …]: ids count from 0.
absl::StatusOr<std::unique_ptr<const TokenModel>> Unigram(const JsonValue& json) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonArray items, json.GetArray("vocab"));
  std::vector<Vocabulary::Entry> entries;
  std::vector<double> scores;
  entries.reserve(items.size());
  scores.reserve(items.size());
  for (const JsonValue item : items) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonArray pair, item.AsArray());
    if (pair.size() != 2) {
      return item.Error(StrCat("expected a token and its score, found ", pair.size(), " values"));
    }
    auto value = pair.begin();
    FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string_view token, (*value).AsString());
    ++value;
    FIRSTLIGHT_ASSIGN_OR_RETURN(const double score, (*value).AsDouble());
    entries.push_back({.token = token, .id = static_cast<int64_t>(entries.size())});
    scores.push_back(score);
  }
  absl::StatusOr<Vocabulary> vocabulary = Vocabulary::Create(entries);
  if (!vocabulary.ok()) {
    return InField(json, vocabulary.status());
  }
  UnigramModel::Options options;
  FIRSTLIGHT_ASSIGN_OR_RETURN(options.byte_fallback, json.GetBool("byte_fallback", false));
  if (json.Find("unk_id").has_value()) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const int64_t unk_id, json.GetInt64("unk_id"));
    if (unk_id < 0 || unk_id >= vocabulary->size()) {
      return json.Error(
          StrCat("unk_id: expected an id in [0, ", vocabulary->size(), "), found ", unk_id));
    }
    options.unk_id = static_cast<int32_t>(unk_id);
  }
  return Located(json, UnigramModel::Create(*std::move(vocabulary), std::move(scores), options));
}

absl::StatusOr<std::unique_ptr<const TokenModel>> WordPiece(const JsonValue& json) {
  WordPieceModel::Options options;
  FIRSTLIGHT_ASSIGN_OR_RETURN(options.unk_token, json.GetString("unk_token", "[UNK]"));
  FIRSTLIGHT_ASSIGN_OR_RETURN(options.continuing_subword_prefix,
                              json.GetString("continuing_subword_prefix", "##"));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const int64_t max_characters,
                              json.GetInt64("max_input_chars_per_word", 100));
  if (max_characters < 0) {
    return json.Error(StrCat("max_input_chars_per_word: expected a count, found ", max_characters));
  }
  options.max_input_chars_per_word = static_cast<uint64_t>(max_characters);
  FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonValue vocab, json.Get("vocab"));
  FIRSTLIGHT_ASSIGN_OR_RETURN(Vocabulary vocabulary, VocabularyFromJson(vocab));
  return Located(json, WordPieceModel::Create(std::move(vocabulary), options));
}

absl::StatusOr<std::unique_ptr<const TokenModel>> WordLevel(const JsonValue& json) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string_view unk_token,
                              json.GetString("unk_token", "<unk>"));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonValue vocab, json.Get("vocab"));
  FIRSTLIGHT_ASSIGN_OR_RETURN(Vocabulary vocabulary, VocabularyFromJson(vocab));
  return Located(json, WordLevelModel::Create(std::move(vocabulary), unk_token));
}

// Left out of files written before there was another; `tokenizers` then goes by the other fields.
absl::StatusOr<std::string_view> ModelType(const JsonValue& json) {
  std::string_view otherwise;
  if (json.Find("merges").has_value()) {
    otherwise = "BPE";
  } else if (const auto vocab = json.Find("vocab"); vocab.has_value()) {
    otherwise = vocab->type() == JsonType::kArray                    ? "Unigram"
                : json.Find("continuing_subword_prefix").has_value() ? "WordPiece"
                                                                     : "WordLevel";
  }
  return json.GetString("type", otherwise);
}

}  // namespace

absl::StatusOr<std::unique_ptr<const TokenModel>> ModelFromJson(const JsonValue& json,
                                                                bool byte_level) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string_view type, ModelType(json));
  if (type == "BPE") return Bpe(json, byte_level);
  if (type == "Unigram") return Unigram(json);
  if (type == "WordPiece") return WordPiece(json);
  if (type == "WordLevel") return WordLevel(json);
  return ComponentNotImplemented(json, "model", type);
}

absl::StatusOr<bool> ModelMaySpellBytes(const JsonValue& json) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string_view type, ModelType(json));
  if (type != "BPE") return false;
  FIRSTLIGHT_ASSIGN_OR_RETURN(const BpeModel::Options options, ReadBpeOptions(json));
  return options.continuing_subword_prefix.empty() && options.end_of_word_suffix.empty();
}

absl::StatusOr<Vocabulary> VocabularyFromJson(const JsonValue& json) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonObject members, json.AsObject());
  std::vector<Vocabulary::Entry> entries;
  entries.reserve(members.size());
  for (const auto& [token, value] : members) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const int64_t id, value.AsInt64());
    entries.push_back({.token = token, .id = id});
  }
  absl::StatusOr<Vocabulary> vocabulary = Vocabulary::Create(entries);
  if (!vocabulary.ok()) {
    return InField(json, vocabulary.status());
  }
  return vocabulary;
}

std::optional<BpeModel::MergePair> SplitMerge(std::string_view text) {
  const size_t space = text.find(' ');
  if (space == std::string_view::npos || text.find(' ', space + 1) != std::string_view::npos) {
    return std::nullopt;
  }
  return BpeModel::MergePair(text.substr(0, space), text.substr(space + 1));
}

}  // namespace firstlight
