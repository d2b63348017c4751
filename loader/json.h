#ifndef FIRSTLIGHT_LOADER_JSON_H_
#define FIRSTLIGHT_LOADER_JSON_H_

// Reading JSON whose author is not trusted: bounded size, depth and memory, and errors that name
// the file and the field.
//
//   ASSIGN_OR_RETURN(std::unique_ptr<const JsonDocument> config, JsonDocument::ReadFile(path));
//   ASSIGN_OR_RETURN(int64_t hidden, config->root().GetInt64("hidden_size"));
//   ASSIGN_OR_RETURN(double theta, config->root().GetDouble("rope_theta", 10000.0));
//   if (auto scaling = config->root().Find("rope_scaling")) ... scaling->GetString("rope_type")
//
// A JsonValue is a small handle into its document and valid for as long as that; so are the
// strings it returns. Documents are immutable: any thread may read one.
//
// Errors are INVALID_ARGUMENT and read
//   config.json: field "rope_scaling.factor": expected a number, found "eight"
// NaN and Infinity, which Python writes, are not JSON and are refused by those names, unless
// JsonOptions says otherwise.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace firstlight {

class JsonArray;
class JsonDocument;
class JsonObject;

struct JsonOptions {
  // RESOURCE_EXHAUSTED beyond these.
  int64_t max_bytes = int64_t{64} << 20;
  // Of arrays and objects inside each other.
  int max_depth = 64;
  // Of brackets, commas and colons: what decides the parser's memory, about 16 bytes for each.
  int64_t max_structural_characters = int64_t{16} << 20;
  // A key twice in one object is an error; otherwise the first counts. Costs a hash of each key.
  bool refuse_duplicate_keys = true;
  // Infinity, -Infinity and NaN are the strings "Inf", "-Inf" and "N": of no use where a number is
  // asked for, and no harm where it is not.
  bool python_numbers = false;
};

enum class JsonType : uint8_t { kNull, kBool, kInteger, kDouble, kString, kArray, kObject };

class JsonValue {
 public:
  JsonType type() const;
  bool is_null() const { return type() == JsonType::kNull; }

  // This value as the type asked for. An integer is also a double; a double is an integer only when
  // it is one (4096.0).
  absl::StatusOr<bool> AsBool() const;
  absl::StatusOr<int64_t> AsInt64() const;
  absl::StatusOr<double> AsDouble() const;
  absl::StatusOr<std::string_view> AsString() const;
  absl::StatusOr<JsonArray> AsArray() const;
  absl::StatusOr<JsonObject> AsObject() const;

  // The digits of an integer beyond int64_t, which is otherwise a double near it.
  std::optional<std::string> HugeInteger() const;

  // The member `key` of this object. Nothing when there is none, when it is null, or when this is
  // not an object: Hugging Face's files write an absent setting all three ways.
  std::optional<JsonValue> Find(std::string_view key) const;

  // A member that must be there and not null.
  absl::StatusOr<JsonValue> Get(std::string_view key) const;
  absl::StatusOr<bool> GetBool(std::string_view key) const;
  absl::StatusOr<int64_t> GetInt64(std::string_view key) const;
  absl::StatusOr<double> GetDouble(std::string_view key) const;
  absl::StatusOr<std::string_view> GetString(std::string_view key) const;
  absl::StatusOr<JsonArray> GetArray(std::string_view key) const;
  absl::StatusOr<JsonObject> GetObject(std::string_view key) const;

  // A member that may be absent or null, which is `otherwise`; of the wrong type is still an error.
  absl::StatusOr<bool> GetBool(std::string_view key, bool otherwise) const;
  absl::StatusOr<int64_t> GetInt64(std::string_view key, int64_t otherwise) const;
  absl::StatusOr<double> GetDouble(std::string_view key, double otherwise) const;
  absl::StatusOr<std::string_view> GetString(std::string_view key,
                                             std::string_view otherwise) const;

  // Where this value is, such as "added_tokens[3].content"; empty for the root. Searches the
  // document: for messages.
  std::string Path() const;

  // INVALID_ARGUMENT "FILE: field "PATH": PROBLEM", for what the caller finds wrong with it.
  absl::Status Error(std::string_view problem) const;

 private:
  friend class JsonArray;
  friend class JsonDocument;
  friend class JsonObject;

  // A place on the parser's tape.
  struct Node {
    const void* tape;
    size_t index;
  };

  JsonValue(const JsonDocument* document, Node node) : document_(document), node_(node) {}
  absl::Status WrongType(std::string_view expected) const;

  const JsonDocument* document_;
  Node node_;
};

// The values of an array, in order: for (JsonValue value : array). `array` is a variable: a loop
// over *value.GetArray("key") itself outlives the StatusOr that it reads.
class JsonArray {
 public:
  class Iterator {
   public:
    JsonValue operator*() const { return JsonValue(document_, node_); }
    Iterator& operator++();
    friend bool operator!=(const Iterator& a, const Iterator& b) {
      return a.node_.index != b.node_.index;
    }

   private:
    friend class JsonArray;
    Iterator(const JsonDocument* document, JsonValue::Node node)
        : document_(document), node_(node) {}
    const JsonDocument* document_;
    JsonValue::Node node_;
  };

  Iterator begin() const;
  Iterator end() const;
  // Counts when there are more than 16 million.
  size_t size() const;

 private:
  friend class JsonValue;
  explicit JsonArray(JsonValue value) : value_(value) {}
  JsonValue value_;
};

// The members of an object, in the file's order: for (auto [key, value] : object).
class JsonObject {
 public:
  struct Member {
    std::string_view key;
    JsonValue value;
  };

  class Iterator {
   public:
    Member operator*() const;
    Iterator& operator++();
    friend bool operator!=(const Iterator& a, const Iterator& b) {
      return a.node_.index != b.node_.index;
    }

   private:
    friend class JsonObject;
    Iterator(const JsonDocument* document, JsonValue::Node node)
        : document_(document), node_(node) {}
    const JsonDocument* document_;
    JsonValue::Node node_;
  };

  Iterator begin() const;
  Iterator end() const;
  size_t size() const;

 private:
  friend class JsonValue;
  explicit JsonObject(JsonValue value) : value_(value) {}
  JsonValue value_;
};

class JsonDocument {
 public:
  // `name` is what messages call the document. INVALID_ARGUMENT for what is not JSON.
  static absl::StatusOr<std::unique_ptr<const JsonDocument>> Parse(std::string name,
                                                                   std::string text,
                                                                   const JsonOptions& options = {});

  // Reads and parses a file; messages call it by its last component. NOT_FOUND when there is none.
  static absl::StatusOr<std::unique_ptr<const JsonDocument>> ReadFile(
      const std::string& path, const JsonOptions& options = {});

  ~JsonDocument();
  JsonDocument(const JsonDocument&) = delete;
  JsonDocument& operator=(const JsonDocument&) = delete;

  const std::string& name() const { return name_; }
  JsonValue root() const;

 private:
  friend class JsonValue;
  struct Tape;
  explicit JsonDocument(std::string name);

  const std::string name_;
  const std::unique_ptr<Tape> tape_;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_LOADER_JSON_H_
