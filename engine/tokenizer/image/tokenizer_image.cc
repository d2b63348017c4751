#include "engine/tokenizer/image/tokenizer_image.h"

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "engine/tokenizer/image/component_image.h"
#include "engine/tokenizer/image/image_reader.h"
#include "engine/tokenizer/image/image_writer.h"
#include "loader/base/status_macros.h"
#include "loader/base/strings.h"

namespace firstlight {
namespace {

constexpr std::array<char, 8> kMagic = {'F', 'L', 'T', 'O', 'K', 'I', 'M', 'G'};
constexpr uint32_t kFormat = 1;
constexpr uint64_t kAlignment = ImageWriter::kTableAlignment;

struct Header {
  std::array<char, 8> magic = kMagic;
  uint32_t format = kFormat;
  uint32_t reserved = 0;
  Blake2b::Digest key = {};
  uint64_t fields_bytes = 0;
  uint64_t tables_offset = 0;  // in the file
  uint64_t tables_bytes = 0;
  uint64_t contents_checksum = 0;  // of everything behind the header
  std::array<char, 40> unused = {};
  uint64_t header_checksum = 0;  // of everything before it
};
static_assert(sizeof(Header) == 128 && sizeof(Header) % kAlignment == 0);

uint64_t Checksum(std::string_view bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

uint64_t HeaderChecksum(const Header& header) {
  return Checksum({reinterpret_cast<const char*>(&header), offsetof(Header, header_checksum)});
}

// The header of `bytes`, an image of that key whose parts fill it. What is wrong otherwise.
absl::StatusOr<Header> CheckedHeader(std::string_view bytes, const Blake2b::Digest& key) {
  Header header;
  if (bytes.size() < sizeof(header)) {
    return absl::InvalidArgumentError(
        StrCat("expected a header of ", sizeof(header), " bytes, found ", bytes.size()));
  }
  std::memcpy(&header, bytes.data(), sizeof(header));
  if (header.magic != kMagic) {
    return absl::InvalidArgumentError("expected a tokenizer image, found something else");
  }
  if (header.header_checksum != HeaderChecksum(header)) {
    return absl::InvalidArgumentError("the header does not match its checksum");
  }
  if (header.format != kFormat) {
    return absl::InvalidArgumentError(
        StrCat("expected format ", kFormat, ", found ", header.format));
  }
  if (header.key != key) {
    return absl::InvalidArgumentError("it is the image of another tokenizer");
  }
  const uint64_t size = bytes.size();
  if (header.fields_bytes > size - sizeof(header) ||
      header.tables_offset < sizeof(header) + header.fields_bytes || header.tables_offset > size ||
      header.tables_offset % kAlignment != 0 ||
      header.tables_bytes != size - header.tables_offset) {
    return absl::InvalidArgumentError(StrCat("expected ", header.fields_bytes,
                                             " bytes of fields and ", header.tables_bytes,
                                             " of tables, found a file of ", size, " bytes"));
  }
  return header;
}

void WriteIds(const std::vector<int32_t>& ids, ImageWriter& image) {
  image.Write(uint64_t{ids.size()});
  for (const int32_t id : ids) image.Write(id);
}

std::vector<int32_t> ReadIds(ImageReader& image) {
  std::vector<int32_t> ids(image.ReadCount());
  for (int32_t& id : ids) id = image.Read<int32_t>();
  return ids;
}

void WriteOptionalId(std::optional<int32_t> id, ImageWriter& image) {
  image.Write(id.has_value());
  image.Write(id.value_or(0));
}

std::optional<int32_t> ReadOptionalId(ImageReader& image) {
  const bool has_value = image.ReadBool();
  const auto id = image.Read<int32_t>();
  return has_value ? std::optional<int32_t>(id) : std::nullopt;
}

// A component that may be missing.
template <typename T>
void WriteOptional(const std::unique_ptr<const T>& component, ImageWriter& image) {
  image.Write(component != nullptr);
  if (component != nullptr) component->Save(image);
}

template <typename T>
absl::Status ReadOptional(absl::StatusOr<std::unique_ptr<const T>> (*read)(ImageReader&),
                          ImageReader& image, std::unique_ptr<const T>& component) {
  if (!image.ReadBool()) return image.status();
  FIRSTLIGHT_ASSIGN_OR_RETURN(component, read(image));
  return absl::OkStatus();
}

void WriteParts(const PipelineTokenizer::Parts& parts, ImageWriter& image) {
  parts.added_tokens->Save(image);
  WriteOptional(parts.normalizer, image);
  WriteOptional(parts.normalizer_at_start, image);
  WriteOptional(parts.pre_tokenizer, image);
  parts.model->Save(image);
  WriteIds(parts.post_processor.prefix, image);
  WriteIds(parts.post_processor.suffix, image);
  parts.decoder->Save(image);
  WriteOptionalId(parts.bos_id, image);
  WriteOptionalId(parts.eos_id, image);
  WriteIds(parts.special_model_ids, image);
}

absl::StatusOr<PipelineTokenizer::Parts> ReadParts(ImageReader& image) {
  PipelineTokenizer::Parts parts;
  FIRSTLIGHT_ASSIGN_OR_RETURN(parts.added_tokens, AddedTokens::Load(image));
  FIRSTLIGHT_RETURN_IF_ERROR(ReadOptional(NormalizerFromImage, image, parts.normalizer));
  FIRSTLIGHT_RETURN_IF_ERROR(ReadOptional(NormalizerFromImage, image, parts.normalizer_at_start));
  FIRSTLIGHT_RETURN_IF_ERROR(ReadOptional(PreTokenizerFromImage, image, parts.pre_tokenizer));
  FIRSTLIGHT_ASSIGN_OR_RETURN(parts.model, ModelFromImage(image));
  parts.post_processor.prefix = ReadIds(image);
  parts.post_processor.suffix = ReadIds(image);
  FIRSTLIGHT_ASSIGN_OR_RETURN(parts.decoder, DecoderFromImage(image));
  parts.bos_id = ReadOptionalId(image);
  parts.eos_id = ReadOptionalId(image);
  parts.special_model_ids = ReadIds(image);
  image.ExpectEnd();
  FIRSTLIGHT_RETURN_IF_ERROR(image.status());
  return parts;
}

absl::StatusOr<PipelineTokenizer::Parts> ReadImage(std::string_view bytes,
                                                   const Blake2b::Digest& key) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const Header header, CheckedHeader(bytes, key));
  if (Checksum(bytes.substr(sizeof(header))) != header.contents_checksum) {
    return absl::InvalidArgumentError("the contents do not match their checksum");
  }
  ImageReader image(bytes.substr(sizeof(header), header.fields_bytes),
                    bytes.substr(header.tables_offset));
  return ReadParts(image);
}

}  // namespace

