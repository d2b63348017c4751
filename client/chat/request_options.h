#ifndef FIRSTLIGHT_CLIENT_CHAT_REQUEST_OPTIONS_H_
#define FIRSTLIGHT_CLIENT_CHAT_REQUEST_OPTIONS_H_

// How answers are drawn and when they end, by the names of the fields in generation.proto:
// "temperature", "max_tokens", "stop_sequences". Every field of SamplingOptions and StoppingOptions
// is one; a dash is as good as an underscore.

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "firstlight/v1/generation.pb.h"

namespace firstlight {

class RequestOptions {
 public:
  struct Name {
    std::string name;      // of the field
    std::string expected;  // "a number", "text", "true or false"
    bool is_switch = false;
  };
  // All of them, in the proto's order.
  static std::vector<Name> Names();

  // Sets one from text. Repeated fields take another value; an empty text unsets any field.
  // INVALID_ARGUMENT for a name or a value that is none.
  absl::Status Set(std::string_view name, std::string_view value);

  // The names and values that are set, a line each; a person reads it.
  std::string ToText() const;

  void CopyTo(v1::ChatRequest* request) const;

 private:
  v1::SamplingOptions sampling_;
  v1::StoppingOptions stopping_;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_CLIENT_CHAT_REQUEST_OPTIONS_H_
