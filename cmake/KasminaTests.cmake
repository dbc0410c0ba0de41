# kasmina_add_tests(<name> SOURCES <file>... LIBRARIES <target>...)
#
# One executable of Catch2 tests, and one ctest test that runs it. Catch2 v3 where it is found,
# else v2 as Debian 12 has it; its main is compiled once. Tests find `support/...` headers, and
# the golden files through KASMINA_GOLDEN_DIR.
#
# What all tests share is parsed once (precompiled headers) and compiled once (kernels and
# operations, declared `extern template`): tests/support/precompiled_*.hpp, *_instances.hpp.

find_package(Catch2 3 QUIET)
if(NOT Catch2_FOUND)
  find_package(Catch2 2.13 REQUIRED)
endif()

add_library(kasmina_test_main OBJECT ${PROJECT_SOURCE_DIR}/tests/support/main.cpp)
target_link_libraries(kasmina_test_main PUBLIC Catch2::Catch2)
target_compile_features(kasmina_test_main PUBLIC cxx_std_20)

# kasmina_test_shared(<target> <precompiled header> SOURCES <file>... LIBRARIES <target>...)
function(kasmina_test_shared target header)
  cmake_parse_arguments(PARSE_ARGV 2 arg "" "" "SOURCES;LIBRARIES")
  list(TRANSFORM arg_SOURCES PREPEND ${PROJECT_SOURCE_DIR}/tests/support/)
  add_library(${target} OBJECT ${arg_SOURCES})
  target_link_libraries(${target} PRIVATE kasmina_dev kasmina::kasmina Catch2::Catch2
                                          ${arg_LIBRARIES})
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  target_precompile_headers(${target} PRIVATE ${PROJECT_SOURCE_DIR}/tests/support/${header})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(${target} PRIVATE -fpch-preprocess)  # so that ccache can see into it
  endif()
endfunction()

kasmina_test_shared(kasmina_test_core precompiled_core.hpp SOURCES precompiled_core.cpp)
if(TARGET kasmina::eigen)
  kasmina_test_shared(kasmina_test_eigen_instances precompiled_eigen.hpp
    SOURCES eigen_instances.cpp eigen_float_ops.cpp eigen_double_ops.cpp
    LIBRARIES kasmina::eigen)
endif()
if(TARGET kasmina::eigen AND TARGET kasmina::xtensor)
  kasmina_test_shared(kasmina_test_xtensor_instances precompiled_reference.hpp
    SOURCES xtensor_float_ops.cpp xtensor_double_ops.cpp
    LIBRARIES kasmina::eigen kasmina::xtensor)
endif()

function(kasmina_add_tests name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LIBRARIES")
  set(target kasmina_test_${name})
  add_executable(${target} ${arg_SOURCES} $<TARGET_OBJECTS:kasmina_test_main>)
  target_link_libraries(${target} PRIVATE kasmina_dev kasmina::kasmina Catch2::Catch2
                                          ${arg_LIBRARIES})
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  set(shared kasmina_test_core)
  if("kasmina::eigen" IN_LIST arg_LIBRARIES)
    set(shared kasmina_test_eigen_instances)
    target_sources(${target} PRIVATE $<TARGET_OBJECTS:kasmina_test_eigen_instances>)
  endif()
  if("kasmina::xtensor" IN_LIST arg_LIBRARIES)
    set(shared kasmina_test_xtensor_instances)
    target_sources(${target} PRIVATE $<TARGET_OBJECTS:kasmina_test_xtensor_instances>)
  endif()
  target_precompile_headers(${target} REUSE_FROM ${shared})
  target_compile_definitions(${target} PRIVATE
    KASMINA_GOLDEN_DIR="${PROJECT_SOURCE_DIR}/tests/golden")
  add_test(NAME ${name} COMMAND ${target})
  set_tests_properties(${name} PROPERTIES TIMEOUT 600)
endfunction()
