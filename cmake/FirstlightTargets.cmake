# firstlight_library(NAME [FUZZED|RPC] SOURCES ... DEPENDS ...): a static library of this project.
#   FUZZED is what the fuzz targets are about; RPC is what includes gRPC nearly everywhere.
# firstlight_executable(NAME SOURCES ... DEPENDS ...): a program of this project.
# firstlight_test(NAME [RPC] SOURCES ... DEPENDS ... [LABELS ...] [TSAN_FILTER ...]): a GoogleTest
#   program run by ctest. The label tsan adds it to what runs under ThreadSanitizer too, there reduced
#   to the cases that TSAN_FILTER (as --gtest_filter) names: those that are slow and vary data rather
#   than threads cost minutes there and find nothing more.

# Every test program with the programs that it starts, and those that run under ThreadSanitizer.
add_custom_target(firstlight_tests)
add_custom_target(firstlight_tsan_tests)

option(FIRSTLIGHT_FUZZ "Instrument what reads files for libFuzzer (tests/fuzz); needs clang" OFF)

# firstlight_precompiled(NAME HEADERS ... [OPTIONS ...] [DEPENDS ...]): headers to compile once for the targets that
# name NAME in firstlight_use_precompiled and have the same options.
function(firstlight_precompiled NAME)
  if(NOT FIRSTLIGHT_PRECOMPILE)
    return()
  endif()
  cmake_parse_arguments(ARG "" "" "HEADERS;OPTIONS;DEPENDS" ${ARGN})
  file(WRITE ${CMAKE_BINARY_DIR}/${NAME}.cc "")
  add_library(${NAME} OBJECT ${CMAKE_BINARY_DIR}/${NAME}.cc)
  target_include_directories(${NAME} PRIVATE ${PROJECT_SOURCE_DIR})
  target_compile_options(${NAME} PRIVATE ${ARG_OPTIONS})
  target_link_libraries(${NAME} PRIVATE ${ARG_DEPENDS})
  target_precompile_headers(${NAME} PRIVATE ${ARG_HEADERS})
endfunction()

function(firstlight_use_precompiled TARGET NAME)
  if(FIRSTLIGHT_PRECOMPILE)
    target_precompile_headers(${TARGET} REUSE_FROM ${NAME})
  endif()
endfunction()

set(FIRSTLIGHT_COMMON_HEADERS
  <algorithm> <cstdint> <functional> <memory> <optional> <string> <string_view> <utility> <vector>
  ${PROJECT_SOURCE_DIR}/loader/base/status_macros.h ${PROJECT_SOURCE_DIR}/loader/base/strings.h
  ${PROJECT_SOURCE_DIR}/loader/json.h)
set(FIRSTLIGHT_FUZZED_OPTIONS)
if(FIRSTLIGHT_FUZZ)
  set(FIRSTLIGHT_FUZZED_OPTIONS -fsanitize=fuzzer-no-link)
endif()
firstlight_precompiled(firstlight_common_headers HEADERS ${FIRSTLIGHT_COMMON_HEADERS})
firstlight_precompiled(firstlight_rpc_headers
  HEADERS ${FIRSTLIGHT_COMMON_HEADERS} <grpcpp/grpcpp.h>
  DEPENDS firstlight_dep_grpc)
firstlight_precompiled(firstlight_fuzzed_headers
  HEADERS ${FIRSTLIGHT_COMMON_HEADERS}
  OPTIONS ${FIRSTLIGHT_FUZZED_OPTIONS})
set(FIRSTLIGHT_TEST_HEADERS
  <cstdint> <memory> <string> <string_view> <vector>
  <gmock/gmock.h> <gtest/gtest.h> ${PROJECT_SOURCE_DIR}/tests/loader/status_matchers.h)
# Programs are compiled with -fPIE.
firstlight_precompiled(firstlight_test_headers
  HEADERS ${FIRSTLIGHT_TEST_HEADERS}
  OPTIONS -fPIE
  DEPENDS firstlight_dep_gtest)
firstlight_precompiled(firstlight_rpc_test_headers
  HEADERS ${FIRSTLIGHT_TEST_HEADERS} <grpcpp/grpcpp.h>
  OPTIONS -fPIE
  DEPENDS firstlight_dep_gtest firstlight_dep_grpc)

function(firstlight_library NAME)
  cmake_parse_arguments(ARG "FUZZED;RPC" "" "SOURCES;DEPENDS" ${ARGN})
  add_library(${NAME} STATIC ${ARG_SOURCES})
  target_include_directories(${NAME} PUBLIC ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR})
  target_link_libraries(${NAME} PUBLIC ${ARG_DEPENDS})
  if(ARG_FUZZED)
    target_compile_options(${NAME} PRIVATE ${FIRSTLIGHT_FUZZED_OPTIONS})
    firstlight_use_precompiled(${NAME} firstlight_fuzzed_headers)
  elseif(ARG_RPC)
    firstlight_use_precompiled(${NAME} firstlight_rpc_headers)
  else()
    firstlight_use_precompiled(${NAME} firstlight_common_headers)
  endif()
endfunction()

function(firstlight_executable NAME)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  add_executable(${NAME} ${ARG_SOURCES})
  target_link_libraries(${NAME} PRIVATE ${ARG_DEPENDS})
  target_link_options(${NAME} PRIVATE ${FIRSTLIGHT_HIDE_ARCHIVES})
endfunction()

function(firstlight_test NAME)
  cmake_parse_arguments(ARG "RPC" "TSAN_FILTER" "SOURCES;DEPENDS;LABELS" ${ARGN})
  firstlight_executable(${NAME} SOURCES ${ARG_SOURCES} DEPENDS ${ARG_DEPENDS} firstlight_test_main)
  if(ARG_RPC)
    firstlight_use_precompiled(${NAME} firstlight_rpc_test_headers)
  else()
    firstlight_use_precompiled(${NAME} firstlight_test_headers)
  endif()
  add_dependencies(firstlight_tests ${NAME})
  add_test(NAME ${NAME} COMMAND ${NAME})
  # tests/run counts the single cases from these files.
  set_tests_properties(${NAME} PROPERTIES TIMEOUT 600 LABELS "${ARG_LABELS}"
    ENVIRONMENT "GTEST_OUTPUT=xml:${PROJECT_BINARY_DIR}/test-results/${NAME}.xml")
  if("tsan" IN_LIST ARG_LABELS)
    add_dependencies(firstlight_tsan_tests ${NAME})
    if(ARG_TSAN_FILTER AND FIRSTLIGHT_SANITIZE STREQUAL "thread")
      set_property(TEST ${NAME} APPEND PROPERTY ENVIRONMENT "GTEST_FILTER=${ARG_TSAN_FILTER}")
    endif()
  endif()
endfunction()
