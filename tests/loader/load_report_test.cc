#include "loader/load_report.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "loader/json.h"
#include "tests/loader/status_matchers.h"

namespace firstlight {
namespace {

LoadReport Example() {
  LoadReport report;
  report.slots = {
      {.slot = "embedding",
       .tensor = "model.embed_tokens.weight",
       .dtype = DType::kBF16,
       .shape = {128, 64},
       .bytes = 16384},
      {.slot = "layers.0.input_norm",
       .tensor = "model.layers.0.input_layernorm.weight",
       .dtype = DType::kF64,
       .shape = {64},
       .bytes = 512,
       .disposition = Disposition::kCopied,
       .detail = "converted to F32"},
      {.slot = "head",
       .tensor = "model.embed_tokens.weight",
       .dtype = DType::kBF16,
       .shape = {128, 64},
       .bytes = 16384,
       .disposition = Disposition::kTied,
       .detail = "embedding"},
  };
  report.missing = {{.slot = "final_norm", .tensor = "model.norm.weight"}};
  report.unexpected = {
      {.tensor = "rotary.inv_freq", .dtype = DType::kF32, .shape = {32}, .bytes = 128}};
  return report;
}

TEST(LoadReportTest, TotalsGoByDisposition) {
  const LoadReport::Totals totals = Example().ComputeTotals();
  EXPECT_EQ(totals.assigned_bytes, 16384);
  EXPECT_EQ(totals.copied_bytes, 512);
  EXPECT_EQ(totals.tied_bytes, 16384);
  EXPECT_EQ(totals.unexpected_bytes, 128);
}

TEST(LoadReportTest, TextIsATableWithTotals) {
  EXPECT_EQ(
      Example().ToText(),
      R"(assigned    model.embed_tokens.weight              BF16   [128, 64]    16.4 kB  embedding
copied      model.layers.0.input_layernorm.weight  F64    [64]           512 B  layers.0.input_norm (converted to F32)
tied        model.embed_tokens.weight              BF16   [128, 64]    16.4 kB  head → embedding
MISSING     model.norm.weight                                                   final_norm
unexpected  rotary.inv_freq                        F32    [32]           128 B

3 slots: 16.4 kB assigned, 512 B copied, 16.4 kB tied; 1 missing; 1 unexpected (128 B)
)");
  EXPECT_EQ(LoadReport().ToText(),
            "0 slots: 0 B assigned, 0 B copied, 0 B tied; 0 missing; 0 unexpected (0 B)\n");
}

TEST(LoadReportTest, NamesFromAFileDoNotReachTheTerminalRaw) {
  LoadReport report;
  report.unexpected = {{.tensor = "a\x1b[31m\nb"}};
  EXPECT_THAT(report.ToText(), ::testing::HasSubstr("unexpected  a\\x1b[31m\\nb"));
  EXPECT_THAT(report.ToText(), ::testing::Not(::testing::HasSubstr("\x1b")));
}

TEST(LoadReportTest, JsonHoldsEverything) {
  LoadReport report = Example();
  report.unexpected[0].tensor = "odd \"name\"\n\xff";
  const auto document = JsonDocument::Parse("report", report.ToJson());
  ASSERT_THAT(document, IsOk());
  const JsonValue root = (*document)->root();
  ASSERT_EQ(root.GetArray("slots")->size(), 3);
  const JsonValue copied = *++root.GetArray("slots")->begin();
  EXPECT_EQ(*copied.GetString("slot"), "layers.0.input_norm");
  EXPECT_EQ(*copied.GetString("tensor"), "model.layers.0.input_layernorm.weight");
  EXPECT_EQ(*copied.GetString("dtype"), "F64");
  EXPECT_EQ(*(*copied.GetArray("shape")->begin()).AsInt64(), 64);
  EXPECT_EQ(*copied.GetInt64("bytes"), 512);
  EXPECT_EQ(*copied.GetString("disposition"), "copied");
  EXPECT_EQ(*copied.GetString("detail"), "converted to F32");
  EXPECT_EQ(*(*root.GetArray("missing")->begin()).GetString("tensor"), "model.norm.weight");
  EXPECT_EQ(*(*root.GetArray("unexpected")->begin()).GetString("tensor"),
            "odd \"name\"\n\xEF\xBF\xBD");
  EXPECT_EQ(*root.Get("totals")->GetInt64("tied_bytes"), 16384);
}

}  // namespace
}  // namespace firstlight
