# Fails unless kasmina.hpp reaches every header of the core but those that read and write files and
# those that a program includes by their names, as its first line says.
# -DCOMPILER=<c++> -DROOT=<include> -DSOURCE=<file that includes it> -DINCLUDES=<flags>
cmake_minimum_required(VERSION 3.25)

file(STRINGS ${ROOT}/kasmina/kasmina.hpp first LIMIT_COUNT 1)
set(promise "// Everything of the library but backends, files, and what networks are built from by name.")
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
# What a program does not build from, it does not compile: layers, hosts, blueprints of other
# topologies, data, and what is done beside growth.
set(by_name "^kasmina/((attention|data|generation|inference|testing|text)/.*|(autodiff/ops|nn|hosts)/.*|blueprints/(features|shared|transformer).*|model/network_copy|train/(averaged_weights|early_stopping|loss_score|losses|schedules))\\.hpp$")
set(wrong)
foreach(header IN LISTS headers)
  string(FIND "${reached}" "${ROOT}/${header}" place)
  if(header MATCHES "${files}")
    if(NOT place EQUAL -1)
      list(APPEND wrong "${header} is reached, and is for files")
    endif()
  elseif(place EQUAL -1 AND NOT header MATCHES "${by_name}")
    list(APPEND wrong "${header} is not reached")
  endif()
endforeach()
if(wrong)
  list(JOIN wrong "\n  " wrong)
  message(FATAL_ERROR "kasmina.hpp is not what its first line says:\n  ${wrong}")
endif()
