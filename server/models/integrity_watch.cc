#include "server/models/integrity_watch.h"

namespace firstlight {

IntegrityWatch::~IntegrityWatch() { Stop(); }

void IntegrityWatch::Start(Options options) {
  options_ = std::move(options);
  thread_ = std::thread([this] { Run(); });
}

void IntegrityWatch::Stop() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  changed_.SignalAll();
  if (thread_.joinable()) thread_.join();
}

void IntegrityWatch::LookNow() {
  {
    MutexLock lock(&mutex_);
    look_now_ = true;
  }
  changed_.SignalAll();
}

void IntegrityWatch::Run() {
  while (true) {
    {
      MutexLock lock(&mutex_);
      while (!stopping_ && !look_now_ && changed_.WaitWithTimeout(&mutex_, options_.interval)) {
      }
      if (stopping_) return;
      look_now_ = false;
    }
    Look();
  }
}

void IntegrityWatch::Look() {
  std::map<std::pair<std::string, int64_t>, Told> told;
  for (const std::shared_ptr<ServedModel>& model : options_.models()) {
    const std::pair<std::string, int64_t> key(model->name, model->version);
    Told& now = told[key];
    if (const auto before = told_.find(key); before != told_.end()) now = before->second;
    if (const absl::Status status = model->loaded->CheckIntegrity(); !status.ok()) {
      if (!now.damaged) options_.fail(*model, status);
      now.damaged = true;
    }
    const std::string detached = model->loaded->LookForDetached();
    if (!detached.empty() && detached != now.detached) {
      options_.log->Warning("model detached",
                            {{"model", model->name},
                             {"version", model->version},
                             {"found", detached},
                             {"consequence", "it keeps serving from its mapping"}});
    }
    now.detached = detached;
  }
  told_ = std::move(told);
}

}  // namespace firstlight
