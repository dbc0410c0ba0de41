# Fails unless the program WITH holds code that grows and trains a network, of each kind below, and
# the program WITHOUT none of it. Arguments: NM, WITH, WITHOUT. (The plain structs of a record, and
# what reads them, are no machinery.)
set(kinds
  "kasmina::Slot<" "kasmina::SlotLifecycle<" "kasmina::MorphogeneticModel<" "slot_detail::LiveSeed<"
  "slot_detail::(Training|Blending|Holding|Fossilized)<" "kasmina::Grower<" "HeuristicController::"
  "train::Learner<" "train::Trainer<" "judge::Shadow" "optim::Optimiser<" "GradientClipper<"
  "GradientProbe<" "gates?::|GateEvidence" "map_pullback" "conv2d[a-z_]*_pullback|[a-z]+_pullback<"
  "Tape<.*>::(sweep|backward|pull_back|add_entry)" "ops::detail::pull_back<")

function(read program symbols)
  execute_process(COMMAND ${NM} -C --defined-only ${program} OUTPUT_VARIABLE listed
                  COMMAND_ERROR_IS_FATAL ANY)
  set(${symbols} "${listed}" PARENT_SCOPE)
endfunction()

read(${WITH} with)
read(${WITHOUT} without)
if(NOT without MATCHES "kasmina::inference::Network<")
  message(FATAL_ERROR "${WITHOUT} lacks the network that it should run")
endif()
set(wrong)
foreach(kind IN LISTS kinds)
  if(NOT with MATCHES "${kind}")
    list(APPEND wrong "${WITH} has nothing like ${kind}: the search finds nothing")
  endif()
  if(without MATCHES "${kind}")
    string(FIND "${without}" "${CMAKE_MATCH_0}" place)
    string(SUBSTRING "${without}" ${place} 300 found)
    string(REGEX REPLACE "\n.*" "" found "${found}")
    list(APPEND wrong "${WITHOUT} has ${found}")
  endif()
endforeach()
if(wrong)
  list(JOIN wrong "\n  " wrong)
  message(FATAL_ERROR "A program that only runs a network should have no training code (N-7):\n  "
                      "${wrong}")
endif()
