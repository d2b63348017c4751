#include "engine/chat/formats/marker_reader.h"

#include <cstddef>
#include <utility>

namespace firstlight {

MarkerReader::Taken MarkerReader::Take(std::span<const std::string_view> markers) {
  const std::string_view all = unread_;
  size_t position = 0;
  for (; position < all.size(); ++position) {
    const std::string_view here = all.substr(position);
    bool could_begin = false;
    for (size_t i = 0; i < markers.size(); ++i) {
      if (here.front() != markers[i].front()) continue;
      if (here.starts_with(markers[i])) {
        Taken taken{.text = std::string(all.substr(0, position)), .marker = static_cast<int>(i)};
        unread_.erase(0, position + markers[i].size());
        return taken;
      }
      could_begin = could_begin || markers[i].starts_with(here);
    }
    if (could_begin) break;
  }
  Taken taken{.text = std::string(all.substr(0, position))};
  unread_.erase(0, position);
  return taken;
}

std::string MarkerReader::TakeAll() { return std::exchange(unread_, std::string()); }

}  // namespace firstlight
