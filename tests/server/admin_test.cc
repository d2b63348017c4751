// Loading, swapping, unloading and draining the real server under streams.

#include <csignal>
#include <filesystem>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/server/support/checkpoints.h"
#include "tests/server/support/server_process.h"

namespace firstlight {
namespace {

class AdminTest : public ::testing::Test {
 protected:
  AdminTest() : long_(LongContextCheckpoint(root_)) {
    other_ = CopyCheckpoint(GoldenCheckpoint("llama-biases"), root_, "other");
  }

  void Serve(std::vector<std::string> arguments = {}) {
    arguments.insert(arguments.end(), {"--model", "m=" + long_, "--kv-cache-bytes", "1GiB"});
    server_ = std::make_unique<ServerProcess>(std::move(arguments));
    ASSERT_TRUE(server_->AwaitServing()) << server_->log();
    admin_ = server_->Admin();
    generation_ = server_->Generation();
  }

  // A stream that has begun.
  std::unique_ptr<grpc::ClientReader<v1::GenerateResponse>> Begin(grpc::ClientContext* context,
                                                                  int max_tokens) {
    auto stream = generation_->Generate(context, TokenRequest(max_tokens));
    v1::GenerateResponse message;
    EXPECT_TRUE(stream->Read(&message));
    EXPECT_TRUE(message.has_started());
    return stream;
  }

  grpc::Status Swap(const std::string& directory, v1::SwapModelResponse* response) {
    grpc::ClientContext context;
    v1::SwapModelRequest request;
    request.set_name("m");
    request.set_directory(directory);
    return admin_->SwapModel(&context, request, response);
  }

  // Reads to the end; the last message.
  static v1::GenerateResponse ReadAll(grpc::ClientReader<v1::GenerateResponse>* stream) {
    v1::GenerateResponse message;
    v1::GenerateResponse last;
    while (stream->Read(&message)) last = message;
    return last;
  }

