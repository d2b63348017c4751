#ifndef FIRSTLIGHT_CLIENT_GENERATION_PRINTER_H_
#define FIRSTLIGHT_CLIENT_GENERATION_PRINTER_H_

// Shows a stream of generation to a person: text on stdout as it comes, figures on stderr.
//
// With several sequences the first one streams; the others are kept and printed whole once they
// have finished, each after a line with its number.

#include <cstdint>
#include <map>
#include <string>

#include "firstlight/v1/generation.pb.h"

namespace firstlight {

class GenerationPrinter {
 public:
  struct Options {
    bool token_ids = false;  // ids in place of text
    bool logprobs = false;   // a line a token on stderr
  };

  explicit GenerationPrinter(const Options& options) : options_(options) {}

  void Add(const v1::GenerateResponse& response);

  // Ends the last line of text, then prints what is still kept. Called once.
  void End();

 private:
  void AddDelta(const v1::GenerationDelta& delta);

  const Options options_;
  char last_character_ = '\n';
  std::map<int32_t, std::string> kept_;   // sequences after the first
  std::map<int32_t, std::string> notes_;  // the figures of each finished sequence
};

// "12 prompt tokens, 24 generated (end of sequence); first token 31.0 ms, then 87.2 tokens/s".
std::string FiguresLine(const v1::GenerationFinished& finished);

}  // namespace firstlight

#endif  // FIRSTLIGHT_CLIENT_GENERATION_PRINTER_H_
