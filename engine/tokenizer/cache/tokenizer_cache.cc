#include "engine/tokenizer/cache/tokenizer_cache.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/time/clock.h"
#include "engine/tokenizer/formats/formats.h"
#include "engine/tokenizer/image/tokenizer_image.h"
#include "engine/tokenizer/pipeline.h"
#include "engine/tokenizer/tokenizer_factory.h"
#include "loader/base/status_macros.h"
#include "loader/base/strings.h"

namespace firstlight {
namespace {

// Longer than any file system's clock takes to tick.
constexpr absl::Duration kSettledAfter = absl::Seconds(2);

std::string Hex(const Blake2b::Digest& digest) {
  return absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(digest.data()), digest.size()));
}

Blake2b::Digest DigestOf(std::string_view text) {
  Blake2b digest;
  digest.Update(text);
  return digest.Finish();
}

constexpr std::string_view kImage = ".image";
constexpr std::string_view kSources = ".sources";

std::string ImageName(const Blake2b::Digest& key) { return StrCat(Hex(key), kImage); }

std::string SourcesName(const TokenizerSourceIdentity& identity) {
  return StrCat(Hex(DigestOf(identity.text)), kSources);
}

// What a .sources file holds: the identity, the key, and a digest of both.
std::string SourcesText(const TokenizerSourceIdentity& identity, const Blake2b::Digest& key) {
  std::string text = StrCat(identity.text, "key ", Hex(key), "\n");
  StrAppend(&text, "digest ", Hex(DigestOf(text)), "\n");
  return text;
}

// The key of the files of `identity`, where the directory has it.
std::optional<Blake2b::Digest> FindKey(const CacheDirectory& directory,
                                       const TokenizerSourceIdentity& identity) {
  const auto file = directory.Map(SourcesName(identity));
  if (!file.ok()) return std::nullopt;
  const std::string text(reinterpret_cast<const char*>((*file)->bytes().data()),
                         (*file)->bytes().size());
  const std::string head = StrCat(identity.text, "key ");
  Blake2b::Digest key = {};
  if (!text.starts_with(head) || text.size() < head.size() + 2 * key.size()) return std::nullopt;
  const std::string bytes =
      absl::HexStringToBytes(ToAbsl(std::string_view(text).substr(head.size(), 2 * key.size())));
  if (bytes.size() != key.size()) return std::nullopt;
  std::copy(bytes.begin(), bytes.end(), key.begin());
  return text == SourcesText(identity, key) ? std::optional(key) : std::nullopt;
}

// An image that was written in place or truncated while it was mapped.
bool IsDamaged(const Tokenizer& tokenizer) {
  const std::shared_ptr<const MappedFile> image = tokenizer.image();
  return image != nullptr && !image->CheckUnchanged().ok();
}

std::shared_ptr<const Tokenizer> Share(PipelineTokenizer::Parts parts) {
  return std::make_shared<const PipelineTokenizer>(std::move(parts));
}

}  // namespace

TokenizerCache::TokenizerCache(Options options)
    : options_(std::move(options)),
      directory_(options_.directory.empty()
                     ? std::nullopt
                     : std::make_optional<CacheDirectory>(
                           StrCat(options_.directory, "/tokenizers"),
                           std::vector<std::string_view>{kImage, kSources})) {}

absl::StatusOr<std::shared_ptr<const Tokenizer>> TokenizerCache::Open(
    const std::filesystem::path& checkpoint) {
  const absl::Time start = absl::Now();
  const absl::StatusOr<Sources> sources = FindSources(checkpoint);
  if (!sources.ok()) {
    // What cannot be read is reported as who reads it for good reports it.
    FIRSTLIGHT_ASSIGN_OR_RETURN(std::unique_ptr<const Tokenizer> tokenizer,
                                OpenTokenizer(checkpoint));
    return tokenizer;
  }
  Opened opened = {.checkpoint = checkpoint, .origin = Origin::kShared};
  absl::StatusOr<std::shared_ptr<const Tokenizer>> tokenizer = nullptr;
  {
    MutexLock lock(&mutex_);
    std::erase_if(entries_, [&](const auto& entry) {
      return !entry.second.being_made && entry.second.tokenizer.expired();
    });
    while (entries_[sources->key].being_made) made_.Wait(&mutex_);
    Entry& entry = entries_[sources->key];
    tokenizer = entry.tokenizer.lock();
    if (*tokenizer != nullptr && IsDamaged(**tokenizer)) tokenizer = nullptr;
    entry.being_made = *tokenizer == nullptr;
  }
  if (*tokenizer == nullptr) {
    tokenizer = Make(*sources, opened);
    MutexLock lock(&mutex_);
    Entry& entry = entries_[sources->key];
    entry.being_made = false;
    if (tokenizer.ok()) entry.tokenizer = *tokenizer;
    made_.SignalAll();
  }
  opened.duration = absl::Now() - start;
  if (tokenizer.ok() && options_.on_opened) options_.on_opened(opened);
  return tokenizer;
}

