# Runs each of PROGRAMS (parted by |) with an argument that none knows: it ends with 2 and says how to ask.
# Runs each of READERS with a file that is not there: it ends with 2 and names it.
cmake_minimum_required(VERSION 3.25)

string(REPLACE "|" ";" PROGRAMS "${PROGRAMS}")
foreach(program ${PROGRAMS})
  foreach(arguments "--form-start" "--from-start;one;two" "--help")
    execute_process(COMMAND ${program} ${arguments} OUTPUT_VARIABLE output ERROR_VARIABLE errors
                    RESULT_VARIABLE code TIMEOUT 20)
    set(wanted 2)
    set(said "${errors}")
    if(arguments STREQUAL "--help")
      set(wanted 0)
      set(said "${output}")
    endif()
    if(NOT code STREQUAL wanted OR NOT said MATCHES "[Uu]sage: |see --help")
      message(SEND_ERROR "${program} ${arguments}: exit code ${code}; it said:\n${output}${errors}")
    endif()
  endforeach()
endforeach()

string(REPLACE "|" ";" READERS "${READERS}")
foreach(program ${READERS})
  execute_process(COMMAND ${program} no/such/file OUTPUT_VARIABLE output ERROR_VARIABLE errors
                  RESULT_VARIABLE code TIMEOUT 20)
  if(NOT code STREQUAL 2 OR NOT "${output}${errors}" MATCHES "no/such/file")
    message(SEND_ERROR "${program} without its file: exit code ${code}; it said:\n${output}${errors}")
  endif()
endforeach()
