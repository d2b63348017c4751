#include "loader/json.h"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "loader/base/status_macros.h"
#include "loader/base/strings.h"
#include "loader/file.h"
#include "loader/json_bounds.h"

namespace firstlight {
namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;

// Longest piece of a value that a message quotes.
constexpr size_t kQuotedBytes = 40;
constexpr size_t kQuotedKeyBytes = 256;

// simdjson's own handles are each one tape reference (document, index); ours keeps the two words so
// that its header stays out of ours.
template <typename Handle, typename Node>
Handle FromNode(const Node& node) {
  static_assert(sizeof(Handle) == sizeof(Node) && std::is_trivially_copyable_v<Handle>);
  static_assert(sizeof(simdjson::internal::tape_ref) == sizeof(Node));
  return std::bit_cast<Handle>(node);
}

template <typename Node, typename Handle>
Node ToNode(const Handle& handle) {
  static_assert(sizeof(Handle) == sizeof(Node) && std::is_trivially_copyable_v<Handle>);
  return std::bit_cast<Node>(handle);
}

std::string Describe(const element& value) {
  switch (value.type()) {
    case element_type::NULL_VALUE:
      return "null";
    case element_type::BOOL:
      return bool(value.get_bool().value_unsafe()) ? "true" : "false";
    case element_type::INT64:
      return StrCat(value.get_int64().value_unsafe());
    case element_type::UINT64:
      return StrCat(value.get_uint64().value_unsafe());
    case element_type::DOUBLE:
      return StrCat(value.get_double().value_unsafe());
    case element_type::STRING: {
      return Quoted(value.get_string().value_unsafe(), kQuotedBytes);
    }
    case element_type::ARRAY:
      return "an array";
    case element_type::OBJECT:
      return "an object";
  }
  return "an unknown type";
}

size_t TapeIndex(const element& value) {
  return std::bit_cast<simdjson::internal::tape_ref>(value).json_index;
}

// One past the last tape word of `value`.
size_t TapeEnd(const element& value) {
  return std::bit_cast<simdjson::internal::tape_ref>(value).after_element();
}

// An integer beyond 64 bits: the how manieth number of the text it is, and its digits.
struct HugeNumber {
  size_t ordinal = 0;
  std::string digits{};
};

// simdjson refuses integers beyond 64 bits, and tokenizer_config.json files are full of one: Python
// writes 10^30 as 1000000000000000019884624838656. Rewrites each in place as the double nearest to
// its first 17 digits. Returns what they were.
std::vector<HugeNumber> RewriteHugeIntegers(std::string& text) {
  constexpr std::string_view kDigits = "0123456789";
  constexpr std::string_view kOfNumbers = "0123456789+-.eE";
  constexpr std::string_view kLargest = "18446744073709551615";
  constexpr size_t kKept = 17;
  std::vector<HugeNumber> found;
  size_t ordinal = 0;
  for (size_t position = 0; position < text.size();) {
    const char c = text[position];
    if (c == '"') {
      position = SkipJsonString(text, position);
    } else if (c != '-' && (c < '0' || c > '9')) {
      ++position;
    } else {
      const size_t end = std::min(text.find_first_not_of(kOfNumbers, position), text.size());
      const size_t begin = position + (c == '-' ? 1 : 0);
      const std::string_view digits = std::string_view(text).substr(begin, end - begin);
      const bool is_integer = digits.find_first_not_of(kDigits) == std::string_view::npos;
      if (is_integer && !digits.starts_with('0') &&
          (digits.size() > kLargest.size() ||
           (digits.size() == kLargest.size() && digits > kLargest))) {
        found.push_back({ordinal, text.substr(position, end - position)});
        std::string exponent = StrCat("e", digits.size() - kKept);
        exponent.resize(digits.size() - kKept, ' ');
        text.replace(begin + kKept, exponent.size(), exponent);
      }
      ++ordinal;
      position = end;
    }
  }
  return found;
}

// Calls `visit` with every number of the tree, in the text's order. Recursion is bounded by the
// depth limit.
template <typename Visit>
void ForEachNumber(const element& value, const Visit& visit) {
  if (simdjson::dom::array array; value.get(array) == simdjson::SUCCESS) {
    for (const element item : array) ForEachNumber(item, visit);
  } else if (simdjson::dom::object object; value.get(object) == simdjson::SUCCESS) {
    for (const auto& [key, item] : object) ForEachNumber(item, visit);
  } else if (value.is_number()) {
    visit(value);
  }
}

// As strings of the same length, spaces included.
void RewritePythonNumbers(std::string* text) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kSpellings = {
      {{"Infinity", "\"Inf\"   "}, {"-Infinity", "\"-Inf\"   "}, {"NaN", "\"N\""}}};
  for (size_t position = 0; position < text->size();) {
    if ((*text)[position] == '"') {
      position = SkipJsonString(*text, position);
      continue;
    }
    const auto* const found =
        std::find_if(kSpellings.begin(), kSpellings.end(), [&](const auto& spelling) {
          return text->compare(position, spelling.first.size(), spelling.first) == 0;
        });
    if (found != kSpellings.end()) {
      text->replace(position, found->first.size(), found->second);
      position += found->first.size();
      continue;
    }
    ++position;
  }
}