  const TemporaryDirectory root_;
  const std::string long_;
  std::string other_;
  std::unique_ptr<ServerProcess> server_;
  std::unique_ptr<v1::ModelAdminService::Stub> admin_;
  std::unique_ptr<v1::GenerationService::Stub> generation_;
};

TEST_F(AdminTest, ASwapUnderLoadKeepsStreamsOnTheirVersion) {
  Serve();
  const std::vector<int32_t> before = RunGenerate(generation_.get(), TokenRequest(400)).token_ids();
  std::vector<std::thread> threads;
  std::vector<Generated> results(8);
  for (Generated& result : results) {
    threads.emplace_back([&] { result = RunGenerate(generation_.get(), TokenRequest(400)); });
  }
  v1::SwapModelResponse swapped;
  const grpc::Status status = Swap(other_, &swapped);
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(swapped.model().version(), 2);
  EXPECT_EQ(swapped.previous().version(), 1);
  for (std::thread& thread : threads) thread.join();
  for (const Generated& result : results) {
    ASSERT_TRUE(result.status.ok()) << result.status.error_message();
    if (result.started().version() == 1) {
      EXPECT_EQ(result.token_ids(), before);
    }
  }
  EXPECT_EQ(RunGenerate(generation_.get(), TokenRequest(1)).started().version(), 2);
}

TEST_F(AdminTest, ListGetValidateAndUnload) {
  Serve();
  grpc::ClientContext validate_context;
  v1::LoadModelRequest load;
  load.set_name("n");
  load.set_directory(other_);
  load.set_validate_only(true);
  v1::LoadModelResponse loaded;
  ASSERT_TRUE(admin_->LoadModel(&validate_context, load, &loaded).ok());
  EXPECT_EQ(loaded.model().version(), 0);
  grpc::ClientContext load_context;
  load.set_validate_only(false);
  ASSERT_TRUE(admin_->LoadModel(&load_context, load, &loaded).ok());
  EXPECT_EQ(loaded.model().state(), v1::MODEL_STATE_ACTIVE);
  EXPECT_GT(loaded.model().weight_bytes().assigned(), 0);
  EXPECT_EQ(loaded.model().architecture(), "LlamaForCausalLM");
  grpc::ClientContext list_context;
  v1::ListModelsResponse list;
  ASSERT_TRUE(admin_->ListModels(&list_context, {}, &list).ok());
  ASSERT_EQ(list.models_size(), 2);
  grpc::ClientContext unload_context;
  v1::UnloadModelRequest unload;
  unload.set_name("n");
  v1::UnloadModelResponse unloaded;
  ASSERT_TRUE(admin_->UnloadModel(&unload_context, unload, &unloaded).ok());
  EXPECT_TRUE(server_->WaitForLog("version=2 state=REMOVED")) << server_->log();
  grpc::ClientContext get_context;
  v1::GetModelRequest get;
  get.set_name("n");
  v1::GetModelResponse got;
  EXPECT_EQ(admin_->GetModel(&get_context, get, &got).error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(server_->Metric("firstlight_generated_tokens_total{model=\"n\"}"), -1);
}

TEST_F(AdminTest, LoadsFromOutsideTheRootsAreRefused) {
  Serve();
  const TemporaryDirectory outside;
  const std::string escaped = CopyCheckpoint(GoldenCheckpoint(), outside, "escaped");
  std::filesystem::create_directory_symlink(escaped, root_.File("link"));
  for (const std::string& directory : {escaped, root_.File("link"), root_.File("../../etc")}) {
    v1::SwapModelResponse swapped;
    const grpc::Status status = Swap(directory, &swapped);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::PERMISSION_DENIED) << directory;
    EXPECT_EQ(ErrorInfoOf(status).reason(), "OUTSIDE_MODEL_ROOTS");
  }
}

TEST_F(AdminTest, AMessageOverAMebibyteIsRefusedBeforeItIsRead) {
  Serve();
  v1::SwapModelResponse response;
  EXPECT_EQ(Swap(std::string((1 << 20) + 1, 'x'), &response).error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
  // One below it reaches us, and we say what is the matter with it.
  const grpc::Status status = Swap(std::string(1 << 19, 'x'), &response);
  EXPECT_NE(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_FALSE(ErrorInfoOf(status).reason().empty());
}

TEST_F(AdminTest, AnUnloadEndsStragglersAsModelUnloaded) {
  Serve();
  grpc::ClientContext context;
  const auto stream = Begin(&context, 900000);
  grpc::ClientContext unload_context;
  v1::UnloadModelRequest unload;
  unload.set_name("m");
  unload.mutable_drain_timeout()->set_nanos(1000000);
  v1::UnloadModelResponse unloaded;
  ASSERT_TRUE(admin_->UnloadModel(&unload_context, unload, &unloaded).ok());
  EXPECT_EQ(unloaded.model().state(), v1::MODEL_STATE_DRAINING);
  const v1::GenerateResponse last = ReadAll(stream.get());
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(last.finished().finish_reason(), v1::FINISH_REASON_MODEL_UNLOADED);
  EXPECT_TRUE(server_->WaitForLog("version=1 state=REMOVED"));
}

TEST_F(AdminTest, WatchersSeeWhatIsAndWhatChanges) {
  Serve();
  grpc::ClientContext context;
  const auto watch = admin_->WatchModels(&context, {});
  v1::WatchModelsResponse change;
  ASSERT_TRUE(watch->Read(&change));
  EXPECT_EQ(change.type(), v1::CHANGE_TYPE_EXISTING);
  EXPECT_EQ(change.model().version(), 1);
  v1::SwapModelResponse swapped;
  ASSERT_TRUE(Swap(other_, &swapped).ok());
  // The states between may be left out, the end of both versions not.
  bool active = false;
  bool removed = false;
  while (!(active && removed) && watch->Read(&change)) {
    active = active ||
             (change.model().version() == 2 && change.model().state() == v1::MODEL_STATE_ACTIVE);
    removed =
        removed || (change.model().version() == 1 && change.type() == v1::CHANGE_TYPE_REMOVED);
  }
  EXPECT_TRUE(active && removed);
  context.TryCancel();
  EXPECT_EQ(watch->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

TEST_F(AdminTest, HealthWatchesAModelThatComesAndGoes) {
  using State = grpc::health::v1::HealthCheckResponse;
  Serve();
  grpc::ClientContext watch_context;
  grpc::health::v1::HealthCheckRequest watched;
  watched.set_service("n");
  const auto watch = server_->Health()->Watch(&watch_context, watched);
  State state;
  ASSERT_TRUE(watch->Read(&state));
  EXPECT_EQ(state.status(), State::SERVICE_UNKNOWN);
  // It may be told of the time in which the model is LOADING or drains.
  const auto settled = [&] {
    do {
      EXPECT_TRUE(watch->Read(&state));
    } while (!HasFailure() && state.status() == State::NOT_SERVING);
    return state.status();
  };
  grpc::ClientContext load_context;
  v1::LoadModelRequest load;
  load.set_name("n");
  load.set_directory(other_);
  v1::LoadModelResponse loaded;
  ASSERT_TRUE(admin_->LoadModel(&load_context, load, &loaded).ok());
  EXPECT_EQ(settled(), State::SERVING);
  grpc::ClientContext unload_context;
  v1::UnloadModelRequest unload;
  unload.set_name("n");
  v1::UnloadModelResponse unloaded;
  ASSERT_TRUE(admin_->UnloadModel(&unload_context, unload, &unloaded).ok());
  EXPECT_EQ(settled(), State::SERVICE_UNKNOWN);
  watch_context.TryCancel();
  EXPECT_EQ(watch->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

TEST_F(AdminTest, SigtermFinishesStreamsRefusesNewOnesAndExitsWithZero) {
  Serve();
  grpc::ClientContext context;
  const auto stream = Begin(&context, 3000);
  grpc::ClientContext watch_context;
  const auto health = server_->Health();
  const auto watch = health->Watch(&watch_context, {});
  grpc::health::v1::HealthCheckResponse state;
  ASSERT_TRUE(watch->Read(&state));
  EXPECT_EQ(state.status(), grpc::health::v1::HealthCheckResponse::SERVING);
  server_->Signal(SIGTERM);
  ASSERT_TRUE(watch->Read(&state));
  EXPECT_EQ(state.status(), grpc::health::v1::HealthCheckResponse::NOT_SERVING);
  EXPECT_EQ(HttpGet(server_->metrics_address(), "/healthz").status, 503);
  const v1::GenerateResponse last = ReadAll(stream.get());
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(last.finished().finish_reason(), v1::FINISH_REASON_MAX_TOKENS);
  EXPECT_EQ(server_->WaitForExit().code, 0);
}

TEST_F(AdminTest, StreamsPastTheDrainTimeoutEndAsCancelled) {
  Serve({"--drain-timeout", "50ms"});
  grpc::ClientContext context;
  const auto stream = Begin(&context, 900000);
  server_->Signal(SIGTERM);
  const v1::GenerateResponse last = ReadAll(stream.get());
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(last.finished().finish_reason(), v1::FINISH_REASON_CANCELLED);
  EXPECT_EQ(server_->WaitForExit().code, 0);
}

TEST_F(AdminTest, ASecondSignalExitsAtOnce) {
  Serve({"--drain-timeout", "8760h"});
  grpc::ClientContext context;
  const auto stream = Begin(&context, 900000);
  server_->Signal(SIGTERM);
  ASSERT_TRUE(server_->WaitForLog("draining"));
  server_->Signal(SIGTERM);
  EXPECT_EQ(server_->WaitForExit().code, 0);
  ReadAll(stream.get());
  EXPECT_FALSE(stream->Finish().ok());
}

}  // namespace
}  // namespace firstlight
