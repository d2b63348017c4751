#ifndef FIRSTLIGHT_TESTS_FUZZ_FUZZ_TARGETS_H_
#define FIRSTLIGHT_TESTS_FUZZ_FUZZ_TARGETS_H_

// One function for each kind of file that comes with a checkpoint, given any bytes at all:
// libFuzzer calls it with what it makes up (libfuzzer_entry.cc), replay_test.cc with what was once
// found.
//
// A function ends the process where a promise is broken that it can see (Require); sanitizers end
// it for the rest. Everything else, an error above all, is a good end.

#include <array>
#include <string_view>

namespace firstlight {

// A number of bytes of data, 8 bytes little-endian, and a header's JSON.
void FuzzSafetensors(std::string_view input);

// config.json, and again as generation_config.json.
void FuzzConfig(std::string_view input);

// tokenizer.json; behind a NUL, if there is one, tokenizer_config.json.
void FuzzTokenizerJson(std::string_view input);

// A Jinja template; behind a NUL, if there is one, a conversation as JSON: messages, tools,
// documents, chat_template_kwargs, add_generation_prompt, continue_final_message.
void FuzzChatTemplate(std::string_view input);

// A compiled tokenizer (engine/tokenizer/image/), whose checksums are made to fit.
void FuzzTokenizerImage(std::string_view input);

struct FuzzTarget {
  std::string_view name;  // of its folder in reproducers/, its dictionary and its program
  void (*run)(std::string_view input);
};

inline constexpr std::array<FuzzTarget, 5> kFuzzTargets = {{
    {"safetensors", FuzzSafetensors},
    {"config", FuzzConfig},
    {"tokenizer_json", FuzzTokenizerJson},
    {"chat_template", FuzzChatTemplate},
    {"tokenizer_image", FuzzTokenizerImage},
}};

}  // namespace firstlight

#endif  // FIRSTLIGHT_TESTS_FUZZ_FUZZ_TARGETS_H_
