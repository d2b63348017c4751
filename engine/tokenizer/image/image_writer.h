#ifndef FIRSTLIGHT_ENGINE_TOKENIZER_IMAGE_IMAGE_WRITER_H_
#define FIRSTLIGHT_ENGINE_TOKENIZER_IMAGE_IMAGE_WRITER_H_

// What components write themselves into: a run of fields, read back in the same order
// (image_reader.h), and beside it the tables, which are used where they lie. Little-endian.

#include <bit>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "engine/tokenizer/image/table.h"

namespace firstlight {

static_assert(std::endian::native == std::endian::little, "images are little-endian");

class ImageWriter {
 public:
  // Where tables begin, counted from the first one: a cache line, and the alignment of any element.
  static constexpr size_t kTableAlignment = 64;

  // Numbers, bools and enumerations, as they lie in memory.
  template <typename T>
    requires(std::is_arithmetic_v<T> || std::is_enum_v<T>)
  void Write(T value) {
    fields_.append(reinterpret_cast<const char*>(&value), sizeof(value));
  }

  void Write(std::string_view text) {
    Write(uint64_t{text.size()});
    fields_.append(text);
  }

  template <typename T>
  void Write(const Table<T>& table) {
    tables_.resize((tables_.size() + kTableAlignment - 1) / kTableAlignment * kTableAlignment);
    Write(uint64_t{tables_.size()});
    Write(uint64_t{table.size()});
    tables_.append(reinterpret_cast<const char*>(table.data()), table.size() * sizeof(T));
  }

  // An object that several components refer to: the first time with its contents, which its Save()
  // writes, after that as a number.
  template <typename T>
  void WriteShared(const std::shared_ptr<const T>& object) {
    const auto [found, first] =
        shared_.emplace(object.get(), static_cast<uint32_t>(shared_.size()));
    Write(found->second);
    if (first) object->Save(*this);
  }

  const std::string& fields() const { return fields_; }
  const std::string& tables() const { return tables_; }

 private:
  std::string fields_;
  std::string tables_;
  std::map<const void*, uint32_t> shared_;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_TOKENIZER_IMAGE_IMAGE_WRITER_H_
