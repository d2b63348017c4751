// The half of Scheduler that is about the batch: who is in it, what a step runs, what comes of it.

#include <algorithm>
#include <optional>
#include <utility>

#include "engine/residency/request_residency.h"
#include "engine/scheduling/scheduler.h"

namespace firstlight {

bool Scheduler::Step() {
  EndExpired(options_.clock->Now());
  AskForRoom();
  Join();
  UpdateLanes();
  for (size_t turn = 0; turn < lanes_.size(); ++turn) {
    // To the back first: whoever runs now comes last in the next round, and whoever has to wait at
    // its gate is asked again then.
    std::rotate(lanes_.begin(), lanes_.begin() + 1, lanes_.end());
    const absl::Time begin = options_.clock->Now();
    if (RunTurn(&lanes_.back())) {
      if (options_.step_gaps != nullptr) options_.step_gaps->OnStep(begin, options_.clock->Now());
      DropEnded();
      return true;
    }
  }
  if (options_.step_gaps != nullptr) options_.step_gaps->OnIdle();
  return false;
}

// Lanes of the models that have a sequence in the batch or a pass under way, in the order that they
// had.
void Scheduler::UpdateLanes() {
  std::set<const Model*> models;
  for (const Sequence* const sequence : running_) {
    models.insert(sequence->request().model.get());
  }
  std::erase_if(lanes_, [&models](const Lane& lane) {
    return lane.pass == nullptr && !models.contains(lane.model);
  });
  for (const Lane& lane : lanes_) {
    models.erase(lane.model);
  }
  for (const Model* const model : models) {
    lanes_.push_back({.model = model, .pass = nullptr, .begun = {}});
  }
}

void Scheduler::AskForRoom() {
  for (auto& [id, request] : requests_) {
    if (request->ask_for_room) {
      request->has_room = request->observer->HasRoom();
      request->ask_for_room = request->has_room;
    }
  }
  std::vector<Sequence*> paused;
  std::copy_if(
      running_.begin(), running_.end(), std::back_inserter(paused),
      [](const Sequence* sequence) { return !sequence->request().has_room && !sequence->in_pass; });
  std::for_each(paused.begin(), paused.end(), [this](Sequence* sequence) { Wait(sequence); });
}

// Oldest first, and nobody overtakes one that there is no memory for: it would wait for ever.
void Scheduler::Join() {
  const std::vector<Sequence*> waiting(waiting_.begin(), waiting_.end());
  for (Sequence* const sequence : waiting) {
    if (!sequence->request().has_room) {
      continue;
    }
    if (static_cast<int64_t>(running_.size()) >= options_.max_sequences ||
        !ReserveToJoin(sequence)) {
      return;
    }
    waiting_.erase(sequence);
    running_.insert(sequence);
    sequence->state = Sequence::State::kRunning;
    Dequeue(Find(sequence->age().request));
  }
}

// The first time that one of its sequences joins.
void Scheduler::Dequeue(Request* request) {
  if (request->dequeued) {
    return;
  }
  request->dequeued = true;
  if (options_.gate != nullptr) {
    options_.gate->Dequeued(request->model);
  }
  const ModelResidency& residency = *request->model->residency();
  request->costs_before = residency.costs();
  request->shares_before = residency.shares();
}

// Room for what the sequence has to compute now, and for one more block for each sequence in the
// batch: one that joins must not make others give way at once.
bool Scheduler::ReserveToJoin(Sequence* sequence) {
  int64_t spare_bytes = 0;
  for (const Sequence* const other : running_) {
    spare_bytes += other->request().model->cache().block_bytes();
  }
  const int64_t needed_bytes = sequence->MissingBytes(options_.step_tokens);
  const auto fits = [&] {
    return options_.block_pool->used_bytes() + needed_bytes + spare_bytes <=
           options_.block_pool->capacity_bytes();
  };
  while (!fits()) {
    std::vector<Sequence*> sequences;
    const std::vector<BlockHolder> holders = BlockHolders(&sequences);
    const std::optional<int64_t> victim = ChooseIdleVictim(holders, sequence->age());
    if (!victim.has_value()) {
      return false;
    }
    GiveWay(sequences[*victim]);
  }
  return sequence->Reserve(options_.step_tokens);
}

bool Scheduler::ReserveToGoOn(Sequence* sequence) {
  while (!sequence->Reserve(options_.step_tokens)) {
    std::vector<Sequence*> sequences;
    const std::vector<BlockHolder> holders = BlockHolders(&sequences);
    const std::optional<int64_t> victim = ChooseVictim(holders, sequence->age());
    if (!victim.has_value()) {
      return false;
    }
    GiveWay(sequences[*victim]);
    if (sequences[*victim] == sequence) {
      return false;
    }
  }
  return true;
}

std::vector<BlockHolder> Scheduler::BlockHolders(std::vector<Sequence*>* sequences) const {
  std::vector<BlockHolder> holders;
  for (const SequenceSet* const set : {&running_, &waiting_}) {
    for (Sequence* const sequence : *set) {
      if (sequence->holds_blocks()) {
        sequences->push_back(sequence);
        holders.push_back(
            {.age = sequence->age(), .in_batch = set == &running_, .in_pass = sequence->in_pass});
      }
    }
  }
  return holders;
}

void Scheduler::GiveWay(Sequence* sequence) {
  sequence->ReleaseBlocks();
  Wait(sequence);
}

void Scheduler::Wait(Sequence* sequence) {
  running_.erase(sequence);
  waiting_.insert(sequence);
  sequence->state = Sequence::State::kWaiting;
}

bool Scheduler::RunTurn(Lane* lane) {
  if (lane->pass == nullptr) {
    // A closed gate at the first stage: the sequences stay free to give way until it opens.
    if (options_.gate != nullptr && !options_.gate->IsOpen(*lane->model, -1)) {
      lane->waited = true;
      return false;
    }
    lane->begun = options_.clock->Now();
    absl::StatusOr<std::unique_ptr<BatchPass>> pass = BeginPass(lane->model);
    if (!pass.ok()) {
      EndRunning(lane->model, pass.status());
      return true;
    }
    if (*pass == nullptr) {
      return false;
    }
    lane->pass = *std::move(pass);
  }
  const absl::Time begin = options_.on_turn ? options_.clock->Now() : absl::Time();
  const int64_t stages = lane->pass->Run();
  if (options_.on_turn && stages > 0) {
    options_.on_turn(*lane->model, begin, options_.clock->Now());
  }
  if (!lane->pass->done()) {
    return stages > 0;
  }
  CompletePass(lane);
  return true;
}

// The next step of `model`; nullptr when none of its sequences can go on. Fails when there is no
// memory for it.
absl::StatusOr<std::unique_ptr<BatchPass>> Scheduler::BeginPass(const Model* model) {
  std::vector<Sequence*> members;
  std::copy_if(
      running_.begin(), running_.end(), std::back_inserter(members),
      [model](const Sequence* sequence) { return sequence->request().model.get() == model; });
  std::vector<RunnableSequence> runnable;
  std::vector<Sequence*> ready;
  for (Sequence* const sequence : members) {
    // One that gave way for an older one of this round is in the batch no more.
    if (sequence->state == Sequence::State::kRunning && ReserveToGoOn(sequence)) {
      ready.push_back(sequence);
      runnable.push_back(
          {.remaining = sequence->remaining(),
           .wants_all_logits = sequence->UndescribedPromptRows(sequence->remaining()) > 0,
           .decoding = sequence->decoding()});
    }
  }
  const std::vector<int64_t> rows = PlanRows(runnable, options_.step_tokens);
  std::vector<BatchPass::Part> parts;
  const absl::Time now = options_.clock->Now();
  for (size_t i = 0; i < ready.size(); ++i) {
    if (rows[i] == 0) {
      continue;
    }
    parts.push_back({.sequence = ready[i], .rows = rows[i]});
    Request* const request = Find(ready[i]->age().request);
    if (!request->first_step.has_value()) {
      request->first_step = now;
    }
  }
  if (parts.empty()) {
    return nullptr;
  }
  return BatchPass::Begin(model, std::move(parts), options_.gate, options_.workers);
}

void Scheduler::EndRunning(const Model* model, const absl::Status& status) {
  std::set<RequestId> ids;
  for (const Sequence* const sequence : running_) {
    if (sequence->request().model.get() == model) {
      ids.insert(sequence->age().request);
    }
  }
  for (const RequestId id : ids) {
    End(Find(id), status);
  }
}

// What a pass read from damaged files is worthless, and no reader may see any of it.
void Scheduler::DropDamagedPass(std::unique_ptr<BatchPass> pass, const absl::Status& status) {
  const Model* const model = pass->model();
  for (const BatchPass::Part& part : pass->parts()) {
    part.sequence->in_pass = false;
    if (part.sequence->state == Sequence::State::kFinished) {
      part.sequence->ReleaseBlocks();
    }
  }
  pass.reset();
  if (options_.on_damage) {
    options_.on_damage(*model, status);
  }
  FailRequests(model, status);
}

void Scheduler::CompletePass(Lane* lane) {
  std::unique_ptr<BatchPass> pass = std::move(lane->pass);
  const bool waited_before = std::exchange(lane->waited, false);
  const bool waited = waited_before || pass->waited();
  const bool steady = !waited_before && !pass->held_up();
  if (const absl::Status status = pass->model()->integrity()->Check(); !status.ok()) {
    DropDamagedPass(std::move(pass), status);
    return;
  }
  const std::vector<BatchPass::Part>& parts = pass->parts();
  DescribePrompts(*pass);
  std::vector<absl::StatusOr<Sequence::Sampled>> sampled(parts.size(), Sequence::Sampled());
  options_.workers->ParallelFor(
      static_cast<int64_t>(parts.size()), 1, [&](int64_t begin, int64_t end, int worker) {
        for (int64_t i = begin; i < end; ++i) {
          const BatchPass::Part& part = parts[i];
          if (part.has_logits && part.sequence->state != Sequence::State::kFinished) {
            sampled[i] = part.sequence->Sample(pass->logits(part), &scratches_[worker]);
          }
        }
      });
  const absl::Time now = options_.clock->Now();
  int64_t decoded = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    const BatchPass::Part& part = parts[i];
    Sequence* const sequence = part.sequence;
    sequence->in_pass = false;
    sequence->waited_for_weights = sequence->waited_for_weights || waited;
    if (sequence->state == Sequence::State::kFinished) {
      sequence->ReleaseBlocks();
      continue;
    }
    decoded += sequence->decoding() ? 1 : 0;
    sequence->Advance(part.rows);
    if (!part.has_logits) {
      continue;
    }
    Request* const request = Find(sequence->age().request);
    if (request->resolved.max_tokens == 0) {
      FinishAll(request, request->resolved.at_max_tokens, now);
      continue;
    }
    if (!request->prefill_end.has_value()) {
      NoteFirstToken(request, now);
      ShareFirstToken(sequence, pass->logits(part), now);
    }
    TakeToken(sequence, std::move(sampled[i]), now);
  }
  if (decoded > 0 && steady) {
    lane->model->step_totals()->AddSteadyStep(decoded, options_.clock->Now() - lane->begun);
  }
}

