// Random arrivals, cancellations, readers that stop, gates that close, and budgets that hold a
// sequence or two: everything ends, in bounded steps, with the tokens that it has alone.

#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "tests/engine/golden.h"
#include "tests/engine/scheduling/scheduler_harness.h"

namespace firstlight {
namespace {

constexpr int64_t kMaxTokens = 30;
const char* const kGoldens[] = {"llama-tied", "llama-untied-mha", "mistral", "mistral-window",
                                "gemma2"};

struct Kind {
  int golden = 0;
  int64_t prompt_tokens = 0;
  bool sampled = false;

  friend auto operator<=>(const Kind&, const Kind&) = default;
};

GenerationRequest RequestOf(const Golden& golden, const Kind& kind) {
  GenerationRequest request = GreedyRequest(golden, kMaxTokens);
  std::get<std::vector<int32_t>>(request.input).resize(kind.prompt_tokens);
  if (kind.sampled) {
    request.sampling.temperature = 1;
    request.sampling.seed = 1;
    request.sampling.frequency_penalty = 0.5;
  }
  request.num_sequences = 3;
  return request;
}

class SchedulerPropertyTest : public testing::TestWithParam<uint32_t> {
 protected:
  static void SetUpTestSuite() {
    goldens = new std::vector<Golden>;
    for (const char* const name : kGoldens) {
      goldens->push_back(ReadGolden(name));
    }
    expected = new std::map<Kind, std::vector<std::vector<int32_t>>>;
  }

  static void TearDownTestSuite() {
    delete goldens;
    delete expected;
  }

  static Kind RandomKind(std::mt19937& random) {
    const int64_t lengths[] = {1, 15, 16, 22};
    return {.golden = static_cast<int>(random() % std::size(kGoldens)),
            .prompt_tokens = lengths[random() % 4],
            .sampled = random() % 2 == 0};
  }

  // What the sequences of a request of this kind say when they are alone with plenty of room.
  static const std::vector<std::vector<int32_t>>& Expected(const Kind& kind) {
    const auto found = expected->find(kind);
    if (found != expected->end()) {
      return found->second;
    }
    SchedulerHarness harness({});
    const Golden& golden = (*goldens)[kind.golden];
    const SchedulerHarness::Submitted request =
        harness.Submit(harness.Load(golden), RequestOf(golden, kind));
    harness.RunUntilIdle();
    std::vector<std::vector<int32_t>>& answers = (*expected)[kind];
    for (int64_t index = 0; index < 3; ++index) {
      answers.push_back(request.observer->answer(index).ids);
      EXPECT_EQ(answers.back().size(), static_cast<size_t>(kMaxTokens));
    }
    return answers;
  }

  static std::vector<Golden>* goldens;
  static std::map<Kind, std::vector<std::vector<int32_t>>>* expected;
};

std::vector<Golden>* SchedulerPropertyTest::goldens = nullptr;
std::map<Kind, std::vector<std::vector<int32_t>>>* SchedulerPropertyTest::expected = nullptr;

struct Active {
  SchedulerHarness::Submitted submitted;
  Kind kind;
  int64_t max_tokens = 0;
  int64_t sequences = 0;
  bool cancelled = false;
};

TEST_P(SchedulerPropertyTest, EverythingEndsWithItsOwnTokens) {
  std::mt19937 random(GetParam());
  FakeGate gate;
  // Enough for the longest sequence of the model with the largest blocks, and up to as much again.
  SchedulerHarness probe({});
  int64_t largest_block = 0;
  for (const Golden& golden : *goldens) {
    largest_block = std::max(largest_block, probe.Load(golden)->cache().block_bytes());
  }
  const auto between = [&random](int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(random);
  };
  SchedulerHarness harness({.kv_cache_bytes = largest_block * between(4, 7),
                            .max_sequences = between(1, 8),
                            .step_tokens = between(1, 20),
                            .gate = &gate});
  std::vector<std::shared_ptr<Model>> models;
  for (const Golden& golden : *goldens) {
    models.push_back(harness.Load(golden));
  }
  std::set<std::pair<const Model*, int64_t>> closed;

  std::vector<Active> requests;
  for (int64_t event = 0; event < 800; ++event) {
    switch (random() % 16) {
      case 0:
      case 4: {
        if (requests.size() >= 50) {
          break;
        }
        Active active;
        active.kind = RandomKind(random);
        const Golden& golden = (*goldens)[active.kind.golden];
        GenerationRequest request = RequestOf(golden, active.kind);
        active.max_tokens = random() % 4 == 0 ? between(1, 3) : between(20, kMaxTokens);
        active.sequences = between(1, 3);
        request.stopping.max_tokens = active.max_tokens;
        request.num_sequences = active.sequences;
        active.submitted = harness.Submit(models[active.kind.golden], std::move(request));
        requests.push_back(std::move(active));
        break;
      }
      case 1:
        if (!requests.empty() && random() % 4 == 0) {
          Active& victim = requests[random() % requests.size()];
          victim.cancelled = victim.cancelled || !victim.submitted.observer->status().has_value();
          harness.scheduler().Cancel(victim.submitted.id, absl::CancelledError("test"));
        }
        break;
      case 2:
        if (!requests.empty()) {
          Active& reader = requests[random() % requests.size()];
          const bool has_room = random() % 4 != 0;
          reader.submitted.observer->SetHasRoom(has_room);
          harness.scheduler().Resume(reader.submitted.id);
        }
        break;
      case 3: {
        const Model* const model = models[random() % models.size()].get();
        const int64_t layer = static_cast<int64_t>(random() % 4) - 1;
        if (random() % 3 == 0 && closed.insert({model, layer}).second) {
          gate.Close(model, layer);
        } else {
          closed.erase({model, layer});
          gate.Open(model, layer);
        }
        break;
      }
      default:
        harness.scheduler().Step();
    }
  }

  for (const auto& [model, layer] : closed) {
    gate.Open(model, layer);
  }
  for (const Active& active : requests) {
    active.submitted.observer->SetHasRoom(true);
    harness.scheduler().Resume(active.submitted.id);
  }
  // Each token takes at most a step of its own, and each is computed again at most once for every
  // older sequence's block: a bound that a livelock would break.
  harness.RunUntilIdle(/*limit=*/200'000);

  EXPECT_TRUE(harness.scheduler().idle());
  EXPECT_EQ(harness.pool().used_bytes(), 0);
  int64_t sequences = 0;
  for (const Active& active : requests) {
    const RecordingObserver& observer = *active.submitted.observer;
    sequences += active.sequences;
    EXPECT_EQ(observer.disorder(), "");
    ASSERT_TRUE(observer.status().has_value());
    EXPECT_EQ(observer.status()->ok(), !active.cancelled) << *observer.status();
    for (int64_t index = 0; index < active.sequences; ++index) {
      const std::vector<int32_t> ids = observer.answer(index).ids;
      ASSERT_LE(ids.size(), static_cast<size_t>(active.max_tokens));
      if (!active.cancelled) {
        EXPECT_EQ(ids.size(), static_cast<size_t>(active.max_tokens));
      }
      const int64_t count = static_cast<int64_t>(ids.size());
      EXPECT_EQ(ids, First(Expected(active.kind)[index], count));
    }
  }
  EXPECT_EQ(harness.ended_sequences(), sequences);
}

INSTANTIATE_TEST_SUITE_P(Seeds, SchedulerPropertyTest, testing::Range(uint32_t{1}, uint32_t{61}));

}  // namespace
}  // namespace firstlight
