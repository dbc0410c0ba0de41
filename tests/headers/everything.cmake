# Fails unless kasmina.hpp reaches every header of the core but those that read and write files, as
# its first line says.
# -DCOMPILER=<c++> -DROOT=<include> -DSOURCE=<file that includes it> -DINCLUDES=<flags>
cmake_minimum_required(VERSION 3.25)

file(STRINGS ${ROOT}/kasmina/kasmina.hpp first LIMIT_COUNT 1)
set(promise "// Everything of the library but backends, and the headers that read and write files.")
if(NOT first STREQUAL promise)
  message(FATAL_ERROR "kasmina.hpp says something else now; this test holds it to:\n${promise}")
endif()

execute_process(
  COMMAND ${COMPILER} -std=c++20 ${INCLUDES} -MM -MT headers ${SOURCE}
  OUTPUT_VARIABLE reached ERROR_VARIABLE errors RESULT_VARIABLE code)
if(NOT code EQUAL 0)
  message(FATAL_ERROR "The compiler cannot tell what kasmina.hpp includes:\n${errors}")
endif()

file(GLOB_RECURSE headers RELATIVE ${ROOT} ${ROOT}/kasmina/*.hpp)
set(files "^kasmina/(above_standard_streams|checkpoint/.*|system_message|telemetry/(crc32c|json_lines|output_file|tensorboard.*))\\.hpp$")
set(wrong)
foreach(header IN LISTS headers)
  string(FIND "${reached}" "${ROOT}/${header}" place)
  if(header MATCHES "${files}")
    if(NOT place EQUAL -1)
      list(APPEND wrong "${header} is reached, and is for files")
    endif()
  elseif(place EQUAL -1)
    list(APPEND wrong "${header} is not reached")
  endif()
endforeach()
if(wrong)
  list(JOIN wrong "\n  " wrong)
  message(FATAL_ERROR "kasmina.hpp is not what its first line says:\n  ${wrong}")
endif()