// Tells the requests that want it what the pass thought of their prompts. What is kept is a few
// numbers a token: the logits go with the pass.
void Scheduler::DescribePrompts(const BatchPass& pass) {
  struct Row {
    const BatchPass::Part* part;
    int64_t row;       // of the part's logits
    int64_t position;  // of the token whose logits they are
    absl::StatusOr<Logprobs> logprobs;
  };
  std::vector<Row> rows;
  for (const BatchPass::Part& part : pass.parts()) {
    const Sequence& sequence = *part.sequence;
    if (sequence.state == Sequence::State::kFinished) continue;
    const int64_t described = sequence.UndescribedPromptRows(part.rows);
    const int64_t prompt_tokens = static_cast<int64_t>(sequence.request().prompt.ids.size());
    for (int64_t row = part.logits_rows - described; row < part.logits_rows; ++row) {
      const int64_t position = sequence.computed() + part.rows - part.logits_rows + row;
      if (position + 1 < prompt_tokens) rows.push_back({&part, row, position, Logprobs()});
    }
  }
  options_.workers->ParallelFor(
      static_cast<int64_t>(rows.size()), 1, [&](int64_t begin, int64_t end, int worker) {
        for (int64_t i = begin; i < end; ++i) {
          Row& row = rows[i];
          row.logprobs = row.part->sequence->PromptLogprobs(
              row.position, pass.logits(*row.part, row.row), &scratches_[worker]);
        }
      });
  size_t next = 0;
  for (const BatchPass::Part& part : pass.parts()) {
    if (part.sequence->state == Sequence::State::kFinished ||
        part.sequence->UndescribedPromptRows(part.rows) == 0) {
      continue;
    }
    Request* const request = Find(part.sequence->age().request);
    const TokenizedPrompt& prompt = request->prompt;
    PromptEvent event;
    if (request->described_prompt == 0) {
      event.tokens.push_back(DescribeToken(prompt.tokenizer, prompt.ids.front(), nullptr));
    }
    absl::Status status;
    for (; next < rows.size() && rows[next].part == &part; ++next) {
      const absl::StatusOr<Logprobs>& logprobs = rows[next].logprobs;
      status.Update(logprobs.status());
      if (status.ok()) {
        event.tokens.push_back(
            DescribeToken(prompt.tokenizer, prompt.ids[rows[next].position + 1], &*logprobs));
      }
    }
    if (!status.ok()) {
      End(request, status);
      continue;
    }
    request->described_prompt += static_cast<int64_t>(event.tokens.size());
    if (!event.tokens.empty() && TextIsSound(request)) {
      request->observer->OnPrompt(std::move(event));
    }
  }
}

