#ifndef FIRSTLIGHT_SERVER_RPC_GENERATION_MESSAGES_H_
#define FIRSTLIGHT_SERVER_RPC_GENERATION_MESSAGES_H_

// Between the messages of generation.proto and the engine's values.
//
// What depends on a model or on a number's range is judged by the engine, which names fields by
// their proto path; here is what only the wire can get wrong.

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "engine/generation.h"
#include "firstlight/v1/generation.pb.h"

namespace firstlight {

inline constexpr size_t kMaxTextBytes = size_t{8} << 20;
inline constexpr size_t kMaxRequestIdBytes = 128;
inline constexpr int kMaxDetokenizeTokens = 1 << 20;

// INVALID_ARGUMENT naming the field. Moves the prompt out of `message`. An empty request_id is
// drawn.
absl::StatusOr<GenerationRequest> ToGenerationRequest(v1::GenerateRequest* message,
                                                      absl::Time deadline);

// A Chat without its prompt, which is made of its conversation.
absl::StatusOr<GenerationRequest> ToGenerationRequest(const v1::ChatRequest& message,
                                                      absl::Time deadline);

v1::GenerateResponse StartedMessage(const StartedEvent& event, const std::string& request_id,
                                    const std::string& model, int64_t version);

v1::GenerateResponse PromptMessage(PromptEvent event);

// With the tokens when `with_tokens`.
v1::GenerateResponse DeltaMessage(DeltaEvent event, bool with_tokens);

v1::GenerateResponse FinishedMessage(const FinishedEvent& event);

google::protobuf::Duration ToProtoDuration(absl::Duration duration);

// INVALID_ARGUMENT, naming `field`, when the message is out of its published range.
absl::StatusOr<absl::Duration> FromProtoDuration(const google::protobuf::Duration& message,
                                                 absl::string_view field);

}  // namespace firstlight

#endif  // FIRSTLIGHT_SERVER_RPC_GENERATION_MESSAGES_H_
