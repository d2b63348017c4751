// str.strip, str.split and what is like them, and putting texts together again.

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "engine/chat/jinja/methods.h"
#include "engine/chat/jinja/operators.h"
#include "engine/chat/jinja/template_error.h"
#include "engine/chat/jinja/unicode_text.h"
#include "engine/tokenizer/text/utf8.h"
#include "loader/base/strings.h"

namespace firstlight::jinja {
namespace {

Value Part(Heap& heap, const Value& self, size_t begin, size_t end) {
  return MakeString(heap, self.text().Substring(begin, end), self.string().is_markup());
}

// The start of the last character before `end`.
size_t PreviousCharacter(std::string_view text, size_t end) {
  --end;
  while (end > 0 && ContinuesCharacter(text[end])) --end;
  return end;
}

const Value& RequireSeparator(const Value& separator) {
  if (!separator.is_string()) {
    RaiseTypeError(StrCat("must be str or None, not ", TypeName(separator)));
  }
  if (separator.text().empty()) RaiseValueError("empty separator");
  return separator;
}

Values SplitAtSpacesFromRight(Heap& heap, const Value& self, int64_t most) {
  const std::string_view text = self.bytes();
  Values parts;
  size_t end = StripRightSpace(text);
  while (end > 0) {
    heap.Spend(1);
    if (most >= 0 && static_cast<int64_t>(parts.size()) == most) {
      parts.push_back(Part(heap, self, 0, end));
      break;
    }
    size_t begin = end;
    while (begin > 0) {
      const size_t previous = PreviousCharacter(text, begin);
      if (IsSpace(CharacterAt(text, previous).code_point)) break;
      begin = previous;
    }
    parts.push_back(Part(heap, self, begin, end));
    end = StripRightSpace(text.substr(0, begin));
  }
  std::reverse(parts.begin(), parts.end());
  return parts;
}

Values SplitAt(Heap& heap, const Value& self, std::string_view separator, int64_t most) {
  const std::string_view text = self.bytes();
  Values parts;
  size_t begin = 0;
  while (most < 0 || static_cast<int64_t>(parts.size()) < most) {
    const size_t found = FindBytes(text, separator, begin);
    if (found == std::string_view::npos) break;
    heap.Spend(1);
    parts.push_back(Part(heap, self, begin, found));
    begin = found + separator.size();
  }
  parts.push_back(Part(heap, self, begin, text.size()));
  return parts;
}

Values SplitAtFromRight(Heap& heap, const Value& self, std::string_view separator, int64_t most) {
  if (most < 0) {
    // Matches from the right differ from those from the left only for separators that overlap
    // themselves, so they are searched from there.
    most = static_cast<int64_t>(self.text().size()) + 1;
  }
  const std::string reversed(self.bytes().rbegin(), self.bytes().rend());
  const std::string wanted(separator.rbegin(), separator.rend());
  const size_t size = reversed.size();
  Values parts;
  size_t begin = 0;
  while (static_cast<int64_t>(parts.size()) < most) {
    const size_t found = FindBytes(reversed, wanted, begin);
    if (found == std::string_view::npos) break;
    heap.Spend(1);
    parts.push_back(Part(heap, self, size - found, size - begin));
    begin = found + wanted.size();
  }
  parts.push_back(Part(heap, self, 0, size - begin));
  std::reverse(parts.begin(), parts.end());
  return parts;
}

Value Split(Heap& heap, const Value& self, bool from_right, const Arguments& arguments) {
  const Values bound = Bind(from_right ? "rsplit" : "split", {"sep", "maxsplit"}, 0, arguments);
  const int64_t most = bound[1].is_missing() ? -1 : RequireInteger(bound[1]);
  heap.SpendBytes(self.text().size() * 2);
  if (bound[0].is_missing() || bound[0].is_none()) {
    return MakeList(heap, from_right ? SplitAtSpacesFromRight(heap, self, most)
                                     : SplitAtSpaces(heap, self, most));
  }
  const std::string_view separator = RequireSeparator(bound[0]).bytes();
  return MakeList(heap, from_right ? SplitAtFromRight(heap, self, separator, most)
                                   : SplitAt(heap, self, separator, most));
}

Value Partition(Heap& heap, const Value& self, bool from_right, const Arguments& arguments) {
  const std::string_view name = from_right ? "rpartition" : "partition";
  if (arguments.positional.size() != 1) {
    RaiseTypeError(StrCat("str.", name, "() takes exactly one argument (",
                          arguments.positional.size(), " given)"));
  }
  const Values bound = Bind(name, {"/sep"}, 1, arguments);
  if (!bound[0].is_string()) RaiseTypeError(StrCat("must be str, not ", TypeName(bound[0])));
  const std::string_view separator = RequireSeparator(bound[0]).bytes();
  const std::string_view text = self.bytes();
  heap.SpendBytes(text.size() * 2);
  const size_t found = from_right ? FindLastBytes(text, separator) : FindBytes(text, separator, 0);
  const Value empty = Part(heap, self, 0, 0);
  if (found == std::string_view::npos) {
    if (from_right) return MakeTuple(heap, {empty, empty, self});
    return MakeTuple(heap, {self, empty, empty});
  }
  const size_t after = found + separator.size();
  return MakeTuple(heap, {Part(heap, self, 0, found), Part(heap, self, found, after),
                          Part(heap, self, after, text.size())});
}

Value Strip(Heap& heap, const Value& self, Method method, const Arguments& arguments) {
  const Values bound = Bind(MethodName(method), {"/chars"}, 0, arguments);
  return StripText(heap, self, bound[0], method != Method::kRStrip, method != Method::kLStrip);
}

}  // namespace

Value StripText(Heap& heap, const Value& self, const Value& characters, bool left, bool right) {
  const std::string_view text = self.bytes();
  heap.SpendBytes(text.size());
  size_t begin = 0;
  size_t end = text.size();
  if (characters.is_missing() || characters.is_none()) {
    if (right) end = StripRightSpace(text);
    if (left) begin = StripLeftSpace(text.substr(0, end));
    return Part(heap, self, begin, end);
  }
  if (!characters.is_string()) {
    RaiseTypeError(StrCat("strip arg must be None or str, not ", TypeName(characters)));
  }
  heap.SpendBytes(characters.text().size() * 8);
  std::set<char32_t> set;
  for (size_t at = 0; at < characters.text().size();) {
    const Character character = CharacterAt(characters.bytes(), at);
    set.insert(character.code_point);
    at = character.end;
  }
  while (left && begin < end) {
    const Character character = CharacterAt(text, begin);
    if (!set.contains(character.code_point)) break;
    begin = character.end;
  }
  while (right && end > begin) {
    const size_t previous = PreviousCharacter(text, end);
    if (!set.contains(CharacterAt(text, previous).code_point)) break;
    end = previous;
  }
  return Part(heap, self, begin, end);
}

Values SplitAtSpaces(Heap& heap, const Value& self, int64_t most) {
  const std::string_view text = self.bytes();
  heap.SpendBytes(text.size());
  Values parts;
  size_t begin = StripLeftSpace(text);
  while (begin < text.size()) {
    heap.Spend(1);
    if (most >= 0 && static_cast<int64_t>(parts.size()) == most) {
      parts.push_back(Part(heap, self, begin, text.size()));
      break;
    }
    size_t end = begin;
    while (end < text.size()) {
      const Character character = CharacterAt(text, end);
      if (IsSpace(character.code_point)) break;
      end = character.end;
    }
    parts.push_back(Part(heap, self, begin, end));
    begin = end + StripLeftSpace(text.substr(end));
  }
  return parts;
}

Values SplitLines(Heap& heap, const Value& self, bool keep_ends) {
  const std::string_view text = self.bytes();
  heap.SpendBytes(text.size() * 2);
  Values lines;
  size_t begin = 0;
  for (size_t at = 0; at < text.size();) {
    const Character character = CharacterAt(text, at);
    if (!IsLineBreak(character.code_point)) {
      at = character.end;
      continue;
    }
    size_t end = character.end;
    if (character.code_point == '\r' && end < text.size() && text[end] == '\n') ++end;
    heap.Spend(1);
    lines.push_back(Part(heap, self, begin, keep_ends ? end : at));
    begin = at = end;
  }
  if (begin < text.size()) lines.push_back(Part(heap, self, begin, text.size()));
  return lines;
}

Value ReplaceText(Heap& heap, const Text& text, const Text& old_text, const Text& new_text,
                  int64_t count, bool is_markup) {
  heap.SpendBytes(text.size());
  Text result;
  const auto room = [&] {
    heap.Spend(1);
    heap.CheckRoom(result.memory() * 2 + new_text.memory());
  };
  size_t at = 0;
  if (old_text.empty()) {
    // Before each character and at the end.
    while (count != 0) {
      room();
      result.Append(new_text);
      --count;
      if (at == text.size()) break;
      const size_t end = CharacterAt(text.bytes(), at).end;
      result.Append(text, at, end);
      at = end;
    }
  } else {
    for (; count != 0; --count) {
      const size_t found = FindBytes(text.bytes(), old_text.bytes(), at);
      if (found == std::string_view::npos) break;
      room();
      result.Append(text, at, found);
      result.Append(new_text);
      at = found + old_text.size();
    }
  }
  result.Append(text, at, text.size());
  return MakeString(heap, std::move(result), is_markup);
}

Value JoinTexts(Heap& heap, const Text& separator, const Values& items) {
  size_t size = 0;
  for (const Value& item : items) size += item.text().memory() + separator.memory();
  heap.Spend(static_cast<int64_t>(items.size() / 8));
  heap.CheckRoom(size);
  Text result;
  bool first = true;
  for (const Value& item : items) {
    if (!first) result.Append(separator);
    first = false;
    result.Append(item.text());
  }
  return MakeString(heap, std::move(result));
}

Value CallSplittingMethod(Heap& heap, const Value& self, Method method,
                          const Arguments& arguments) {
  switch (method) {
    case Method::kSplit:
      return Split(heap, self, /*from_right=*/false, arguments);
    case Method::kRSplit:
      return Split(heap, self, /*from_right=*/true, arguments);
    case Method::kPartition:
      return Partition(heap, self, /*from_right=*/false, arguments);
    case Method::kRPartition:
      return Partition(heap, self, /*from_right=*/true, arguments);
    case Method::kSplitLines: {
      const Values bound = Bind("splitlines", {"keepends"}, 0, arguments);
      return MakeList(
          heap, SplitLines(heap, self, !bound[0].is_missing() && RequireInteger(bound[0]) != 0));
    }
    default:
      return Strip(heap, self, method, arguments);
  }
}

}  // namespace firstlight::jinja