void Scheduler::NoteFirstToken(Request* request, absl::Time now) {
  request->prefill_end = now;
  const ModelResidency& residency = *request->model->residency();
  request->residency = MeasureResidency(residency.costs() - request->costs_before,
                                        request->shares_before.value_or(residency.last_look()),
                                        residency.plan().every_pass_bytes());
  request->observer->OnFirstToken(
      {.queue = *request->first_step - request->arrival, .residency = *request->residency});
}

// The other sequences of the request: same logits, their own draws, and the prompt's keys and
// values, shared while there is room. One that finds none computes them when its turn comes.
void Scheduler::ShareFirstToken(Sequence* leader, absl::Span<const float> logits, absl::Time now) {
  Request* const request = Find(leader->age().request);
  for (const std::unique_ptr<Sequence>& sequence : request->sequences) {
    if (sequence->state != Sequence::State::kAwaitingPrompt || request->ended) {
      continue;
    }
    Wait(sequence.get());
    TakeToken(sequence.get(), sequence->Sample(logits, &scratches_[0]), now);
    if (sequence->state != Sequence::State::kFinished) {
      sequence->TakePrompt(*leader);
    }
  }
}

void Scheduler::TakeToken(Sequence* sequence, absl::StatusOr<Sequence::Sampled> sampled,
                          absl::Time now) {
  Request* const request = Find(sequence->age().request);
  if (request->ended) {
    return;
  }
  if (!sampled.ok()) {
    End(request, sampled.status());
    return;
  }
  Deliver(sequence, sequence->Accept(*std::move(sampled), now));
  if (std::all_of(request->sequences.begin(), request->sequences.end(),
                  [](const auto& other) { return other->state == Sequence::State::kFinished; })) {
    End(request, absl::OkStatus());
  }
}

}  // namespace firstlight
