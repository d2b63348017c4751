#include "engine/tokenizer/normalizers/precompiled_normalizer.h"

#include <utf8proc.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "engine/tokenizer/image/component_tags.h"
#include "engine/tokenizer/text/utf8.h"
#include "loader/base/status_macros.h"

namespace firstlight {
namespace {

// A cluster of this many bytes or more is not looked up whole.
constexpr size_t kLongCluster = 6;

class Normalizer : public TextNormalizer {
 public:
  explicit Normalizer(std::shared_ptr<const PrecompiledCharsmap> charsmap)
      : charsmap_(std::move(charsmap)) {}

  absl::Status Normalize(NormalizedText& text, EncodeCancellation& cancellation) const override {
    Rewriting rewriting(text);
    const std::string_view whole = text.text();
    std::string with;
    size_t cluster = 0;
    while (cluster < whole.size()) {
      size_t end = cluster;
      FIRSTLIGHT_RETURN_IF_ERROR(FindClusterEnd(whole, end, cancellation));
      if (end - cluster < kLongCluster &&
          FindReplacement(whole.substr(cluster, end - cluster), with)) {
        rewriting.Replace(end - cluster, with);
        FIRSTLIGHT_RETURN_IF_ERROR(rewriting.CheckSize());
        cluster = end;
      }
      while (cluster < end) {
        const size_t length = DecodeUtf8(whole.substr(cluster)).length;
        if (FindReplacement(whole.substr(cluster, length), with)) {
          rewriting.Replace(length, with);
        } else {
          rewriting.Keep(length);
        }
        FIRSTLIGHT_RETURN_IF_ERROR(rewriting.CheckSize());
        cluster += length;
      }
    }
    rewriting.Finish();
    return absl::OkStatus();
  }

  void Save(ImageWriter& image) const override {
    image.Write(NormalizerTag::kPrecompiled);
    image.WriteShared(charsmap_);
  }

 private:
  // Moves `position`, where a cluster begins, to its end.
  static absl::Status FindClusterEnd(std::string_view text, size_t& position,
                                     EncodeCancellation& cancellation) {
    utf8proc_int32_t state = 0;
    Utf8Character character = DecodeUtf8(text.substr(position));
    while (true) {
      FIRSTLIGHT_RETURN_IF_ERROR(cancellation.Check(2));
      position += character.length;
      if (position >= text.size()) return absl::OkStatus();
      const Utf8Character next = DecodeUtf8(text.substr(position));
      if (utf8proc_grapheme_break_stateful(static_cast<utf8proc_int32_t>(character.code_point),
                                           static_cast<utf8proc_int32_t>(next.code_point),
                                           &state) != 0) {
        return absl::OkStatus();
      }
      character = next;
    }
  }

  // Whether the table says what stands for `text`, and that as a copy: in an image that has been
  // damaged it need not be UTF-8, which is what patterns rely on.
  bool FindReplacement(std::string_view text, std::string& with) const {
    const PrecompiledCharsmap::Replacement replacement = charsmap_->FindShortest(text);
    if (replacement.length == 0) return false;
    with.assign(replacement.with);
    return FindInvalidUtf8(with) == std::string_view::npos;
  }

  const std::shared_ptr<const PrecompiledCharsmap> charsmap_;
};

}  // namespace

std::unique_ptr<const TextNormalizer> PrecompiledNormalizer(
    std::shared_ptr<const PrecompiledCharsmap> charsmap) {
  return std::make_unique<Normalizer>(std::move(charsmap));
}

}  // namespace firstlight