std::string WriteTokenizerImage(const PipelineTokenizer::Parts& parts, const Blake2b::Digest& key) {
  ImageWriter image;
  WriteParts(parts, image);
  Header header;
  header.key = key;
  header.fields_bytes = image.fields().size();
  header.tables_offset =
      (sizeof(header) + header.fields_bytes + kAlignment - 1) / kAlignment * kAlignment;
  header.tables_bytes = image.tables().size();
  std::string bytes(sizeof(header), '\0');
  bytes.reserve(header.tables_offset + header.tables_bytes);
  bytes += image.fields();
  bytes.resize(header.tables_offset);
  bytes += image.tables();
  header.contents_checksum = Checksum(std::string_view(bytes).substr(sizeof(header)));
  header.header_checksum = HeaderChecksum(header);
  std::memcpy(bytes.data(), &header, sizeof(header));
  return bytes;
}

absl::StatusOr<PipelineTokenizer::Parts> ReadTokenizerImage(std::shared_ptr<const MappedFile> file,
                                                            const Blake2b::Digest& key) {
  const std::string_view bytes(reinterpret_cast<const char*>(file->bytes().data()),
                               file->bytes().size());
  absl::StatusOr<PipelineTokenizer::Parts> parts = ReadImage(bytes, key);
  if (!parts.ok()) {
    return absl::InvalidArgumentError(StrCat(file->path(), ": ", ToStd(parts.status().message())));
  }
  parts->image = std::move(file);
  return parts;
}

}  // namespace firstlight
