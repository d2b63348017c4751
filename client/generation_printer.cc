#include "client/generation_printer.h"

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/terminal_text.h"
#include "loader/base/utf8.h"

namespace firstlight {
namespace {

double Seconds(const google::protobuf::Duration& duration) {
  return static_cast<double>(duration.seconds()) + 1e-9 * duration.nanos();
}

std::string ReasonText(const v1::GenerationFinished& finished) {
  switch (finished.finish_reason()) {
    case v1::FINISH_REASON_STOP_SEQUENCE:
      return finished.has_stop_sequence()
                 ? absl::StrFormat("stop sequence \"%s\"", EscapeControls(finished.stop_sequence()))
                 : absl::StrFormat("stop token %d", finished.stop_token_id());
    case v1::FINISH_REASON_END_OF_SEQUENCE:
      return "end of sequence";
    case v1::FINISH_REASON_MAX_TOKENS:
      return "max tokens";
    case v1::FINISH_REASON_CONTEXT_LIMIT:
      return "context limit";
    case v1::FINISH_REASON_TIME_LIMIT:
      return "time limit";
    case v1::FINISH_REASON_CANCELLED:
      return "cancelled";
    case v1::FINISH_REASON_MODEL_UNLOADED:
      return "model unloaded";
    default:
      return "unknown reason";
  }
}

std::string ResidencyText(const v1::RequestResidency& residency) {
  switch (residency.residency_class()) {
    case v1::RESIDENCY_CLASS_COLD:
      return absl::StrFormat("cold (%.1f MB read)", 1e-6 * residency.storage_bytes_read());
    case v1::RESIDENCY_CLASS_MAPPED:
      return "mapped";
    case v1::RESIDENCY_CLASS_WARM:
      return "warm";
    default:
      return "residency unknown";
  }
}

void PrintLogprobs(const v1::Token& token) {
  // The first token of a prompt has none.
  const std::string logprob =
      token.has_logprob() ? absl::StrFormat("%9.4f", token.logprob()) : std::string(9, ' ');
  std::string line =
      absl::StrFormat("%8d %s %s", token.id(), logprob, EscapeControls(token.text()));
  for (const v1::TokenLogprob& other : token.top()) {
    absl::StrAppendFormat(&line, "  | %d %.4f %s", other.id(), other.logprob(),
                          EscapeControls(other.text()));
  }
  std::fprintf(stderr, "%s\n", line.c_str());
}

}  // namespace

std::string FiguresLine(const v1::GenerationFinished& finished) {
  const v1::Usage& usage = finished.usage();
  const v1::Timings& timings = finished.timings();
  std::string line = absl::StrFormat("%d prompt tokens, %d generated (%s)", usage.prompt_tokens(),
                                     usage.generated_tokens(), ReasonText(finished));
  if (timings.has_time_to_first_token()) {
    absl::StrAppendFormat(&line, "; first token %.1f ms",
                          1e3 * Seconds(timings.time_to_first_token()));
  }
  if (finished.has_residency()) {
    absl::StrAppend(&line, ", ", ResidencyText(finished.residency()));
  }
  // The first token is the prompt's work; the rate is of those after it.
  const double decode = Seconds(timings.decode());
  if (usage.generated_tokens() > 1 && decode > 0) {
    absl::StrAppendFormat(&line, ", then %.1f tokens/s", (usage.generated_tokens() - 1) / decode);
  }
  return line;
}

void GenerationPrinter::Add(const v1::GenerateResponse& response) {
  for (const v1::Token& token : response.prompt().tokens()) PrintLogprobs(token);
  if (response.has_delta()) AddDelta(response.delta());
  if (response.has_finished()) {
    notes_[response.finished().index()] = FiguresLine(response.finished());
  }
}

void GenerationPrinter::AddDelta(const v1::GenerationDelta& delta) {
  std::string text;
  if (options_.token_ids) {
    for (const v1::Token& token : delta.tokens()) absl::StrAppend(&text, token.id(), " ");
  } else {
    text = delta.text();
  }
  if (options_.logprobs) {
    for (const v1::Token& token : delta.tokens()) PrintLogprobs(token);
  }
  if (delta.index() != 0) {
    kept_[delta.index()] += text;
    return;
  }
  if (text.empty()) return;
  WriteText(text);
  last_character_ = text.back();
}

void GenerationPrinter::End() {
  if (last_character_ != '\n') WriteText("\n");
  for (const auto& [index, text] : kept_) {
    WriteText(absl::StrFormat("--- %d\n%s\n", index, text));
  }
  for (const auto& [index, note] : notes_) std::fprintf(stderr, "[%s]\n", note.c_str());
}

}  // namespace firstlight
