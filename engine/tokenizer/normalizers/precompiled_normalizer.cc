#include "engine/tokenizer/normalizers/precompiled_normalizer.h"

#include <utf8proc.h>

#include <cstddef>
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
    size_t cluster = 0;
    while (cluster < whole.size()) {
      size_t end = cluster;
      FIRSTLIGHT_RETURN_IF_ERROR(FindClusterEnd(whole, end, cancellation));
      if (end - cluster >= kLongCluster || !Put(end - cluster, /*only_if_found=*/true, rewriting)) {
        for (size_t position = cluster; position < end;) {
          const size_t length = Utf8Length(whole[position]);
          Put(length, /*only_if_found=*/false, rewriting);
          position += length;
          FIRSTLIGHT_RETURN_IF_ERROR(rewriting.CheckSize());
        }
      }
      FIRSTLIGHT_RETURN_IF_ERROR(rewriting.CheckSize());
      cluster = end;
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

  // What stands for the next `bytes`. Where the table says nothing about them: they themselves, or
  // nothing and false if `only_if_found`.
  bool Put(size_t bytes, bool only_if_found, Rewriting& rewriting) const {
    const PrecompiledCharsmap::Replacement replacement =
        charsmap_->FindShortest(rewriting.rest().substr(0, bytes));
    if (replacement.length > 0) {
      rewriting.Replace(bytes, replacement.with);
      return true;
    }
    if (!only_if_found) rewriting.Keep(bytes);
    return false;
  }

  const std::shared_ptr<const PrecompiledCharsmap> charsmap_;
};

}  // namespace

std::unique_ptr<const TextNormalizer> PrecompiledNormalizer(
    std::shared_ptr<const PrecompiledCharsmap> charsmap) {
  return std::make_unique<Normalizer>(std::move(charsmap));
}

}  // namespace firstlight
