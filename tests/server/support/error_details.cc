#include "google/rpc/status.pb.h"
#include "gtest/gtest.h"
#include "tests/server/support/server_process.h"

namespace firstlight {
namespace {

google::rpc::Status DetailsOf(const grpc::Status& status) {
  google::rpc::Status details;
  EXPECT_TRUE(details.ParseFromString(status.error_details())) << status.error_message();
  EXPECT_EQ(details.code(), static_cast<int>(status.error_code()));
  return details;
}

}  // namespace

google::rpc::ErrorInfo ErrorInfoOf(const grpc::Status& status) {
  google::rpc::ErrorInfo info;
  int count = 0;
  const google::rpc::Status details = DetailsOf(status);
  for (const auto& any : details.details()) {
    if (any.UnpackTo(&info)) ++count;
  }
  EXPECT_EQ(count, 1) << status.error_message();
  EXPECT_EQ(info.domain(), "firstlight");
  return info;
}

bool HasRetryInfo(const grpc::Status& status) {
  google::rpc::RetryInfo info;
  const google::rpc::Status details = DetailsOf(status);
  for (const auto& any : details.details()) {
    if (any.UnpackTo(&info)) return info.has_retry_delay();
  }
  return false;
}

}  // namespace firstlight
