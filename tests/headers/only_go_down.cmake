# Fails if a folder of include/kasmina includes from a folder that it does not stand on.
# -DROOT=<include/kasmina>
cmake_minimum_required(VERSION 3.25)

# Each folder names what stands directly under it and is listed after all of that; it may include
# from there, from what that stands on in turn, and from the words that all share, which lie in
# no folder (error.hpp, finite.hpp and their like).
set(layers
  "reflect:" "pointwise:" "tensor:" "distributed:"
  "random:reflect"
  "lifecycle:reflect"
  "alpha:reflect"
  "statistics:reflect"
  "telemetry:reflect"
  "gates:lifecycle,alpha,statistics"
  "backend:tensor,random"
  "attention:tensor,pointwise"
  "autodiff:backend,attention"
  "health:autodiff,reflect"
  "nn:autodiff"
  "testing:nn"
  "optim:nn,reflect"
  "blueprints:nn,reflect"
  "hosts:blueprints"
  "slot:blueprints,health,gates,telemetry,distributed"
  "model:slot,hosts"
  "checkpoint:model,optim"
  "inference:checkpoint"
  "data:model"
  "judge:model,optim"
  "policy:judge"
  "train:policy"
  "generation:model"
  "text:data")

set(folders)
foreach(layer IN LISTS layers)
  string(REGEX MATCH "^([a-z]+):(.*)$" _ "${layer}")
  set(folder ${CMAKE_MATCH_1})
  string(REPLACE "," ";" below "${CMAKE_MATCH_2}")
  set(under_${folder} ${folder})
  foreach(lower IN LISTS below)
    if(NOT lower IN_LIST folders)
      message(FATAL_ERROR "${folder} stands on ${lower}, which is listed later or not at all")
    endif()
    list(APPEND under_${folder} ${under_${lower}})
  endforeach()
  list(APPEND folders ${folder})
endforeach()

file(GLOB_RECURSE headers RELATIVE ${ROOT} ${ROOT}/*/*.hpp)
if(NOT headers)
  message(FATAL_ERROR "No headers under '${ROOT}'")
endif()
set(wrong)
foreach(header IN LISTS headers)
  string(REGEX REPLACE "/.*" "" folder ${header})
  if(NOT folder IN_LIST folders)
    list(APPEND wrong "${header}: give the folder ${folder} its place in only_go_down.cmake")
    continue()
  endif()
  file(STRINGS ${ROOT}/${header} lines REGEX "^#include [<\"]")
  foreach(line IN LISTS lines)
    if(line MATCHES "\"")
      list(APPEND wrong "${header}: ${line} (write <kasmina/...>)")
    elseif(line MATCHES "<kasmina/([a-z]+)/" AND NOT CMAKE_MATCH_1 IN_LIST under_${folder})
      list(APPEND wrong "${header} includes from ${CMAKE_MATCH_1}, which is not below ${folder}")
    elseif(line MATCHES "<kasmina/kasmina.hpp>")
      list(APPEND wrong "${header} includes kasmina.hpp, which is above everything")
    endif()
  endforeach()
endforeach()
if(wrong)
  list(JOIN wrong "\n  " wrong)
  message(FATAL_ERROR "Includes only go down:\n  ${wrong}")
endif()
