#include "server/base/status.h"

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "gtest/gtest.h"

namespace firstlight {
namespace {

google::rpc::Status Details(const grpc::Status& status) {
  google::rpc::Status details;
  EXPECT_TRUE(details.ParseFromString(status.error_details()));
  return details;
}

google::rpc::ErrorInfo OnlyErrorInfo(const grpc::Status& status) {
  google::rpc::ErrorInfo info;
  int count = 0;
  const google::rpc::Status details = Details(status);
  for (const auto& any : details.details()) count += any.UnpackTo(&info) ? 1 : 0;
  EXPECT_EQ(count, 1);
  return info;
}

TEST(StatusTest, OkStaysOk) { EXPECT_TRUE(ToGrpcStatus(absl::OkStatus()).ok()); }

TEST(StatusTest, EveryErrorHasOneErrorInfo) {
  const grpc::Status status = ToGrpcStatus(absl::DataLossError("gone"));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::DATA_LOSS);
  EXPECT_EQ(status.error_message(), "gone");
  EXPECT_EQ(Details(status).message(), "gone");
  EXPECT_EQ(OnlyErrorInfo(status).reason(), "DATA_LOSS");
  EXPECT_EQ(OnlyErrorInfo(status).domain(), "firstlight");
}

TEST(StatusTest, TheFirstReasonIsKeptOnTheWayUp) {
  absl::Status status = WithErrorInfo(absl::NotFoundError("x"), "INNER", {{"k", "v"}});
  status = WithErrorInfo(status, "OUTER");
  const google::rpc::ErrorInfo info = OnlyErrorInfo(ToGrpcStatus(status));
  EXPECT_EQ(info.reason(), "INNER");
  EXPECT_EQ(info.metadata().at("k"), "v");
}

TEST(StatusTest, FieldOfTheMessageBecomesMetadata) {
  const auto info = OnlyErrorInfo(
      ToGrpcStatus(absl::InvalidArgumentError("sampling.top_p: expected (0, 1], found 2")));
  EXPECT_EQ(info.metadata().at("field"), "sampling.top_p");
  EXPECT_TRUE(OnlyErrorInfo(ToGrpcStatus(absl::InvalidArgumentError("Bad Things: happened")))
                  .metadata()
                  .empty());
}

TEST(StatusTest, ResourceExhaustedCarriesRetryInfo) {
  const grpc::Status status = ToGrpcStatus(absl::ResourceExhaustedError("full"));
  google::rpc::RetryInfo retry;
  bool found = false;
  const google::rpc::Status details = Details(status);
  for (const auto& any : details.details()) found = found || any.UnpackTo(&retry);
  ASSERT_TRUE(found);
  EXPECT_EQ(retry.retry_delay().seconds(), 1);
  const grpc::Status slow =
      ToGrpcStatus(WithRetryInfo(absl::ResourceExhaustedError("full"), absl::Milliseconds(2500)));
  const google::rpc::Status slow_details = Details(slow);
  for (const auto& any : slow_details.details()) any.UnpackTo(&retry);
  EXPECT_EQ(retry.retry_delay().seconds(), 2);
  EXPECT_EQ(retry.retry_delay().nanos(), 500000000);
}

TEST(StatusTest, HostileMessagesAreCutAndMadeValid) {
  const grpc::Status status = ToGrpcStatus(absl::InvalidArgumentError(std::string(100000, '\xff')));
  EXPECT_LT(status.error_message().size(), 2000u);
  EXPECT_LT(status.error_details().size(), 3000u);
  EXPECT_EQ(Details(status).message(), status.error_message());
}

}  // namespace
}  // namespace firstlight