// Whether any object of the tree has a key twice. Recursion is bounded by the depth limit.
absl::Status CheckDuplicateKeys(std::string_view name, const element& value) {
  if (simdjson::dom::array array; value.get(array) == simdjson::SUCCESS) {
    for (const element item : array) {
      if (item.is_array() || item.is_object()) {
        FIRSTLIGHT_RETURN_IF_ERROR(CheckDuplicateKeys(name, item));
      }
    }
  } else if (simdjson::dom::object object; value.get(object) == simdjson::SUCCESS) {
    absl::flat_hash_set<std::string_view> keys;
    keys.reserve(object.size());
    for (const auto& [key, item] : object) {
      if (!keys.insert(key).second) {
        return absl::InvalidArgumentError(StrCat(name, ": duplicate key ", Quoted(key)));
      }
      if (item.is_array() || item.is_object()) {
        FIRSTLIGHT_RETURN_IF_ERROR(CheckDuplicateKeys(name, item));
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace

struct JsonDocument::Tape {
  simdjson::dom::document document;
  // The digits of integers beyond 64 bits, by their place.
  absl::flat_hash_map<size_t, std::string> huge_integers;
};

JsonDocument::JsonDocument(std::string name)
    : name_(std::move(name)), tape_(std::make_unique<Tape>()) {}

JsonDocument::~JsonDocument() = default;

absl::StatusOr<std::unique_ptr<const JsonDocument>> JsonDocument::Parse(
    std::string name, std::string text, const JsonOptions& options) {
  if (options.python_numbers) RewritePythonNumbers(&text);
  FIRSTLIGHT_RETURN_IF_ERROR(CheckJsonBounds(name, text, options));
  std::unique_ptr<JsonDocument> result(new JsonDocument(std::move(name)));
  text.reserve(text.size() + simdjson::SIMDJSON_PADDING);
  simdjson::dom::parser parser;
  simdjson::error_code error =
      parser.allocate(text.size(), static_cast<size_t>(options.max_depth) + 1);
  element root;
  const auto parse = [&] {
    return parser
        .parse_into_document(result->tape_->document, text.data(), text.size(),
                             /*realloc_if_needed=*/false)
        .get(root);
  };
  if (error == simdjson::SUCCESS) error = parse();
  std::vector<HugeNumber> huge;
  if (error == simdjson::NUMBER_ERROR) {
    huge = RewriteHugeIntegers(text);
    if (!huge.empty()) error = parse();
  }
  if (error == simdjson::MEMALLOC) {
    return absl::ResourceExhaustedError(
        StrCat(result->name_, ": no memory to parse ", text.size(), " bytes of JSON"));
  }
  if (error != simdjson::SUCCESS) {
    return absl::InvalidArgumentError(
        StrCat(result->name_, ": not valid JSON: ", simdjson::error_message(error)));
  }
  if (!huge.empty()) {
    size_t ordinal = 0;
    auto next = huge.begin();
    ForEachNumber(root, [&](const element& number) {
      if (next != huge.end() && next->ordinal == ordinal++) {
        result->tape_->huge_integers.emplace(TapeIndex(number), std::move(next->digits));
        ++next;
      }
    });
  }
  if (options.refuse_duplicate_keys) {
    FIRSTLIGHT_RETURN_IF_ERROR(CheckDuplicateKeys(result->name_, root));
  }
  return std::unique_ptr<const JsonDocument>(std::move(result));
}

absl::StatusOr<std::unique_ptr<const JsonDocument>> JsonDocument::ReadFile(
    const std::string& path, const JsonOptions& options) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(std::string text, firstlight::ReadFile(path, options.max_bytes));
  return Parse(path.substr(path.rfind('/') + 1), std::move(text), options);
}

JsonValue JsonDocument::root() const {
  return JsonValue(this, ToNode<JsonValue::Node>(tape_->document.root()));
}

JsonType JsonValue::type() const {
  switch (FromNode<element>(node_).type()) {
    case element_type::NULL_VALUE:
      return JsonType::kNull;
    case element_type::BOOL:
      return JsonType::kBool;
    case element_type::INT64:
    case element_type::UINT64:
      return JsonType::kInteger;
    case element_type::DOUBLE:
      return JsonType::kDouble;
    case element_type::STRING:
      return JsonType::kString;
    case element_type::ARRAY:
      return JsonType::kArray;
    case element_type::OBJECT:
      return JsonType::kObject;
  }
  return JsonType::kNull;
}

absl::StatusOr<bool> JsonValue::AsBool() const {
  bool value = false;
  if (FromNode<element>(node_).get(value) != simdjson::SUCCESS) {
    return WrongType("true or false");
  }
  return value;
}

absl::StatusOr<int64_t> JsonValue::AsInt64() const {
  const element here = FromNode<element>(node_);
  int64_t value = 0;
  if (here.get(value) == simdjson::SUCCESS) return value;
  // Beyond 2^53 a double no longer says which integer it was.
  constexpr double kExact = 9007199254740992.0;
  double number = 0;
  if (here.type() == element_type::DOUBLE && here.get(number) == simdjson::SUCCESS &&
      std::abs(number) <= kExact && std::trunc(number) == number) {
    return static_cast<int64_t>(number);
  }
  return WrongType("an integer");
}

absl::StatusOr<double> JsonValue::AsDouble() const {
  double value = 0;
  if (FromNode<element>(node_).get(value) != simdjson::SUCCESS) return WrongType("a number");
  return value;
}

std::optional<std::string> JsonValue::HugeInteger() const {
  const element here = FromNode<element>(node_);
  if (here.type() == element_type::UINT64) return StrCat(here.get_uint64().value_unsafe());
  const auto& huge = document_->tape_->huge_integers;
  const auto found = huge.find(node_.index);
  if (here.type() != element_type::DOUBLE || found == huge.end()) return std::nullopt;
  return found->second;
}

absl::StatusOr<std::string_view> JsonValue::AsString() const {
  std::string_view value;
  if (FromNode<element>(node_).get(value) != simdjson::SUCCESS) return WrongType("a string");
  return value;
}

absl::StatusOr<JsonArray> JsonValue::AsArray() const {
  if (type() != JsonType::kArray) return WrongType("an array");
  return JsonArray(*this);
}

absl::StatusOr<JsonObject> JsonValue::AsObject() const {
  if (type() != JsonType::kObject) return WrongType("an object");
  return JsonObject(*this);
}

std::optional<JsonValue> JsonValue::Find(std::string_view key) const {
  simdjson::dom::object object;
  element value;
  if (FromNode<element>(node_).get(object) != simdjson::SUCCESS ||
      object.at_key(key).get(value) != simdjson::SUCCESS || value.is_null()) {
    return std::nullopt;
  }
  return JsonValue(document_, ToNode<Node>(value));
}

absl::StatusOr<JsonValue> JsonValue::Get(std::string_view key) const {
  if (type() != JsonType::kObject) return WrongType("an object");
  std::optional<JsonValue> value = Find(key);
  if (value.has_value()) return *value;
  const std::string path = Path();
  return absl::InvalidArgumentError(StrCat(document_->name(), ": field ",
                                           Quoted(StrCat(path, path.empty() ? "" : ".", key)),
                                           ": missing"));
}

absl::StatusOr<bool> JsonValue::GetBool(std::string_view key) const {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonValue value, Get(key));
  return value.AsBool();
}

absl::StatusOr<int64_t> JsonValue::GetInt64(std::string_view key) const {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonValue value, Get(key));
  return value.AsInt64();
}

absl::StatusOr<double> JsonValue::GetDouble(std::string_view key) const {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonValue value, Get(key));
  return value.AsDouble();
}

