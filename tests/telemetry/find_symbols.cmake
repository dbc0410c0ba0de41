# Fails unless the object file WITH refers to telemetry events and the object file WITHOUT does
# not. Arguments: NM, WITH, WITHOUT.
set(events "telemetry_events|SeedContext|SeedGerminated|StageChanged|GateEvaluated|SeedPruned")

function(search object result)
  execute_process(COMMAND ${NM} ${object} OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
  if(NOT symbols MATCHES "4live")
    message(FATAL_ERROR "${object} lacks the function under test")
  endif()
  string(REGEX MATCH "${events}" found "${symbols}")
  set(${result} "${found}" PARENT_SCOPE)
endfunction()

search(${WITH} with)
if(NOT with)
  message(FATAL_ERROR "the memory sink's object has no telemetry: the search finds nothing")
endif()
search(${WITHOUT} without)
if(without)
  message(FATAL_ERROR "the null sink generates code for telemetry (T-2), such as ${without}")
endif()
