// A memory limit of half a model's size: every pass pushes out of memory what the next one needs.
// The server is slow and alive, it answers as before, and so does another model under load; its
// metrics say why it is slow.

#include <fcntl.h>
#include <unistd.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "client/synthesize/synthesize.h"
#include "gtest/gtest.h"
#include "tests/loader/status_matchers.h"
#include "tests/loader/temporary_directory.h"
#include "tests/server/support/bystander.h"
#include "tests/server/support/checkpoints.h"
#include "tests/server/support/memory_group.h"
#include "tests/server/support/server_process.h"

namespace firstlight {
namespace {

TEST(SmallMemoryTest, HalfAModelFitsAndItServes) {
  const auto group = TestMemoryGroup::Create();
  if (!group.ok()) GTEST_SKIP() << group.status();
  ASSERT_THAT((*group)->Enter(), IsOk());
  // Written by this group, and on the disk: what is charged to it can be taken back.
  const TemporaryDirectory directory;
  const auto model =
      SynthesizeCheckpoint({.shape = "smollm2-135m", .directory = directory.File("model")});
  ASSERT_THAT(model, IsOk());
  const int file = open((model->directory + "/model.safetensors").c_str(), O_RDONLY | O_CLOEXEC);
  ASSERT_EQ(fsync(file), 0);
  close(file);

  ServerProcess server({"--model", "m=" + model->directory, "--model",
                        "bystander=" + CopyCheckpoint(GoldenCheckpoint(), directory, "bystander")});
  ASSERT_TRUE(server.AwaitServing());
  const auto stub = server.Generation();
  const Generated roomy = RunGenerate(stub.get(), TokenRequest(4, "m"));
  ASSERT_TRUE(roomy.status.ok()) << roomy.status.error_message();
  ASSERT_EQ(roomy.token_ids().size(), 4U);
  Bystander bystander(server, "bystander", 32);
  const double refaults = server.Metric("firstlight_cgroup_page_refaults_total");

  ASSERT_THAT((*group)->Leave(), IsOk());
  const int64_t limit = (*group)->AnonymousBytes() + model->weight_bytes / 2;
  ASSERT_THAT((*group)->SetLimit(limit), IsOk());
  const Generated tight = RunGenerate(stub.get(), TokenRequest(4, "m"));
  ASSERT_TRUE(tight.status.ok()) << tight.status.error_message();
  EXPECT_EQ(tight.token_ids(), roomy.token_ids());

  // The kernel keeps limits in whole pages.
  EXPECT_NEAR(server.Metric("firstlight_cgroup_memory_limit_bytes"), static_cast<double>(limit),
              65536.0);
  EXPECT_GT(server.Metric("firstlight_cgroup_page_refaults_total"), refaults);
  EXPECT_GT(server.Metric("firstlight_cgroup_memory_limit_hits_total"), 0);
  EXPECT_LE(server.Metric("firstlight_cgroup_oom_kills_total"), 0);
  // More than the model was read: some of it again.
  EXPECT_GT(server.Metric("firstlight_weights_read_bytes_total{model=\"m\"}"),
            static_cast<double>(model->weight_bytes));
  bystander.AwaitAnswers();
  bystander.Stop();
  server.Signal(SIGTERM);
  EXPECT_EQ(server.WaitForExit().code, 0);
}

}  // namespace
}  // namespace firstlight
