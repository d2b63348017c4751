// Swaps, rollbacks, aliases and cancelled loads on the real server under streams. What has to be
// under way at some moment is held there: a swap that computes a token before it switches waits for
// a place in the batch, and the test decides when there is one.

#include <atomic>
#include <csignal>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/server/support/checkpoints.h"
#include "tests/server/support/server_process.h"

namespace firstlight {
namespace {

using ::testing::HasSubstr;
using Health = grpc::health::v1::HealthCheckResponse;

constexpr int kEndless = 900000;

class SwapTest : public ::testing::Test {
 protected:
  SwapTest()
      : first_(LongContextCheckpoint(root_, "llama-tied", "first")),
        second_(LongContextCheckpoint(root_, "llama-biases", "second")) {}

  void Serve(std::vector<std::string> arguments = {}) {
    arguments.insert(arguments.end(), {"--model", "m=" + first_, "--kv-cache-bytes", "1GiB"});
    server_ = std::make_unique<ServerProcess>(std::move(arguments));
    ASSERT_TRUE(server_->AwaitServing()) << server_->log();
    admin_ = server_->Admin();
    generation_ = server_->Generation();
  }
  ~SwapTest() override {
    stream_context_.TryCancel();
    if (reader_.joinable()) reader_.join();
  }

  // One sequence runs at a time, and one that never ends by itself is running. Its tokens are not
  // sent (they have no text, and nobody asks for their ids), so that no full stream makes it give
  // its place to another.
  void ServeOneStream() {
    Serve({"--max-sequences", "1", "--drain-timeout", "100ms"});
    v1::GenerateRequest request = TokenRequest(kEndless);
    request.mutable_output()->set_token_ids(false);
    stream_ = generation_->Generate(&stream_context_, request);
    v1::GenerateResponse message;
    ASSERT_TRUE(stream_->Read(&message));
    reader_ = std::thread([this] {
      v1::GenerateResponse next;
      while (stream_->Read(&next)) last_ = next;
      end_ = stream_->Finish();
    });
  }
  // What the stream of ServeOneStream ends with.
  v1::GenerationFinished EndOfStream() {
    reader_.join();
    EXPECT_TRUE(end_.ok()) << end_.error_message();
    return last_.finished();
  }

