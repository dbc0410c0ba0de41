# kasmina_add_tests(<name> [ON_DEVICE] [KERNELS] [THOROUGH] [PRECOMPILED <name>]
#                   SOURCES <file>... LIBRARIES <target>...)
#
# One executable of Catch2 tests, and one ctest test that runs it. Catch2 v3 where it is found,
# else v2 as Debian 12 has it, with its compiled main where there is one. Tests find
# `support/...` headers, and the golden files through KASMINA_GOLDEN_DIR.
#
# What all tests share is parsed once (precompiled headers: tests/support/precompiled_*.hpp) and
# compiled once: the CPU backend's kernels, operations and models as kasmina::eigen_compiled, which
# kasmina::eigen means here, and the reference backend's kernels and the operations on it and on the
# test device in the same way. There tests spend their time, so that alone is optimised (KASMINA_HOT_FLAGS).
# Tests of what lies above kernels are built for the CPU and once more ON_DEVICE
# (tests/support/chosen_backend.hpp). Tests of KERNELS call no operation on the reference backend, and
# do not wait for these to be compiled. PRECOMPILED <name> asks for other headers than those that what is
# linked gives: those of kasmina_test_precompiled(<name>), or none.
#
# The files of a program are compiled together, in which most of what they instantiate is instantiated
# once: each file has a namespace of its own. Who works on one file sets KASMINA_UNITY_TESTS=OFF.
#
# What is THOROUGH takes longer than its user waits for, who runs script/test; CI and script/test --all
# have KASMINA_THOROUGH_TESTS set. Otherwise its target is there and nobody builds it.

find_package(Catch2 3 QUIET)
if(NOT Catch2_FOUND)
  find_package(Catch2 2.13 REQUIRED)
endif()

if(TARGET Catch2::Catch2WithMain)
  set(catch2_main Catch2::Catch2WithMain)
else()
  set(catch2_main kasmina_test_main)
  add_library(kasmina_test_main STATIC ${PROJECT_SOURCE_DIR}/tests/support/main.cpp)
  target_link_libraries(kasmina_test_main PUBLIC Catch2::Catch2)
  target_compile_features(kasmina_test_main PUBLIC cxx_std_20)
endif()

add_library(kasmina_test_settings INTERFACE)
target_link_libraries(kasmina_test_settings INTERFACE kasmina_dev kasmina::kasmina Catch2::Catch2)
target_include_directories(kasmina_test_settings INTERFACE ${PROJECT_SOURCE_DIR}/tests)
# An assertion without a try block of its own: a fifth of the time that tests take to compile. What an
# expression throws ends its test case, and the report names that instead of the assertion.
target_compile_definitions(kasmina_test_settings INTERFACE CATCH_CONFIG_FAST_COMPILE)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # So that ccache can see what a precompiled header holds.
  target_compile_options(kasmina_test_settings INTERFACE -fpch-preprocess)
endif()

# kasmina_test_precompiled(<name> <target>...): tests/support/precompiled_<name>.hpp
function(kasmina_test_precompiled name)
  set(target kasmina_precompiled_${name})
  add_library(${target} OBJECT ${PROJECT_SOURCE_DIR}/tests/support/precompiled.cpp)
  target_link_libraries(${target} PRIVATE kasmina_test_settings ${ARGN})
  target_precompile_headers(${target} PRIVATE
    ${PROJECT_SOURCE_DIR}/tests/support/precompiled_${name}.hpp)
endfunction()

kasmina_test_precompiled(core)
if(TARGET kasmina::eigen)
  if(NOT TARGET kasmina::eigen_compiled)
    message(FATAL_ERROR "The tests link kasmina::eigen_compiled: set KASMINA_BUILD_COMPILED=ON")
  endif()
  kasmina_test_precompiled(eigen kasmina::eigen_compiled)
