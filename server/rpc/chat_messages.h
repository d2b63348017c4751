#ifndef FIRSTLIGHT_SERVER_RPC_CHAT_MESSAGES_H_
#define FIRSTLIGHT_SERVER_RPC_CHAT_MESSAGES_H_

// Conversations as the wire has them, as typed messages or as JSON text, to the engine's.

#include "absl/status/statusor.h"
#include "engine/chat/conversation.h"
#include "firstlight/v1/generation.pb.h"

namespace firstlight {

// INVALID_ARGUMENT naming the field. JSON text is passed on unread, but for what stands within a
// typed message.
absl::StatusOr<Conversation> ToConversation(const v1::ChatRequest& message);
absl::StatusOr<Conversation> ToConversation(const v1::RenderChatRequest& message);

}  // namespace firstlight

#endif  // FIRSTLIGHT_SERVER_RPC_CHAT_MESSAGES_H_
