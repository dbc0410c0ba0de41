# kasmina_cudnn: cuDNN 9 where it is found, which kasmina::cuda links and tells its headers of, else
# nothing. Looked for beside the CUDA Toolkit and in cuDNN_ROOT.
find_path(KASMINA_CUDNN_INCLUDE_DIR cudnn_graph.h
          HINTS ${cuDNN_ROOT} $ENV{CUDNN_PATH} ${CUDAToolkit_INCLUDE_DIRS} PATH_SUFFIXES include
          DOC "Folder of cudnn_graph.h (cuDNN 9)")
find_library(KASMINA_CUDNN_LIBRARY cudnn
             HINTS ${cuDNN_ROOT} $ENV{CUDNN_PATH} ${CUDAToolkit_LIBRARY_DIR}
             PATH_SUFFIXES lib lib64 DOC "cuDNN 9")
mark_as_advanced(KASMINA_CUDNN_INCLUDE_DIR KASMINA_CUDNN_LIBRARY)

if(NOT TARGET kasmina_cudnn)
  add_library(kasmina_cudnn INTERFACE IMPORTED GLOBAL)
  if(KASMINA_CUDNN_INCLUDE_DIR AND KASMINA_CUDNN_LIBRARY)
    target_include_directories(kasmina_cudnn SYSTEM INTERFACE ${KASMINA_CUDNN_INCLUDE_DIR})
    target_link_libraries(kasmina_cudnn INTERFACE ${KASMINA_CUDNN_LIBRARY})
    target_compile_definitions(kasmina_cudnn INTERFACE KASMINA_CUDA_HAS_CUDNN)
  else()
    message(STATUS "Kasmina: no cuDNN 9 (set cuDNN_ROOT), so kasmina::cuda convolves by itself")
  endif()
endif()
