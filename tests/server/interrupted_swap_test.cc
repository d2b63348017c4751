// Swaps that are interrupted while the new version's disk keeps them waiting, on the real server
// with another model under load, which must not notice.

#include <fstream>
#include <memory>
#include <string>
#include <thread>

#include "gtest/gtest.h"
#include "tests/loader/temporary_directory.h"
#include "tests/server/support/bystander.h"
#include "tests/server/support/checkpoints.h"
#include "tests/server/support/failing_file.h"
#include "tests/server/support/open_stream.h"
#include "tests/server/support/server_process.h"

namespace firstlight {
namespace {

// A server of "victim" and "bystander", which answers request after request, and a swap of "victim"
// to a checkpoint whose disk answers for the header of the weights, and no further.
class InterruptedSwapTest : public ::testing::Test {
 protected:
  static constexpr int kTokens = 32;

  void SetUp() override {
    const std::string next = GoldenCheckpoint("llama-biases");
    const std::string weights = next + "/model.safetensors";
    auto disk = FailingFile::Mount(directory_.File("disk"), weights);
    if (!disk.ok()) GTEST_SKIP() << disk.status().message();
    disk_ = *std::move(disk);
    uint64_t header_bytes = 0;
    std::ifstream(weights, std::ios::binary)
        .read(reinterpret_cast<char*>(&header_bytes), sizeof(header_bytes));
    disk_->Hold(sizeof(header_bytes) + header_bytes);
    server_ = std::make_unique<ServerProcess>(std::vector<std::string>{
        "--model", "victim=" + CopyCheckpoint(GoldenCheckpoint(), directory_, "victim"), "--model",
        "bystander=" + LongContextCheckpoint(directory_, "llama-tied", "bystander")});
    ASSERT_TRUE(server_->AwaitServing()) << server_->log();
    bystander_ = std::make_unique<Bystander>(*server_, "bystander", kTokens);
    swap_ = std::thread(
        [this, directory = CopyWithWeightsElsewhere(next, directory_, "next", disk_->path())] {
          v1::SwapModelRequest request;
          request.set_name("victim");
          request.set_directory(directory);
          request.set_warm(v1::WARM_MODE_POPULATE);
          v1::SwapModelResponse response;
          swapped_ = server_->Admin()->SwapModel(&swap_context_, request, &response);
        });
    ASSERT_TRUE(disk_->AwaitHeld(kPatience));
  }
  ~InterruptedSwapTest() override {
    if (disk_ != nullptr) disk_->Resume();
    if (swap_.joinable()) swap_.join();
  }

  int64_t VersionThatAnswers() const {
    const Generated answer =
        RunGenerate(server_->Generation().get(), TokenRequest(kTokens, "victim"));
    EXPECT_TRUE(answer.status.ok()) << answer.status.error_message();
    return answer.started().version();
  }

  const TemporaryDirectory directory_;
  std::unique_ptr<FailingFile> disk_;
  std::unique_ptr<ServerProcess> server_;
  std::unique_ptr<Bystander> bystander_;
  grpc::ClientContext swap_context_;
  grpc::Status swapped_;
  std::thread swap_;
};

TEST_F(InterruptedSwapTest, ItsClientGoes) {
  swap_context_.TryCancel();
  swap_.join();
  EXPECT_EQ(swapped_.error_code(), grpc::StatusCode::CANCELLED);
  bystander_->AwaitAnswers();
  EXPECT_EQ(VersionThatAnswers(), 1);
  disk_->Resume();
  EXPECT_TRUE(server_->WaitForLog("model=victim version=3 state=ACTIVE")) << server_->log();
  EXPECT_EQ(VersionThatAnswers(), 3);
  bystander_->AwaitAnswers();
}

TEST_F(InterruptedSwapTest, TheServerIsTerminated) {
  constexpr int kLong = 3000;
  const Generated reference =
      RunGenerate(server_->Generation().get(), TokenRequest(kLong, "bystander"));
  OpenStream stream(*server_, TokenRequest(kLong, "bystander"));
  ASSERT_TRUE(stream.ReadTokens(1));
  bystander_->ExpectDrain();
  server_->Signal(SIGTERM);
  swap_.join();
  EXPECT_EQ(swapped_.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(ErrorInfoOf(swapped_).reason(), "DRAINING");
  EXPECT_TRUE(stream.ReadToEnd().ok());
  EXPECT_EQ(stream.tokens(), reference.token_ids());
  disk_->Resume();
  EXPECT_EQ(server_->WaitForExit().code, 0);
}

}  // namespace
}  // namespace firstlight
