# External libraries, as targets named firstlight_dep_*. docs/dependencies.md says what each is for.
#
# gRPC, Protobuf and Abseil come from their static archives with their symbols hidden: Debian's
# shared libsentencepiece exports a Protobuf of its own, and the two crash beside each other
# otherwise. It also halves the time the dynamic linker takes at start.

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(GTest REQUIRED)

set(FIRSTLIGHT_LIBDIR /usr/lib/${CMAKE_LIBRARY_ARCHITECTURE})
if(NOT CMAKE_LIBRARY_ARCHITECTURE)
  set(FIRSTLIGHT_LIBDIR /usr/lib/x86_64-linux-gnu)
endif()

file(GLOB FIRSTLIGHT_ABSL_ARCHIVES ${FIRSTLIGHT_LIBDIR}/libabsl_*.a)
list(FILTER FIRSTLIGHT_ABSL_ARCHIVES EXCLUDE REGEX "libabsl_flags")

add_library(firstlight_dep_absl INTERFACE)
target_link_libraries(firstlight_dep_absl INTERFACE
  -Wl,--start-group ${FIRSTLIGHT_ABSL_ARCHIVES} -Wl,--end-group Threads::Threads)

# The variant of gRPC without TLS: the server listens on loopback or behind a proxy that ends TLS,
# and OpenSSL would cost start-up time.
set(FIRSTLIGHT_GRPC_ARCHIVES)
foreach(name grpc++_reflection grpc++_unsecure grpc_unsecure gpr upb address_sorting re2 cares
        protobuf z)
  list(APPEND FIRSTLIGHT_GRPC_ARCHIVES ${FIRSTLIGHT_LIBDIR}/lib${name}.a)
endforeach()
add_library(firstlight_dep_grpc INTERFACE)
target_link_libraries(firstlight_dep_grpc INTERFACE
  -Wl,--start-group ${FIRSTLIGHT_GRPC_ARCHIVES} ${FIRSTLIGHT_ABSL_ARCHIVES} -Wl,--end-group
  Threads::Threads)

# Options of the link of a program. One for each archive, not ALL: clang's sanitizers are archives
# as well, whose malloc the shared libraries have to find.
set(FIRSTLIGHT_HIDE_ARCHIVES ${FIRSTLIGHT_GRPC_ARCHIVES} ${FIRSTLIGHT_ABSL_ARCHIVES})
list(TRANSFORM FIRSTLIGHT_HIDE_ARCHIVES REPLACE ".*/" "-Wl,--exclude-libs,")

add_library(firstlight_dep_eigen INTERFACE)
target_include_directories(firstlight_dep_eigen SYSTEM INTERFACE /usr/include/eigen3)
target_compile_definitions(firstlight_dep_eigen INTERFACE EIGEN_MPL2_ONLY EIGEN_DONT_PARALLELIZE)

pkg_check_modules(PCRE2 REQUIRED QUIET libpcre2-8)
add_library(firstlight_dep_pcre2 INTERFACE)
target_link_libraries(firstlight_dep_pcre2 INTERFACE pcre2-8)

find_path(LIBEDIT_INCLUDE_DIR histedit.h REQUIRED)
add_library(firstlight_dep_libedit INTERFACE)
target_link_libraries(firstlight_dep_libedit INTERFACE edit)

add_library(firstlight_dep_sentencepiece INTERFACE)
target_link_libraries(firstlight_dep_sentencepiece INTERFACE sentencepiece)

add_library(firstlight_dep_simdjson INTERFACE)
target_link_libraries(firstlight_dep_simdjson INTERFACE simdjson)

add_library(firstlight_dep_utf8proc INTERFACE)
target_link_libraries(firstlight_dep_utf8proc INTERFACE utf8proc)

# Compiled in; nothing is linked.
find_path(XXHASH_INCLUDE_DIR xxhash.h REQUIRED)
add_library(firstlight_dep_xxhash INTERFACE)
target_include_directories(firstlight_dep_xxhash SYSTEM INTERFACE ${XXHASH_INCLUDE_DIR})

add_library(firstlight_dep_prometheus INTERFACE)
target_link_libraries(firstlight_dep_prometheus INTERFACE prometheus-cpp-core)

add_library(firstlight_dep_civetweb INTERFACE)
target_link_libraries(firstlight_dep_civetweb INTERFACE civetweb)

add_library(firstlight_dep_gtest INTERFACE)
target_link_libraries(firstlight_dep_gtest INTERFACE GTest::gmock GTest::gtest)

find_program(PROTOC protoc REQUIRED)
find_program(GRPC_CPP_PLUGIN grpc_cpp_plugin REQUIRED)
