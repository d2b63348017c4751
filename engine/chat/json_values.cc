#include "engine/chat/json_values.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "engine/chat/jinja/text.h"

namespace firstlight {

using jinja::Heap;
using jinja::MakeString;
using jinja::Text;
using jinja::Value;

namespace {

Value DataString(Heap& heap, std::string_view bytes) {
  return MakeString(heap, Text(std::string(bytes), /*from_data=*/true));
}

// Templates put the role into special tokens: '<|' + message.role + '|>'. So the names that every
// template knows are as good as the template's own text; any other is data.
bool IsKnownRole(std::string_view role) {
  constexpr std::array<std::string_view, 8> kRoles = {"system", "developer", "user",    "assistant",
                                                      "tool",   "function",  "ipython", "model"};
  return std::find(kRoles.begin(), kRoles.end(), role) != kRoles.end();
}

Value EmptyObject(Heap& heap) {
  return {jinja::Kind::kDict, new jinja::DictObject(heap), /*from_data=*/true};
}

}  // namespace

Value JsonToValue(Heap& heap, const JsonValue& json) {
  constexpr bool kFromData = true;
  const Heap::Depth depth(heap);
  heap.Spend(1);
  switch (json.type()) {
    case JsonType::kNull:
      return Value::None(kFromData);
    case JsonType::kBool:
      return Value::Bool(*json.AsBool(), kFromData);
    case JsonType::kInteger:
    case JsonType::kDouble: {
      if (const std::optional<std::string> digits = json.HugeInteger()) {
        return jinja::MakeHugeInteger(heap, *digits, kFromData);
      }
      if (json.type() == JsonType::kInteger) return Value::Integer(*json.AsInt64(), kFromData);
      return Value::Float(*json.AsDouble(), kFromData);
    }
    case JsonType::kString:
      return DataString(heap, *json.AsString());
    case JsonType::kArray: {
      jinja::Values items;
      const JsonArray array = *json.AsArray();
      items.reserve(array.size());
      for (const JsonValue item : array) items.push_back(JsonToValue(heap, item));
      return jinja::MakeList(heap, std::move(items), kFromData);
    }
    case JsonType::kObject: {
      Value object = EmptyObject(heap);
      const JsonObject members = *json.AsObject();
      for (const auto [key, value] : members) {
        object.dict().Set(DataString(heap, key), JsonToValue(heap, value));
      }
      return object;
    }
  }
  return Value::None(kFromData);
}

Value MessageToValue(Heap& heap, const JsonValue& json, const Value& continued) {
  Value message = JsonToValue(heap, json);
  if (const std::optional<JsonValue> role = json.Find("role"); role.has_value()) {
    const absl::StatusOr<std::string_view> name = role->AsString();
    if (name.ok() && IsKnownRole(*name)) {
      message.dict().Set(MakeString(heap, "role"), MakeString(heap, Text(std::string(*name))));
    }
  }
  if (!continued.is_missing()) message.dict().Set(MakeString(heap, "content"), continued);
  const Value* reasoning = nullptr;
  for (const std::string_view name : {"reasoning_content", "thinking", "reasoning"}) {
    reasoning = message.dict().Find(name);
    if (reasoning != nullptr && !reasoning->is_none()) break;
    reasoning = nullptr;
  }
  if (reasoning == nullptr) return message;
  Value aliased = EmptyObject(heap);
  aliased.dict().Set(DataString(heap, "thinking"), *reasoning);
  for (const auto& [key, value] : message.dict().entries()) aliased.dict().Set(key, value);
  aliased.dict().Set(DataString(heap, "reasoning_content"), *reasoning);
  return aliased;
}

}  // namespace firstlight
