#include "client/chat/request_options.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "client/input.h"
#include "loader/base/strings.h"

namespace firstlight {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

absl::Status Unexpected(std::string_view name, std::string_view expected, std::string_view found) {
  return absl::InvalidArgumentError(
      StrCat(name, ": expected ", expected, ", found ", Quoted(found)));
}

bool IsDuration(const FieldDescriptor& field) {
  return field.message_type() == google::protobuf::Duration::descriptor();
}

std::string Expected(const FieldDescriptor& field) {
  if (field.is_map()) return "TOKEN_ID=NUMBER";
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
      return "true or false";
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return "a number";
    case FieldDescriptor::CPPTYPE_STRING:
      return "text";
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return IsDuration(field) ? "seconds" : "";
    default:
      return field.is_repeated() ? "whole numbers with commas between them" : "a whole number";
  }
}

// Those that a text can say.
bool IsSettable(const FieldDescriptor& field) {
  if (field.is_map()) {
    return field.message_type()->map_key()->cpp_type() == FieldDescriptor::CPPTYPE_INT32 &&
           field.message_type()->map_value()->cpp_type() == FieldDescriptor::CPPTYPE_DOUBLE;
  }
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
    case FieldDescriptor::CPPTYPE_DOUBLE:
    case FieldDescriptor::CPPTYPE_UINT64:
      return !field.is_repeated();
    case FieldDescriptor::CPPTYPE_INT32:
    case FieldDescriptor::CPPTYPE_STRING:
      return true;
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return !field.is_repeated() && IsDuration(field);
    default:
      return false;
  }
}

absl::Status SetMapEntry(const FieldDescriptor& field, std::string_view value, Message* message) {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(ToAbsl(value), absl::MaxSplits('=', 1));
  int32_t key = 0;
  double number = 0;
  if (!absl::SimpleAtoi(parts.first, &key) || !absl::SimpleAtod(parts.second, &number)) {
    return Unexpected(field.name(), Expected(field), value);
  }
  Message* entry = message->GetReflection()->AddMessage(message, &field);
  entry->GetReflection()->SetInt32(entry, field.message_type()->map_key(), key);
  entry->GetReflection()->SetDouble(entry, field.message_type()->map_value(), number);
  return absl::OkStatus();
}

absl::Status SetField(const FieldDescriptor& field, std::string_view value, Message* message) {
  const Reflection& reflection = *message->GetReflection();
  const absl::Status unexpected = Unexpected(field.name(), Expected(field), value);
  const absl::string_view text = ToAbsl(value);
  if (field.is_map()) return SetMapEntry(field, value, message);
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL: {
      bool flag = false;
      if (!absl::SimpleAtob(text, &flag)) return unexpected;
      reflection.SetBool(message, &field, flag);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_DOUBLE: {
      double number = 0;
      if (!absl::SimpleAtod(text, &number)) return unexpected;
      reflection.SetDouble(message, &field, number);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_UINT64: {
      uint64_t number = 0;
      if (!absl::SimpleAtoi(text, &number)) return unexpected;
      reflection.SetUInt64(message, &field, number);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_INT32: {
      const auto numbers = ParseTokenIds(text);
      if (!numbers.ok() || (!field.is_repeated() && numbers->size() != 1)) return unexpected;
      if (!field.is_repeated()) {
        reflection.SetInt32(message, &field, numbers->front());
        return absl::OkStatus();
      }
      for (const int32_t number : *numbers) reflection.AddInt32(message, &field, number);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_STRING:
      if (field.is_repeated()) {
        reflection.AddString(message, &field, std::string(value));
      } else {
        reflection.SetString(message, &field, std::string(value));
      }
      return absl::OkStatus();
    default: {
      double seconds = 0;
      if (!absl::SimpleAtod(text, &seconds) || !(std::abs(seconds) <= kMaxSeconds)) {
        return unexpected;
      }
      *static_cast<google::protobuf::Duration*>(reflection.MutableMessage(message, &field)) =
          ToDuration(seconds);
      return absl::OkStatus();
    }
  }
}

void AddNames(const Descriptor& descriptor, std::vector<RequestOptions::Name>* names) {
  for (int i = 0; i < descriptor.field_count(); ++i) {
    const FieldDescriptor& field = *descriptor.field(i);
    if (!IsSettable(field)) continue;
    names->push_back(
        {.name = field.name(),
         .expected = Expected(field),
         .is_switch = field.cpp_type() == FieldDescriptor::CPPTYPE_BOOL && !field.is_repeated()});
  }
}

// "name value" of each field that is set.
void AppendFields(const Message& message, std::string* text) {
  std::vector<const FieldDescriptor*> fields;
  message.GetReflection()->ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    const std::unique_ptr<Message> alone(message.New());
    alone->CopyFrom(message);
    for (const FieldDescriptor* other : fields) {
      if (other != field) alone->GetReflection()->ClearField(alone.get(), other);
    }
    google::protobuf::util::JsonPrintOptions options;
    options.preserve_proto_field_names = true;
    std::string json;
    const bool printed = google::protobuf::util::MessageToJsonString(*alone, &json, options).ok();
    // {"name":VALUE}
    const size_t prefix = field->name().size() + 4;
    if (!printed || json.size() <= prefix) continue;
    StrAppend(text, field->name(), " ", json.substr(prefix, json.size() - prefix - 1), "\n");
  }
}

}  // namespace

std::vector<RequestOptions::Name> RequestOptions::Names() {
  std::vector<Name> names;
  AddNames(*v1::SamplingOptions::descriptor(), &names);
  AddNames(*v1::StoppingOptions::descriptor(), &names);
  return names;
}

absl::Status RequestOptions::Set(std::string_view name, std::string_view value) {
  std::string field_name(name);
  std::replace(field_name.begin(), field_name.end(), '-', '_');
  if (field_name == "stop") field_name = "stop_sequences";
  for (Message* message : {static_cast<Message*>(&sampling_), static_cast<Message*>(&stopping_)}) {
    const FieldDescriptor* field = message->GetDescriptor()->FindFieldByName(field_name);
    if (field == nullptr || !IsSettable(*field)) continue;
    if (value.empty()) {
      message->GetReflection()->ClearField(message, field);
      return absl::OkStatus();
    }
    return SetField(*field, value, message);
  }
  return absl::InvalidArgumentError(StrCat("there is no option ", Quoted(name)));
}

std::string RequestOptions::ToText() const {
  std::string text;
  AppendFields(sampling_, &text);
  AppendFields(stopping_, &text);
  return text;
}

void RequestOptions::CopyTo(v1::ChatRequest* request) const {
  *request->mutable_sampling() = sampling_;
  *request->mutable_stopping() = stopping_;
}

}  // namespace firstlight
