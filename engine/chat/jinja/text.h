#ifndef FIRSTLIGHT_ENGINE_CHAT_JINJA_TEXT_H_
#define FIRSTLIGHT_ENGINE_CHAT_JINJA_TEXT_H_

// Text that knows where it comes from: UTF-8 together with the bytes of it that are input data (the
// conversation's) rather than the template's own. Every operation on strings is built from the few
// here, which carry that along.

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "engine/chat/byte_interval.h"

namespace firstlight::jinja {

class Text {
 public:
  Text() = default;
  // The template's own, or all of it data.
  explicit Text(std::string bytes, bool from_data = false);

  const std::string& bytes() const { return bytes_; }
  size_t size() const { return bytes_.size(); }
  bool empty() const { return bytes_.empty(); }
  // The bytes that all of it takes: a text of short stretches takes more for these than for itself.
  size_t memory() const { return bytes_.size() + data_.size() * sizeof(ByteInterval); }

  // Sorted, disjoint, not touching each other, none empty.
  using Intervals = absl::InlinedVector<ByteInterval, 1>;
  const Intervals& data() const { return data_; }
  // Whether any byte is data.
  bool has_data() const { return !data_.empty(); }
  // Whether the byte at `position` is.
  bool IsData(size_t position) const;
  void MarkAllAsData();

  void Append(std::string_view bytes, bool from_data = false);
  void Append(const Text& text);
  // The bytes [begin, end) of `text`.
  void Append(const Text& text, size_t begin, size_t end);
  Text Substring(size_t begin, size_t end) const;
  void Reserve(size_t bytes) { bytes_.reserve(bytes); }

  std::string ReleaseBytes() { return std::move(bytes_); }

 private:
  void AddData(size_t begin, size_t end);

  std::string bytes_;
  Intervals data_;
};

// A walk over the characters of a text, which is valid UTF-8.
struct Character {
  char32_t code_point = 0;
  size_t begin = 0;
  size_t end = 0;
};

// The character that starts at `position`, which is less than the size.
Character CharacterAt(std::string_view bytes, size_t position);

// The number of code points.
size_t CountCodePoints(std::string_view bytes);

// The byte offset of the code point `index` (at most their number).
size_t OffsetOfCodePoint(std::string_view bytes, size_t index);

// The first occurrence of `needle` at or after `from`, and the last one in `bytes`, or npos. Linear
// in the size of `bytes`, whatever the texts are.
size_t FindBytes(std::string_view bytes, std::string_view needle, size_t from);
size_t FindLastBytes(std::string_view bytes, std::string_view needle);

}  // namespace firstlight::jinja

#endif  // FIRSTLIGHT_ENGINE_CHAT_JINJA_TEXT_H_
