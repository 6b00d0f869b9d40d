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
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wswitch -Wnon-virtual-dtor -Woverloaded-virtual
  -Wno-missing-field-initializers -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # False alarms of g++ 12 on std::vector, std::string and coroutine frames.
  target_compile_options(afterimage_warnings INTERFACE
    -Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread -Wno-restrict -Wno-maybe-uninitialized
    -Wno-dangling-pointer -Wno-free-nonheap-object)
else()
  target_compile_options(afterimage_warnings INTERFACE -Wno-missing-designated-field-initializers)
endif()

# What every object of a build has in common: hardening, sanitizers, coverage for libFuzzer.
add_library(afterimage_options INTERFACE)
target_compile_options(afterimage_options INTERFACE -fstack-protector-strong)
set(AFTERIMAGE_INSTRUMENT "${AFTERIMAGE_SANITIZE}")
if(AFTERIMAGE_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "AFTERIMAGE_FUZZ needs clang's libFuzzer: use -DCMAKE_CXX_COMPILER=clang++-19")
  endif()
  set(AFTERIMAGE_INSTRUMENT "address,undefined,fuzzer-no-link")
endif()
if(AFTERIMAGE_INSTRUMENT)
  # A finding ends the program, and the C++ library checks its own preconditions too.
  target_compile_options(afterimage_options INTERFACE
    -fsanitize=${AFTERIMAGE_INSTRUMENT} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_compile_definitions(afterimage_options INTERFACE _GLIBCXX_ASSERTIONS)
  target_link_options(afterimage_options INTERFACE -fsanitize=${AFTERIMAGE_INSTRUMENT})
endif()

# afterimage_library(NAME HEADERS h... SOURCES cc... LINKS public targets... PRIVATE_LINKS targets...)
function(afterimage_library name)
  cmake_parse_arguments(PARSE_ARGV 1 LIB "" "" "HEADERS;SOURCES;LINKS;PRIVATE_LINKS")
  if(NOT LIB_SOURCES)  # interfaces only
    add_library(${name} INTERFACE)
    target_sources(${name} INTERFACE FILE_SET HEADERS BASE_DIRS "${PROJECT_SOURCE_DIR}" FILES ${LIB_HEADERS})
    target_link_libraries(${name} INTERFACE ${LIB_LINKS} afterimage_options)
    return()
  endif()
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

# afterimage_test_limits(NAME SECONDS): the time a ctest entry may take; sanitized programs get four times as much.
function(afterimage_test_limits name seconds)
  if(AFTERIMAGE_INSTRUMENT)
    math(EXPR seconds "${seconds} * 4")
  endif()
  set_tests_properties(${name} PROPERTIES TIMEOUT ${seconds})
endfunction()

# What tests cost is their compilation, not their running: the work they wait for is in the libraries.
add_library(afterimage_test_options INTERFACE)
target_compile_options(afterimage_test_options INTERFACE $<$<CONFIG:Release>:-O1>)

# afterimage_test(NAME SOURCES cc... LINKS targets... [TIMEOUT seconds])  a GoogleTest program, one ctest entry
# Its cases are written to reports/NAME.xml of the build folder, where tests/run counts them.
function(afterimage_test name)
  cmake_parse_arguments(PARSE_ARGV 1 TEST "" "TIMEOUT" "SOURCES;LINKS")
  add_executable(${name} ${TEST_SOURCES})
  target_include_directories(${name} PRIVATE "${PROJECT_SOURCE_DIR}")
  target_link_libraries(${name} PRIVATE ${TEST_LINKS} GTest::gtest GTest::gtest_main
    afterimage_options afterimage_test_options afterimage_warnings)
  add_test(NAME ${name} COMMAND ${name})
  if(NOT TEST_TIMEOUT)
    set(TEST_TIMEOUT 300)
  endif()
  afterimage_test_limits(${name} ${TEST_TIMEOUT})
  set_tests_properties(${name} PROPERTIES ENVIRONMENT "GTEST_OUTPUT=xml:${CMAKE_BINARY_DIR}/reports/${name}.xml")
endfunction()

# afterimage_fuzz(fuzz_NAME SOURCES cc... LINKS targets... [CORPUS dir])  the seeds are in tests/fuzz/corpus/NAME if not said
# With AFTERIMAGE_FUZZ a libFuzzer program; otherwise the same entry point replayed over its corpus as a test.
function(afterimage_fuzz name)
  cmake_parse_arguments(PARSE_ARGV 1 FUZZ "" "CORPUS" "SOURCES;LINKS")
  if(NOT FUZZ_CORPUS)
    string(REGEX REPLACE "^fuzz_|_fuzz$" "" corpus "${name}")
    set(FUZZ_CORPUS "${PROJECT_SOURCE_DIR}/tests/fuzz/corpus/${corpus}")
  endif()
  cmake_path(ABSOLUTE_PATH FUZZ_CORPUS BASE_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}" NORMALIZE)
  if(NOT IS_DIRECTORY "${FUZZ_CORPUS}")
    message(FATAL_ERROR "${name} has no seeds: make the folder ${FUZZ_CORPUS}")
  endif()
  add_executable(${name} ${FUZZ_SOURCES})
  target_include_directories(${name} PRIVATE "${PROJECT_SOURCE_DIR}")
  target_link_libraries(${name} PRIVATE ${FUZZ_LINKS} afterimage_options afterimage_test_options afterimage_warnings)
  if(NOT TARGET fuzzers)
    add_custom_target(fuzzers)
  endif()
  add_dependencies(fuzzers ${name})
  if(AFTERIMAGE_FUZZ)
    target_compile_options(${name} PRIVATE -fsanitize=fuzzer)
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    # One line a program, for tests/fuzz/run: the program, then its seeds.
    file(GENERATE OUTPUT "${CMAKE_BINARY_DIR}/fuzzers/${name}" CONTENT "$<TARGET_FILE:${name}>\n${FUZZ_CORPUS}\n")
  else()
    target_sources(${name} PRIVATE "${PROJECT_SOURCE_DIR}/tests/fuzz/replay_main.cc")
    add_test(NAME ${name} COMMAND ${name} "${FUZZ_CORPUS}")
    afterimage_test_limits(${name} 120)
  endif()
endfunction()
