#include "loader/safetensors.h"

#include <cstring>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/loader/safetensors_text.h"
#include "tests/loader/status_matchers.h"
#include "tests/loader/temporary_directory.h"

namespace firstlight {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr auto kExhausted = absl::StatusCode::kResourceExhausted;

absl::Status HeaderError(std::string json, uint64_t data_bytes) {
  return ParseSafetensorsHeader("m.safetensors", std::move(json), data_bytes).status();
}

std::string Entry(const std::string& name, const std::string& dtype, const std::string& shape,
                  const std::string& offsets) {
  return "\"" + name + "\":{\"dtype\":\"" + dtype + "\",\"shape\":" + shape +
         ",\"data_offsets\":" + offsets + "}";
}

TEST(SafetensorsTest, ReadsWhatTheReferenceLibraryWrote) {
  const auto file =
      SafetensorsFile::Open(std::string(FIRSTLIGHT_LOADER_TESTDATA) + "/reference.safetensors");
  ASSERT_THAT(file, IsOk());
  EXPECT_THAT(file->metadata(), ElementsAre(Pair("format", "np")));
  std::vector<std::string> names;
  for (const TensorView& tensor : file->tensors()) names.push_back(tensor.name);
  // The writer's order: dtype from wide to narrow, then name.
  EXPECT_THAT(names, ElementsAre("ids", "layers.10.weight", "layers.2.weight", "scalar",
                                 "half.weight", "empty", "mask"));
  const TensorView& ids = file->tensors()[0];
  EXPECT_EQ(ids.dtype, DType::kI64);
  EXPECT_THAT(ids.shape, ElementsAre(3));
  const TensorView& weight = file->tensors()[1];
  EXPECT_EQ(weight.dtype, DType::kF32);
  EXPECT_THAT(weight.shape, ElementsAre(2, 3));
  EXPECT_EQ(weight.NumElements(), 6);
  EXPECT_EQ(weight.file, file->file().get());
  std::vector<float> values(6);
  ASSERT_EQ(weight.data.size(), 24);
  std::memcpy(values.data(), weight.data.data(), 24);
  EXPECT_THAT(values, ElementsAre(0.0F, 0.5F, 1.0F, 1.5F, 2.0F, 2.5F));
  EXPECT_THAT(file->tensors()[3].shape, ElementsAre());
  EXPECT_EQ(file->tensors()[3].NumElements(), 1);
  EXPECT_EQ(file->tensors()[5].NumElements(), 0);
  EXPECT_EQ(file->tensors()[5].data.size(), 0);
}

TEST(SafetensorsTest, TakesDataThatIsNotAligned) {
  const TemporaryDirectory directory;
  // 8 + 61 bytes before the data: a float at an odd address.
  const std::string header = "{" + Entry("x", "F32", "[1]", "[0,4]") + "} ";
  const float value = 1.25F;
  const std::string data(reinterpret_cast<const char*>(&value), sizeof(value));
  const std::string padded = header + std::string(header.size() % 2 == 0 ? 1 : 0, ' ');
  const auto file =
      SafetensorsFile::Open(directory.Write("odd.safetensors", SafetensorsText(padded, data)));
  ASSERT_THAT(file, IsOk());
  const TensorView& tensor = file->tensors()[0];
  EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor.data.data()) % 2, 1);
  float read = 0;
  std::memcpy(&read, tensor.data.data(), sizeof(read));
  EXPECT_EQ(read, value);
}

