# The first program runs: ten lines "step N: loss X", and the loss falls.
cmake_minimum_required(VERSION 3.25)

execute_process(COMMAND ${PROGRAM} OUTPUT_VARIABLE output ERROR_VARIABLE errors
                RESULT_VARIABLE code)
if(NOT code EQUAL 0 OR NOT errors STREQUAL "")
  message(FATAL_ERROR "exit code ${code}; it said:\n${output}${errors}")
endif()

set(expected "^")
foreach(step RANGE 1 10)
  string(APPEND expected "step ${step}: loss [0-9]\\.[0-9][0-9][0-9]\n")
endforeach()
if(NOT output MATCHES "${expected}$")
  message(FATAL_ERROR "not ten lines of 'step N: loss X':\n${output}")
endif()
string(REGEX REPLACE "^step 1: loss ([0-9.]+)\n.*" "\\1" first "${output}")
string(REGEX REPLACE ".*step 10: loss ([0-9.]+)\n$" "\\1" last "${output}")
if(NOT last LESS first)
  message(FATAL_ERROR "the loss did not fall:\n${output}")
endif()