endif()
if(TARGET kasmina::eigen AND TARGET kasmina::xtensor)
  kasmina_test_precompiled(reference kasmina::eigen_compiled kasmina::xtensor)
  add_library(kasmina_reference_kernels STATIC ${PROJECT_SOURCE_DIR}/tests/support/xtensor_kernels.cpp)
  add_library(kasmina_reference_compiled STATIC
    ${PROJECT_SOURCE_DIR}/tests/support/xtensor_ops.cpp
    ${PROJECT_SOURCE_DIR}/tests/support/device_ops.cpp)
  target_link_libraries(kasmina_reference_kernels PRIVATE kasmina_test_settings kasmina::xtensor)
  target_link_libraries(kasmina_reference_compiled
    PRIVATE kasmina_test_settings kasmina::eigen_compiled kasmina::xtensor
    PUBLIC kasmina_reference_kernels)
  # What is compared with need not be fast, even where what is compared is built at full speed.
  foreach(target kasmina_reference_kernels kasmina_reference_compiled)
    target_compile_options(${target} PRIVATE $<$<BOOL:${KASMINA_HOT_FLAGS}>:-O1>)
  endforeach()
endif()

# Files that are compiled together take up to 3 GB of memory: no more of them at once than there is room for.
cmake_host_system_information(RESULT memory QUERY TOTAL_PHYSICAL_MEMORY)
math(EXPR jobs "${memory} / 3000")
if(jobs LESS 1)
  set(jobs 1)
endif()
set_property(GLOBAL APPEND PROPERTY JOB_POOLS kasmina_tests=${jobs})

# Targets that script/test does not build, where they are for no other.
function(kasmina_leave_to_all)
  if(NOT KASMINA_THOROUGH_TESTS)
    set_target_properties(${ARGN} PROPERTIES EXCLUDE_FROM_ALL ON)
  endif()
endfunction()

function(kasmina_add_tests name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "ON_DEVICE;KERNELS;THOROUGH" "PRECOMPILED" "SOURCES;LIBRARIES")
  set(target kasmina_test_${name})
  add_executable(${target} ${arg_SOURCES})
  set(precompiled core)
  if("kasmina::eigen" IN_LIST arg_LIBRARIES)
    set(precompiled eigen)
    list(APPEND arg_LIBRARIES kasmina::eigen_compiled)
  endif()
  if("kasmina::xtensor" IN_LIST arg_LIBRARIES)
    set(precompiled reference)
    list(APPEND arg_LIBRARIES Threads::Threads)
    if(arg_KERNELS)
      list(APPEND arg_LIBRARIES kasmina_reference_kernels)
    else()
      list(APPEND arg_LIBRARIES kasmina_reference_compiled)
    endif()
  endif()
  if(arg_PRECOMPILED)
    set(precompiled ${arg_PRECOMPILED})
  endif()
  target_link_libraries(${target} PRIVATE kasmina_test_settings ${catch2_main} ${arg_LIBRARIES})
  if(NOT precompiled STREQUAL "none")
    target_precompile_headers(${target} REUSE_FROM kasmina_precompiled_${precompiled})
  endif()
  target_compile_definitions(${target} PRIVATE
    KASMINA_GOLDEN_DIR="${PROJECT_SOURCE_DIR}/tests/golden")
  if(arg_ON_DEVICE)
    target_compile_definitions(${target} PRIVATE KASMINA_TEST_ON_DEVICE)
  endif()
  if(KASMINA_UNITY_TESTS)
    set_target_properties(${target} PROPERTIES
      UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 0 JOB_POOL_COMPILE kasmina_tests)
  endif()
  # It replaces the program's operator new, and is nobody's neighbour.
  set_source_files_properties(../support/counting_allocator.cpp PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  if(arg_THOROUGH AND NOT KASMINA_THOROUGH_TESTS)
    kasmina_leave_to_all(${target})
    return()
  endif()
  add_test(NAME ${name} COMMAND ${target})
  set_tests_properties(${name} PROPERTIES TIMEOUT 600)
endfunction()
