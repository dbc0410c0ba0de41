# Install tree and package: find_package(kasmina COMPONENTS eigen) after `cmake --install`.
# Header-only, so that the version file does not depend on the architecture, but for eigen_compiled.

include(CMakePackageConfigHelpers)
set(KASMINA_PACKAGE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/kasmina)

# <component> <target>: its headers, and an export file of its own, so that a user who asks for the
# core alone needs none of the other components' dependencies.
function(kasmina_install_component component target)
  install(TARGETS ${target} EXPORT kasmina_${component}
          ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT ${component})
  install(EXPORT kasmina_${component} NAMESPACE kasmina:: FILE kasmina-${component}.cmake
          DESTINATION ${KASMINA_PACKAGE_DIR} COMPONENT ${component})
endfunction()

install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/kasmina DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        COMPONENT core FILES_MATCHING PATTERN "*.hpp")
kasmina_install_component(core kasmina)
if(TARGET kasmina_checkpoint)
  kasmina_install_component(checkpoint kasmina_checkpoint)
endif()
foreach(backend eigen xtensor)
  if(TARGET kasmina_${backend})
    install(DIRECTORY ${PROJECT_SOURCE_DIR}/backends/${backend}/include/kasmina
            DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
            COMPONENT ${backend} FILES_MATCHING PATTERN "*.hpp")
    kasmina_install_component(${backend} kasmina_${backend})
  endif()
endforeach()
set(any_architecture ARCH_INDEPENDENT)
if(TARGET kasmina_eigen_compiled)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/compiled/include/kasmina
          DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
          COMPONENT eigen_compiled FILES_MATCHING PATTERN "*.hpp")
  kasmina_install_component(eigen_compiled kasmina_eigen_compiled)
  set(any_architecture)
endif()

configure_package_config_file(
  ${PROJECT_SOURCE_DIR}/cmake/kasminaConfig.cmake.in ${PROJECT_BINARY_DIR}/kasminaConfig.cmake
  INSTALL_DESTINATION ${KASMINA_PACKAGE_DIR})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/kasminaConfigVersion.cmake
  COMPATIBILITY SameMinorVersion ${any_architecture})
install(FILES ${PROJECT_BINARY_DIR}/kasminaConfig.cmake
              ${PROJECT_BINARY_DIR}/kasminaConfigVersion.cmake
        DESTINATION ${KASMINA_PACKAGE_DIR} COMPONENT core)
