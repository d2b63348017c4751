#include "engine/tokenizer/cache/tokenizer_cache.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/engine/tokenizer/test_support.h"
#include "tests/loader/status_matchers.h"
#include "tests/loader/temporary_directory.h"

namespace firstlight {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Origin = TokenizerCache::Origin;

// A process: its cache, and what it was told.
struct Process {
  explicit Process(std::string directory)
      : cache({.directory = std::move(directory),
               .on_opened = [this](const TokenizerCache::Opened& o) { opened.push_back(o); }}) {}

  std::shared_ptr<const Tokenizer> Open(const std::filesystem::path& checkpoint) {
    auto tokenizer = cache.Open(checkpoint);
    EXPECT_THAT(tokenizer, IsOk());
    return tokenizer.ok() ? *tokenizer : nullptr;
  }

  std::vector<TokenizerCache::Opened> opened;
  TokenizerCache cache;
};

class TokenizerCacheTest : public ::testing::Test {
 protected:
  // A checkpoint of its own, of the files of that test vocabulary.
  std::string MakeCheckpoint(const std::string& name, const std::string& tokenizer = "byte_level") {
    const std::string path = directory_.File(name);
    std::filesystem::create_directories(path);
    for (const auto& file : std::filesystem::directory_iterator(TestDataDirectory() / tokenizer)) {
      if (file.path().filename() == "golden.json") continue;
      std::filesystem::copy(file.path(), path + "/" + file.path().filename().string());
    }
    return path;
  }

  std::string cache() const { return directory_.File("cache"); }

  std::vector<std::filesystem::path> CacheFiles(const std::string& extension) const {
    std::vector<std::filesystem::path> files;
    std::error_code none;
    for (const auto& file : std::filesystem::directory_iterator(cache() + "/tokenizers", none)) {
      if (file.path().extension() == extension) files.push_back(file.path());
    }
    return files;
  }

  // Opens it as a new process would: where it came from.
  Origin Start(const std::string& checkpoint) {
    Process process(cache());
    EXPECT_EQ(process.Open(checkpoint)->Encode("hello").value(), hello_);
    return process.opened.at(0).origin;
  }

  const TemporaryDirectory directory_;
  const std::vector<int32_t> hello_ =
      Process("").Open(TestDataDirectory() / "byte_level")->Encode("hello").value();
};

TEST_F(TokenizerCacheTest, TheSecondStartMapsWhatTheFirstOneBuilt) {
  const std::string checkpoint = MakeCheckpoint("a");
  EXPECT_EQ(Start(checkpoint), Origin::kFiles);
  EXPECT_THAT(CacheFiles(".image"), SizeIs(1));
  EXPECT_EQ(Start(checkpoint), Origin::kImage);
}

// The first process uses the image too, and gives the memory of what it built back.
TEST_F(TokenizerCacheTest, WhatIsBuiltIsReplacedByItsImage) {
  Process process(cache());
  EXPECT_LT(process.Open(MakeCheckpoint("a"))->memory_bytes(), 64 * 1024);
  EXPECT_TRUE(absl::IsNotFound(process.opened.at(0).image_status));
  EXPECT_EQ(process.opened.at(0).image_path, CacheFiles(".image").at(0));
}

TEST_F(TokenizerCacheTest, SharesByContent) {
  Process process(cache());
  const auto a = process.Open(MakeCheckpoint("a"));
  const auto b = process.Open(MakeCheckpoint("b"));
  const auto other = process.Open(MakeCheckpoint("c", "metaspace"));
  EXPECT_EQ(a, b);
  EXPECT_NE(a, other);
  EXPECT_EQ(process.opened.at(1).origin, Origin::kShared);
  EXPECT_EQ(process.opened.at(2).origin, Origin::kFiles);
}

TEST_F(TokenizerCacheTest, SharesWithoutADirectory) {
  Process process("");
  const auto a = process.Open(MakeCheckpoint("a"));
  EXPECT_EQ(a, process.Open(MakeCheckpoint("b")));
  EXPECT_EQ(process.opened.at(0).image_path, "");
}

TEST_F(TokenizerCacheTest, KeepsNothingAlive) {
  Process process(cache());
  std::shared_ptr<const Tokenizer> tokenizer = process.Open(MakeCheckpoint("a"));
  const std::weak_ptr<const Tokenizer> weak = tokenizer;
  tokenizer.reset();
  EXPECT_TRUE(weak.expired());
  process.Open(directory_.File("a"));
  EXPECT_EQ(process.opened.at(1).origin, Origin::kImage);
}

// Whoever has it finds that out for himself; nobody else gets it.
TEST_F(TokenizerCacheTest, ADamagedTokenizerIsNotShared) {
  Process process(cache());
  const std::string checkpoint = MakeCheckpoint("a");
  const auto damaged = process.Open(checkpoint);
  std::filesystem::resize_file(CacheFiles(".image").at(0), 4096);
  const auto good = process.Open(checkpoint);
  EXPECT_NE(good, damaged);
  EXPECT_EQ(good->Encode("hello").value(), hello_);
  EXPECT_EQ(process.Open(checkpoint), good);
}

TEST_F(TokenizerCacheTest, ConcurrentOpensMakeOne) {
  const std::string a = MakeCheckpoint("a");
  const std::string b = MakeCheckpoint("b");
  std::atomic<int> made = 0;
  TokenizerCache cache({.on_opened = [&](const TokenizerCache::Opened& opened) {
    made += opened.origin != Origin::kShared ? 1 : 0;
  }});
  std::vector<std::shared_ptr<const Tokenizer>> tokenizers(8);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < tokenizers.size(); ++i) {
    threads.emplace_back([&, i] { tokenizers[i] = cache.Open(i % 2 == 0 ? a : b).value(); });
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto& tokenizer : tokenizers) EXPECT_EQ(tokenizer, tokenizers[0]);
  EXPECT_EQ(made, 1);
}