absl::StatusOr<std::string_view> JsonValue::GetString(std::string_view key) const {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonValue value, Get(key));
  return value.AsString();
}

absl::StatusOr<JsonArray> JsonValue::GetArray(std::string_view key) const {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonValue value, Get(key));
  return value.AsArray();
}

absl::StatusOr<JsonObject> JsonValue::GetObject(std::string_view key) const {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonValue value, Get(key));
  return value.AsObject();
}

absl::StatusOr<bool> JsonValue::GetBool(std::string_view key, bool otherwise) const {
  const std::optional<JsonValue> value = Find(key);
  return value.has_value() ? value->AsBool() : otherwise;
}

absl::StatusOr<int64_t> JsonValue::GetInt64(std::string_view key, int64_t otherwise) const {
  const std::optional<JsonValue> value = Find(key);
  return value.has_value() ? value->AsInt64() : otherwise;
}

absl::StatusOr<double> JsonValue::GetDouble(std::string_view key, double otherwise) const {
  const std::optional<JsonValue> value = Find(key);
  return value.has_value() ? value->AsDouble() : otherwise;
}

absl::StatusOr<std::string_view> JsonValue::GetString(std::string_view key,
                                                      std::string_view otherwise) const {
  const std::optional<JsonValue> value = Find(key);
  return value.has_value() ? value->AsString() : otherwise;
}

