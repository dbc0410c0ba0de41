# What this project's own executables are built with; nothing of it reaches users.

find_package(nlohmann_json REQUIRED)
find_path(KASMINA_PFR_INCLUDE_DIR boost/pfr.hpp REQUIRED
          DOC "Folder of boost/pfr.hpp (Debian: libboost1.81-dev)")

find_program(KASMINA_CCACHE ccache)
if(KASMINA_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # Tests use precompiled headers, which ccache takes only with this sloppiness. It learns what a
  # source depends on from the compiler, and so need not preprocess it first.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros CCACHE_DEPEND=1 ${KASMINA_CCACHE})
endif()

add_library(kasmina_dev INTERFACE)
target_include_directories(kasmina_dev SYSTEM INTERFACE ${KASMINA_PFR_INCLUDE_DIR})
target_link_libraries(kasmina_dev INTERFACE nlohmann_json::nlohmann_json)
target_compile_options(kasmina_dev INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow)
if(KASMINA_ARCH)
  target_compile_options(kasmina_dev INTERFACE -march=${KASMINA_ARCH})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # g++ 12 tunes for Zen by folding loads into every FMA, which costs a fifth of the speed.
    target_compile_options(kasmina_dev INTERFACE -mtune=generic)
  endif()
endif()
set(KASMINA_HOT_FLAGS "" CACHE STRING
    "More flags for what would take long to run in a build that is quick to compile")
option(KASMINA_WERROR "Warnings are errors in this project's own executables" OFF)
if(KASMINA_WERROR)
  target_compile_options(kasmina_dev INTERFACE -Werror)
endif()
