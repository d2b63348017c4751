#include "client/model_table.h"

#include <cstdint>
#include <cstdio>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "loader/base/utf8.h"

namespace firstlight {
namespace {

std::string StateText(v1::ModelState state) {
  constexpr std::string_view kPrefix = "MODEL_STATE_";
  return v1::ModelState_Name(state).substr(kPrefix.size());
}

std::string Gigabytes(int64_t bytes) {
  return absl::StrFormat("%.3f GB", static_cast<double>(bytes) / 1e9);
}

// Names and directories come from elsewhere, and a terminal would obey what is in them.
std::string Shown(const std::string& text) { return EscapeControls(text); }

// "2*" for the version that the name points at.
std::string VersionText(const v1::Model& model) {
  return absl::StrCat(model.version(), model.current() ? "*" : "");
}

}  // namespace

std::string ResidencyText(const v1::Model& model) {
  if (!model.has_residency()) return "-";
  constexpr std::string_view kPrefix = "RESIDENCY_STATE_";
  const v1::Residency& residency = model.residency();
  return absl::StrCat(v1::ResidencyState_Name(residency.state()).substr(kPrefix.size()), " ",
                      Gigabytes(residency.has_resident_bytes() ? residency.resident_bytes()
                                                               : residency.mapped_bytes()));
}

std::string LastUsedText(const v1::Model& model, absl::Time now) {
  if (model.requests_in_flight() > 0) return "now";
  if (!model.has_last_used()) return "never";
  const absl::Duration ago = now - absl::FromUnixSeconds(model.last_used().seconds());
  if (ago < absl::Seconds(1)) return "now";
  if (ago < absl::Minutes(1)) return absl::StrCat(absl::ToInt64Seconds(ago), "s ago");
  if (ago < absl::Hours(1)) return absl::StrCat(absl::ToInt64Minutes(ago), "m ago");
  if (ago < absl::Hours(48)) return absl::StrCat(absl::ToInt64Hours(ago), "h ago");
  return absl::StrCat(absl::ToInt64Hours(ago) / 24, "d ago");
}

void PrintModelHeader() {
  std::printf("%-20s %8s %-9s %8s %-9s %11s %11s %-19s %-14s %s\n", "NAME", "VERSION", "STATE",
              "REQUESTS", "LAST USED", "ASSIGNED", "COPIED", "RESIDENCY", "ALIASES", "DIRECTORY");
}

void PrintModelRow(const v1::Model& model, absl::Time now) {
  const v1::WeightBytes& weights = model.weight_bytes();
  const std::string aliases =
      model.aliases().empty() ? "-" : Shown(absl::StrJoin(model.aliases(), ","));
  std::printf("%-20s %8s %-9s %8d %-9s %11s %11s %-19s %-14s %s\n", Shown(model.name()).c_str(),
              VersionText(model).c_str(), StateText(model.state()).c_str(),
              model.requests_in_flight(), LastUsedText(model, now).c_str(),
              Gigabytes(weights.assigned()).c_str(), Gigabytes(weights.copied()).c_str(),
              ResidencyText(model).c_str(), aliases.c_str(), Shown(model.directory()).c_str());
  if (!model.state_reason().empty()) {
    std::printf("    %s\n", Shown(model.state_reason()).c_str());
  }
  if (!model.detached().empty()) {
    std::printf("    detached: %s\n", Shown(model.detached()).c_str());
  }
  std::fflush(stdout);
}

void PrintAliasHeader() { std::printf("%-20s %-20s %s\n", "ALIAS", "MODEL", "VERSION"); }

void PrintAliasRow(const v1::Alias& alias) {
  const std::string version = alias.has_version() ? absl::StrCat(alias.version()) : "current";
  std::printf("%-20s %-20s %s\n", Shown(alias.alias()).c_str(), Shown(alias.name()).c_str(),
              version.c_str());
  std::fflush(stdout);
}

}  // namespace firstlight
