# External libraries, as targets named firstlight_dep_*. docs/dependencies.md says what each is for.
#
# gRPC, Protobuf and Abseil come from their static archives with their symbols hidden: Debian's
# shared libsentencepiece exports a Protobuf of its own, and the two crash beside each other
# otherwise. It also halves the time the dynamic linker takes at start.

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(Eigen3 QUIET NO_MODULE)
find_package(GTest REQUIRED)

set(FIRSTLIGHT_LIBDIR /usr/lib/${CMAKE_LIBRARY_ARCHITECTURE})
if(NOT CMAKE_LIBRARY_ARCHITECTURE)
  set(FIRSTLIGHT_LIBDIR /usr/lib/x86_64-linux-gnu)
endif()

# Sets OUT to the static archives that `pkg-config --static` names for MODULE; libraries without an
# archive (libc's own parts) stay as -l options.
function(firstlight_static_archives OUT MODULE)
  pkg_check_modules(PC_${MODULE} REQUIRED QUIET ${MODULE})
  set(found)
  foreach(library IN LISTS PC_${MODULE}_STATIC_LIBRARIES)
    if(EXISTS ${FIRSTLIGHT_LIBDIR}/lib${library}.a AND NOT library MATCHES "^(dl|rt|m|pthread|atomic)$")
      list(APPEND found ${FIRSTLIGHT_LIBDIR}/lib${library}.a)
    endif()
  endforeach()
  list(REMOVE_DUPLICATES found)
  set(${OUT} ${found} PARENT_SCOPE)
endfunction()

file(GLOB FIRSTLIGHT_ABSL_ARCHIVES ${FIRSTLIGHT_LIBDIR}/libabsl_*.a)
list(FILTER FIRSTLIGHT_ABSL_ARCHIVES EXCLUDE REGEX "libabsl_flags")

add_library(firstlight_dep_absl INTERFACE)
target_link_libraries(firstlight_dep_absl INTERFACE
  -Wl,--start-group ${FIRSTLIGHT_ABSL_ARCHIVES} -Wl,--end-group Threads::Threads)

firstlight_static_archives(FIRSTLIGHT_GRPC_ARCHIVES grpc++_unsecure)
list(FILTER FIRSTLIGHT_GRPC_ARCHIVES EXCLUDE REGEX "libabsl_")
add_library(firstlight_dep_grpc INTERFACE)
target_link_libraries(firstlight_dep_grpc INTERFACE
  -Wl,--start-group
  ${FIRSTLIGHT_LIBDIR}/libgrpc++_reflection.a ${FIRSTLIGHT_GRPC_ARCHIVES}
  ${FIRSTLIGHT_LIBDIR}/libprotobuf.a ${FIRSTLIGHT_ABSL_ARCHIVES}
  -Wl,--end-group z Threads::Threads)

add_library(firstlight_dep_eigen INTERFACE)
target_include_directories(firstlight_dep_eigen SYSTEM INTERFACE /usr/include/eigen3)
target_compile_definitions(firstlight_dep_eigen INTERFACE EIGEN_MPL2_ONLY EIGEN_DONT_PARALLELIZE)

pkg_check_modules(PCRE2 REQUIRED QUIET libpcre2-8)
add_library(firstlight_dep_pcre2 INTERFACE)
target_link_libraries(firstlight_dep_pcre2 INTERFACE pcre2-8)

add_library(firstlight_dep_sentencepiece INTERFACE)
target_link_libraries(firstlight_dep_sentencepiece INTERFACE sentencepiece)

add_library(firstlight_dep_simdjson INTERFACE)
target_link_libraries(firstlight_dep_simdjson INTERFACE simdjson)

add_library(firstlight_dep_prometheus INTERFACE)
target_link_libraries(firstlight_dep_prometheus INTERFACE prometheus-cpp-core)

add_library(firstlight_dep_civetweb INTERFACE)
target_link_libraries(firstlight_dep_civetweb INTERFACE civetweb)

add_library(firstlight_dep_gtest INTERFACE)
target_link_libraries(firstlight_dep_gtest INTERFACE GTest::gmock GTest::gtest)

find_program(PROTOC protoc REQUIRED)
find_program(GRPC_CPP_PLUGIN grpc_cpp_plugin REQUIRED)
