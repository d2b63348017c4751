#include "engine/tokenizer/image/image_reader.h"

#include <cstddef>

#include "engine/tokenizer/text/utf8.h"
#include "loader/base/strings.h"

namespace firstlight {

void ImageReader::Fail(std::string_view what) {
  if (ok()) status_ = absl::InvalidArgumentError(StrCat("expected ", what, ", found none"));
}

void ImageReader::ExpectEnd() {
  if (!fields_.empty()) Fail("the end of the fields");
}

std::string_view ImageReader::Take(size_t size) {
  if (size > fields_.size()) Fail("more fields");
  if (!ok()) return {};
  const std::string_view bytes = fields_.substr(0, size);
  fields_.remove_prefix(size);
  return bytes;
}

uint8_t ImageReader::ReadByte(uint8_t last, std::string_view what) {
  const auto value = Read<uint8_t>();
  if (value <= last) return value;
  Fail(what);
  return 0;
}

size_t ImageReader::ReadCount() {
  const auto count = Read<uint64_t>();
  if (count > fields_.size()) Fail("a count");
  return ok() ? count : 0;
}

std::string ImageReader::ReadString() {
  const std::string_view text = Take(ReadCount());
  if (FindInvalidUtf8(text) == std::string_view::npos) return std::string(text);
  Fail("a text in UTF-8");
  return {};
}

std::string_view ImageReader::TakeTable(size_t element_size, size_t alignment) {
  const auto offset = Read<uint64_t>();
  const auto count = Read<uint64_t>();
  if (offset > tables_.size() || count > (tables_.size() - offset) / element_size ||
      reinterpret_cast<uintptr_t>(tables_.data() + offset) % alignment != 0) {
    Fail("a table");
  }
  return ok() ? tables_.substr(offset, count * element_size) : std::string_view();
}

}  // namespace firstlight