std::string JsonValue::Path() const {
  // Walks down from the root into the child whose stretch of the tape holds this value.
  std::string path;
  element here = FromNode<element>(document_->root().node_);
  const auto holds = [this](const element& child) {
    return TapeIndex(child) <= node_.index && node_.index < TapeEnd(child);
  };
  while (TapeIndex(here) != node_.index) {
    bool found = false;
    if (simdjson::dom::array array; here.get(array) == simdjson::SUCCESS) {
      size_t index = 0;
      for (const element child : array) {
        if (holds(child)) {
          StrAppend(&path, "[", index, "]");
          here = child;
          found = true;
          break;
        }
        ++index;
      }
    } else if (simdjson::dom::object object; here.get(object) == simdjson::SUCCESS) {
      for (const auto& [key, child] : object) {
        if (holds(child)) {
          StrAppend(&path, path.empty() ? "" : ".", FirstCharacters(key, kQuotedKeyBytes));
          here = child;
          found = true;
          break;
        }
      }
    }
    if (!found) break;
  }
  return path;
}

absl::Status JsonValue::Error(std::string_view problem) const {
  const std::string path = Path();
  if (path.empty()) {
    return absl::InvalidArgumentError(StrCat(document_->name(), ": ", problem));
  }
  return absl::InvalidArgumentError(
      StrCat(document_->name(), ": field ", Quoted(path), ": ", problem));
}

absl::Status JsonValue::WrongType(std::string_view expected) const {
  return Error(StrCat("expected ", expected, ", found ", Describe(FromNode<element>(node_))));
}

JsonArray::Iterator JsonArray::begin() const {
  const auto array = FromNode<simdjson::dom::array>(value_.node_);
  return Iterator(value_.document_, ToNode<JsonValue::Node>(array.begin()));
}

JsonArray::Iterator JsonArray::end() const {
  const auto array = FromNode<simdjson::dom::array>(value_.node_);
  return Iterator(value_.document_, ToNode<JsonValue::Node>(array.end()));
}

size_t JsonArray::size() const {
  const auto array = FromNode<simdjson::dom::array>(value_.node_);
  constexpr size_t kSaturated = 0xFFFFFF;
  if (array.size() < kSaturated) return array.size();
  size_t count = 0;
  for ([[maybe_unused]] const element item : array) ++count;
  return count;
}

JsonArray::Iterator& JsonArray::Iterator::operator++() {
  auto iterator = FromNode<simdjson::dom::array::iterator>(node_);
  ++iterator;
  node_ = ToNode<JsonValue::Node>(iterator);
  return *this;
}

JsonObject::Iterator JsonObject::begin() const {
  const auto object = FromNode<simdjson::dom::object>(value_.node_);
  return Iterator(value_.document_, ToNode<JsonValue::Node>(object.begin()));
}

JsonObject::Iterator JsonObject::end() const {
  const auto object = FromNode<simdjson::dom::object>(value_.node_);
  return Iterator(value_.document_, ToNode<JsonValue::Node>(object.end()));
}

size_t JsonObject::size() const { return FromNode<simdjson::dom::object>(value_.node_).size(); }

JsonObject::Member JsonObject::Iterator::operator*() const {
  const auto iterator = FromNode<simdjson::dom::object::iterator>(node_);
  return {iterator.key(), JsonValue(document_, ToNode<JsonValue::Node>(iterator.value()))};
}

JsonObject::Iterator& JsonObject::Iterator::operator++() {
  auto iterator = FromNode<simdjson::dom::object::iterator>(node_);
  ++iterator;
  node_ = ToNode<JsonValue::Node>(iterator);
  return *this;
}

}  // namespace firstlight
