#ifndef FIRSTLIGHT_ENGINE_TOKENIZER_IMAGE_IMAGE_READER_H_
#define FIRSTLIGHT_ENGINE_TOKENIZER_IMAGE_IMAGE_READER_H_

// Reads what an ImageWriter wrote, trusting none of it. The first thing that is not as expected is
// remembered; from then on everything reads as zero or empty, so that a component reads all of its
// fields and asks once, at the end, whether they were good.
//
// Tables are views into the bytes that the reader was given, which must outlive them.

#include <any>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "engine/tokenizer/image/table.h"

namespace firstlight {

class ImageReader {
 public:
  ImageReader(std::string_view fields, std::string_view tables)
      : fields_(fields), tables_(tables) {}

  // OK, or INVALID_ARGUMENT with the first thing that was wrong.
  const absl::Status& status() const { return status_; }
  bool ok() const { return status_.ok(); }
  // What comes out is not what it should be. Remembered unless something was wrong before.
  void Fail(std::string_view what);
  // Fails unless everything has been read.
  void ExpectEnd();

  template <typename T>
    requires(std::is_arithmetic_v<T> && !std::is_same_v<T, bool>)
  T Read() {
    const std::string_view bytes = Take(sizeof(T));
    T value = 0;
    bytes.copy(reinterpret_cast<char*>(&value), sizeof(value));  // nothing, after a failure
    return value;
  }

  bool ReadBool() { return ReadByte(1, "a bool") != 0; }

  // An enumeration whose last value is T::kLast, counting from 0.
  template <typename T>
  T ReadEnum() {
    static_assert(sizeof(T) == 1);
    return static_cast<T>(ReadByte(static_cast<uint8_t>(T::kLast), "an enumeration"));
  }

  // A count of things of which each takes a byte at least.
  size_t ReadCount();

  // Valid UTF-8, as patterns require it of what a normalizer may insert.
  std::string ReadString();

  template <typename T>
  Table<T> ReadTable() {
    const std::string_view bytes = TakeTable(sizeof(T), alignof(T));
    return Table<T>::View({reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)});
  }

  // What ImageWriter::WriteShared wrote; T::Load(reader) reads its contents. Null where it failed.
  template <typename T>
  std::shared_ptr<const T> ReadShared() {
    const auto index = Read<uint32_t>();
    if (ok() && index < shared_.size()) {
      const auto* const known = std::any_cast<std::shared_ptr<const T>>(&shared_[index]);
      if (known != nullptr) return *known;
    }
    if (index != shared_.size()) Fail("a reference to an object that is not there");
    if (!ok()) return nullptr;
    shared_.emplace_back();
    auto object = std::make_shared<const T>(T::Load(*this));
    shared_[index] = object;
    return ok() ? object : nullptr;
  }

 private:
  // Of exactly that size, or empty.
  std::string_view Take(size_t size);
  std::string_view TakeTable(size_t element_size, size_t alignment);
  uint8_t ReadByte(uint8_t last, std::string_view what);

  std::string_view fields_;  // not yet read
  const std::string_view tables_;
  absl::Status status_;
  std::vector<std::any> shared_;  // of std::shared_ptr<const T>
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_TOKENIZER_IMAGE_IMAGE_READER_H_
