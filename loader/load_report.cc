#include "loader/load_report.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>
#include <utility>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "loader/base/strings.h"
#include "loader/json_writer.h"

namespace firstlight {
namespace {

std::string HumanBytes(int64_t bytes) {
  constexpr std::array<const char*, 5> kUnits = {"B", "kB", "MB", "GB", "TB"};
  auto value = static_cast<double>(bytes);
  size_t unit = 0;
  while (value >= 999.95 && unit + 1 < kUnits.size()) {
    value /= 1000;
    ++unit;
  }
  return unit == 0 ? absl::StrFormat("%d B", bytes)
                   : absl::StrFormat("%.1f %s", value, kUnits[unit]);
}

// What a line of the table shows.
struct Row {
  std::string disposition;
  std::string tensor;
  std::string dtype;
  std::string shape;
  std::string bytes;
  std::string remark;
};

// Names come from files: control characters must not reach a terminal.
std::string Printable(std::string_view text) {
  const std::string quoted = Quoted(text, text.size());
  return quoted.substr(1, quoted.size() - 2);
}

Row RowOf(const LoadReport::Slot& slot) {
  std::string remark = slot.slot == slot.tensor ? "" : slot.slot;
  if (slot.disposition == Disposition::kTied) {
    StrAppend(&remark, remark.empty() ? "" : " ", "→ ", slot.detail);
  } else if (!slot.detail.empty()) {
    StrAppend(&remark, remark.empty() ? "" : " ", "(", slot.detail, ")");
  }
  return {DispositionName(slot.disposition),
          slot.tensor,
          std::string(DTypeName(slot.dtype)),
          ShapeToString(slot.shape),
          HumanBytes(slot.bytes),
          std::move(remark)};
}

void AppendShape(const Shape& shape, std::string* json) {
  StrAppend(json, "[", absl::StrJoin(shape, ","), "]");
}

void AppendTensor(std::string_view tensor, DType dtype, const Shape& shape, int64_t bytes,
                  std::string* json) {
  StrAppend(json, "\"tensor\":", JsonString(tensor), ",\"dtype\":\"", DTypeName(dtype),
            "\",\"shape\":");
  AppendShape(shape, json);
  StrAppend(json, ",\"bytes\":", bytes);
}

}  // namespace

std::string DispositionName(Disposition disposition) {
  switch (disposition) {
    case Disposition::kAssigned:
      return "assigned";
    case Disposition::kCopied:
      return "copied";
    case Disposition::kTied:
      return "tied";
  }
  return "unknown";
}

LoadReport::Totals LoadReport::ComputeTotals() const {
  Totals totals;
  for (const Slot& slot : slots) {
    switch (slot.disposition) {
      case Disposition::kAssigned:
        totals.assigned_bytes += slot.bytes;
        break;
      case Disposition::kCopied:
        totals.copied_bytes += slot.bytes;
        break;
      case Disposition::kTied:
        totals.tied_bytes += slot.bytes;
        break;
    }
  }
  for (const Unexpected& tensor : unexpected) totals.unexpected_bytes += tensor.bytes;
  return totals;
}

std::string LoadReport::ToText() const {
  std::vector<Row> rows;
  rows.reserve(slots.size() + missing.size() + unexpected.size());
  for (const Slot& slot : slots) rows.push_back(RowOf(slot));
  for (const Missing& slot : missing) {
    rows.push_back({"MISSING", slot.tensor, "", "", "", slot.slot == slot.tensor ? "" : slot.slot});
  }
  for (const Unexpected& tensor : unexpected) {
    rows.push_back({"unexpected", tensor.tensor, std::string(DTypeName(tensor.dtype)),
                    ShapeToString(tensor.shape), HumanBytes(tensor.bytes), ""});
  }
  size_t tensor_width = 0;
  size_t shape_width = 0;
  for (Row& row : rows) {
    row.tensor = Printable(row.tensor);
    row.remark = Printable(row.remark);
    tensor_width = std::max(tensor_width, row.tensor.size());
    shape_width = std::max(shape_width, row.shape.size());
  }
  std::string text;
  for (const Row& row : rows) {
    std::string line = absl::StrFormat(
        "%-10s  %-*s  %-5s  %-*s  %9s  %s", row.disposition, static_cast<int>(tensor_width),
        row.tensor, row.dtype, static_cast<int>(shape_width), row.shape, row.bytes, row.remark);
    line.erase(line.find_last_not_of(' ') + 1);
    StrAppend(&text, line, "\n");
  }
  const Totals totals = ComputeTotals();
  StrAppend(&text, rows.empty() ? "" : "\n", slots.size(),
            " slots: ", HumanBytes(totals.assigned_bytes), " assigned, ",
            HumanBytes(totals.copied_bytes), " copied, ", HumanBytes(totals.tied_bytes), " tied; ",
            missing.size(), " missing; ", unexpected.size(), " unexpected (",
            HumanBytes(totals.unexpected_bytes), ")\n");
  return text;
}

std::string LoadReport::ToJson() const {
  std::string json = "{\"slots\":[";
  std::string_view separator;
  for (const Slot& slot : slots) {
    StrAppend(&json, separator, "{\"slot\":", JsonString(slot.slot), ",");
    AppendTensor(slot.tensor, slot.dtype, slot.shape, slot.bytes, &json);
    StrAppend(&json, ",\"disposition\":\"", DispositionName(slot.disposition), "\"");
    if (!slot.detail.empty()) StrAppend(&json, ",\"detail\":", JsonString(slot.detail));
    json += "}";
    separator = ",";
  }
  json += "],\"missing\":[";
  separator = "";
  for (const Missing& slot : missing) {
    StrAppend(&json, separator, "{\"slot\":", JsonString(slot.slot),
              ",\"tensor\":", JsonString(slot.tensor), "}");
    separator = ",";
  }
  json += "],\"unexpected\":[";
  separator = "";
  for (const Unexpected& tensor : unexpected) {
    StrAppend(&json, separator, "{");
    AppendTensor(tensor.tensor, tensor.dtype, tensor.shape, tensor.bytes, &json);
    json += "}";
    separator = ",";
  }
  const Totals totals = ComputeTotals();
  StrAppend(&json, "],\"totals\":{\"assigned_bytes\":", totals.assigned_bytes,
            ",\"copied_bytes\":", totals.copied_bytes, ",\"tied_bytes\":", totals.tied_bytes,
            ",\"unexpected_bytes\":", totals.unexpected_bytes, "}}");
  return json;
}

}  // namespace firstlight
