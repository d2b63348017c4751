#include "engine/chat/jinja/text.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "engine/tokenizer/text/utf8.h"

namespace firstlight::jinja {

Text::Text(std::string bytes, bool from_data) : bytes_(std::move(bytes)) {
  if (from_data) MarkAllAsData();
}

bool Text::IsData(size_t position) const {
  const auto after =
      std::upper_bound(data_.begin(), data_.end(), position,
                       [](size_t p, const ByteInterval& interval) { return p < interval.end; });
  return after != data_.end() && after->begin <= position;
}

void Text::MarkAllAsData() {
  data_.clear();
  if (!bytes_.empty()) data_.push_back({0, bytes_.size()});
}

void Text::AddData(size_t begin, size_t end) {
  if (begin == end) return;
  if (!data_.empty() && data_.back().end == begin) {
    data_.back().end = end;
  } else {
    data_.push_back({begin, end});
  }
}

void Text::Append(std::string_view bytes, bool from_data) {
  const size_t begin = bytes_.size();
  bytes_.append(bytes);
  if (from_data) AddData(begin, bytes_.size());
}

void Text::Append(const Text& text) { Append(text, 0, text.size()); }

void Text::Append(const Text& text, size_t begin, size_t end) {
  const size_t offset = bytes_.size();
  bytes_.append(text.bytes_, begin, end - begin);
  auto interval =
      std::upper_bound(text.data_.begin(), text.data_.end(), begin,
                       [](size_t p, const ByteInterval& candidate) { return p < candidate.end; });
  for (; interval != text.data_.end() && interval->begin < end; ++interval) {
    AddData(offset + std::max(interval->begin, begin) - begin,
            offset + std::min(interval->end, end) - begin);
  }
}

Text Text::Substring(size_t begin, size_t end) const {
  Text result;
  result.Append(*this, begin, end);
  return result;
}

Character CharacterAt(std::string_view bytes, size_t position) {
  const auto lead = static_cast<unsigned char>(bytes[position]);
  if (lead < 0x80) return {lead, position, position + 1};
  const Utf8Character character = DecodeUtf8(bytes.substr(position));
  return {character.code_point, position, position + character.length};
}

size_t CountCodePoints(std::string_view bytes) {
  return static_cast<size_t>(
      std::count_if(bytes.begin(), bytes.end(), [](char c) { return !ContinuesCharacter(c); }));
}

size_t OffsetOfCodePoint(std::string_view bytes, size_t index) {
  size_t offset = 0;
  for (; index > 0 && offset < bytes.size(); --index) offset += Utf8Length(bytes[offset]);
  return std::min(offset, bytes.size());
}

size_t FindBytes(std::string_view bytes, std::string_view needle, size_t from) {
  if (from > bytes.size()) return std::string_view::npos;
  const void* const found =
      memmem(bytes.data() + from, bytes.size() - from, needle.data(), needle.size());
  if (found == nullptr) return std::string_view::npos;
  return static_cast<size_t>(static_cast<const char*>(found) - bytes.data());
}

size_t FindLastBytes(std::string_view bytes, std::string_view needle) {
  const std::string reversed(bytes.rbegin(), bytes.rend());
  const std::string reversed_needle(needle.rbegin(), needle.rend());
  const size_t found = FindBytes(reversed, reversed_needle, 0);
  return found == std::string_view::npos ? found : bytes.size() - found - needle.size();
}

}  // namespace firstlight::jinja
