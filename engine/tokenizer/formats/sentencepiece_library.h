#ifndef FIRSTLIGHT_ENGINE_TOKENIZER_FORMATS_SENTENCEPIECE_LIBRARY_H_
#define FIRSTLIGHT_ENGINE_TOKENIZER_FORMATS_SENTENCEPIECE_LIBRARY_H_

// The sentencepiece library behind an interface without Abseil: its header declares
// absl::string_view to be std's, which Debian's Abseil has as a class of its own, so no file may
// see both. Nothing else includes the library's header.
//
// A loaded model is immutable: any thread may call it.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace firstlight {

class SentencePieceLibrary {
 public:
  // Null when the library refuses `model`, the bytes of a tokenizer.model; `error` then says why.
  static std::unique_ptr<const SentencePieceLibrary> Load(std::string_view model,
                                                          std::string& error);
  virtual ~SentencePieceLibrary() = default;

  virtual int32_t size() const = 0;
  virtual std::string_view Piece(int32_t id) const = 0;
  virtual float Score(int32_t id) const = 0;
  // kNone where the model has none.
  static constexpr int32_t kNone = -1;
  virtual int32_t bos_id() const = 0;
  virtual int32_t eos_id() const = 0;

  // The library's own encoding and decoding: what ours is tested against.
  virtual std::vector<int32_t> Encode(std::string_view text) const = 0;
  virtual std::string Decode(const std::vector<int32_t>& ids) const = 0;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_TOKENIZER_FORMATS_SENTENCEPIECE_LIBRARY_H_
