// The % operator of strings.

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>
#include <utility>

#include "engine/chat/jinja/attributes.h"
#include "engine/chat/jinja/format_spec.h"
#include "engine/chat/jinja/formatting.h"
#include "engine/chat/jinja/numbers.h"
#include "engine/chat/jinja/operators.h"
#include "engine/chat/jinja/template_error.h"
#include "engine/tokenizer/text/utf8.h"
#include "loader/base/strings.h"

namespace firstlight::jinja {
namespace {

class PercentFormatter {
 public:
  PercentFormatter(Heap& heap, const Value& format, const Value& arguments)
      : heap_(heap),
        format_(format.text()),
        is_markup_(format.string().is_markup()),
        arguments_(arguments),
        is_mapping_(!arguments.is_tuple() && !arguments.is_string() &&
                    (arguments.is_dict() || arguments.is_list() || arguments.is_undefined() ||
                     arguments.kind() == Kind::kRange)) {}

  Text Run() {
    const std::string_view bytes = format_.bytes();
    size_t plain = 0;
    while (true) {
      const size_t percent = bytes.find('%', plain);
      if (percent == std::string_view::npos) break;
      out_.Append(format_, plain, percent);
      position_ = percent + 1;
      Conversion();
      plain = position_;
      heap_.CheckRoom(out_.memory() * 2);
      heap_.Spend(1);
    }
    out_.Append(format_, plain, format_.size());
    const size_t given = arguments_.is_tuple() ? arguments_.items().size() : 1;
    if (!is_mapping_ && used_ < given) {
      RaiseTypeError("not all arguments converted during string formatting");
    }
    return std::move(out_);
  }

 private:
  char Peek() const {
    if (position_ >= format_.size()) RaiseValueError("incomplete format");
    return format_.bytes()[position_];
  }

  Value NextArgument() {
    if (keyed_) return key_argument_;
    if (arguments_.is_tuple()) {
      if (used_ >= arguments_.items().size()) {
        RaiseTypeError("not enough arguments for format string");
      }
      return arguments_.items()[used_++];
    }
    if (used_ >= 1) RaiseTypeError("not enough arguments for format string");
    ++used_;
    return arguments_;
  }

  void Key() {
    if (!is_mapping_) RaiseTypeError("format requires a mapping");
    const size_t begin = ++position_;
    int depth = 1;
    for (; depth > 0; ++position_) {
      if (position_ >= format_.size()) RaiseValueError("incomplete format key");
      const char c = format_.bytes()[position_];
      if (c == '(') ++depth;
      if (c == ')') --depth;
    }
    const std::string key = format_.bytes().substr(begin, position_ - 1 - begin);
    if (arguments_.is_undefined()) arguments_.undefined().Fail();
    if (!arguments_.is_dict()) {
      RaiseTypeError(StrCat(TypeName(arguments_), " indices must be integers or slices, not str"));
    }
    const Value* const found = arguments_.dict().Find(key);
    if (found == nullptr) {
      throw TemplateError("KeyError", Repr(MakeString(heap_, key)).ReleaseBytes());
    }
    key_argument_ = *found;
    keyed_ = true;
  }

  size_t Count(std::string_view what) {
    if (Peek() == '*') {
      ++position_;
      const Value value = NextArgument();
      if (!value.is_integer()) RaiseTypeError("* wants int");
      const int64_t count = value.integer();
      if (count < 0 && what == "width") {
        spec_.align = '<';
        return Bounded(static_cast<uint64_t>(-(count + 1)) + 1, what);
      }
      return Bounded(static_cast<uint64_t>(std::max<int64_t>(count, 0)), what);
    }
    uint64_t count = 0;
    while (Peek() >= '0' && Peek() <= '9') {
      count = Bounded(count * 10 + static_cast<uint64_t>(Peek() - '0'), what);
      ++position_;
    }
    return count;
  }

  static size_t Bounded(uint64_t count, std::string_view what) {
    constexpr uint64_t kMost = 1'000'000;
    if (count > kMost) RaiseValueError(StrCat(what, " too big"));
    return count;
  }

  void Conversion() {
    spec_ = FormatSpec();
    keyed_ = false;
    bool zero = false;
    if (Peek() == '(') Key();
    for (;; ++position_) {
      const char flag = Peek();
      if (flag == '-') {
        spec_.align = '<';
      } else if (flag == '+') {
        spec_.sign = '+';
      } else if (flag == ' ') {
        if (spec_.sign != '+') spec_.sign = ' ';
      } else if (flag == '#') {
        spec_.alternate = true;
      } else if (flag == '0') {
        zero = true;
      } else {
        break;
      }
    }
    spec_.width = Count("width");
    if (Peek() == '.') {
      ++position_;
      spec_.precision = static_cast<int>(Count("precision"));
    }
    if (Peek() == 'h' || Peek() == 'l' || Peek() == 'L') ++position_;
    const char type = Peek();
    if (type == '%') {
      ++position_;
      out_.Append("%");
      return;
    }
    const Value argument = NextArgument();
    if (zero && spec_.align == 0) {
      spec_.fill = "0";
      spec_.align = '=';
    }
    Convert(type, argument);
    ++position_;
  }

