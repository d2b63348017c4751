#include "engine/stop_matcher.h"

#include <algorithm>
#include <utility>

namespace firstlight {
namespace {

std::vector<int32_t> Borders(std::string_view text) {
  std::vector<int32_t> borders(text.size(), 0);
  int32_t length = 0;
  for (size_t i = 1; i < text.size(); ++i) {
    while (length > 0 && text[i] != text[length]) {
      length = borders[length - 1];
    }
    if (text[i] == text[length]) {
      ++length;
    }
    borders[i] = length;
  }
  return borders;
}

}  // namespace

StopMatcher::StopMatcher(std::vector<std::string> stop_sequences, bool include_stop_sequence)
    : include_stop_sequence_(include_stop_sequence) {
  patterns_.reserve(stop_sequences.size());
  for (std::string& text : stop_sequences) {
    std::vector<int32_t> borders = Borders(text);
    patterns_.push_back({.text = std::move(text), .fallback = std::move(borders)});
  }
}

const StopMatcher::Pattern* StopMatcher::Advance(char byte) {
  const Pattern* completed = nullptr;
  for (Pattern& pattern : patterns_) {
    while (pattern.matched > 0 && pattern.text[pattern.matched] != byte) {
      pattern.matched = pattern.fallback[pattern.matched - 1];
    }
    if (pattern.text[pattern.matched] == byte) {
      ++pattern.matched;
    }
    if (pattern.matched == static_cast<int32_t>(pattern.text.size())) {
      pattern.matched = pattern.fallback[pattern.matched - 1];
      if (completed == nullptr || pattern.text.size() > completed->text.size()) {
        completed = &pattern;
      }
    }
  }
  return completed;
}

size_t StopMatcher::LongestPartialMatch() const {
  int32_t longest = 0;
  for (const Pattern& pattern : patterns_) {
    longest = std::max(longest, pattern.matched);
  }
  return static_cast<size_t>(longest);
}

StopMatcher::Released StopMatcher::Append(std::string_view piece, bool armed) {
  for (size_t i = 0; i < piece.size(); ++i) {
    const Pattern* completed = Advance(piece[i]);
    if (completed == nullptr || !armed) {
      continue;
    }
    held_.append(piece.substr(0, i + 1));
    if (!include_stop_sequence_) {
      held_.resize(held_.size() - completed->text.size());
    }
    return {.text = Flush(), .stop_sequence = completed->text};
  }
  held_.append(piece);
  const size_t certain = held_.size() - LongestPartialMatch();
  Released released{.text = held_.substr(0, certain), .stop_sequence = std::nullopt};
  held_.erase(0, certain);
  return released;
}

std::string StopMatcher::Flush() { return std::exchange(held_, std::string()); }

}  // namespace firstlight
