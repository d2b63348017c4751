// Files that change, vanish or fail under a running server: the real one, with another model under
// load, which must not notice.

#include <sys/mount.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/server/support/bystander.h"
#include "tests/server/support/checkpoints.h"
#include "tests/server/support/failing_file.h"
#include "tests/server/support/open_stream.h"
#include "tests/server/support/server_process.h"

namespace firstlight {
namespace {

using ::testing::HasSubstr;

constexpr char kWeights[] = "/model.safetensors";

// A server of "victim", whose files a test harms, and "bystander", which answers request after
// request from Start on.
class FaultTest : public ::testing::Test {
 protected:
  // Tokens that both models have generated, whose weights and prompts are the same.
  static constexpr int kTokens = 32;

  void Start(const std::string& victim, const std::vector<std::string>& more_arguments = {}) {
    victim_ = victim;
    const std::string bystander = CopyCheckpoint(GoldenCheckpoint(), directory_, "bystander");
    std::vector<std::string> arguments = {"--model", "victim=" + victim, "--model",
                                          "bystander=" + bystander};
    arguments.insert(arguments.end(), more_arguments.begin(), more_arguments.end());
    server_ = std::make_unique<ServerProcess>(std::move(arguments));
    ASSERT_TRUE(server_->AwaitServing()) << server_->log();
    bystander_ = std::make_unique<Bystander>(*server_, "bystander", kTokens);
  }

  // The bystander goes on, the process lives and ends when asked.
  void TearDown() override {
    if (bystander_ == nullptr) return;
    bystander_->AwaitAnswers();
    bystander_->Stop();
    EXPECT_TRUE(server_->running()) << server_->log();
    server_->Signal(SIGTERM);
    EXPECT_EQ(server_->WaitForExit().code, 0);
  }

  const std::vector<int32_t>& reference() const { return bystander_->tokens(); }
  void AwaitAnswers() { bystander_->AwaitAnswers(); }

  // The weights of `checkpoint` on a disk that the test has in its hands.
  absl::StatusOr<std::unique_ptr<FailingFile>> MountWeights(const std::string& checkpoint) const {
    return FailingFile::Mount(directory_.File("disk"), checkpoint + kWeights);
  }
  std::string CopyOnto(const FailingFile& disk, const std::string& checkpoint,
                       const std::string& name = "victim") const {
    return CopyWithWeightsElsewhere(checkpoint, directory_, name, disk.path());
  }

  Generated Ask(int max_tokens = kTokens) const {
    return RunGenerate(server_->Generation().get(), TokenRequest(max_tokens, "victim"));
  }

  // Requests of the victim end with DATA_LOSS and these words, and the model is FAILED.
  void ExpectFailed(const grpc::Status& status, const std::vector<std::string>& words) {
    EXPECT_EQ(status.error_code(), grpc::StatusCode::DATA_LOSS) << status.error_message();
    for (const std::string& word : words) EXPECT_THAT(status.error_message(), HasSubstr(word));
    EXPECT_EQ(status.error_message().find("DATA_LOSS"), std::string::npos);
    EXPECT_TRUE(server_->WaitForLog("state=FAILED")) << server_->log();
    const Generated again = Ask();
    EXPECT_EQ(again.status.error_code(), grpc::StatusCode::DATA_LOSS);
    EXPECT_EQ(ErrorInfoOf(again.status).reason(), "MODEL_FAILED");
    grpc::ClientContext context;
    grpc::health::v1::HealthCheckRequest request;
    grpc::health::v1::HealthCheckResponse response;
    request.set_service("victim");
    EXPECT_TRUE(server_->Health()->Check(&context, request, &response).ok());
    EXPECT_EQ(response.status(), grpc::health::v1::HealthCheckResponse::NOT_SERVING);
  }

  // As GetModel tells it.
  std::string Detached() const {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + kPatience));
    v1::GetModelRequest request;
    v1::GetModelResponse response;
    request.set_name("victim");
    EXPECT_TRUE(server_->Admin()->GetModel(&context, request, &response).ok());
    return response.model().detached();
  }

