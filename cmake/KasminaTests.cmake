# kasmina_add_tests(<name> SOURCES <file>... LIBRARIES <target>...)
#
# One executable of Catch2 tests, and one ctest test that runs it. Catch2 v3 where it is found,
# else v2 as Debian 12 has it; its main is compiled once. Tests find `support/...` headers, and
# the golden files through KASMINA_GOLDEN_DIR.

find_package(Catch2 3 QUIET)
if(NOT Catch2_FOUND)
  find_package(Catch2 2.13 REQUIRED)
endif()

add_library(kasmina_test_main OBJECT ${PROJECT_SOURCE_DIR}/tests/support/main.cpp)
target_link_libraries(kasmina_test_main PUBLIC Catch2::Catch2)
target_compile_features(kasmina_test_main PUBLIC cxx_std_20)

if(TARGET kasmina::eigen)
  add_library(kasmina_test_kernels OBJECT ${PROJECT_SOURCE_DIR}/tests/support/eigen_instances.cpp)
  target_link_libraries(kasmina_test_kernels PRIVATE kasmina_dev kasmina::eigen)
  target_include_directories(kasmina_test_kernels PRIVATE ${PROJECT_SOURCE_DIR}/tests)
endif()

function(kasmina_add_tests name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LIBRARIES")
  set(target kasmina_test_${name})
  add_executable(${target} ${arg_SOURCES} $<TARGET_OBJECTS:kasmina_test_main>)
  target_link_libraries(${target} PRIVATE kasmina_dev kasmina::kasmina Catch2::Catch2
                                          ${arg_LIBRARIES})
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  if("kasmina::eigen" IN_LIST arg_LIBRARIES)
    # The CPU backend's kernels are compiled once for all tests.
    target_sources(${target} PRIVATE $<TARGET_OBJECTS:kasmina_test_kernels>)
    target_compile_options(${target} PRIVATE "SHELL:-include support/eigen_instances.hpp")
  endif()
  target_compile_definitions(${target} PRIVATE
    KASMINA_GOLDEN_DIR="${PROJECT_SOURCE_DIR}/tests/golden")
  add_test(NAME ${name} COMMAND ${target})
  set_tests_properties(${name} PROPERTIES TIMEOUT 600)
endfunction()
