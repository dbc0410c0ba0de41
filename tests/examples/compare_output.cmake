# Runs PROGRAM with ARGUMENTS and compares all that it prints with the file EXPECTED; shows both where they differ.
cmake_minimum_required(VERSION 3.25)

execute_process(COMMAND ${PROGRAM} ${ARGUMENTS} OUTPUT_VARIABLE output ERROR_VARIABLE errors
                RESULT_VARIABLE code)
if(NOT code EQUAL 0 OR NOT errors STREQUAL "")
  message(FATAL_ERROR "exit code ${code}; it said:\n${output}${errors}")
endif()
file(READ ${EXPECTED} expected)
if(NOT output STREQUAL expected)
  message(FATAL_ERROR "the output has changed.\nexpected (${EXPECTED}):\n${expected}\n"
                      "got:\n${output}")
endif()