  // The victim answers as ever, and log and metrics say that its files are gone.
  void ExpectServesOn(const std::string& why) {
    EXPECT_TRUE(server_->WaitForLog("model detached")) << server_->log();
    EXPECT_THAT(server_->log(), HasSubstr(why));
    EXPECT_EQ(server_->Metric("firstlight_model_detached{model=\"victim\"}"), 1);
    EXPECT_THAT(Detached(), HasSubstr(why));
    const Generated answer = Ask();
    EXPECT_TRUE(answer.status.ok()) << answer.status.error_message();
    EXPECT_EQ(answer.token_ids(), reference());
  }

  // `victim`'s tokens are the first ones of what they should be. Longer than any test waits.
  void ExpectPrefixOfReference(const std::vector<int32_t>& tokens, const std::string& checkpoint) {
    ServerProcess sound({"--model", "victim=" + checkpoint});
    ASSERT_TRUE(sound.AwaitServing()) << sound.log();
    const Generated reference = RunGenerate(
        sound.Generation().get(), TokenRequest(static_cast<int>(tokens.size()), "victim"));
    ASSERT_TRUE(reference.status.ok()) << reference.status.error_message();
    EXPECT_EQ(tokens, reference.token_ids());
  }

  const TemporaryDirectory directory_;
  std::string victim_;
  std::unique_ptr<ServerProcess> server_;
  std::unique_ptr<Bystander> bystander_;
};

TEST_F(FaultTest, TruncatedBeforeARequest) {
  Start(CopyCheckpoint(GoldenCheckpoint(), directory_, "victim"));
  ASSERT_EQ(truncate((victim_ + kWeights).c_str(), 10000), 0);
  ExpectFailed(Ask().status, {"model.safetensors: expected", "found 10000", "truncated"});
}

TEST_F(FaultTest, OneShardTruncatedBetweenRequests) {
  Start(CopyCheckpoint(GoldenCheckpoint("llama-sharded"), directory_, "victim"));
  ASSERT_TRUE(Ask().status.ok());
  std::string shard;
  for (const auto& entry : std::filesystem::directory_iterator(victim_)) {
    if (entry.path().extension() == ".safetensors") shard = entry.path();
  }
  ASSERT_EQ(truncate(shard.c_str(), 5000), 0);
  ExpectFailed(Ask().status,
               {std::filesystem::path(shard).filename().string() + ": expected", "truncated"});
}

TEST_F(FaultTest, TruncatedDuringARequest) {
  const std::string sound = LongContextCheckpoint(directory_);
  Start(CopyCheckpoint(sound, directory_, "victim"));
  OpenStream stream(*server_, TokenRequest(500000, "victim"));
  ASSERT_TRUE(stream.ReadTokens(10));
  ASSERT_EQ(truncate((victim_ + kWeights).c_str(), 10000), 0);
  ExpectFailed(stream.ReadToEnd(), {"model.safetensors: expected", "truncated"});
  ExpectPrefixOfReference(stream.tokens(), sound);
}

