# What a compiler is told that cannot compile the library: one sentence, first and last. Every header
# that a user can include says it, and whatever else is included with it.
# -DCOMPILER= -DCLANG=<an old one, or empty> -DINCLUDES=<-I options, a list> -DHEADERS=<a list>
# -DFOLDER=<for sources>
cmake_minimum_required(VERSION 3.25)

function(expect_refusal sentence code)
  file(WRITE ${FOLDER}/refused.cpp "${code}")
  execute_process(COMMAND ${ARGN} ${INCLUDES} -E ${FOLDER}/refused.cpp
                  RESULT_VARIABLE result OUTPUT_QUIET ERROR_VARIABLE told)
  if(result EQUAL 0)
    message(FATAL_ERROR "this compiles, and must not:\n${code}${ARGN}")
  endif()
  string(REGEX MATCHALL "error: [^\n]*" errors "${told}")
  list(LENGTH errors count)
  if(NOT count EQUAL 2 OR NOT told MATCHES "error: [^\n]*${sentence}"
     OR NOT told MATCHES "ends_here")
    message(FATAL_ERROR "`${sentence}` and nothing else was to be told of\n${code}by ${ARGN}:\n${told}")
  endif()
endfunction()

set(all "#include <kasmina/kasmina.hpp>\n")
expect_refusal("without -fno-exceptions" "${all}" ${COMPILER} -std=c++20 -fno-exceptions)
foreach(macro min max)
  expect_refusal("define NOMINMAX"
    "#include <algorithm>\n#define ${macro}(a, b) (((a) < (b)) ? (a) : (b))\n${all}"
    ${COMPILER} -std=c++20)
endforeach()
if(CLANG)
  expect_refusal("needs clang 16" "${all}" ${CLANG} -std=c++20)
endif()
foreach(header IN LISTS HEADERS)
  # These hold nothing that needs C++20.
  if(NOT header MATCHES "eigen/instruction_set.hpp|version.hpp")
    expect_refusal("compile with -std=c\\+\\+20" "#include <${header}>\n" ${COMPILER} -std=c++17)
  endif()
endforeach()
