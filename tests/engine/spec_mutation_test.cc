// A golden proves something about a field of the spec only if it fails when that field is wrong.
// So each field is changed in turn, and at least one golden must notice.

#include <limits>
#include <string>
#include <vector>

#include "engine/decoder/decoder_spec_fields.h"
#include "gtest/gtest.h"
#include "tests/engine/golden.h"

namespace firstlight {
namespace {

// Another value of the same type. A field of a type that is not here does not compile.
void Mutate(int64_t& value) { ++value; }
void Mutate(double& value) { value *= 1.25; }
void Mutate(bool& value) { value = !value; }
void Mutate(std::string& value) { value += "_"; }
template <typename Enum>
  requires std::is_enum_v<Enum>
void Mutate(Enum& value) {
  value = value == Enum(0) ? Enum(1) : Enum(0);
}
void Mutate(std::vector<double>& value) {
  for (double& element : value) Mutate(element);
}
void Mutate(std::vector<int64_t>& value) {
  for (int64_t& element : value) element = element == 0 ? 1 : 0;
}

void Mutate(std::vector<bool>& value) {
  if (!value.empty()) value[0] = !value[0];
}

std::vector<std::string> FieldNames() {
  std::vector<std::string> names;
  DecoderSpec spec;
  VisitFields(spec, [&names](std::string_view name, auto&) { names.emplace_back(name); });
  return names;
}

// One layer less still binds, and so says more than one too many.
void MutateField(const std::string& field, DecoderSpec* spec) {
  if (field == "num_hidden_layers") {
    --spec->num_hidden_layers;
    return;
  }
  // Groups are equally many experts each.
  if (field == "mixture.routing.groups") {
    spec->mixture.routing.groups = (spec->mixture.routing.groups + 1) / 2;
    return;
  }
  VisitFields(*spec, [&field](std::string_view name, auto& value) {
    if (name == field) Mutate(value);
  });
  // An index out of range is nothing that a family can make.
  const auto ropes = static_cast<int64_t>(spec->ropes.size());
  for (LayerKind& kind : spec->layer_kinds) kind.rope = kind.rope < ropes ? kind.rope : -1;
}

// How far the logits are off with `field` changed; infinite when the checkpoint no longer binds.
double ErrorWithout(const std::string& field, const Golden& golden) {
  const auto decoder = TestDecoder::Create(
      golden.checkpoint, {.edit_spec = [&field](DecoderSpec* spec) { MutateField(field, spec); }});
  if (!decoder.ok()) return std::numeric_limits<double>::infinity();
  TestDecoder::Sequence sequence =
      (*decoder)->NewSequence(static_cast<int64_t>(golden.prompt.size()));
  const std::vector<float> logits =
      (*decoder)->Run(sequence, golden.prompt, static_cast<int64_t>(golden.prompt.size()));
  return NormalizedMeanSquaredError(logits, golden.prompt_logits);
}

class SpecMutationTest : public testing::TestWithParam<std::string> {};

TEST_P(SpecMutationTest, IsNoticedByAGolden) {
  std::string noticed_by;
  for (const std::string& name : GoldenNames()) {
    if (ErrorWithout(GetParam(), ReadGolden(name)) > kLargestError) {
      noticed_by = name;
      break;
    }
  }
  EXPECT_NE(noticed_by, "") << "no golden depends on " << GetParam();
}

std::string TestName(const testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  for (char& c : name) c = c == '.' ? '_' : c;
  return name;
}

INSTANTIATE_TEST_SUITE_P(Fields, SpecMutationTest, testing::ValuesIn(FieldNames()), TestName);

TEST(SpecMutationControlTest, WithoutAMutationNothingIsNoticed) {
  const Golden golden = ReadGolden("llama-tied");
  EXPECT_LT(ErrorWithout("no such field", golden), kLargestError);
}

}  // namespace
}  // namespace firstlight
