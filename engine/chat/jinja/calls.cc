#include <algorithm>
#include <ctime>
#include <limits>
#include <string>
#include <utility>

#include "engine/chat/jinja/evaluator.h"
#include "engine/chat/jinja/evaluator_guards.h"
#include "engine/chat/jinja/iterators.h"
#include "engine/chat/jinja/operators.h"
#include "engine/chat/jinja/template_error.h"
#include "loader/base/strings.h"

namespace firstlight::jinja {
namespace {

// jinja2's sandbox allows no larger one.
constexpr uint64_t kMaxRange = 100'000;

Value MakeRange(Heap& heap, const Arguments& arguments) {
  const Values& given = arguments.positional;
  if (!arguments.keywords.empty()) RaiseTypeError("range() takes no keyword arguments");
  if (given.empty()) RaiseTypeError("range expected at least 1 argument, got 0");
  if (given.size() > 3) {
    RaiseTypeError(StrCat("range expected at most 3 arguments, got ", given.size()));
  }
  for (const Value& value : given) {
    if (value.is_undefined()) {
      RaiseTypeError("'Undefined' object cannot be interpreted as an integer");
    }
  }
  const int64_t start = given.size() == 1 ? 0 : RequireInteger(given[0]);
  const int64_t stop = RequireInteger(given[given.size() == 1 ? 0 : 1]);
  const int64_t step = given.size() == 3 ? RequireInteger(given[2]) : 1;
  if (step == 0) RaiseValueError("range() arg 3 must not be zero");
  // Distances as unsigned numbers, which no difference of two 64-bit integers overflows.
  uint64_t length = 0;
  if (step > 0 && start < stop) {
    length = (static_cast<uint64_t>(stop) - static_cast<uint64_t>(start) - 1) /
                 static_cast<uint64_t>(step) +
             1;
  } else if (step < 0 && start > stop) {
    length = (static_cast<uint64_t>(start) - static_cast<uint64_t>(stop) - 1) /
                 (~static_cast<uint64_t>(step) + 1) +
             1;
  }
  if (length > kMaxRange) {
    throw TemplateError("OverflowError",
                        StrCat("Range too big. The sandbox blocks ranges larger than MAX_RANGE (",
                               kMaxRange, ")."));
  }
  return Value(Kind::kRange,
               new RangeObject(heap, start, stop, step, static_cast<int64_t>(length)));
}

// A keyword's name as a str.
Value NameOf(Heap& heap, std::string_view keyword, const Arguments& arguments) {
  heap.CheckRoom(keyword.size());
  heap.SpendCopy(keyword.size());
  return MakeString(heap, Text(std::string(keyword), arguments.names_are_data));
}

}  // namespace

Value Evaluator::Call(const Value& callee, const Arguments& arguments) {
  heap_.Spend(1);
  switch (callee.kind()) {
    case Kind::kUndefined:
      callee.undefined().Fail();
    case Kind::kFunction: {
      const FunctionObject& function = callee.function();
      if (function.statement() != nullptr) return CallMacro(function, arguments);
      if (function.global() != GlobalFunction::kNone) {
        return CallGlobal(function.global(), arguments);
      }
      return CallBoundMethod(function, arguments);
    }
    case Kind::kLoop:
      return CallLoop(callee.loop(), arguments);
    case Kind::kJoiner:
      Bind("joiner", {}, 0, arguments);
      return callee.joiner().Next();
    default:
      RaiseTypeError(StrCat("'", TypeName(callee), "' object is not callable"));
  }
}

Value Evaluator::CallBoundMethod(const FunctionObject& function, const Arguments& arguments) {
  switch (function.method()) {
    case Method::kLoopCycle:
      return function.self().loop().Cycle(arguments);
    case Method::kLoopChanged:
      return function.self().loop().Changed(arguments);
    case Method::kCyclerNext:
      Bind("next", {}, 0, arguments);
      return function.self().cycler().Next();
    case Method::kCyclerReset:
      Bind("reset", {}, 0, arguments);
      function.self().cycler().Reset();
      return Value::None();
    default:
      return CallMethod(heap_, function.self(), function.method(), arguments);
  }
}

// dict(...): of a mapping or of pairs, and keyword arguments.
Value Evaluator::MakeDictFrom(const Arguments& arguments) {
  if (arguments.positional.size() > 1) {
    RaiseTypeError(StrCat("dict expected at most 1 argument, got ", arguments.positional.size()));
  }
  Value dict = MakeDict(heap_);
  if (!arguments.positional.empty()) {
    const Value& source = arguments.positional[0];
    if (source.is_undefined()) {
      // It has a method `keys`, as it has any.
      source.undefined().Fail();
    }
    if (source.is_dict()) {
      for (const auto& [key, value] : source.dict().entries()) {
        heap_.Spend(1);
        dict.dict().Set(key, value);
      }
    } else {
      int64_t index = 0;
      for (const Value& pair : Collect(heap_, source)) {
        if (!IsIterable(pair)) {
          RaiseTypeError(StrCat("cannot convert dictionary update sequence element #", index,
                                " to a sequence"));
        }
        const Values items = Collect(heap_, pair);
        if (items.size() != 2) {
          RaiseValueError(StrCat("dictionary update sequence element #", index, " has length ",
                                 items.size(), "; 2 is required"));
        }
        dict.dict().Set(items[0], items[1]);
        ++index;
      }
    }
  }
  for (const auto& [name, value] : arguments.keywords) {
    dict.dict().Set(NameOf(heap_, name, arguments), value);
  }
  return dict;
}

Value Evaluator::CallGlobal(GlobalFunction function, const Arguments& arguments) {
  switch (function) {
    case GlobalFunction::kRange:
      return MakeRange(heap_, arguments);
    case GlobalFunction::kDict:
      return MakeDictFrom(arguments);
    case GlobalFunction::kNamespace: {
      const Value attributes = MakeDictFrom(arguments);
      for (const auto& [name, value] : attributes.dict().entries()) {
        if (name.is_string() && name.bytes().starts_with('_')) {
          throw TemplateError(
              "SecurityError",
              StrCat("Chat templates cannot store underscore-prefixed attributes on a namespace, "
                     "but got ",
                     Repr(name).ReleaseBytes(), ". Please rename the attribute."));
        }
      }
      return Value(Kind::kNamespace, new NamespaceObject(heap_, attributes));
    }
    case GlobalFunction::kJoiner: {
      const Values bound = Bind("Joiner.__init__", {"sep"}, 0, arguments);
      return Value(Kind::kJoiner,
                   new JoinerObject(heap_, OrElse(bound[0], MakeString(heap_, ", "))));
    }
    case GlobalFunction::kCycler:
      if (!arguments.keywords.empty()) {
        RaiseTypeError(StrCat("Cycler.__init__() got an unexpected keyword argument '",
                              arguments.keywords[0].first, "'"));
      }
      if (arguments.positional.empty()) {
        throw TemplateError("RuntimeError", "at least one item has to be provided");
      }
      return Value(Kind::kCycler, new CyclerObject(heap_, arguments.positional));
    case GlobalFunction::kRaiseException: {
      const Values bound = Bind("raise_exception", {"message"}, 1, arguments);
      throw TemplateError("TemplateError", Str(bound[0]).ReleaseBytes());
    }
    case GlobalFunction::kStrftimeNow:
      return StrftimeNow(arguments);
    case GlobalFunction::kLipsum:
    case GlobalFunction::kNone:
      break;
  }
  throw TemplateError::Unimplemented("the function \"lipsum\" is not implemented");
}

Value Evaluator::StrftimeNow(const Arguments& arguments) {
  const Values bound = Bind("strftime_now", {"format"}, 1, arguments);
  if (!bound[0].is_string()) {
    RaiseTypeError(StrCat("strftime() argument 1 must be str, not ", TypeName(bound[0])));
  }
  const Text& format = bound[0].text();
  constexpr size_t kMaxFormat = 4096;
  if (format.size() > kMaxFormat) RaiseValueError("the format of a time is too long");
  heap_.Spend(static_cast<int64_t>(format.size()) * 2);
  // Python's datetime answers these itself, for a time without a zone.
  std::string prepared;
  for (size_t i = 0; i < format.size(); ++i) {
    const char c = format.bytes()[i];
    if (c != '%' || i + 1 == format.size()) {
      prepared.push_back(c);
      continue;
    }
    const char code = format.bytes()[++i];
    if (code == 'f') {
      const int64_t microseconds =
          absl::ToInt64Microseconds(options_.now - absl::FromTimeT(absl::ToTimeT(options_.now)));
      const std::string digits = StrCat(microseconds);
      prepared.append(std::string(6 - std::min<size_t>(digits.size(), 6), '0')).append(digits);
    } else if (code != 'z' && code != 'Z') {
      prepared.push_back('%');
      prepared.push_back(code);
    }
  }
  if (prepared.empty()) return MakeString(heap_, "");
  const std::tm time = absl::ToTM(options_.now, options_.time_zone);
  // A mark at the end tells an empty result from one that does not fit.
  prepared.push_back('.');
  std::string result(prepared.size() * 64, '\0');
  result.resize(std::strftime(result.data(), result.size(), prepared.c_str(), &time));
  if (!result.empty()) result.pop_back();
  return MakeString(heap_, Text(std::move(result), format.has_data()));
}

Value Evaluator::CallLoop(LoopObject& loop, const Arguments& arguments) {
  const Values bound = Bind("LoopContext.__call__", {"iterable"}, 1, arguments);
  if (!loop.statement().recursive) {
    RaiseTypeError("The loop must have the 'recursive' marker to be called recursively.");
  }
  const CallDepth depth(*this);
  Capture capture(*this);
  RunLoop(loop.statement(), loop.scope(), bound[0], loop.depth_from_zero() + 1);
  return MakeString(heap_, capture.Take());
}

// jinja2's Macro.__call__, step by step.
Value Evaluator::CallMacro(const FunctionObject& macro, const Arguments& arguments) {
  const Statement& statement = *macro.statement();
  const CallDepth depth(*this);
  if (statement.kind == StatementKind::kBlock) {
    Bind("BlockReference.__call__", {}, 0, arguments);
    return MakeString(heap_, RunBlock(statement, visible_));
  }
  const std::string name = statement.kind == StatementKind::kMacro
                               ? StrCat("'", statement.name, "'")
                               : std::string("None");
  const std::vector<Parameter>& parameters = statement.parameters;
  const Scope scope = Enter(statement.layout, macro.scope());
  std::vector<std::pair<std::string_view, Value>> keywords = arguments.keywords;
  heap_.Spend(static_cast<int64_t>(parameters.size() + keywords.size()));
  const auto take = [this, &keywords](const std::string& wanted) {
    heap_.Spend(static_cast<int64_t>(keywords.size() / 8));
    const auto found = std::find_if(keywords.begin(), keywords.end(),
                                    [&](const auto& keyword) { return keyword.first == wanted; });
    if (found == keywords.end()) return Value();
    Value value = std::move(found->second);
    keywords.erase(found);
    return value;
  };
  const size_t given = std::min(arguments.positional.size(), parameters.size());
  bool found_caller = false;
  for (size_t i = 0; i < parameters.size(); ++i) {
    const bool positional = i < given;
    if (parameters[i].name == "caller" && (!positional || given == parameters.size())) {
      found_caller = true;
    }
    scope->At(parameters[i].slot) = positional ? arguments.positional[i] : take(parameters[i].name);
  }
  if (statement.caller_slot >= 0 && !found_caller) {
    Value caller = take("caller");
    if (caller.is_missing() || caller.is_none()) {
      caller = MakeUndefined(heap_, "No caller defined");
    }
    scope->At(statement.caller_slot) = std::move(caller);
  }
  if (statement.kwargs_slot >= 0) {
    Value dict = MakeDict(heap_);
    for (auto& [keyword, value] : keywords) {
      dict.dict().Set(NameOf(heap_, keyword, arguments), std::move(value));
    }
    scope->At(statement.kwargs_slot) = std::move(dict);
  } else if (!keywords.empty()) {
    for (const auto& [keyword, value] : keywords) {
      if (keyword == "caller") {
        RaiseTypeError(StrCat("macro ", name,
                              " was invoked with two values for the special caller argument. This "
                              "is most likely a bug."));
      }
    }
    RaiseTypeError(StrCat("macro ", name, " takes no keyword argument '", keywords[0].first, "'"));
  }
  if (statement.varargs_slot >= 0) {
    scope->At(statement.varargs_slot) =
        MakeTuple(heap_, Values(arguments.positional.begin() + static_cast<ptrdiff_t>(given),
                                arguments.positional.end()));
  } else if (arguments.positional.size() > parameters.size()) {
    RaiseTypeError(
        StrCat("macro ", name, " takes not more than ", parameters.size(), " argument(s)"));
  }
  Capture capture(*this);
  for (const Parameter& parameter : parameters) {
    Value& place = scope->At(parameter.slot);
    if (!place.is_missing()) continue;
    if (parameter.default_value != nullptr) {
      Value value = Evaluate(*parameter.default_value, scope);
      scope->At(parameter.slot) = std::move(value);
    } else {
      place = MakeUndefined(heap_, StrCat("parameter '", parameter.name, "' was not provided"));
    }
  }
  Execute(statement.body, scope);
  return MakeString(heap_, capture.Take());
}

}  // namespace firstlight::jinja
