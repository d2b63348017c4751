#include "engine/tokenizer/models/word_piece.h"

#include <algorithm>
#include <utility>

#include "engine/tokenizer/image/component_tags.h"
#include "loader/base/status_macros.h"
#include "loader/base/strings.h"

namespace firstlight {
namespace {

absl::StatusOr<int32_t> FindUnknown(const Vocabulary& vocabulary, std::string_view unk_token) {
  const int32_t id = vocabulary.Find(unk_token);
  if (id == Vocabulary::kNoId) {
    return absl::InvalidArgumentError(
        StrCat("unk_token ", Quoted(unk_token), ": expected a token of vocab, found none"));
  }
  return id;
}

uint64_t CountCharacters(std::string_view text) {
  return static_cast<uint64_t>(std::count_if(text.begin(), text.end(), [](char byte) {
    return (static_cast<unsigned char>(byte) & 0xC0) != 0x80;
  }));
}

}  // namespace

absl::StatusOr<std::unique_ptr<const WordPieceModel>> WordPieceModel::Create(
    Vocabulary vocabulary, const Options& options) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const int32_t unk_id, FindUnknown(vocabulary, options.unk_token));
  std::vector<std::pair<std::string_view, int32_t>> beginning;
  std::vector<std::pair<std::string_view, int32_t>> continuing;
  for (int32_t id = 0; id < vocabulary.size(); ++id) {
    std::string_view token = vocabulary.Token(id);
    if (!token.empty()) {
      beginning.emplace_back(token, id);
    }
    if (vocabulary.Has(id) && token.size() > options.continuing_subword_prefix.size() &&
        token.starts_with(options.continuing_subword_prefix)) {
      token.remove_prefix(options.continuing_subword_prefix.size());
      continuing.emplace_back(token, id);
    }
  }
  ByteTrie beginning_trie(std::move(beginning));
  ByteTrie continuing_trie(std::move(continuing));
  return std::unique_ptr<const WordPieceModel>(
      new WordPieceModel(std::move(vocabulary), std::move(beginning_trie),
                         std::move(continuing_trie), unk_id, options.max_input_chars_per_word));
}

WordPieceModel::WordPieceModel(Vocabulary vocabulary, ByteTrie beginning, ByteTrie continuing,
                               int32_t unk_id, uint64_t max_characters)
    : vocabulary_(std::move(vocabulary)),
      beginning_(std::move(beginning)),
      continuing_(std::move(continuing)),
      unk_id_(unk_id),
      max_characters_(max_characters) {}

void WordPieceModel::Save(ImageWriter& image) const {
  image.Write(ModelTag::kWordPiece);
  vocabulary_.Save(image);
  beginning_.Save(image);
  continuing_.Save(image);
  image.Write(unk_id_);
  image.Write(max_characters_);
}

absl::StatusOr<std::unique_ptr<const WordPieceModel>> WordPieceModel::Load(ImageReader& image) {
  Vocabulary vocabulary = Vocabulary::Load(image);
  const auto size = static_cast<size_t>(vocabulary.size());
  ByteTrie beginning = ByteTrie::Load(image, size);
  ByteTrie continuing = ByteTrie::Load(image, size);
  const auto unk_id = image.Read<int32_t>();
  const auto max_characters = image.Read<uint64_t>();
  if (!vocabulary.Has(unk_id)) image.Fail("an unknown token");
  FIRSTLIGHT_RETURN_IF_ERROR(image.status());
  return std::unique_ptr<const WordPieceModel>(new WordPieceModel(
      std::move(vocabulary), std::move(beginning), std::move(continuing), unk_id, max_characters));
}

absl::Status WordPieceModel::Tokenize(std::string_view piece, EncodeCancellation& cancellation,
                                      TokenizeScratch& scratch, std::vector<int32_t>& ids) const {
  const size_t first = ids.size();
  const auto put_unknown = [&] {
    ids.resize(first);
    ids.push_back(unk_id_);
    return absl::OkStatus();
  };
  if (CountCharacters(piece) > max_characters_) {
    return put_unknown();
  }
  for (size_t begin = 0; begin < piece.size();) {
    const ByteTrie& tokens = begin == 0 ? beginning_ : continuing_;
    size_t longest = 0;
    int32_t id = Vocabulary::kNoId;
    const size_t walked =
        tokens.ForEachPrefix(piece.substr(begin), [&](size_t length, int32_t token) {
          if (scratch.IsForbidden(token)) return;
          longest = length;
          id = token;
        });
    FIRSTLIGHT_RETURN_IF_ERROR(cancellation.Check(2 + walked));
    if (longest == 0) {
      return put_unknown();
    }
    ids.push_back(id);
    begin += longest;
  }
  return absl::OkStatus();
}

size_t WordPieceModel::memory_bytes() const {
  return sizeof(*this) + vocabulary_.memory_bytes() + beginning_.memory_bytes() +
         continuing_.memory_bytes();
}

absl::StatusOr<std::unique_ptr<const WordLevelModel>> WordLevelModel::Create(
    Vocabulary vocabulary, std::string_view unk_token) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const int32_t unk_id, FindUnknown(vocabulary, unk_token));
  return std::unique_ptr<const WordLevelModel>(new WordLevelModel(std::move(vocabulary), unk_id));
}

WordLevelModel::WordLevelModel(Vocabulary vocabulary, int32_t unk_id)
    : vocabulary_(std::move(vocabulary)), unk_id_(unk_id) {}

void WordLevelModel::Save(ImageWriter& image) const {
  image.Write(ModelTag::kWordLevel);
  vocabulary_.Save(image);
  image.Write(unk_id_);
}

absl::StatusOr<std::unique_ptr<const WordLevelModel>> WordLevelModel::Load(ImageReader& image) {
  Vocabulary vocabulary = Vocabulary::Load(image);
  const auto unk_id = image.Read<int32_t>();
  if (!vocabulary.Has(unk_id)) image.Fail("an unknown token");
  FIRSTLIGHT_RETURN_IF_ERROR(image.status());
  return std::unique_ptr<const WordLevelModel>(new WordLevelModel(std::move(vocabulary), unk_id));
}

absl::Status WordLevelModel::Tokenize(std::string_view piece, EncodeCancellation& cancellation,
                                      TokenizeScratch& scratch, std::vector<int32_t>& ids) const {
  const int32_t id =
      piece.size() <= vocabulary_.longest() ? vocabulary_.Find(piece) : Vocabulary::kNoId;
  ids.push_back(id == Vocabulary::kNoId || scratch.IsForbidden(id) ? unk_id_ : id);
  return cancellation.Check(1);
}

}  // namespace firstlight
