#ifndef FIRSTLIGHT_ENGINE_CHAT_JINJA_METHODS_H_
#define FIRSTLIGHT_ENGINE_CHAT_JINJA_METHODS_H_

// The methods that strings, lists, tuples, dicts and numbers have in Python.

#include <cstdint>
#include <string_view>

#include "engine/chat/jinja/arguments.h"
#include "engine/chat/jinja/value.h"

namespace firstlight::jinja {

enum class Method : uint8_t {
  kNone,
  // Changes its object, which the sandbox refuses.
  kMutating,
  // Of str.
  kCapitalize,
  kCasefold,
  kCenter,
  kCount,
  kEndsWith,
  kExpandTabs,
  kFind,
  kFormat,
  kFormatMap,
  kIndex,
  kIsAlnum,
  kIsAlpha,
  kIsAscii,
  kIsDecimal,
  kIsDigit,
  kIsIdentifier,
  kIsLower,
  kIsNumeric,
  kIsPrintable,
  kIsSpace,
  kIsTitle,
  kIsUpper,
  kJoin,
  kLJust,
  kLower,
  kLStrip,
  kPartition,
  kRemovePrefix,
  kRemoveSuffix,
  kReplace,
  kRFind,
  kRIndex,
  kRJust,
  kRPartition,
  kRSplit,
  kRStrip,
  kSplit,
  kSplitLines,
  kStartsWith,
  kStrip,
  kSwapCase,
  kTitle,
  kUpper,
  kZFill,
  // Python has it, this does not.
  kUnimplemented,
  // Of dict and list.
  kCopy,
  kFromKeys,
  kGet,
  kItems,
  kKeys,
  kValues,
  // Of numbers.
  kBitLength,
  kIsInteger,
  // Of what the language itself makes.
  kLoopCycle,
  kLoopChanged,
  kCyclerNext,
  kCyclerReset,
};

// The method that values of `kind` have by that name.
Method FindMethod(Kind kind, std::string_view name);

// Python's name of it.
std::string_view MethodName(Method method);

// self.method(...), for methods of str, list, tuple, dict and numbers.
Value CallMethod(Heap& heap, const Value& self, Method method, const Arguments& arguments);

// The parts of CallMethod.
Value CallStringMethod(Heap& heap, const Value& self, Method method, const Arguments& arguments);
// Of str.split and what is like it.
Value CallSplittingMethod(Heap& heap, const Value& self, Method method, const Arguments& arguments);

// Methods of str that filters share. Texts keep whether they are a Markup.
Value StripText(Heap& heap, const Value& text, const Value& characters, bool left, bool right);
Value ReplaceText(Heap& heap, const Text& text, const Text& old_text, const Text& new_text,
                  int64_t count, bool is_markup);
Value JoinTexts(Heap& heap, const Text& separator, const Values& items);
Values SplitLines(Heap& heap, const Value& text, bool keep_ends);
Values SplitAtSpaces(Heap& heap, const Value& text, int64_t most);
Value CenterText(Heap& heap, const Value& text, int64_t width);
// str.islower and str.isupper.
bool IsLowerText(std::string_view text);
bool IsUpperText(std::string_view text);

}  // namespace firstlight::jinja

#endif  // FIRSTLIGHT_ENGINE_CHAT_JINJA_METHODS_H_
