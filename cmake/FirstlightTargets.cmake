# firstlight_library(NAME SOURCES ... DEPENDS ...): a static library of this project.
# firstlight_executable(NAME SOURCES ... DEPENDS ...): a program of this project.
# firstlight_test(NAME SOURCES ... DEPENDS ... [LABELS ...] [TSAN_FILTER ...]): a GoogleTest program
#   run by ctest. The label tsan adds it to what runs under ThreadSanitizer too, there reduced to the
#   cases that TSAN_FILTER (as --gtest_filter) names: those that are slow and vary data rather than
#   threads cost minutes there and find nothing more.

# Every test program with the programs that it starts, and those that run under ThreadSanitizer.
add_custom_target(firstlight_tests)
add_custom_target(firstlight_tsan_tests)

function(firstlight_library NAME)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  add_library(${NAME} STATIC ${ARG_SOURCES})
  target_include_directories(${NAME} PUBLIC ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR})
  target_link_libraries(${NAME} PUBLIC ${ARG_DEPENDS})
  if(FIRSTLIGHT_FUZZ)
    target_precompile_headers(${NAME} REUSE_FROM firstlight_common_headers)
  endif()
endfunction()

if(FIRSTLIGHT_FUZZ)
  file(WRITE ${CMAKE_BINARY_DIR}/common_headers.cc "")
  add_library(firstlight_common_headers OBJECT ${CMAKE_BINARY_DIR}/common_headers.cc)
  target_include_directories(firstlight_common_headers PRIVATE ${PROJECT_SOURCE_DIR})
  target_precompile_headers(firstlight_common_headers PRIVATE
    <algorithm> <cstdint> <functional> <memory> <optional> <string> <string_view> <utility> <vector>
    ${PROJECT_SOURCE_DIR}/loader/base/status_macros.h ${PROJECT_SOURCE_DIR}/loader/base/strings.h
    ${PROJECT_SOURCE_DIR}/loader/json.h)
endif()

function(firstlight_executable NAME)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  add_executable(${NAME} ${ARG_SOURCES})
  target_link_libraries(${NAME} PRIVATE ${ARG_DEPENDS})
  target_link_options(${NAME} PRIVATE -Wl,--exclude-libs,ALL)
endfunction()

function(firstlight_test NAME)
  cmake_parse_arguments(ARG "" "TSAN_FILTER" "SOURCES;DEPENDS;LABELS" ${ARGN})
  firstlight_executable(${NAME} SOURCES ${ARG_SOURCES} DEPENDS ${ARG_DEPENDS} firstlight_test_main)
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
