#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <string>

#include "absl/strings/str_join.h"
#include "client/commands.h"
#include "client/input.h"
#include "client/session.h"
#include "client/terminal_text.h"
#include "firstlight/v1/generation.grpc.pb.h"

namespace firstlight {
namespace {

struct TokenizeOptions {
  std::string input = "-";
  std::string model;
  bool no_special_tokens = false;
  bool skip_special_tokens = false;
};

int Tokenize(const CommonOptions& common, const TokenizeOptions& options) {
  v1::TokenizeRequest request;
  request.set_model(options.model);
  request.set_text(ReadText(options.input));
  if (options.no_special_tokens) request.set_add_special_tokens(false);
  grpc::ClientContext context;
  v1::TokenizeResponse response;
  const auto stub = v1::GenerationService::NewStub(Connect(common.address));
  const grpc::Status status = stub->Tokenize(&context, request, &response);
  if (!status.ok()) return ReportFailure(status, common.address);
  if (common.json) {
    PrintJson(response);
  } else {
    std::puts(absl::StrJoin(response.token_ids(), ",").c_str());
  }
  return kExitDone;
}

int Detokenize(const CommonOptions& common, const TokenizeOptions& options) {
  const auto ids = ParseTokenIds(ReadText(options.input));
  if (!ids.ok()) throw CLI::ValidationError("ids", std::string(ids.status().message()));
  v1::DetokenizeRequest request;
  request.set_model(options.model);
  request.mutable_token_ids()->Add(ids->begin(), ids->end());
  request.set_skip_special_tokens(options.skip_special_tokens);
  grpc::ClientContext context;
  v1::DetokenizeResponse response;
  const auto stub = v1::GenerationService::NewStub(Connect(common.address));
  const grpc::Status status = stub->Detokenize(&context, request, &response);
  if (!status.ok()) return ReportFailure(status, common.address);
  if (common.json) {
    PrintJson(response);
  } else {
    WriteText(response.text() + "\n");
  }
  return kExitDone;
}

}  // namespace

void AddTokenizeCommands(CLI::App& app, const CommonOptions& common, int* exit_code) {
  auto options = std::make_shared<TokenizeOptions>();

  CLI::App* tokenize = app.add_subcommand("tokenize", "The token ids of a text");
  tokenize->add_option("text", options->input, "The text; - or none reads standard input");
  tokenize->add_option("--model", options->model, "May be left out when one model is loaded");
  tokenize->add_flag("--no-special-tokens,!--add-special-tokens", options->no_special_tokens,
                     "Do not add what the model expects around a text");
  tokenize->callback([options, &common, exit_code] { *exit_code = Tokenize(common, *options); });

  CLI::App* detokenize = app.add_subcommand("detokenize", "The text of token ids");
  detokenize->add_option("ids", options->input, "1,2,3; - or none reads standard input");
  detokenize->add_option("--model", options->model, "May be left out when one model is loaded");
  detokenize->add_flag("--skip-special-tokens", options->skip_special_tokens,
                       "Leave special tokens out");
  detokenize->callback(
      [options, &common, exit_code] { *exit_code = Detokenize(common, *options); });
}

}  // namespace firstlight