TEST_F(TokenizerCacheTest, AChangedFileIsAnotherTokenizer) {
  const std::string checkpoint = MakeCheckpoint("a");
  EXPECT_EQ(Start(checkpoint), Origin::kFiles);
  // Of the same size, with its times put back: the time of change tells.
  const std::string path = checkpoint + "/tokenizer.json";
  const auto time = std::filesystem::last_write_time(path);
  {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    const size_t at = text.find("\"version\":\"1.0\"");
    ASSERT_NE(at, std::string::npos);
    file.clear();
    file.seekp(static_cast<std::streamoff>(at) + 11);
    file << "2";
  }
  std::filesystem::last_write_time(path, time);
  EXPECT_EQ(Start(checkpoint), Origin::kFiles);
  EXPECT_THAT(CacheFiles(".image"), SizeIs(2));
}

// A file could be written twice within one tick of the clock that stamps it.
TEST_F(TokenizerCacheTest, WhatHasJustBeenWrittenIsReadAgain) {
  EXPECT_EQ(Start(MakeCheckpoint("a")), Origin::kFiles);
  EXPECT_THAT(CacheFiles(".sources"), IsEmpty());
}

TEST_F(TokenizerCacheTest, WhatHasSettledIsNotReadAgain) {
  const std::string settled = TestDataDirectory() / "byte_level";
  EXPECT_EQ(Start(settled), Origin::kFiles);
  ASSERT_THAT(CacheFiles(".sources"), SizeIs(1));
  EXPECT_EQ(Start(settled), Origin::kImage);
  // A name whose contents are not its own is no name.
  std::ofstream(CacheFiles(".sources")[0], std::ios::binary | std::ios::app) << "x";
  EXPECT_EQ(Start(settled), Origin::kImage);
}

