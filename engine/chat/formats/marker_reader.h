#ifndef FIRSTLIGHT_ENGINE_CHAT_FORMATS_MARKER_READER_H_
#define FIRSTLIGHT_ENGINE_CHAT_FORMATS_MARKER_READER_H_

// A text that comes in pieces, read from marker to marker. What could still become a marker stays
// unread, so that the pieces make no difference.

#include <span>
#include <string>
#include <string_view>

namespace firstlight {

class MarkerReader {
 public:
  static constexpr int kNone = -1;

  struct Taken {
    std::string text;
    int marker = kNone;  // which of the markers follows the text; it has been read, too
  };

  void Append(std::string_view text) { unread_ += text; }

  // Reads up to and with the first of `markers`; where there is none yet, what cannot be part of
  // one. REQUIRES: no marker is empty or the beginning of another.
  Taken Take(std::span<const std::string_view> markers);

  // What is unread, without reading it.
  std::string_view unread() const { return unread_; }
  // Reads `bytes` bytes. REQUIRES: there are as many.
  void Skip(size_t bytes) { unread_.erase(0, bytes); }
  // Reads all that is left.
  std::string TakeAll();

 private:
  std::string unread_;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_CHAT_FORMATS_MARKER_READER_H_
