# Preprocesses a file that includes all of include/ and fails if a backend or its library shows up.
# -DCOMPILER= -DSOURCE= -DINCLUDES=<-I options, a list>
cmake_minimum_required(VERSION 3.25)
execute_process(
  COMMAND ${COMPILER} -std=c++20 -M ${INCLUDES} ${SOURCE}
  OUTPUT_VARIABLE reached COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCHALL "[^ \\\n]+" reached "${reached}")
if(NOT reached MATCHES "kasmina/tensor/")
  message(FATAL_ERROR "The preprocessor listed no header of the library: ${reached}")
endif()
list(FILTER reached INCLUDE REGEX "/Eigen/|/eigen3/|/xtensor/|/xtl/|/backends/|/cuda")
if(reached)
  list(JOIN reached "\n  " reached)
  message(FATAL_ERROR "include/ must know no backend, but reaches\n  ${reached}")
endif()