TEST(SafetensorsTest, KnowsEveryPublishedDType) {
  const std::vector<std::pair<std::string, int>> bits = {
      {"BOOL", 8},        {"F4", 4},      {"F6_E2M3", 6}, {"F6_E3M2", 6}, {"U8", 8},
      {"I8", 8},          {"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8},
      {"F8_E5M2FNUZ", 8}, {"I16", 16},    {"U16", 16},    {"F16", 16},    {"BF16", 16},
      {"I32", 32},        {"U32", 32},    {"F32", 32},    {"C64", 64},    {"F64", 64},
      {"I64", 64},        {"U64", 64}};
  for (const auto& [name, width] : bits) {
    const uint64_t bytes = 8 * static_cast<uint64_t>(width) / 8;
    const auto header = ParseSafetensorsHeader(
        "f", "{" + Entry("x", name, "[2,4]", "[0," + std::to_string(bytes) + "]") + "}", bytes);
    ASSERT_THAT(header, IsOk()) << name;
    EXPECT_EQ(DTypeName(header->entries[0].dtype), name);
  }
  EXPECT_THAT(HeaderError("{" + Entry("x", "Q7_K", "[1]", "[0,1]") + "}", 1),
              StatusIs(absl::StatusCode::kUnimplemented,
                       "m.safetensors: tensor \"x\": unknown dtype \"Q7_K\""));
}

TEST(SafetensorsTest, RefusesAHeaderLengthThatDoesNotFit) {
  const TemporaryDirectory directory;
  const auto open = [&directory](const std::string& contents) {
    return SafetensorsFile::Open(directory.Write("m.safetensors", contents)).status();
  };
  EXPECT_THAT(open("1234567"), StatusIs(kInvalid, HasSubstr("at least 8 bytes, found 7")));
  std::string text = SafetensorsText("{}", "");
  EXPECT_THAT(open(text), IsOk());
  text[0] = 3;
  EXPECT_THAT(open(text), StatusIs(kInvalid, HasSubstr("at most 2 bytes, found 3")));
  text[7] = '\xff';
  EXPECT_THAT(open(text),
              StatusIs(kInvalid, HasSubstr("at most 2 bytes, found 18374686479671623683")));
  text = SafetensorsText("{}", "");
  text[0] = 0;
  EXPECT_THAT(open(text), StatusIs(kInvalid, HasSubstr("m.safetensors")));
  // 100,000,001 in a sparse file that is long enough for it.
  const uint64_t length = SafetensorsLimits::kMaxHeaderBytes + 1;
  std::memcpy(text.data(), &length, sizeof(length));
  const std::string path = directory.Write("m.safetensors", text);
  std::filesystem::resize_file(path, length + 100);
  EXPECT_THAT(SafetensorsFile::Open(path),
              StatusIs(kInvalid, HasSubstr("at most 100000000 bytes, found 100000001")));
}

TEST(SafetensorsTest, RefusesATruncatedFileAndATooLongOne) {
  const std::string header =
      "{" + Entry("a", "F32", "[2]", "[0,8]") + "," + Entry("b", "F32", "[2]", "[8,16]") + "}";
  EXPECT_THAT(HeaderError(header, 16), IsOk());
  EXPECT_THAT(HeaderError(header, 15),
              StatusIs(kInvalid, AllOf(HasSubstr("tensor \"b\""), HasSubstr("truncated"))));
  EXPECT_THAT(HeaderError(header, 17),
              StatusIs(kInvalid, HasSubstr("expected 16 bytes of data, found 17")));
  EXPECT_THAT(HeaderError("{}", 1),
              StatusIs(kInvalid, HasSubstr("expected 0 bytes of data, found 1")));
}

TEST(SafetensorsTest, RefusesHolesAndOverlap) {
  EXPECT_THAT(
      HeaderError(
          "{" + Entry("a", "F32", "[2]", "[0,8]") + "," + Entry("b", "F32", "[2]", "[9,17]") + "}",
          17),
      StatusIs(kInvalid,
               HasSubstr("tensor \"b\": expected its data at offset 8, found 9: there is a hole")));
  EXPECT_THAT(
      HeaderError(
          "{" + Entry("a", "F32", "[2]", "[0,8]") + "," + Entry("b", "F32", "[2]", "[4,12]") + "}",
          12),
      StatusIs(kInvalid,
               HasSubstr("tensor \"b\": expected its data at offset 8, found 4: it overlaps")));
  EXPECT_THAT(HeaderError("{" + Entry("a", "F32", "[2]", "[1,9]") + "}", 9),
              StatusIs(kInvalid, HasSubstr("offset 0, found 1")));
  EXPECT_THAT(
      HeaderError(
          "{" + Entry("a", "U8", "[4]", "[0,4]") + "," + Entry("b", "U8", "[4]", "[0,4]") + "}", 4),
      StatusIs(kInvalid, HasSubstr("overlaps")));
}

TEST(SafetensorsTest, RefusesSizesThatDoNotAddUp) {
  EXPECT_THAT(
      HeaderError("{" + Entry("a", "F32", "[2]", "[0,4]") + "}", 4),
      StatusIs(kInvalid, "m.safetensors: tensor \"a\": expected 8 bytes for F32 [2], found 4"));
  for (const char* shape :
       {"[4294967296,4294967296]", "[9223372036854775807,2]", "[2305843009213693952,8]",
        "[65536,65536,65536,65536]", "[4294967296,4294967296,0]"}) {
    EXPECT_THAT(HeaderError("{" + Entry("a", "F32", shape, "[0,0]") + "}", 0),
                StatusIs(kInvalid, HasSubstr("below 2^61")))
        << shape;
  }
  EXPECT_THAT(HeaderError("{" + Entry("a", "F4", "[3]", "[0,1]") + "}", 1),
              StatusIs(kInvalid, HasSubstr("whole bytes")));
  EXPECT_THAT(HeaderError("{" + Entry("a", "U8", "[-1]", "[0,1]") + "}", 1),
              StatusIs(kInvalid, HasSubstr("0 or more")));
  EXPECT_THAT(HeaderError("{" + Entry("a", "U8", "[1]", "[1,0]") + "}", 1),
              StatusIs(kInvalid, HasSubstr("do not decrease")));
  EXPECT_THAT(HeaderError("{" + Entry("a", "U8", "[1]", "[-1,0]") + "}", 1),
              StatusIs(kInvalid, HasSubstr("do not decrease")));
}

TEST(SafetensorsTest, RefusesMalformedEntries) {
  for (const char* header : {"[]", "7", "{\"a\":7}", "{\"a\":{}}",
                             "{\"a\":{\"dtype\":1,\"shape\":[1],\"data_offsets\":[0,1]}}",
                             "{\"a\":{\"dtype\":\"U8\",\"shape\":1,\"data_offsets\":[0,1]}}",
                             "{\"a\":{\"dtype\":\"U8\",\"shape\":[\"1\"],\"data_offsets\":[0,1]}}",
                             "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0]}}",
                             "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1,2]}}",
                             "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":{}}}",
                             "{\"a\":{\"dtype\":\"U8\",\"shape\":[1]}}", "{\"__metadata__\":[]}",
                             "{\"__metadata__\":{\"k\":1}}", "{\"a\":", "", "\0\0"}) {
    EXPECT_THAT(HeaderError(header, 1), StatusIs(kInvalid, HasSubstr("m.safetensors"))) << header;
  }
}

