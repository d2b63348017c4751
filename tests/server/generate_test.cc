// Generate over the real server.

#include <filesystem>

#include "gtest/gtest.h"
#include "tests/loader/temporary_directory.h"
#include "tests/server/support/checkpoints.h"
#include "tests/server/support/server_process.h"

namespace firstlight {
namespace {

TEST(GenerateTest, StreamsStartedDeltasFinished) {
  ServerProcess server({"--model", "m=" + GoldenCheckpoint()});
  ASSERT_TRUE(server.AwaitServing()) << server.log();
  const auto stub = server.Generation();
  v1::GenerateRequest request = TokenRequest(8);
  request.set_request_id("mine");
  request.mutable_output()->set_logprobs(true);
  request.mutable_output()->set_top_logprobs(2);
  const Generated generated = RunGenerate(stub.get(), request);
  ASSERT_TRUE(generated.status.ok()) << generated.status.error_message();
  ASSERT_GE(generated.messages.size(), 3u);
  EXPECT_EQ(generated.started().request_id(), "mine");
  EXPECT_EQ(generated.started().model(), "m");
  EXPECT_EQ(generated.started().version(), 1);
  EXPECT_EQ(generated.started().prompt_tokens(), 3);
  EXPECT_EQ(generated.token_ids().size(), 8u);
  const v1::Token& token = generated.messages[1].delta().tokens(0);
  EXPECT_LE(token.logprob(), 0);
  ASSERT_EQ(token.top_size(), 2);
  EXPECT_EQ(token.top(0).id(), token.id());  // greedy takes the best
  const v1::GenerationFinished& finished = generated.finished();
  EXPECT_EQ(finished.finish_reason(), v1::FINISH_REASON_MAX_TOKENS);
  EXPECT_EQ(finished.usage().prompt_tokens(), 3);
  EXPECT_EQ(finished.usage().generated_tokens(), 8);
  EXPECT_TRUE(finished.timings().has_total());
  ASSERT_TRUE(finished.has_residency());
  EXPECT_NE(finished.residency().residency_class(), v1::RESIDENCY_CLASS_UNSPECIFIED);
  EXPECT_TRUE(finished.residency().has_mapped_ratio_before());
}

TEST(GenerateTest, ListsTheTokensOfThePromptBeforeTheAnswer) {
  ServerProcess server({"--model", "m=" + GoldenCheckpoint()});
  ASSERT_TRUE(server.AwaitServing()) << server.log();
  const auto stub = server.Generation();
  v1::GenerateRequest request = TokenRequest(2);
  request.mutable_output()->set_prompt_logprobs(true);
  request.mutable_output()->set_top_logprobs(4);
  const Generated generated = RunGenerate(stub.get(), request);
  ASSERT_TRUE(generated.status.ok()) << generated.status.error_message();
  ASSERT_GE(generated.messages.size(), 3u);
  ASSERT_TRUE(generated.messages[1].has_prompt());
  const v1::GenerationPrompt& prompt = generated.messages[1].prompt();
  ASSERT_EQ(prompt.tokens_size(), request.prompt_token_ids().ids_size());
  for (int i = 0; i < prompt.tokens_size(); ++i) {
    EXPECT_EQ(prompt.tokens(i).id(), request.prompt_token_ids().ids(i));
    EXPECT_EQ(prompt.tokens(i).has_logprob(), i > 0);
    EXPECT_EQ(prompt.tokens(i).top_size(), i > 0 ? 4 : 0);
  }
  EXPECT_LT(prompt.tokens(1).logprob(), 0);
}

// The first request maps the pages of a file that was just written: it is in the page cache. The
// second finds them mapped.
TEST(GenerateTest, TellsWhatARequestFoundInMemory) {
  TemporaryDirectory directory;
  std::filesystem::copy(GoldenCheckpoint(), directory.path(),
                        std::filesystem::copy_options::recursive);
  for (const char* const policy : {"on_request", "none"}) {
    ServerProcess server({"--model", "m=" + directory.path() + ",prefetch=" + policy});
    ASSERT_TRUE(server.AwaitServing()) << server.log();
    const auto stub = server.Generation();
    const v1::RequestResidency first =
        RunGenerate(stub.get(), TokenRequest(1)).finished().residency();
    EXPECT_EQ(first.residency_class(), v1::RESIDENCY_CLASS_MAPPED) << policy;
    EXPECT_LT(first.mapped_ratio_before(), 0.99) << policy;
    const v1::RequestResidency second =
        RunGenerate(stub.get(), TokenRequest(1)).finished().residency();
    EXPECT_EQ(second.residency_class(), v1::RESIDENCY_CLASS_WARM) << policy;
    EXPECT_EQ(second.storage_bytes_read(), 0) << policy;
    EXPECT_EQ(second.mapped_ratio_before(), 1.0) << policy;
  }
}

// Locked as far as the limit allows; the model serves in any case, and the log tells.
TEST(GenerateTest, ReadyWhenWarmAndPinnedWithinTheLimit) {
  TemporaryDirectory directory;
  std::filesystem::copy(GoldenCheckpoint(), directory.path(),
                        std::filesystem::copy_options::recursive);
  ServerProcess server({"--model", "m=" + directory.path() + ",prefetch=pinned", "--model",
                        "n=" + GoldenCheckpoint() + ",prefetch=background", "--pin-limit", "1",
                        "--ready", "warm"});
  ASSERT_TRUE(server.AwaitServing()) << server.log();
  v1::GenerateRequest request = TokenRequest(1);
  request.set_model("n");
  const Generated generated = RunGenerate(server.Generation().get(), request);
  ASSERT_TRUE(generated.status.ok()) << generated.status.error_message();
  EXPECT_EQ(generated.finished().residency().residency_class(), v1::RESIDENCY_CLASS_WARM);
  EXPECT_TRUE(server.WaitForLog("prefetch directory=")) << server.log();
}

TEST(GenerateTest, TheSameRequestGivesTheSameTokensAloneAndBesideOthers) {
  ServerProcess server({"--model", "m=" + GoldenCheckpoint()});
  ASSERT_TRUE(server.AwaitServing()) << server.log();
  const auto stub = server.Generation();
  const std::vector<int32_t> alone = RunGenerate(stub.get(), TokenRequest(32)).token_ids();
  ASSERT_EQ(alone.size(), 32u);
  std::vector<std::thread> threads;
  std::vector<std::vector<int32_t>> together(8);
  for (std::vector<int32_t>& ids : together) {
    threads.emplace_back([&] { ids = RunGenerate(stub.get(), TokenRequest(32)).token_ids(); });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::vector<int32_t>& ids : together) EXPECT_EQ(ids, alone);
}

TEST(GenerateTest, SeveralSequencesFinishEach) {
  ServerProcess server({"--model", "m=" + GoldenCheckpoint()});
  ASSERT_TRUE(server.AwaitServing()) << server.log();
  v1::GenerateRequest request = TokenRequest(4);
  request.set_num_sequences(3);
  request.mutable_sampling()->set_temperature(1);
  request.mutable_sampling()->set_seed(7);
  const Generated generated = RunGenerate(server.Generation().get(), request);
  ASSERT_TRUE(generated.status.ok()) << generated.status.error_message();
  EXPECT_EQ(generated.started().seed(), 7u);
  int finished = 0;
  for (const v1::GenerateResponse& message : generated.messages) {
    finished += message.has_finished() ? 1 : 0;
  }
  EXPECT_EQ(finished, 3);
  EXPECT_EQ(generated.token_ids().size(), 12u);
  EXPECT_EQ(RunGenerate(server.Generation().get(), request).token_ids().size(), 12u);
}

TEST(GenerateTest, PromptPlusMaxTokensIsClampedToTheContext) {
  ServerProcess server({"--model", "m=" + GoldenCheckpoint(), "--context-length", "16"});
  ASSERT_TRUE(server.AwaitServing()) << server.log();
  const Generated generated = RunGenerate(server.Generation().get(), TokenRequest(1000));
  ASSERT_TRUE(generated.status.ok()) << generated.status.error_message();
  EXPECT_EQ(generated.finished().finish_reason(), v1::FINISH_REASON_CONTEXT_LIMIT);
}

TEST(GenerateTest, TextWithoutATokenizerIsAFailedPrecondition) {
  ServerProcess server({"--model", "m=" + GoldenCheckpoint()});
  ASSERT_TRUE(server.AwaitServing()) << server.log();
  v1::GenerateRequest request;
  request.set_prompt("hello");
  const Generated generated = RunGenerate(server.Generation().get(), request);
  EXPECT_EQ(generated.status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_NE(generated.status.error_message().find("tokenizer"), std::string::npos);
  ErrorInfoOf(generated.status);
}

TEST(GenerateTest, TextInAndOut) {
  ServerProcess server({"--model", "demo=" + DemoCheckpoint()});
  ASSERT_TRUE(server.AwaitServing()) << server.log();
  const auto stub = server.Generation();
  v1::TokenizeRequest tokenize;
  tokenize.set_text("Blue is my favorite color.");
  v1::TokenizeResponse tokens;
  grpc::ClientContext tokenize_context;
  ASSERT_TRUE(stub->Tokenize(&tokenize_context, tokenize, &tokens).ok());
  EXPECT_EQ(tokens.model(), "demo");
  ASSERT_GT(tokens.token_ids_size(), 3);
  EXPECT_EQ(tokens.token_ids(0), 1);  // beginning of sequence
  v1::DetokenizeRequest detokenize;
  *detokenize.mutable_token_ids() = tokens.token_ids();
  detokenize.set_skip_special_tokens(true);
  v1::DetokenizeResponse text;
  grpc::ClientContext detokenize_context;
  ASSERT_TRUE(stub->Detokenize(&detokenize_context, detokenize, &text).ok());
  EXPECT_EQ(text.text(), tokenize.text());
  v1::GenerateRequest request;
  request.set_prompt(tokenize.text());
  request.mutable_stopping()->set_max_tokens(16);
  request.mutable_output()->set_echo(true);
  const Generated generated = RunGenerate(stub.get(), request);
  ASSERT_TRUE(generated.status.ok()) << generated.status.error_message();
  EXPECT_EQ(generated.started().prompt_tokens(), tokens.token_ids_size());
  EXPECT_EQ(generated.text().substr(0, tokenize.text().size()), tokenize.text());
  // Token ids that name the same prompt give the same answer.
  v1::GenerateRequest by_ids = request;
  by_ids.clear_prompt();
  for (const int32_t id : tokens.token_ids()) by_ids.mutable_prompt_token_ids()->add_ids(id);
  EXPECT_EQ(RunGenerate(stub.get(), by_ids).text(), generated.text());
}

}  // namespace
}  // namespace firstlight
