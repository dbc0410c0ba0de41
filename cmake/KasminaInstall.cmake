# Install tree and packages: find_package(kasmina COMPONENTS eigen), or pkg-config kasmina-eigen,
# after `cmake --install`.
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
  # The build tree is a package too, for parents that export theirs.
  if(NOT TARGET kasmina_dev)
    export(EXPORT kasmina_${component} NAMESPACE kasmina::
           FILE ${PROJECT_BINARY_DIR}/kasmina-${component}.cmake)
  endif()
endfunction()

install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/kasmina DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        COMPONENT core FILES_MATCHING PATTERN "*.hpp")
kasmina_install_component(core kasmina)
if(TARGET kasmina_checkpoint)
  kasmina_install_component(checkpoint kasmina_checkpoint)
endif()
foreach(backend eigen xtensor cuda)
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

# For who builds without CMake. Prefixes are found from where the file lies.
file(RELATIVE_PATH prefix_from_pc /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
function(kasmina_install_pkg_config component name description requires libs flags)
  set(pc_name ${name})
  set(pc_description ${description})
  set(pc_requires ${requires})
  set(pc_libs ${libs})
  set(pc_flags ${flags})
  configure_file(${PROJECT_SOURCE_DIR}/cmake/kasmina.pc.in ${PROJECT_BINARY_DIR}/${name}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/${name}.pc
          DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT ${component})
endfunction()
kasmina_install_pkg_config(core kasmina "${PROJECT_DESCRIPTION}" "" "" "-std=c++20")
if(TARGET kasmina_eigen)
  kasmina_install_pkg_config(eigen kasmina-eigen "The CPU backend of Kasmina" "kasmina eigen3"
                             "-pthread" "-pthread")
endif()

install(FILES ${PROJECT_SOURCE_DIR}/cmake/KasminaCudnn.cmake DESTINATION ${KASMINA_PACKAGE_DIR}
        COMPONENT core)
configure_package_config_file(
  ${PROJECT_SOURCE_DIR}/cmake/kasminaConfig.cmake.in ${PROJECT_BINARY_DIR}/kasminaConfig.cmake
  INSTALL_DESTINATION ${KASMINA_PACKAGE_DIR})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/kasminaConfigVersion.cmake
  COMPATIBILITY SameMinorVersion ${any_architecture})
install(FILES ${PROJECT_BINARY_DIR}/kasminaConfig.cmake
              ${PROJECT_BINARY_DIR}/kasminaConfigVersion.cmake
        DESTINATION ${KASMINA_PACKAGE_DIR} COMPONENT core)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE ${PROJECT_SOURCE_DIR}/README.md
              ${PROJECT_SOURCE_DIR}/CHANGELOG.md
        DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/doc/kasmina COMPONENT core)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/docs DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/doc/kasmina COMPONENT core)