TEST(SafetensorsTest, RefusesADuplicateKey) {
  EXPECT_THAT(
      HeaderError(
          "{" + Entry("a", "U8", "[1]", "[0,1]") + "," + Entry("a", "U8", "[1]", "[1,2]") + "}", 2),
      StatusIs(kInvalid, HasSubstr("duplicate key \"a\"")));
}

TEST(SafetensorsTest, BoundsNamesRanksAndEntries) {
  const std::string longest(1024, 'n');
  EXPECT_THAT(HeaderError("{" + Entry(longest, "U8", "[1]", "[0,1]") + "}", 1), IsOk());
  EXPECT_THAT(HeaderError("{" + Entry(longest + "n", "U8", "[1]", "[0,1]") + "}", 1),
              StatusIs(kExhausted, HasSubstr("names of at most 1024 bytes")));
  std::string shape = "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1";
  EXPECT_THAT(HeaderError("{" + Entry("a", "U8", shape + "]", "[0,1]") + "}", 1), IsOk());
  EXPECT_THAT(HeaderError("{" + Entry("a", "U8", shape + ",1]", "[0,1]") + "}", 1),
              StatusIs(kExhausted, HasSubstr("at most 16 dimensions, found 17")));
  std::string many = "{";
  for (int i = 0; i <= 100'000; ++i) {
    many += (i == 0 ? "" : ",") + Entry(std::to_string(i), "U8", "[0]", "[0,0]");
  }
  EXPECT_THAT(HeaderError(many + "}", 0),
              StatusIs(kExhausted, HasSubstr("at most 100000 tensors")));
}

