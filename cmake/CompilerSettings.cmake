# Language level, warnings, optimization, sanitizers and the compiler cache: the same for every target.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

set(FIRSTLIGHT_SANITIZE "" CACHE STRING "Value for -fsanitize=, empty for none")

find_program(CCACHE ccache)
if(CCACHE)
  # Paths relative to the source folder, so that another checkout hits the same cache.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
      CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${CCACHE})
endif()

# Baseline of every translation unit; wider instructions only in engine/kernels/<isa>/, chosen at
# run time.
add_compile_options(-march=x86-64-v3 -Wall -Wextra -Werror -Wno-unused-parameter
                    -ffile-prefix-map=${CMAKE_SOURCE_DIR}=.)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # Debian's libraries are GCC 12's, whose names for constrained templates clang 18 no longer gives.
  add_compile_options(-Wthread-safety -fclang-abi-compat=17)
endif()
# A fused multiply-add happens where the code says so and nowhere else: sums must not depend on the
# compiler's choice.
add_compile_options(-ffp-contract=off)

set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1 -DNDEBUG")
# Sanitizers see wild accesses; the library's own assertions see those that stay inside a block.
set(CMAKE_CXX_FLAGS_SANITIZE "-O1 -g1 -fno-omit-frame-pointer -D_GLIBCXX_ASSERTIONS")
if(FIRSTLIGHT_SANITIZE)
  add_compile_options(-fsanitize=${FIRSTLIGHT_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${FIRSTLIGHT_SANITIZE})
  if(FIRSTLIGHT_SANITIZE STREQUAL "thread")
    add_compile_definitions(FIRSTLIGHT_SANITIZE_THREAD)
  else()
    add_compile_definitions(FIRSTLIGHT_SANITIZE_ADDRESS)
  endif()
endif()

# The headers that nearly every source includes are compiled once (cmake/FirstlightTargets.cmake),
# which takes a quarter to a third off a build; ccache asks to be told that this is meant.
option(FIRSTLIGHT_PRECOMPILE "Precompile common headers" OFF)
if(FIRSTLIGHT_PRECOMPILE)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    add_compile_options("SHELL:-Xclang -fno-pch-timestamp")
  else()
    # GCC forgets in a precompiled header that it is a system's: bounds are wrong of libstdc++'s own.
    add_compile_options(-fpch-preprocess -Wno-array-bounds -Wno-stringop-overflow)
  endif()
  if(CCACHE)
    list(INSERT CMAKE_CXX_COMPILER_LAUNCHER 3 CCACHE_SLOPPINESS=pch_defines,time_macros)
  endif()
endif()

find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()
