# SPDX-License-Identifier: Apache-2.0
# One library target a folder, its links are the layers. Nothing global but the language.
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_VERIFY_INTERFACE_HEADER_SETS ON)

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release)
endif()

find_program(AFTERIMAGE_CCACHE ccache)
if(AFTERIMAGE_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${AFTERIMAGE_CCACHE}")
endif()

set(AFTERIMAGE_SANITIZE "" CACHE STRING "Sanitizers of the whole build: address,undefined or thread")

add_library(afterimage_warnings INTERFACE)
target_compile_options(afterimage_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wswitch -Wnon-virtual-dtor -Woverloaded-virtual -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # False alarms of g++ 12 on std::vector, std::string and coroutine frames.
  target_compile_options(afterimage_warnings INTERFACE
    -Wno-error=array-bounds -Wno-error=stringop-overflow -Wno-error=stringop-overread -Wno-error=restrict
    -Wno-error=maybe-uninitialized -Wno-error=dangling-pointer -Wno-error=null-dereference -Wno-error=free-nonheap-object
    -Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread -Wno-restrict -Wno-maybe-uninitialized
    -Wno-dangling-pointer -Wno-free-nonheap-object -Wno-missing-field-initializers -fcoroutines)
else()
  target_compile_options(afterimage_warnings INTERFACE -Wno-missing-field-initializers -Wno-missing-designated-field-initializers)
endif()

add_library(afterimage_options INTERFACE)
target_compile_options(afterimage_options INTERFACE -fstack-protector-strong)
if(AFTERIMAGE_SANITIZE)
  target_compile_options(afterimage_options INTERFACE -fsanitize=${AFTERIMAGE_SANITIZE} -fno-omit-frame-pointer -g1)
  target_link_options(afterimage_options INTERFACE -fsanitize=${AFTERIMAGE_SANITIZE})
endif()

# afterimage_library(NAME HEADERS h... SOURCES cc... LINKS public targets... PRIVATE_LINKS targets...)
function(afterimage_library name)
  cmake_parse_arguments(PARSE_ARGV 1 LIB "" "" "HEADERS;SOURCES;LINKS;PRIVATE_LINKS")
  add_library(${name} STATIC ${LIB_SOURCES})
  target_sources(${name} PUBLIC FILE_SET HEADERS BASE_DIRS "${PROJECT_SOURCE_DIR}" FILES ${LIB_HEADERS})
  target_link_libraries(${name} PUBLIC ${LIB_LINKS} afterimage_options PRIVATE ${LIB_PRIVATE_LINKS} afterimage_warnings)
endfunction()

# afterimage_program(NAME SOURCES cc... LINKS targets...)
function(afterimage_program name)
  cmake_parse_arguments(PARSE_ARGV 1 PROGRAM "" "" "SOURCES;LINKS")
  add_executable(${name} ${PROGRAM_SOURCES})
  target_include_directories(${name} PRIVATE "${PROJECT_SOURCE_DIR}")
  target_link_libraries(${name} PRIVATE ${PROGRAM_LINKS} afterimage_options afterimage_warnings)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")
endfunction()

# afterimage_test(NAME SOURCES cc... LINKS targets... [TIMEOUT seconds])  a GoogleTest program, one ctest entry
function(afterimage_test name)
  cmake_parse_arguments(PARSE_ARGV 1 TEST "" "TIMEOUT" "SOURCES;LINKS")
  add_executable(${name} ${TEST_SOURCES})
  target_include_directories(${name} PRIVATE "${PROJECT_SOURCE_DIR}")
  target_link_libraries(${name} PRIVATE ${TEST_LINKS} GTest::gtest GTest::gtest_main afterimage_options afterimage_warnings)
  add_test(NAME ${name} COMMAND ${name})
  if(NOT TEST_TIMEOUT)
    set(TEST_TIMEOUT 300)
  endif()
  set_tests_properties(${name} PROPERTIES TIMEOUT ${TEST_TIMEOUT})
endfunction()

# afterimage_fuzz(NAME SOURCES cc... LINKS targets... CORPUS dir)
# With AFTERIMAGE_FUZZ a libFuzzer program; otherwise the same entry point replayed over its corpus as a test.
function(afterimage_fuzz name)
  cmake_parse_arguments(PARSE_ARGV 1 FUZZ "" "CORPUS" "SOURCES;LINKS")
  add_executable(${name} ${FUZZ_SOURCES})
  target_include_directories(${name} PRIVATE "${PROJECT_SOURCE_DIR}")
  target_link_libraries(${name} PRIVATE ${FUZZ_LINKS} afterimage_options afterimage_warnings)
  if(AFTERIMAGE_FUZZ)
    target_compile_options(${name} PRIVATE -fsanitize=fuzzer)
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  else()
    target_sources(${name} PRIVATE "${PROJECT_SOURCE_DIR}/tests/fuzz/replay_main.cc")
    add_test(NAME ${name} COMMAND ${name} "${FUZZ_CORPUS}")
    set_tests_properties(${name} PROPERTIES TIMEOUT 120)
  endif()
endfunction()
