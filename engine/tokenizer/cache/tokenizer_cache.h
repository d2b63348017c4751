#ifndef FIRSTLIGHT_ENGINE_TOKENIZER_CACHE_TOKENIZER_CACHE_H_
#define FIRSTLIGHT_ENGINE_TOKENIZER_CACHE_TOKENIZER_CACHE_H_

// The tokenizers of a process, each made once.
//
// Checkpoints whose tokenizer files hold the same share one tokenizer for as long as any of them
// has it. One that is not there yet is opened from its image in the cache directory
// (image/tokenizer_image.h), a millisecond or two whatever its size; where there is no image that
// can be used, it is built from its files and the image written, for the next process.
//
// In the directory, KEY.image is a tokenizer, named by what its files hold; NAME.sources says which
// KEY the files of one identity have (tokenizer_sources.h), so that a start does not read them.
//
// Thread-safe. The cache keeps no tokenizer alive and must not be destroyed while a call is under
// way; tokenizers may outlive it.

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "engine/tokenizer/cache/cache_directory.h"
#include "engine/tokenizer/cache/tokenizer_sources.h"
#include "engine/tokenizer/tokenizer.h"
#include "loader/base/blake2b.h"
#include "loader/base/mutex.h"

namespace firstlight {

class PipelineTokenizer;

class TokenizerCache {
 public:
  // How a tokenizer came about.
  enum class Origin {
    kShared,  // another checkpoint has it
    kImage,
    kFiles,
  };

  struct Opened {
    std::filesystem::path checkpoint;
    Origin origin = Origin::kFiles;
    // Its image; empty where none is kept.
    std::string image_path = {};
    // Whether the tokenizer uses it, be it there before or not.
    bool has_image = false;
    // Why it was not used as it was before (NOT_FOUND: there was none), or could not be written.
    absl::Status image_status = {};
    absl::Duration duration = {};
  };

  struct Options {
    // Of the images. Empty: none are kept.
    std::string directory = {};
    // Called with each tokenizer that was opened, on the thread that did.
    std::function<void(const Opened&)> on_opened = {};
  };

  explicit TokenizerCache(Options options);

  // The tokenizer of the checkpoint in `checkpoint`. Blocks while it is made, here or by another
  // thread: not for a thread that may not block. Errors as OpenTokenizer (tokenizer_factory.h); a
  // cache directory that cannot be used is none.
  absl::StatusOr<std::shared_ptr<const Tokenizer>> Open(const std::filesystem::path& checkpoint);

 private:
  struct Entry {
    bool being_made = false;
    std::weak_ptr<const Tokenizer> tokenizer = {};
  };
  struct Sources {
    TokenizerSourceIdentity identity;
    Blake2b::Digest key = {};
  };

  absl::StatusOr<Sources> FindSources(const std::filesystem::path& checkpoint) const;
  absl::StatusOr<std::shared_ptr<const Tokenizer>> Make(const Sources& sources,
                                                        Opened& opened) const;
  // Writes the image of `tokenizer` and returns the tokenizer that uses it; null where that fails.
  std::shared_ptr<const Tokenizer> ReplaceByImage(const PipelineTokenizer& tokenizer,
                                                  const Sources& sources, Opened& opened) const;

  const Options options_;
  // Nothing where no images are kept.
  const std::optional<CacheDirectory> directory_;

  Mutex mutex_;
  CondVar made_;
  std::map<Blake2b::Digest, Entry> entries_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_TOKENIZER_CACHE_TOKENIZER_CACHE_H_