absl::StatusOr<TokenizerCache::Sources> TokenizerCache::FindSources(
    const std::filesystem::path& checkpoint) const {
  Sources sources;
  FIRSTLIGHT_ASSIGN_OR_RETURN(sources.identity, IdentifyTokenizerSources(checkpoint));
  if (directory_.has_value()) {
    if (const auto key = FindKey(*directory_, sources.identity); key.has_value()) {
      sources.key = *key;
      return sources;
    }
  }
  FIRSTLIGHT_ASSIGN_OR_RETURN(sources.key, DigestTokenizerSources(checkpoint));
  const bool is_settled = absl::Now() - sources.identity.newest_change > kSettledAfter;
  if (directory_.has_value() && is_settled) {
    const auto now = IdentifyTokenizerSources(checkpoint);
    if (now.ok() && now->text == sources.identity.text) {
      // Where it cannot be written, the next start reads the files again.
      directory_->Write(SourcesName(sources.identity), SourcesText(sources.identity, sources.key))
          .IgnoreError();
    }
  }
  return sources;
}

absl::StatusOr<std::shared_ptr<const Tokenizer>> TokenizerCache::Make(const Sources& sources,
                                                                      Opened& opened) const {
  if (directory_.has_value()) {
    const std::string name = ImageName(sources.key);
    opened.image_path = directory_->PathOf(name);
    auto file = directory_->Map(name);
    opened.image_status = file.status();
    if (file.ok()) {
      absl::StatusOr<PipelineTokenizer::Parts> parts =
          ReadTokenizerImage(*std::move(file), sources.key);
      opened.image_status = parts.status();
      if (parts.ok()) {
        opened.origin = Origin::kImage;
        opened.has_image = true;
        return Share(*std::move(parts));
      }
    }
  }
  opened.origin = Origin::kFiles;
  FIRSTLIGHT_ASSIGN_OR_RETURN(PipelineTokenizer::Parts parts,
                              ReadTokenizerParts(opened.checkpoint));
  auto built = std::make_shared<const PipelineTokenizer>(std::move(parts));
  if (!directory_.has_value()) return built;
  std::shared_ptr<const Tokenizer> mapped = ReplaceByImage(*built, sources, opened);
  return mapped != nullptr ? std::move(mapped) : built;
}

std::shared_ptr<const Tokenizer> TokenizerCache::ReplaceByImage(const PipelineTokenizer& tokenizer,
                                                                const Sources& sources,
                                                                Opened& opened) const {
  const auto now = IdentifyTokenizerSources(opened.checkpoint);
  if (!now.ok() || now->text != sources.identity.text) {
    opened.image_status = absl::AbortedError("the tokenizer's files changed while they were read");
    return nullptr;
  }
  const std::string name = ImageName(sources.key);
  const absl::Status written =
      directory_->Write(name, WriteTokenizerImage(tokenizer.parts(), sources.key));
  if (!written.ok()) {
    opened.image_status = written;
    return nullptr;
  }
  auto file = directory_->Map(name);
  if (!file.ok()) {
    opened.image_status = file.status();
    return nullptr;
  }
  absl::StatusOr<PipelineTokenizer::Parts> parts =
      ReadTokenizerImage(*std::move(file), sources.key);
  if (!parts.ok()) {
    opened.image_status = parts.status();
    return nullptr;
  }
  opened.has_image = true;
  return Share(*std::move(parts));
}

}  // namespace firstlight
