# Programs that nvcc compiles, for a machine with a GPU: KASMINA_BUILD_GPU. Their parts are in
# tests/gpu, bench/gpu and examples/gpu; script/gpu-check packs and runs them.
#
# kasmina_add_gpu_program(<name> [QUICK_TO_BUILD] SOURCES <file>... [LIBRARIES <target>...]
#                         [DEFINITIONS <name>...])

if(NOT TARGET kasmina::cuda)
  message(FATAL_ERROR "KASMINA_BUILD_GPU needs the CUDA Toolkit (nvcc, cuBLASLt), which was not found")
endif()
if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
  set(CMAKE_CUDA_ARCHITECTURES all-major)  # those in use, to the newest that nvcc knows
endif()
if(NOT DEFINED CMAKE_CUDA_COMPILER)
  find_program(KASMINA_NVCC nvcc HINTS ${CUDAToolkit_BIN_DIR} REQUIRED)
  set(CMAKE_CUDA_COMPILER ${KASMINA_NVCC})
endif()
if(KASMINA_CCACHE AND NOT CMAKE_CUDA_COMPILER_LAUNCHER)
  set(CMAKE_CUDA_COMPILER_LAUNCHER ${KASMINA_CCACHE})
endif()
enable_language(CUDA)

add_custom_target(gpu_programs)

function(kasmina_add_gpu_program name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "QUICK_TO_BUILD" "" "SOURCES;LIBRARIES;DEFINITIONS")
  add_executable(${name} ${arg_SOURCES})
  set_source_files_properties(${arg_SOURCES} PROPERTIES LANGUAGE CUDA)
  target_link_libraries(${name} PRIVATE kasmina::cuda nlohmann_json::nlohmann_json ${arg_LIBRARIES})
  target_include_directories(${name} SYSTEM PRIVATE ${KASMINA_PFR_INCLUDE_DIR})
  target_compile_definitions(${name} PRIVATE ${arg_DEFINITIONS})
  target_compile_options(${name} PRIVATE --extended-lambda -Xptxas=-warn-spills)
  target_compile_options(${name} PRIVATE $<IF:$<BOOL:${arg_QUICK_TO_BUILD}>,-O1,-O2>)
  # What a program needs of C++ goes along with it.
  target_link_options(${name} PRIVATE -static-libstdc++ -static-libgcc)
  set_target_properties(${name} PROPERTIES
    CUDA_RUNTIME_LIBRARY Static
    RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/gpu)
  add_dependencies(gpu_programs ${name})
endfunction()
