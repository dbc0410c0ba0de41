# Fails unless the object file WITH refers to telemetry events and the object file WITHOUT does
# not. Arguments: NM, WITH, WITHOUT.
set(events "telemetry_events|SeedContext|SeedGerminated|StageChanged|GateEvaluated|SeedPruned")

function(count_mentions object result)
  execute_process(COMMAND ${NM} ${object} OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
  if(NOT symbols MATCHES "4live")
    message(FATAL_ERROR "${object} lacks the function under test")
  endif()
  string(REGEX MATCHALL "[^\n]*(${events})[^\n]*" mentions "${symbols}")
  list(LENGTH mentions count)
  set(${result} ${count} PARENT_SCOPE)
  set(mentions "${mentions}" PARENT_SCOPE)
endfunction()

count_mentions(${WITH} with)
if(with EQUAL 0)
  message(FATAL_ERROR "the memory sink's object has no telemetry: the search finds nothing")
endif()
count_mentions(${WITHOUT} without)
if(NOT without EQUAL 0)
  list(JOIN mentions "\n" lines)
  message(FATAL_ERROR "the null sink generates code for telemetry (T-2):\n${lines}")
endif()