TEST_F(FaultTest, OverwrittenInPlaceDuringARequest) {
  const std::string sound = LongContextCheckpoint(directory_);
  Start(CopyCheckpoint(sound, directory_, "victim"));
  OpenStream stream(*server_, TokenRequest(500000, "victim"));
  ASSERT_TRUE(stream.ReadTokens(10));
  {
    std::fstream file(victim_ + kWeights, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(20000);
    file << std::string(20000, '\1');
  }
  ExpectFailed(stream.ReadToEnd(), {"model.safetensors: expected modification time", "in place"});
  ExpectPrefixOfReference(stream.tokens(), sound);
}

TEST_F(FaultTest, DamageIsFoundWithoutARequest) {
  Start(CopyCheckpoint(GoldenCheckpoint(), directory_, "victim"));
  ASSERT_EQ(truncate((victim_ + kWeights).c_str(), 10000), 0);
  EXPECT_TRUE(server_->WaitForLog("state=FAILED")) << server_->log();
  ExpectFailed(Ask().status, {"truncated"});
}

TEST_F(FaultTest, ADamagedModelCanBeLoadedAgain) {
  const std::string sound = CopyCheckpoint(GoldenCheckpoint(), directory_, "sound");
  Start(CopyCheckpoint(GoldenCheckpoint(), directory_, "victim"));
  ASSERT_EQ(truncate((victim_ + kWeights).c_str(), 10000), 0);
  ExpectFailed(Ask().status, {"truncated"});
  std::filesystem::copy_file(sound + kWeights, victim_ + kWeights,
                             std::filesystem::copy_options::overwrite_existing);
  grpc::ClientContext context;
  v1::LoadModelRequest request;
  request.set_name("victim");
  request.set_directory(victim_);
  v1::LoadModelResponse response;
  const grpc::Status status = server_->Admin()->LoadModel(&context, request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(Ask().token_ids(), reference());
}

TEST_F(FaultTest, AnIoErrorUnderTheMapping) {
  const std::string checkpoint = LongContextCheckpoint(directory_);
  const auto file = MountWeights(checkpoint);
  if (!file.ok()) GTEST_SKIP() << file.status().message();
  Start(CopyOnto(**file, checkpoint));
  OpenStream stream(*server_, TokenRequest(500000, "victim"));
  ASSERT_TRUE(stream.ReadTokens(10));
  (*file)->Fail();
  ExpectFailed(stream.ReadToEnd(), {"model.safetensors: expected to read", "cannot be read"});
  ExpectPrefixOfReference(stream.tokens(), checkpoint);
}

TEST_F(FaultTest, ADiskSlowerThanTheDeadline) {
  const std::string checkpoint = GoldenCheckpoint();
  const auto file = MountWeights(checkpoint);
  if (!file.ok()) GTEST_SKIP() << file.status().message();
  Start(CopyOnto(**file, checkpoint));
  (*file)->Hold();
  OpenStream late(*server_, TokenRequest(kTokens, "victim"), absl::Seconds(2));
  EXPECT_TRUE((*file)->AwaitHeld(kPatience));
  AwaitAnswers();
  EXPECT_EQ(late.ReadToEnd().error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_TRUE(late.tokens().empty());
  AwaitAnswers();
  (*file)->Resume();
  const Generated answer = Ask();
  EXPECT_TRUE(answer.status.ok()) << answer.status.error_message();
  EXPECT_EQ(answer.token_ids(), reference());
}

// As a network's does whose server is gone: neither steps nor scrapes nor the admin wait for it.
TEST_F(FaultTest, AFileSystemThatStopsAnsweringStopsNobody) {
  const std::string checkpoint = GoldenCheckpoint();
  const auto file = MountWeights(checkpoint);
  if (!file.ok()) GTEST_SKIP() << file.status().message();
  Start(CopyOnto(**file, checkpoint));
  EXPECT_EQ(Ask().token_ids(), reference());
  (*file)->HoldAttributes();
  EXPECT_TRUE((*file)->AwaitHeld(kPatience));  // the watch asks
  OpenStream stream(*server_, TokenRequest(kTokens, "victim"), kPatience);
  EXPECT_TRUE(stream.ReadToEnd().ok());
  EXPECT_EQ(stream.tokens(), reference());
  EXPECT_EQ(Detached(), "");
  EXPECT_EQ(server_->Metric("firstlight_model_detached{model=\"victim\"}"), 0);
  AwaitAnswers();
  (*file)->Resume();
}

// Whatever number of models waits for such a file system, one that is on another is read.
TEST_F(FaultTest, AFileSystemThatStopsAnsweringHoldsUpNoColdModel) {
  const std::string checkpoint = GoldenCheckpoint();
  const auto file = MountWeights(checkpoint);
  if (!file.ok()) GTEST_SKIP() << file.status().message();
  std::vector<std::string> names;
  std::vector<std::string> arguments;
  for (int i = 0; i < 12; ++i) {
    names.push_back(absl::StrCat("stuck-", i));
    arguments.insert(
        arguments.end(),
        {"--model", absl::StrCat(names.back(), "=", CopyOnto(**file, checkpoint, names.back()))});
  }
  Start(CopyCheckpoint(checkpoint, directory_, "victim"), arguments);
  (*file)->Hold();
  (*file)->HoldAttributes();
  std::vector<std::unique_ptr<OpenStream>> late;
  for (const std::string& name : names) {
    late.push_back(std::make_unique<OpenStream>(*server_, TokenRequest(kTokens, name), kPatience));
  }
  EXPECT_TRUE((*file)->AwaitHeld(kPatience));
  // Nobody has read the victim so far.
  const Generated answer = Ask();
  EXPECT_TRUE(answer.status.ok()) << answer.status.error_message();
  EXPECT_EQ(answer.token_ids(), reference());
  AwaitAnswers();
  (*file)->Resume();
  for (const std::unique_ptr<OpenStream>& stream : late) {
    EXPECT_TRUE(stream->ReadToEnd().ok());
    EXPECT_EQ(stream->tokens(), reference());
  }
}

TEST_F(FaultTest, ReplacedByRenameItServesOn) {
  Start(CopyCheckpoint(GoldenCheckpoint(), directory_, "victim"));
  const std::string other = CopyCheckpoint(GoldenCheckpoint("llama-biases"), directory_, "other");
  std::filesystem::rename(other + kWeights, victim_ + kWeights);
  ExpectServesOn("replaced by another file");
}

TEST_F(FaultTest, DeletedItServesOn) {
  Start(CopyCheckpoint(GoldenCheckpoint(), directory_, "victim"));
  std::filesystem::remove_all(victim_);
  ExpectServesOn("deleted");
}

TEST_F(FaultTest, LinkedAndChmoddedItIsNotEvenDetached) {
  const std::string broken = CopyCheckpoint(GoldenCheckpoint(), directory_, "z");
  Start(CopyCheckpoint(GoldenCheckpoint(), directory_, "victim"), {"--model", "z=" + broken});
  std::filesystem::create_hard_link(victim_ + kWeights, directory_.File("link"));
  std::filesystem::permissions(victim_ + kWeights, std::filesystem::perms::owner_read);
  // By the time that the damage of a later name is found, the watch has looked at this one too.
  ASSERT_EQ(truncate((broken + kWeights).c_str(), 10000), 0);
  EXPECT_TRUE(server_->WaitForLog("state=FAILED")) << server_->log();
  EXPECT_EQ(Detached(), "");
  EXPECT_EQ(server_->Metric("firstlight_model_detached{model=\"victim\"}"), 0);
  const Generated answer = Ask();
  EXPECT_TRUE(answer.status.ok()) << answer.status.error_message();
  EXPECT_EQ(answer.token_ids(), reference());
}

TEST_F(FaultTest, LazilyUnmountedItServesOn) {
  const std::string place = directory_.File("mounted");
  std::filesystem::create_directory(place);
  if (mount("firstlight-test", place.c_str(), "tmpfs", 0, nullptr) != 0) {
    GTEST_SKIP() << "mounting a tmpfs: " << strerror(errno);
  }
  std::filesystem::copy(GoldenCheckpoint(), place + "/victim",
                        std::filesystem::copy_options::recursive);
  Start(place + "/victim");
  ASSERT_EQ(umount2(place.c_str(), MNT_DETACH), 0);
  ExpectServesOn("its directory is gone");
}

// The tokenizer too lies in a file that is mapped.
TEST_F(FaultTest, ATruncatedTokenizerImage) {
  const std::string cache = directory_.File("cache");
  const std::vector<std::string> compiling = {"--cache-dir", cache, "--log-level", "debug"};
  {
    std::vector<std::string> arguments = {"--model", "m=" + DemoCheckpoint()};
    arguments.insert(arguments.end(), compiling.begin(), compiling.end());
    ServerProcess first(std::move(arguments));
    ASSERT_TRUE(first.WaitForLog("from=files")) << first.log();
    ASSERT_TRUE(first.AwaitServing()) << first.log();
    first.Signal(SIGTERM);
    EXPECT_EQ(first.WaitForExit().code, 0);
  }
  const std::vector<std::filesystem::path> images = CachedTokenizers(cache, ".image");
  ASSERT_EQ(images.size(), 1u);
  Start(CopyCheckpoint(DemoCheckpoint(), directory_, "victim"), compiling);
  EXPECT_TRUE(server_->WaitForLog("from=image")) << server_->log();
  v1::TokenizeRequest request;
  request.set_model("victim");
  request.set_text("Once upon a time");
  const auto tokenize = [&] {
    grpc::ClientContext context;
    v1::TokenizeResponse response;
    return server_->Generation()->Tokenize(&context, request, &response);
  };
  EXPECT_TRUE(tokenize().ok());
  std::filesystem::resize_file(images.front(), 4096);
  const grpc::Status status = tokenize();
  ExpectFailed(status, {".image: expected", "found 4096", "truncated"});
}

}  // namespace
}  // namespace firstlight
