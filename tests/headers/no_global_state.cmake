# Fails where a header of the library holds global or thread-local state (spec S-11): variables at
# namespace scope and static ones, which are what is left after functions and constants.
include(${CMAKE_CURRENT_LIST_DIR}/forbid_lines.cmake)

forbid_lines("thread-local state" "thread_local" "^ *//")
forbid_lines("global state" "^ *(inline +)?static |^inline |^extern "
  "constexpr|consteval|static const |^inline const |[(]|^extern template|^inline namespace")
