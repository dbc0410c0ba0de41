# Fails if a header uses a name of the standard library, or of nlohmann/json, whose header neither it
# nor a header of the library that it includes names. That a standard header happens to include
# another is not enough. -DROOTS=<folders of headers> -DLEAST=<how many there are at least>
cmake_minimum_required(VERSION 3.25)

# Which headers a name is in, and the names. One that is not listed is an error, too.
set(container "vector|span|string|string_view|array|map|set|initializer_list|iterator")
set(known
  "algorithm:max min minmax clamp sort stable_sort partial_sort nth_element find find_if find_if_not any_of all_of"
  "algorithm:none_of count count_if transform copy copy_n copy_if fill fill_n reverse rotate lower_bound upper_bound"
  "algorithm:equal max_element min_element minmax_element unique remove_if binary_search equal_range generate"
  "algorithm|ranges|iterator:ranges" "ranges:views"
  "array:array to_array" "atomic:atomic atomic_ref memory_order_relaxed memory_order_acquire"
  "atomic:memory_order_release memory_order_acq_rel"
  "bit:bit_cast bit_ceil bit_floor bit_width popcount countl_zero countr_zero has_single_bit endian"
  "charconv:to_chars from_chars chars_format from_chars_result to_chars_result" "chrono:chrono"
  "cmath:sqrt exp log log1p log10 log2 expm1 pow floor ceil abs fabs sin cos tanh erf erfc lround nearbyint ldexp"
  "cmath:frexp hypot fma round trunc fmod copysign"
  "compare:strong_ordering weak_ordering partial_ordering"
  "concepts:same_as convertible_to derived_from integral signed_integral unsigned_integral floating_point"
  "concepts:constructible_from invocable predicate regular semiregular copyable movable default_initializable"
  "concepts:equality_comparable copy_constructible move_constructible destructible assignable_from totally_ordered"
  "condition_variable:condition_variable"
  "cstddef:size_t ptrdiff_t nullptr_t max_align_t byte to_integer"
  "cstdint:int8_t int16_t int32_t int64_t uint8_t uint16_t uint32_t uint64_t uintptr_t intptr_t"
  "cstdio:FILE fopen fclose fputs fprintf snprintf remove rename" "cstdlib:abort exit getenv malloc free aligned_alloc"
  "cstring:memcpy memset memcmp memmove strlen strerror"
  "exception:exception exception_ptr current_exception rethrow_exception terminate uncaught_exceptions"
  "filesystem:filesystem" "fstream:ifstream ofstream fstream" "fstream|sstream|ostream|iostream:ios streamsize"
  "functional:function invoke reference_wrapper less greater plus hash" "future:future promise async"
  "initializer_list:initializer_list"
  "iterator:back_inserter next prev distance advance iterator_traits random_access_iterator_tag input_iterator_tag"
  "iterator:forward_iterator_tag make_move_iterator istreambuf_iterator iter_reference_t input_iterator"
  "iterator:forward_iterator"
  "${container}:begin end size ssize data erase_if"
  "limits:numeric_limits" "list:list" "map:map"
  "memory:unique_ptr make_unique make_unique_for_overwrite shared_ptr make_shared weak_ptr addressof construct_at"
  "memory:destroy_at destroy_n enable_shared_from_this"
  "mutex:mutex lock_guard unique_lock scoped_lock once_flag call_once"
  "new:bad_alloc align_val_t nothrow launder bad_array_new_length" "numbers:numbers"
  "numeric:accumulate iota reduce inner_product gcd lcm" "optional:optional nullopt nullopt_t"
  "queue:queue priority_queue" "deque:deque" "set:set"
  "span:span as_bytes as_writable_bytes dynamic_extent" "sstream:ostringstream istringstream stringstream"
  "stdexcept:runtime_error logic_error invalid_argument out_of_range domain_error length_error"
  "string:string to_string getline" "string_view:string_view"
  "system_error:system_error error_code errc generic_category system_category"
  "thread:thread jthread this_thread" "tuple:tuple make_tuple tie tuple_cat tuple_size_v tuple_element_t apply"
  "tuple|variant|array|utility:get"
  "type_traits:is_same_v is_enum_v is_void_v is_empty_v is_aggregate_v is_base_of_v is_const_v is_reference_v"
  "type_traits:is_lvalue_reference_v is_pointer_v is_arithmetic_v is_integral_v is_floating_point_v is_signed_v"
  "type_traits:is_unsigned_v is_trivially_copyable_v is_nothrow_move_constructible_v is_member_object_pointer_v"
  "type_traits:remove_cv_t remove_const_t remove_cvref_t remove_reference_t remove_pointer_t conditional_t decay_t"
  "type_traits:enable_if_t underlying_type_t integral_constant true_type false_type bool_constant invoke_result_t"
  "type_traits:add_const_t type_identity_t type_identity is_constant_evaluated common_type_t make_unsigned_t"
  "type_traits:make_signed_t is_invocable_v is_invocable_r_v is_default_constructible_v is_constructible_v"
  "type_traits:is_convertible_v is_class_v is_final_v is_object_v is_function_v"
  "typeinfo:type_info" "unordered_map:unordered_map" "unordered_set:unordered_set"
  "utility:move forward pair exchange as_const index_sequence make_index_sequence integer_sequence declval"
  "utility:index_sequence_for in_range cmp_equal cmp_less unreachable make_pair"
  "utility|string|vector:swap" "utility|optional|variant:in_place in_place_t in_place_type in_place_type_t"
  "variant:variant visit monostate variant_size_v variant_alternative_t holds_alternative get_if in_place_index"
  "variant:in_place_index_t variant_npos" "vector:vector"
  "nlohmann/json.hpp:nlohmann")