TEST_F(TokenizerCacheTest, DamagedImagesAreMadeAgain) {
  const std::string checkpoint = MakeCheckpoint("a");
  EXPECT_EQ(Start(checkpoint), Origin::kFiles);
  const std::string image = CacheFiles(".image").at(0);
  const auto size = std::filesystem::file_size(image);
  const std::vector<std::function<void()>> damages = {
      [&] { std::filesystem::resize_file(image, 0); },
      [&] { std::filesystem::resize_file(image, size / 2); },
      [&] { std::ofstream(image, std::ios::binary) << std::string(size, 'x'); },
      [&] {
        std::fstream file(image, std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(static_cast<std::streamoff>(size / 2));
        file << "damage";
      },
      // Another checkpoint's, whole.
      [&] {
        Start(checkpoint);
        Process(cache()).Open(MakeCheckpoint("other", "metaspace"));
        for (const auto& other : CacheFiles(".image")) {
          if (other == image) continue;
          std::filesystem::remove(image);
          std::filesystem::rename(other, image);
        }
      },
  };
  for (size_t i = 0; i < damages.size(); ++i) {
    SCOPED_TRACE(i);
    damages[i]();
    EXPECT_EQ(Start(checkpoint), Origin::kFiles);
    EXPECT_EQ(Start(checkpoint), Origin::kImage);
  }
}

TEST_F(TokenizerCacheTest, AnImageThatOthersMayWriteIsNotUsed) {
  const std::string checkpoint = MakeCheckpoint("a");
  EXPECT_EQ(Start(checkpoint), Origin::kFiles);
  ASSERT_EQ(chmod(CacheFiles(".image").at(0).c_str(), 0664), 0);
  Process process(cache());
  process.Open(checkpoint);
  EXPECT_EQ(process.opened.at(0).origin, Origin::kFiles);
  EXPECT_THAT(process.opened.at(0).image_status,
              StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("only its owner")));
  EXPECT_EQ(Start(checkpoint), Origin::kImage);
}

TEST_F(TokenizerCacheTest, AnImageOfAnotherUserIsNotUsed) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  const std::string checkpoint = MakeCheckpoint("a");
  EXPECT_EQ(Start(checkpoint), Origin::kFiles);
  ASSERT_EQ(chown(CacheFiles(".image").at(0).c_str(), 12345, 12345), 0);
  Process process(cache());
  process.Open(checkpoint);
  EXPECT_EQ(process.opened.at(0).origin, Origin::kFiles);
  EXPECT_THAT(process.opened.at(0).image_status,
              StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("user 12345")));
  EXPECT_EQ(Start(checkpoint), Origin::kImage);
}

TEST_F(TokenizerCacheTest, ADirectoryThatCannotBeIsNone) {
  directory_.Write("cache", "a file");
  Process process(cache());
  EXPECT_EQ(process.Open(MakeCheckpoint("a"))->Encode("hello").value(), hello_);
  EXPECT_FALSE(process.opened.at(0).image_status.ok());
}

TEST_F(TokenizerCacheTest, NoTokenizer) {
  EXPECT_THAT(Process(cache()).cache.Open(directory_.path()),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("no tokenizer")));
  const std::string broken = directory_.File("broken");
  directory_.Write("broken/tokenizer.json", "{");
  EXPECT_THAT(Process(cache()).cache.Open(broken),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("tokenizer.json")));
  EXPECT_THAT(CacheFiles(".image"), IsEmpty());
}

// A process of its own does `work`; how it ended.
template <typename Work>
int StatusOfFork(const Work& work) {
  const pid_t child = fork();
  if (child == 0) {
    work();
    _exit(0);
  }
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return status;
}

// The system ends a process in the very write that crosses the limit.
TEST_F(TokenizerCacheTest, KilledInTheMiddleOfAWrite) {
  const std::string checkpoint = MakeCheckpoint("a");
  Start(checkpoint);
  const std::string image = CacheFiles(".image").at(0);
  const auto size = std::filesystem::file_size(image);
  for (const rlim_t limit : {size_t{0}, size_t{1}, size / 2, size - 1}) {
    SCOPED_TRACE(limit);
    std::filesystem::remove_all(cache());
    const int status = StatusOfFork([&] {
      const rlimit no_core = {0, 0};
      const rlimit file_size = {limit, limit};
      setrlimit(RLIMIT_CORE, &no_core);
      setrlimit(RLIMIT_FSIZE, &file_size);
      TokenizerCache({.directory = cache()}).Open(checkpoint).IgnoreError();
    });
    ASSERT_TRUE(WIFSIGNALED(status));
    ASSERT_EQ(WTERMSIG(status), SIGXFSZ);
    EXPECT_FALSE(std::filesystem::exists(image));
    EXPECT_THAT(CacheFiles(".unfinished"), SizeIs(1));
    EXPECT_EQ(Start(checkpoint), Origin::kFiles);
    EXPECT_EQ(Start(checkpoint), Origin::kImage);
  }
}

