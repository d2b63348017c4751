#include "engine/tokenizer/formats/sentencepiece_library.h"

#include <sentencepiece_processor.h>

#include <exception>
#include <utility>

namespace firstlight {
namespace {

class Processor : public SentencePieceLibrary {
 public:
  // Empty when it worked.
  std::string Initialize(std::string_view model) {
    const sentencepiece::util::Status status = processor_.LoadFromSerializedProto(model);
    return status.ok() ? std::string() : status.ToString();
  }

  int32_t size() const override { return processor_.GetPieceSize(); }
  std::string_view Piece(int32_t id) const override { return processor_.IdToPiece(id); }
  float Score(int32_t id) const override { return processor_.GetScore(id); }
  int32_t bos_id() const override { return processor_.bos_id(); }
  int32_t eos_id() const override { return processor_.eos_id(); }
  std::vector<int32_t> Encode(std::string_view text) const override {
    return processor_.EncodeAsIds(text);
  }
  std::string Decode(const std::vector<int32_t>& ids) const override {
    return processor_.DecodeIds(ids);
  }

 private:
  sentencepiece::SentencePieceProcessor processor_;
};

}  // namespace

std::unique_ptr<const SentencePieceLibrary> SentencePieceLibrary::Load(std::string_view model,
                                                                       std::string& error) {
  try {
    auto processor = std::make_unique<Processor>();
    error = processor->Initialize(model);
    if (error.empty()) {
      return processor;
    }
  } catch (const std::exception& exception) {
    error = exception.what();
  }
  return nullptr;
}

}  // namespace firstlight
