# Compiles one case with and without KASMINA_MUST_NOT_COMPILE. Without, it must compile; with, it
# must not, and each `// expects: text` of the source (alternatives apart by |) must stand in the
# first five lines of the compiler's message. Run as cmake -DSOURCE=... -DCOMMAND=... -P.
#
# A source of several cases, `// <case> expects: text`, has one twin for all: -DCASE=twin compiles
# that, and -DCASE=<case> the source with that macro defined.

separate_arguments(command UNIX_COMMAND "${COMMAND}")
set(macro KASMINA_MUST_NOT_COMPILE)
set(mark "// expects: ")
if(CASE AND NOT CASE STREQUAL "twin")
  set(macro ${CASE})
  set(mark "// ${CASE} expects: ")
endif()
if(NOT CASE OR CASE STREQUAL "twin")
  execute_process(COMMAND ${command} -fsyntax-only ${SOURCE}
                  RESULT_VARIABLE code OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT code EQUAL 0)
    message(FATAL_ERROR "the correct twin does not compile:\n${output}")
  endif()
  if(CASE)
    return()
  endif()
endif()
execute_process(COMMAND ${command} -D${macro} -fsyntax-only ${SOURCE}
                RESULT_VARIABLE code OUTPUT_VARIABLE output ERROR_VARIABLE output)
if(code EQUAL 0)
  message(FATAL_ERROR "this compiles and must not: ${SOURCE} ${CASE}")
endif()

string(REPLACE ";" "," text "${output}")
string(REPLACE "[" "(" text "${text}")
string(REPLACE "]" ")" text "${text}")
string(REPLACE "\n" ";" lines "${text}")
set(head "")
set(count 0)
foreach(line IN LISTS lines)
  string(APPEND head "${line}\n")
  math(EXPR count "${count} + 1")
  if(count EQUAL 5)
    break()
  endif()
endforeach()

file(STRINGS ${SOURCE} expectations REGEX "^${mark}")
if(NOT expectations)
  message(FATAL_ERROR "${SOURCE} expects no message: add `${mark}text`")
endif()
foreach(expectation IN LISTS expectations)
  string(REPLACE "${mark}" "" expectation "${expectation}")
  string(REPLACE "|" ";" alternatives "${expectation}")
  set(found FALSE)
  foreach(alternative IN LISTS alternatives)
    string(FIND "${head}" "${alternative}" place)
    if(NOT place EQUAL -1)
      set(found TRUE)
    endif()
  endforeach()
  if(NOT found)
    message(FATAL_ERROR "`${expectation}` is not in the first five lines of the message:\n${head}"
                        "\nthe whole of it:\n${output}")
  endif()
endforeach()
