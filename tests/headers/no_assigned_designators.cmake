# Fails where a list of named members is assigned without its type. nvcc (13.0) takes such a list by
# position where a template assigns it to something of the template's parameters, and says nothing:
# `m.gates() = {.second = 1}` sets the first member. With the type before the brace it is right.
include(${CMAKE_CURRENT_LIST_DIR}/forbid_lines.cmake)

forbid_lines("lists of named members that are assigned without their type"
             "^ *[A-Za-z_*][^ ]* = {[.]" "^ *//")