foreach(line IN LISTS known)
  string(REGEX MATCH "^([^:]+):(.*)$" _ "${line}")
  set(headers ${CMAKE_MATCH_1})
  string(REPLACE " " ";" names "${CMAKE_MATCH_2}")
  string(REPLACE "|" ";" headers "${headers}")
  foreach(name IN LISTS names)
    set(headers_of_${name} ${headers})
  endforeach()
endforeach()

set(all)
foreach(root IN LISTS ROOTS)
  file(GLOB_RECURSE found RELATIVE ${root} ${root}/*.hpp)
  foreach(header IN LISTS found)
    list(APPEND all ${header})
    file(READ ${root}/${header} text)
    string(REGEX MATCHALL "#include <[^>]+>" included "${text}")
    list(TRANSFORM included REPLACE "#include <([^>]+)>" "\\1")
    set(included_by_${header} ${included})
    string(REGEX REPLACE "//[^\n]*" "" text "${text}")
    string(REGEX REPLACE "#include[^\n]*" "" text "${text}")
    string(REGEX REPLACE "\"[^\"\n]*\"" "" text "${text}")
    string(REGEX MATCHALL "std::[a-z_0-9]+|nlohmann::" used "${text}")
    list(REMOVE_DUPLICATES used)
    list(TRANSFORM used REPLACE "^std::" "")
    list(TRANSFORM used REPLACE "::$" "")
    set(used_by_${header} ${used})
  endforeach()
endforeach()
list(LENGTH all count)
if(count LESS LEAST)
  message(FATAL_ERROR "only ${count} headers under '${ROOTS}'")
endif()

# What a header includes that is not of the library, itself or by way of those that are.
function(find_others header)
  get_property(known GLOBAL PROPERTY others_of_${header} SET)
  if(known)
    return()
  endif()
  set(others -)
  set_property(GLOBAL PROPERTY others_of_${header} ${others})  # for one that is included in turn
  foreach(included IN LISTS included_by_${header})
    if(included IN_LIST all)
      find_others(${included})
      get_property(theirs GLOBAL PROPERTY others_of_${included})
      list(APPEND others ${theirs})
    else()
      list(APPEND others ${included})
    endif()
  endforeach()
  list(REMOVE_DUPLICATES others)
  set_property(GLOBAL PROPERTY others_of_${header} ${others})
endfunction()

set(wrong)
foreach(header IN LISTS all)
  find_others(${header})
  get_property(others GLOBAL PROPERTY others_of_${header})
  foreach(name IN LISTS used_by_${header})
    if(NOT DEFINED headers_of_${name})
      list(APPEND wrong "${header}: give ${name} its header in std_includes.cmake")
      continue()
    endif()
    set(there FALSE)
    foreach(candidate IN LISTS headers_of_${name})
      if(candidate IN_LIST others)
        set(there TRUE)
      endif()
    endforeach()
    if(NOT there)
      list(JOIN headers_of_${name} ">, <" candidates)
      list(APPEND wrong "${header}: ${name} is of <${candidates}>, which it does not include")
    endif()
  endforeach()
endforeach()
if(wrong)
  list(JOIN wrong "\n" lines)
  message(FATAL_ERROR "${lines}")
endif()
message("${count} headers")
