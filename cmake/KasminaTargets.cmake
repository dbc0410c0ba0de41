# The targets that users link: kasmina::kasmina (core), kasmina::checkpoint, kasmina::eigen,
# kasmina::cuda, kasmina::xtensor. They carry include paths, C++20 and dependencies, and no compiler
# flags but the two without which nvcc takes no header of kasmina::cuda. The sixth,
# kasmina::eigen_compiled, is a library that is built: compiled/CMakeLists.txt.

add_library(kasmina INTERFACE)
add_library(kasmina::kasmina ALIAS kasmina)
target_compile_features(kasmina INTERFACE cxx_std_20)
target_include_directories(kasmina INTERFACE
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
  $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)

# Checkpoints: the core's headers under kasmina/checkpoint/, and what these need beyond the core.
find_package(nlohmann_json 3.9 QUIET)
if(TARGET nlohmann_json::nlohmann_json)
  add_library(kasmina_checkpoint INTERFACE)
  add_library(kasmina::checkpoint ALIAS kasmina_checkpoint)
  set_target_properties(kasmina_checkpoint PROPERTIES EXPORT_NAME checkpoint)
  target_link_libraries(kasmina_checkpoint INTERFACE kasmina nlohmann_json::nlohmann_json)
else()
  message(STATUS "Kasmina: no nlohmann/json >= 3.9 (Debian: nlohmann-json3-dev), so no "
                 "kasmina::checkpoint")
endif()

# The CPU backend. Its kernels are its own; Eigen is what its tensors are seen as
# (kasmina/backends/eigen/view.hpp).
find_package(Eigen3 3.4 QUIET NO_MODULE)
if(NOT Eigen3_FOUND)
  find_package(Eigen3 5 QUIET NO_MODULE)
endif()
find_package(Threads REQUIRED)
if(TARGET Eigen3::Eigen)
  add_library(kasmina_eigen INTERFACE)
  add_library(kasmina::eigen ALIAS kasmina_eigen)
  set_target_properties(kasmina_eigen PROPERTIES EXPORT_NAME eigen)
  target_include_directories(kasmina_eigen INTERFACE
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/backends/eigen/include>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_link_libraries(kasmina_eigen INTERFACE kasmina Eigen3::Eigen Threads::Threads)
else()
  message(STATUS "Kasmina: no Eigen >= 3.4 (Debian: libeigen3-dev), so no kasmina::eigen")
endif()

# The reference backend.
find_package(xtensor QUIET)
if(TARGET xtensor)
  add_library(kasmina_xtensor INTERFACE)
  add_library(kasmina::xtensor ALIAS kasmina_xtensor)
  set_target_properties(kasmina_xtensor PROPERTIES EXPORT_NAME xtensor)
  target_include_directories(kasmina_xtensor INTERFACE
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/backends/xtensor/include>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_link_libraries(kasmina_xtensor INTERFACE kasmina xtensor)
else()
  message(STATUS "Kasmina: no xtensor (Debian: libxtensor-dev), so no kasmina::xtensor")
endif()

# The CUDA backend, for programs that nvcc compiles: headers, cuBLASLt and, where it is found, cuDNN.
set(KASMINA_CUDA AUTO CACHE STRING "kasmina::cuda: AUTO where CUDA is found, ON (required) or OFF")
set_property(CACHE KASMINA_CUDA PROPERTY STRINGS AUTO ON OFF)
if(KASMINA_CUDA)
  find_package(CUDAToolkit 12 QUIET)
  if(TARGET CUDA::cublasLt)
    include(KasminaCudnn)
    add_library(kasmina_cuda INTERFACE)
    add_library(kasmina::cuda ALIAS kasmina_cuda)
    set_target_properties(kasmina_cuda PROPERTIES EXPORT_NAME cuda)
    target_include_directories(kasmina_cuda INTERFACE
      $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/backends/cuda/include>
      $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
    target_link_libraries(kasmina_cuda INTERFACE kasmina CUDA::cublasLt kasmina_cudnn)
    if(CMAKE_VERSION VERSION_GREATER_EQUAL 3.26)
      target_compile_features(kasmina_cuda INTERFACE cuda_std_20)
    else()  # which knows of no CUDA in C++20
      target_compile_options(kasmina_cuda INTERFACE $<$<COMPILE_LANGUAGE:CUDA>:-std=c++20>)
    endif()
    target_compile_options(kasmina_cuda INTERFACE
      $<$<COMPILE_LANGUAGE:CUDA>:--expt-relaxed-constexpr>
      $<$<COMPILE_LANGUAGE:CUDA>:-diag-suppress=3189>)  # variables that are named module
  elseif(KASMINA_CUDA STREQUAL "AUTO")
    message(STATUS "Kasmina: no CUDA Toolkit >= 12 with cuBLASLt (set CUDAToolkit_ROOT), so no "
                   "kasmina::cuda")
  else()
    message(FATAL_ERROR "KASMINA_CUDA=${KASMINA_CUDA} needs CUDA Toolkit 12 or later with cuBLASLt, "
                        "which was not found: set CUDAToolkit_ROOT")
  endif()
endif()
