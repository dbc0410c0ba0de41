# Toolchain of the preset clang: $KASMINA_CLANG where it is set, else the first clang that is found.
# Asking for it here fails where there is none; an empty CXX would quietly take the default compiler.
set(names clang++-16 clang++-17 clang++-18 clang++-19 clang++-20 clang++)
if(DEFINED ENV{KASMINA_CLANG} AND NOT "$ENV{KASMINA_CLANG}" STREQUAL "")
  set(names $ENV{KASMINA_CLANG})
endif()
find_program(KASMINA_CLANG NAMES ${names} REQUIRED DOC "clang 16 or later")
set(CMAKE_CXX_COMPILER ${KASMINA_CLANG})
