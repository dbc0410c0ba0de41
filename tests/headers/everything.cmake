# Fails unless kasmina.hpp reaches every header of the core but those that write telemetry files,
# as its first line says.
# -DCOMPILER=<c++> -DROOT=<include> -DSOURCE=<file that includes it> -DINCLUDES=<flags>
cmake_minimum_required(VERSION 3.25)

execute_process(
  COMMAND ${COMPILER} -std=c++20 ${INCLUDES} -MM -MT headers ${SOURCE}
  OUTPUT_VARIABLE reached ERROR_VARIABLE errors RESULT_VARIABLE code)
if(NOT code EQUAL 0)
  message(FATAL_ERROR "The compiler cannot tell what kasmina.hpp includes:\n${errors}")
endif()

file(GLOB_RECURSE headers RELATIVE ${ROOT} ${ROOT}/kasmina/*.hpp)
set(writes_files crc32c json_lines tensorboard tensorboard_event)
set(wrong)
foreach(header IN LISTS headers)
  string(REGEX MATCH "^kasmina/telemetry/([a-z0-9_]+).hpp$" telemetry ${header})
  string(FIND "${reached}" "${ROOT}/${header}" place)
  if(telemetry AND CMAKE_MATCH_1 IN_LIST writes_files)
    if(NOT place EQUAL -1)
      list(APPEND wrong "${header} is reached, and writes files")
    endif()
  elseif(place EQUAL -1)
    list(APPEND wrong "${header} is not reached")
  endif()
endforeach()
if(wrong)
  list(JOIN wrong "\n  " wrong)
  message(FATAL_ERROR "kasmina.hpp is not what its first line says:\n  ${wrong}")
endif()
