# README shows examples/first_program.cpp, byte for byte, and it is short: 25 lines.
cmake_minimum_required(VERSION 3.25)

# In hexadecimal digits: in strings, CMake would change some characters.
file(READ ${README} readme HEX)
file(READ ${PROGRAM} program HEX)
string(HEX "```cpp\n" opening)
string(HEX "```\n" closing)
string(FIND "${readme}" "${opening}${program}${closing}" at)
if(at EQUAL -1)
  message(FATAL_ERROR "README has no block of C++ that is ${PROGRAM}: copy the file into it")
endif()

string(REGEX MATCHALL "0a" ends "${program}")
list(LENGTH ends lines)
if(lines GREATER 25)
  message(FATAL_ERROR "the first program has ${lines} lines; it is to have 25 at most")
endif()