// SIGKILL wherever it hits while images are written over and over.
TEST_F(TokenizerCacheTest, KilledWhileWriting) {
  const std::string checkpoint = MakeCheckpoint("a");
  for (int round = 0; round < 10; ++round) {
    std::filesystem::remove_all(cache());
    int pipe_ends[2];
    ASSERT_EQ(pipe(pipe_ends), 0);
    const pid_t child = fork();
    if (child == 0) {
      while (true) {
        TokenizerCache({.directory = cache()}).Open(checkpoint).IgnoreError();
        std::error_code ignored;
        std::filesystem::remove_all(cache(), ignored);
        if (write(pipe_ends[1], "x", 1) != 1) _exit(1);
      }
    }
    char byte = 0;
    for (int i = 0; i <= round; ++i) ASSERT_EQ(read(pipe_ends[0], &byte, 1), 1);
    ASSERT_EQ(kill(child, SIGKILL), 0);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    close(pipe_ends[0]);
    close(pipe_ends[1]);
    Start(checkpoint);
    EXPECT_EQ(Start(checkpoint), Origin::kImage);
  }
}

TEST_F(TokenizerCacheTest, LeftoversGoWhenTheyAreOld) {
  const std::string old_one = directory_.Write("cache/tokenizers/a.1.unfinished", "half");
  const std::string new_one = directory_.Write("cache/tokenizers/b.1.unfinished", "half");
  std::filesystem::last_write_time(
      old_one, std::filesystem::file_time_type::clock::now() - std::chrono::hours(2));
  Start(MakeCheckpoint("a"));
  EXPECT_FALSE(std::filesystem::exists(old_one));
  EXPECT_TRUE(std::filesystem::exists(new_one));
}

TEST_F(TokenizerCacheTest, WhatNobodyHasUsedForAMonthGoes) {
  const std::string used = MakeCheckpoint("used");
  Start(used);
  ASSERT_THAT(CacheFiles(".image"), SizeIs(1));
  const std::string unused = directory_.Write("cache/tokenizers/0a.image", "of a model long gone");
  const std::string foreign = directory_.Write("cache/tokenizers/notes.txt", "not ours");
  const auto age = [](const std::string& path) {
    const time_t then = time(nullptr) - 31 * 24 * 3600;
    const timespec times[] = {{.tv_sec = then, .tv_nsec = 0}, {.tv_sec = then, .tv_nsec = 0}};
    ASSERT_EQ(utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
  };
  age(unused);
  age(foreign);
  for (const std::string extension : {".image", ".sources"}) {
    for (const auto& file : CacheFiles(extension)) age(file);
  }
  EXPECT_EQ(Start(used), Origin::kImage);
  // Another tokenizer is written.
  Process process(cache());
  process.Open(MakeCheckpoint("other", "metaspace"));
  EXPECT_FALSE(std::filesystem::exists(unused));
  EXPECT_TRUE(std::filesystem::exists(foreign));
  EXPECT_EQ(Start(used), Origin::kImage);
}

// Processes that write one name at once leave one whole file.
TEST_F(TokenizerCacheTest, ConcurrentProcesses) {
  const std::string checkpoint = MakeCheckpoint("a");
  std::vector<pid_t> children;
  for (int i = 0; i < 4; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      for (int round = 0; round < 5; ++round) {
        const auto tokenizer = TokenizerCache({.directory = cache()}).Open(checkpoint);
        if (!tokenizer.ok() || (*tokenizer)->Encode("hello").value() != hello_) _exit(1);
        // Makes work for the others.
        for (const auto& image : CacheFiles(".image")) unlink(image.c_str());
      }
      _exit(0);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  Start(checkpoint);
  EXPECT_EQ(Start(checkpoint), Origin::kImage);
}

}  // namespace
}  // namespace firstlight
