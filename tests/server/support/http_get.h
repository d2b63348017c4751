#ifndef FIRSTLIGHT_TESTS_SERVER_SUPPORT_HTTP_GET_H_
#define FIRSTLIGHT_TESTS_SERVER_SUPPORT_HTTP_GET_H_

#include <string>

namespace firstlight {

struct HttpAnswer {
  int status = 0;
  std::string body;
};
// GET of `path` from HOST:PORT; status 0 when nothing answers.
HttpAnswer HttpGet(const std::string& address, const std::string& path);

}  // namespace firstlight

#endif  // FIRSTLIGHT_TESTS_SERVER_SUPPORT_HTTP_GET_H_