  static v1::SwapModelRequest SwapTo(const std::string& directory) {
    v1::SwapModelRequest request;
    request.set_name("m");
    request.set_directory(directory);
    return request;
  }
  grpc::Status Swap(const v1::SwapModelRequest& request, v1::SwapModelResponse* response) {
    grpc::ClientContext context;
    return admin_->SwapModel(&context, request, response);
  }
  int64_t SwapNow(const v1::SwapModelRequest& request) {
    v1::SwapModelResponse response;
    const grpc::Status status = Swap(request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.model().version();
  }
  // A swap that waits in its forward pass. REQUIRES: ServeOneStream.
  std::thread HeldSwap(grpc::ClientContext* context, grpc::Status* status) {
    v1::SwapModelRequest request = SwapTo(second_);
    request.set_warm(v1::WARM_MODE_FORWARD);
    std::thread thread([=, this] {
      v1::SwapModelResponse response;
      *status = admin_->SwapModel(context, request, &response);
    });
    EXPECT_TRUE(server_->WaitForLog("version=2 state=LOADING")) << server_->log();
    return thread;
  }

  v1::Model Get(const std::string& name, int64_t version = 0) {
    v1::GetModelRequest request;
    request.set_name(name);
    if (version != 0) request.set_version(version);
    grpc::ClientContext context;
    v1::GetModelResponse response;
    const grpc::Status status = admin_->GetModel(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.model();
  }
  grpc::Status Unload(int64_t version) {
    v1::UnloadModelRequest request;
    request.set_name("m");
    request.set_version(version);
    grpc::ClientContext context;
    v1::UnloadModelResponse response;
    return admin_->UnloadModel(&context, request, &response);
  }
  grpc::Status SetAlias(const std::string& alias, int64_t version = 0) {
    v1::SetAliasRequest request;
    request.set_alias(alias);
    request.set_name("m");
    if (version != 0) request.set_version(version);
    grpc::ClientContext context;
    v1::SetAliasResponse response;
    return admin_->SetAlias(&context, request, &response);
  }
  Generated Generate(const std::string& model, int tokens) {
    return RunGenerate(generation_.get(), TokenRequest(tokens, model));
  }
  Health::ServingStatus HealthOf(const std::string& name) {
    grpc::ClientContext context;
    grpc::health::v1::HealthCheckRequest request;
    request.set_service(name);
    Health response;
    const grpc::Status status = server_->Health()->Check(&context, request, &response);
    return status.ok() ? response.status() : Health::SERVICE_UNKNOWN;
  }

  const TemporaryDirectory root_;
  const std::string first_;
  const std::string second_;
  std::unique_ptr<ServerProcess> server_;
  std::unique_ptr<v1::ModelAdminService::Stub> admin_;
  std::unique_ptr<v1::GenerationService::Stub> generation_;
  grpc::ClientContext stream_context_;
  std::unique_ptr<grpc::ClientReader<v1::GenerateResponse>> stream_;
  std::thread reader_;  // of stream_
  v1::GenerateResponse last_;
  grpc::Status end_;
};

TEST_F(SwapTest, SwapsUnderStreamsNeitherFailNorMix) {
  Serve();
  constexpr int kTokens = 64;
  const std::vector<int32_t> of_first = Generate("m", kTokens).token_ids();
  ASSERT_EQ(SwapNow(SwapTo(second_)), 2);
  const std::vector<int32_t> of_second = Generate("m", kTokens).token_ids();
  ASSERT_NE(of_first, of_second);

  std::atomic<bool> stop = false;
  std::vector<std::thread> threads;
  std::vector<std::vector<Generated>> results(8);
  for (std::vector<Generated>& mine : results) {
    threads.emplace_back([&] {
      do {
        mine.push_back(RunGenerate(generation_.get(), TokenRequest(kTokens)));
      } while (!stop);
    });
  }
  for (int64_t version = 3; version <= 12; ++version) {
    EXPECT_EQ(SwapNow(SwapTo(version % 2 == 1 ? first_ : second_)), version);
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  for (const std::vector<Generated>& mine : results) {
    for (const Generated& result : mine) {
      ASSERT_TRUE(result.status.ok()) << result.status.error_message();
      EXPECT_EQ(result.token_ids(), result.started().version() % 2 == 1 ? of_first : of_second);
    }
  }
  // Every version but the last has been destroyed.
  for (int version = 1; version <= 11; ++version) {
    EXPECT_TRUE(server_->WaitForLog(absl::StrCat("version=", version, " state=REMOVED")));
  }
}

TEST_F(SwapTest, ARollbackLoadsNothingAndDisturbsNoStream) {
  Serve();
  const std::vector<int32_t> of_first = Generate("m", 16).token_ids();
  v1::SwapModelRequest swap = SwapTo(second_);
  swap.set_keep_previous(true);
  ASSERT_EQ(SwapNow(swap), 2);
  EXPECT_EQ(Get("m", 1).state(), v1::MODEL_STATE_STANDBY);
  grpc::ClientContext stream_context;
  const auto stream = generation_->Generate(&stream_context, TokenRequest(2000));
  v1::GenerateResponse message;
  ASSERT_TRUE(stream->Read(&message));
  EXPECT_EQ(message.started().version(), 2);
  // Its checkpoint may have gone meanwhile: the files are mapped.
  std::filesystem::remove_all(first_);

  v1::RollbackModelRequest request;
  request.set_name("m");
  grpc::ClientContext context;
  v1::RollbackModelResponse response;
  const grpc::Status status = admin_->RollbackModel(&context, request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.model().version(), 1);
  EXPECT_EQ(response.previous().version(), 2);
  EXPECT_EQ(response.previous().state(), v1::MODEL_STATE_STANDBY);
  const Generated back = Generate("m", 16);
  EXPECT_EQ(back.started().version(), 1);
  EXPECT_EQ(back.token_ids(), of_first);
  v1::GenerateResponse last;
  while (stream->Read(&message)) last = message;
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(last.finished().finish_reason(), v1::FINISH_REASON_MAX_TOKENS);
  // Dropping what is kept leaves nothing to go back to.
  EXPECT_TRUE(Unload(2).ok());
  EXPECT_TRUE(server_->WaitForLog("version=2 state=REMOVED")) << server_->log();
  grpc::ClientContext again_context;
  const grpc::Status again = admin_->RollbackModel(&again_context, request, &response);
  EXPECT_EQ(again.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(ErrorInfoOf(again).reason(), "NO_PREVIOUS_VERSION");
}

TEST_F(SwapTest, RequestsAndHealthFollowAnAlias) {
  Serve();
  EXPECT_EQ(HealthOf("prod"), Health::SERVICE_UNKNOWN);
  ASSERT_TRUE(SetAlias("prod", 1).ok());
  EXPECT_EQ(HealthOf("prod"), Health::SERVING);
  ASSERT_EQ(SwapNow(SwapTo(second_)), 2);
  const Generated pinned = Generate("prod", 4);
  ASSERT_TRUE(pinned.status.ok()) << pinned.status.error_message();
  EXPECT_EQ(pinned.started().model(), "m");  // the real name, and the version that the alias holds
  EXPECT_EQ(pinned.started().version(), 1);
  EXPECT_EQ(Generate("m", 4).started().version(), 2);
  EXPECT_THAT(Get("prod").aliases(), ::testing::ElementsAre("prod"));
  EXPECT_FALSE(Get("prod").current());
  EXPECT_EQ(Get("prod").state(), v1::MODEL_STATE_ACTIVE);
  EXPECT_TRUE(Get("prod").has_last_used());

  grpc::ClientContext list_context;
  v1::ListAliasesResponse aliases;
  ASSERT_TRUE(admin_->ListAliases(&list_context, {}, &aliases).ok());
  ASSERT_EQ(aliases.aliases_size(), 1);
  EXPECT_EQ(aliases.aliases(0).version(), 1);

  ASSERT_TRUE(SetAlias("prod").ok());
  EXPECT_TRUE(server_->WaitForLog("version=1 state=REMOVED")) << server_->log();
  EXPECT_EQ(Generate("prod", 4).started().version(), 2);
  grpc::ClientContext unload_context;
  v1::UnloadModelRequest unload;
  unload.set_name("m");
  v1::UnloadModelResponse unloaded;
  const grpc::Status refused = admin_->UnloadModel(&unload_context, unload, &unloaded);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(ErrorInfoOf(refused).reason(), "MODEL_ALIASED");

  v1::DeleteAliasRequest request;
  request.set_alias("prod");
  grpc::ClientContext delete_context;
  v1::DeleteAliasResponse deleted;
  EXPECT_TRUE(admin_->DeleteAlias(&delete_context, request, &deleted).ok());
  EXPECT_EQ(HealthOf("prod"), Health::SERVICE_UNKNOWN);
  EXPECT_EQ(Generate("prod", 4).status.error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(SwapTest, StragglersOfTheOldVersionEndAtTheDrainTimeout) {
  ServeOneStream();
  v1::SwapModelRequest request = SwapTo(second_);
  request.mutable_drain_timeout()->set_nanos(1000000);
  ASSERT_EQ(SwapNow(request), 2);
  EXPECT_EQ(EndOfStream().finish_reason(), v1::FINISH_REASON_MODEL_UNLOADED);
  EXPECT_TRUE(server_->WaitForLog("version=1 state=REMOVED"));
  EXPECT_EQ(Generate("m", 4).started().version(), 2);
}

TEST_F(SwapTest, ABrokenCheckpointLeavesStreamsAlone) {
  Serve();
  const std::vector<int32_t> expected = Generate("m", 400).token_ids();
  const std::string broken = CopyCheckpoint(second_, root_, "broken");
  std::filesystem::resize_file(broken + "/model.safetensors", 4096);
  Generated streamed;
  std::thread stream([&] { streamed = RunGenerate(generation_.get(), TokenRequest(400)); });
  for (int i = 0; i < 5; ++i) {
    v1::SwapModelResponse response;
    const grpc::Status status = Swap(SwapTo(broken), &response);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    EXPECT_EQ(ErrorInfoOf(status).reason(), "MODEL_LOAD_FAILED");
    EXPECT_THAT(status.error_message(), HasSubstr("model.safetensors"));
  }
  stream.join();
  ASSERT_TRUE(streamed.status.ok()) << streamed.status.error_message();
  EXPECT_EQ(streamed.token_ids(), expected);
  EXPECT_EQ(Get("m").version(), 1);
}

TEST_F(SwapTest, ALoadIsCancelledByUnloadingItsVersion) {
  ServeOneStream();
  grpc::ClientContext context;
  grpc::Status swapped;
  std::thread held = HeldSwap(&context, &swapped);
  EXPECT_EQ(Get("m", 2).state(), v1::MODEL_STATE_LOADING);
  EXPECT_TRUE(Unload(2).ok());
  held.join();
  EXPECT_EQ(swapped.error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_EQ(ErrorInfoOf(swapped).reason(), "LOAD_CANCELLED");
  EXPECT_EQ(Get("m").version(), 1);
  EXPECT_EQ(Get("m").requests_in_flight(), 1);  // the stream has noticed nothing
}

TEST_F(SwapTest, ASwapGoesOnWhenItsClientIsGone) {
  ServeOneStream();
  grpc::ClientContext context;
  grpc::Status swapped;
  std::thread held = HeldSwap(&context, &swapped);
  context.TryCancel();
  held.join();
  EXPECT_EQ(swapped.error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_EQ(Get("m", 2).state(), v1::MODEL_STATE_LOADING);
  stream_context_.TryCancel();  // makes room for the token that the swap computes
  EXPECT_TRUE(server_->WaitForLog("version=2 state=ACTIVE")) << server_->log();
  EXPECT_EQ(Generate("m", 4).started().version(), 2);
}

TEST_F(SwapTest, OfTwoSwapsAtOnceTheSecondIsAborted) {
  ServeOneStream();
  grpc::ClientContext context;
  grpc::Status swapped;
  std::thread held = HeldSwap(&context, &swapped);
  v1::SwapModelResponse response;
  const grpc::Status second = Swap(SwapTo(second_), &response);
  EXPECT_EQ(second.error_code(), grpc::StatusCode::ABORTED);
  EXPECT_EQ(ErrorInfoOf(second).reason(), "MODEL_BUSY");
  stream_context_.TryCancel();
  held.join();
  EXPECT_TRUE(swapped.ok()) << swapped.error_message();
}

TEST_F(SwapTest, SigtermMidSwapDrainsAndExitsWithZero) {
  ServeOneStream();
  grpc::ClientContext context;
  grpc::Status swapped;
  std::thread held = HeldSwap(&context, &swapped);
  server_->Signal(SIGTERM);
  held.join();
  EXPECT_EQ(swapped.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(ErrorInfoOf(swapped).reason(), "DRAINING");
  EXPECT_EQ(EndOfStream().finish_reason(), v1::FINISH_REASON_CANCELLED);
  EXPECT_EQ(server_->WaitForExit().code, 0);
}

TEST_F(SwapTest, AParkedModelStaysReadyAndAnswersTheSame) {
  Serve();
  const std::vector<int32_t> expected = Generate("m", 64).token_ids();
  v1::WarmModelRequest warm;
  warm.set_name("m");
  v1::WarmModelResponse warmed;
  grpc::ClientContext warm_context;
  grpc::Status status = admin_->WarmModel(&warm_context, warm, &warmed);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(warmed.model().residency().state(), v1::RESIDENCY_STATE_RESIDENT);
  EXPECT_GT(warmed.model().residency().mapped_bytes(), 0);

  v1::ParkModelRequest park;
  park.set_name("m");
  v1::ParkModelResponse parked;
  grpc::ClientContext park_context;
  status = admin_->ParkModel(&park_context, park, &parked);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(parked.model().state(), v1::MODEL_STATE_ACTIVE);
  // Pages that were just written may stay in the page cache; they are mapped no more.
  EXPECT_EQ(parked.model().residency().mapped_bytes(), 0);
  EXPECT_EQ(HealthOf("m"), Health::SERVING);
  EXPECT_EQ(Generate("m", 64).token_ids(), expected);
}

TEST_F(SwapTest, ParkingUnderAStreamChangesNoToken) {
  Serve();
  const std::vector<int32_t> expected = Generate("m", 400).token_ids();
  Generated streamed;
  std::thread stream([&] { streamed = RunGenerate(generation_.get(), TokenRequest(400)); });
  for (int i = 0; i < 20; ++i) {
    v1::ParkModelRequest park;
    park.set_name("m");
    v1::ParkModelResponse parked;
    grpc::ClientContext context;
    EXPECT_TRUE(admin_->ParkModel(&context, park, &parked).ok());
  }
  stream.join();
  EXPECT_EQ(streamed.token_ids(), expected);
}

TEST_F(SwapTest, AnIdleModelIsParkedByItself) {
  Serve({"--idle-park", "1ms"});
  const std::vector<int32_t> expected = Generate("m", 16).token_ids();
  EXPECT_TRUE(server_->WaitForLog(" parked model=m version=1")) << server_->log();
  EXPECT_EQ(Get("m").residency().mapped_bytes(), 0);
  EXPECT_EQ(Generate("m", 16).token_ids(), expected);
}

TEST_F(SwapTest, AVersionWhoseFilesAreReplacedSaysSo) {
  Serve();
  std::filesystem::rename(second_ + "/model.safetensors", first_ + "/model.safetensors");
  EXPECT_TRUE(server_->WaitForLog("detached")) << server_->log();
  EXPECT_THAT(Get("m").detached(), HasSubstr("model.safetensors"));
  EXPECT_EQ(Get("m").state(), v1::MODEL_STATE_ACTIVE);
}

}  // namespace
}  // namespace firstlight
