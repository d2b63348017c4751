#ifndef FIRSTLIGHT_CLIENT_MODEL_TABLE_H_
#define FIRSTLIGHT_CLIENT_MODEL_TABLE_H_

// Models and aliases as tables for people.

#include <string>

#include "absl/time/time.h"
#include "firstlight/v1/model_admin.pb.h"

namespace firstlight {

// To standard output, a line each.
void PrintModelHeader();
// With its reason below it, where it has one. `now` is what "last used" counts from.
void PrintModelRow(const v1::Model& model, absl::Time now);

void PrintAliasHeader();
void PrintAliasRow(const v1::Alias& alias);

// "RESIDENT 2.472 GB", "PARTIAL 1.1 GB", "-": by what is in the page cache where the daemon can
// tell that, else by what it has mapped.
std::string ResidencyText(const v1::Model& model);

// "never", "now" while requests run or within a second, "12s ago", "3m ago", "2h ago", "5d ago".
std::string LastUsedText(const v1::Model& model, absl::Time now);

}  // namespace firstlight

#endif  // FIRSTLIGHT_CLIENT_MODEL_TABLE_H_