  void Convert(char type, const Value& argument) {
    switch (type) {
      case 's':
      case 'r':
      case 'a':
        TextConversion(type, argument);
        return;
      case 'd':
      case 'i':
      case 'u':
      case 'x':
      case 'X':
      case 'o':
        IntegerConversion(type, argument);
        return;
      case 'e':
      case 'E':
      case 'f':
      case 'F':
      case 'g':
      case 'G':
        if (argument.is_undefined()) argument.undefined().Fail();
        if (!argument.is_number()) {
          RaiseTypeError(StrCat("must be real number, not ", TypeName(argument)));
        }
        spec_.type = type;
        if (spec_.align == 0) spec_.align = '>';
        out_.Append(FormatFloat(
            heap_,
            argument.is_float() ? argument.number() : static_cast<double>(argument.integer()),
            spec_, argument.from_data()));
        return;
      case 'c':
        CharacterConversion(argument);
        return;
      default: {
        const Character character = CharacterAt(format_.bytes(), position_);
        std::string code;
        for (auto rest = static_cast<uint32_t>(character.code_point); rest != 0; rest /= 16) {
          code.insert(code.begin(), "0123456789abcdef"[rest % 16]);
        }
        const bool printable = character.code_point >= 0x20 && character.code_point < 0x7F;
        RaiseValueError(
            StrCat("unsupported format character '", printable ? std::string(1, type) : "?",
                   "' (0x", code, ") at index ",
                   CountCodePoints(std::string_view(format_.bytes()).substr(0, position_))));
      }
    }
  }

  void TextConversion(char type, const Value& argument) {
    Text text = type == 's' ? Str(argument) : Repr(argument);
    if (type == 'a') throw TemplateError::Unimplemented("the conversion %a is not implemented");
    const bool safe = type == 's' && argument.is_string() && argument.string().is_markup();
    if (is_markup_ && !safe) text = EscapeHtml(heap_, text);
    spec_.sign = '-';
    spec_.alternate = false;
    spec_.fill = " ";
    if (spec_.align != '<') spec_.align = '>';
    out_.Append(FormatText(heap_, text, spec_));
  }

  void IntegerConversion(char type, const Value& argument) {
    const bool decimal = type == 'd' || type == 'i' || type == 'u';
    if (decimal && argument.is_undefined()) argument.undefined().Fail();
    if (argument.kind() == Kind::kHugeInteger) {
      throw TemplateError::Unimplemented("integers of more than 64 bits are not implemented");
    }
    if (!argument.is_integer() && !(decimal && argument.is_float())) {
      RaiseTypeError(StrCat("%", std::string(1, type),
                            " format: ", decimal ? "a real number" : "an integer",
                            " is required, not ", TypeName(argument)));
    }
    const int64_t number =
        argument.is_float() ? TruncateToInteger(argument.number()) : argument.integer();
    spec_.type = decimal ? 'd' : type;
    if (spec_.align == 0) spec_.align = '>';
    FormatSpec digits = spec_;
    if (spec_.precision >= 0) {
      // At least as many digits, then spaces.
      digits.width = 0;
      digits.align = '>';
      std::string text = FormatInteger(heap_, number, digits, false).ReleaseBytes();
      const size_t start = text.find_first_not_of("+- ");
      const size_t prefix = spec_.alternate && !decimal ? 2 : 0;
      const size_t count = text.size() - start - prefix;
      const auto wanted = static_cast<size_t>(spec_.precision);
      if (count < wanted) text.insert(start + prefix, std::string(wanted - count, '0'));
      if (spec_.fill == "0" && text.size() < spec_.width) {
        text.insert(start + prefix, std::string(spec_.width - text.size(), '0'));
      }
      heap_.SpendCopy(text.size());
      FormatSpec around;
      around.width = spec_.width;
      around.align = spec_.align == '<' ? '<' : '>';
      out_.Append(FormatText(heap_, Text(std::move(text), argument.from_data()), around));
      return;
    }
    out_.Append(FormatInteger(heap_, number, digits, argument.from_data()));
  }

  void CharacterConversion(const Value& argument) {
    FormatSpec spec;
    spec.width = spec_.width;
    spec.align = spec_.align == '<' ? '<' : '>';
    if (argument.is_string() && argument.string().length() == 1) {
      out_.Append(FormatText(heap_, argument.text(), spec));
      return;
    }
    if (!argument.is_integer()) RaiseTypeError("%c requires int or char");
    const int64_t code_point = argument.integer();
    constexpr int64_t kLimit = 0x110000;
    if (code_point < 0 || code_point >= kLimit) {
      throw TemplateError("OverflowError", "%c arg not in range(0x110000)");
    }
    if (code_point >= 0xD800 && code_point < 0xE000) {
      throw TemplateError::Unimplemented("surrogates in strings are not implemented");
    }
    std::string text;
    AppendUtf8(static_cast<char32_t>(code_point), text);
    out_.Append(FormatText(heap_, Text(std::move(text), argument.from_data()), spec));
  }

  Heap& heap_;
  const Text& format_;
  const bool is_markup_;
  const Value& arguments_;
  const bool is_mapping_;
  Text out_;
  size_t position_ = 0;
  size_t used_ = 0;
  FormatSpec spec_;
  bool keyed_ = false;
  Value key_argument_;
};

}  // namespace

Value FormatPercent(Heap& heap, const Value& format, const Value& arguments) {
  heap.SpendBytes(format.text().size());
  return MakeString(heap, PercentFormatter(heap, format, arguments).Run(),
                    format.string().is_markup());
}

}  // namespace firstlight::jinja