TEST(SafetensorsTest, RefusesAHundredMegabytesOfNesting) {
  // Without the depth limit the parser would take 400 MB for this, and recursion the stack.
  const TemporaryDirectory directory;
  const std::string nested(SafetensorsLimits::kMaxHeaderBytes, '[');
  const std::string path = directory.Write("m.safetensors", SafetensorsText(nested, ""));
  EXPECT_THAT(SafetensorsFile::Open(path), StatusIs(kExhausted, HasSubstr("4 levels of nesting")));
  std::string objects = "{\"a\":";
  while (objects.size() < 1'000'000) objects += "{\"a\":";
  EXPECT_THAT(HeaderError(objects, 0), StatusIs(kExhausted, HasSubstr("nesting")));
  // Nor a hundred megabytes of width.
  std::string wide = "{\"a\":[";
  while (wide.size() < 50'000'000) wide += "[],[],";
  EXPECT_THAT(HeaderError(wide, 0), StatusIs(kExhausted, HasSubstr("brackets, commas and colons")));
}

// Headers that differ from a good one by a few bytes are refused or make sense; none crashes,
// overflows or yields a view beyond the data (the sanitizer presets look for the rest).
TEST(SafetensorsTest, SurvivesMutatedHeaders) {
  const std::string good = "{\"__metadata__\":{\"format\":\"pt\"}," +
                           Entry("layers.0.weight", "BF16", "[4,8]", "[0,64]") + "," +
                           Entry("layers.1.weight", "F32", "[2,2,2]", "[64,96]") + "," +
                           Entry("norm", "F8_E4M3", "[7]", "[96,103]") + "}";
  constexpr uint64_t kDataBytes = 103;
  ASSERT_THAT(HeaderError(good, kDataBytes), IsOk());
  const std::string alphabet = "{}[]:,\"\\0123456789.-+eE nul\x01\x7f\xc3\xff";
  std::mt19937 random(20240731);
  const auto below = [&random](size_t bound) { return random() % bound; };
  int accepted = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string header = good;
    const size_t edits = 1 + below(3);
    for (size_t edit = 0; edit < edits; ++edit) {
      const size_t place = below(header.size());
      switch (below(4)) {
        case 0:
          header[place] = alphabet[below(alphabet.size())];
          break;
        case 1:
          header.insert(place, 1, alphabet[below(alphabet.size())]);
          break;
        case 2:
          header.erase(place, 1 + below(8));
          break;
        default:
          header.insert(place, header.substr(below(header.size()), below(24)));
          break;
      }
      if (header.empty()) header = "{";
    }
    const auto parsed = ParseSafetensorsHeader("f", header, kDataBytes);
    if (!parsed.ok()) {
      EXPECT_FALSE(parsed.status().message().empty());
      continue;
    }
    ++accepted;
    uint64_t covered = 0;
    for (const SafetensorsEntry& entry : parsed->entries) {
      ASSERT_EQ(entry.begin_bytes, covered) << header;
      covered = entry.end_bytes;
    }
    ASSERT_EQ(covered, kDataBytes) << header;
  }
  // A renamed tensor or another key of the metadata is still a good file.
  EXPECT_GT(accepted, 100);
}

}  // namespace
}  // namespace firstlight
