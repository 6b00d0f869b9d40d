# SPDX-License-Identifier: Apache-2.0
"""A check that cannot fail is no check: offences against every rule, and code that only looks like one.

Each sample is a small tree. What is not about layers stands in a frame of files that break nothing.
"""
from .source import File, Tree

_SPDX = "// SPDX-License-Identifier: Apache-2.0\n"
_HASH = "# SPDX-License-Identifier: Apache-2.0\n"


def _tree(files):
    """A tree of `files`; C++ files get their licence line, guard and a place in a CMakeLists unless they bring one."""
    whole = {}
    for path, content in files.items():
        if path.endswith(".h"):
            content = _SPDX + "#pragma once\n" + content
        elif path.endswith(".cc"):
            content = _SPDX + content
        elif path.endswith("CMakeLists.txt"):
            content = _HASH + content
        whole[path] = content
    for path in files:
        folder = path.rpartition("/")[0]
        listing = f"{folder}/CMakeLists.txt"
        if path.endswith((".h", ".cc")) and listing not in files:
            keyword = "HEADERS" if path.endswith(".h") else "SOURCES"
            name = "lib_" + folder.replace("/", "_")
            whole[listing] = whole.get(listing, _HASH) + f"target_sources({name} {keyword} {path.rpartition('/')[2]})\n"
    return Tree([File(path, content) for path, content in sorted(whole.items())])


def _in(path, content):
    return {path: content}


def _library(folder, name, links):
    return {f"{folder}/CMakeLists.txt": f"afterimage_library({name} LINKS {links})\n"}


_LONG_BODY = "  step();\n" * 71

# (rule that must speak, the tree)
BAD = [
    ("layer", {"io/base/a.h": '#include "io/b.h"\n', "io/b.h": ""}),
    ("layer", {"io/a.h": '#include "engine/format/b.h"\n', "engine/format/b.h": ""}),
    ("layer", {"engine/format/a.cc": '#include "engine/plan/b.h"\n', "engine/plan/b.h": ""}),
    ("layer", {"engine/plan/a.cc": '  #  include "io/b.h"\n', "io/b.h": ""}),
    ("layer", {"engine/image/a.cc": '#include "engine/host/b.h"\n', "engine/host/b.h": ""}),
    ("layer", {"engine/source/a.cc": '#include "engine/replica/b.h"\n', "engine/replica/b.h": ""}),
    ("layer", {"engine/host/a.cc": '#include "transport/tls/b.h"\n', "transport/tls/b.h": ""}),
    ("layer", {"engine/host/a.cc": '#include "io/posix/b.h"\n', "io/posix/b.h": ""}),
    ("layer", {"transport/tls/a.cc": '#include "transport/replication/b.h"\n', "transport/replication/b.h": ""}),
    ("layer", {"transport/nbd/a.cc": '#include "transport/control/b.h"\n', "transport/control/b.h": ""}),
    ("layer", {"transport/control/a.cc": '#include "tools/b.h"\n', "tools/b.h": ""}),
    ("layer", {"engine/attic/a.cc": "int a;\n"}),
    ("include", _in("io/a.h", '#include "b.h"\n')),
    ("purity", {"transport/replication/a_machine.cc": '#include "io/b.h"\n', "io/b.h": ""}),
    ("purity", {"transport/replication/a_messages.h": '#include "transport/tls/b.h"\n', "transport/tls/b.h": ""}),
    ("purity", _in("engine/format/a.cc", "#include <unistd.h>\n")),
    ("purity", _in("engine/plan/a.h", "#include <thread>\n")),
    ("purity", {"transport/tls/CMakeLists.txt": "afterimage_library(afterimage_identity HEADERS a.h)\n",
                "transport/tls/a.h": '#include "io/b.h"\n', "io/b.h": ""}),
    ("link", {**_library("io", "afterimage_io", "afterimage_io_base"),
              **_library("io/base", "afterimage_io_base", ""),
              **_library("engine/format", "afterimage_format", "afterimage_io_base afterimage_io")}),
    ("link", {**_library("engine/host", "afterimage_host", ""),
              "engine/image/CMakeLists.txt": "afterimage_library(afterimage_image SOURCES a.cc PRIVATE_LINKS afterimage_host)\n"}),
    ("link", {"engine/plan/CMakeLists.txt": "afterimage_library(afterimage_plan SOURCES a.cc)\n"
                                            "target_link_libraries(afterimage_plan PRIVATE Threads::Threads)\n"}),
    ("link", {**_library("transport/tls", "afterimage_tls", ""),
              "transport/tls/CMakeLists.txt": "afterimage_library(afterimage_tls)\n"
                                              "afterimage_library(afterimage_identity LINKS afterimage_tls)\n"}),
    ("link", _library("engine/format", "afterimage_format", "afterimage_nowhere")),
    ("built", {"io/a.cc": "int a;\n", "io/CMakeLists.txt": "afterimage_library(afterimage_io SOURCES b.cc)\n"}),
    ("built", {"io/a.h": "", "io/CMakeLists.txt": "# afterimage_library(afterimage_io HEADERS a.h)\n"}),
    ("built", {"tests/io/a_test.cc": "int a;\n", "tests/io/CMakeLists.txt": "\n"}),
    ("await", _in("io/a.cc", "Task<int> f() { auto r = co_await g(); }\n")),
    ("await", _in("io/a.cc", "Task<int> f() { co_await Sleep{1}; }\n")),
    ("await", _in("io/a.cc", "Task<int> f() { co_await\n    scope.sleep(1); }\n")),
    ("await", _in("io/a.cc", "Task<int> f() { co_await (task); }\n")),
    ("await", _in("io/a.cc", "Task<int> f() { co_await [] { return 1; }(); }\n")),
    ("await", _in("io/a.cc", "Task<int> f() { co_await tasks[0]; }\n")),
    ("await", _in("tests/io/a.cc", "#define STEP(x) co_await x(1)\n")),
    ("lambda", _in("engine/host/a.cc", "void f() {\n  auto run = [this](int n) -> Task<void> { co_return; };\n}\n")),
    ("lambda", _in("engine/host/a.cc", "void f() {\n  group.start([&] { AFI_CO_TRY(int a, g()); co_return 1; });\n}\n")),
    ("lambda", _in("tests/io/a.cc", "auto f() {\n  return [a = 1, b]() mutable -> Task<int> {\n    co_await t;\n  };\n}\n")),
    ("function", _in("io/a.cc", "void f(int a) {\n" + _LONG_BODY + "}\n")),
    ("function", _in("io/a.cc", "namespace n {\nclass A {\n public:\n  int f() const noexcept {\n" + _LONG_BODY + "  }\n};\n}\n")),
    ("function", _in("io/a.cc", "A::A(int a) : b_{a}, c_(a) {\n" + _LONG_BODY + "}\n")),
    ("function", _in("io/a.cc", "template <class T>\nstruct B {\n  auto f() -> std::vector<T> {\n" + _LONG_BODY + "  }\n};\n")),
    ("function", _in("tests/io/a.cc", "TEST(A, B) {\n" + _LONG_BODY + "}\n")),
    ("function", _in("io/a.cc", "bool operator==(const A& a, const A& b) {\n" + _LONG_BODY + "}\n")),
    ("kernel", _in("engine/replica/a.cc", "void f() { ::pwrite(1, a, 2, 3); }\n")),
    ("kernel", _in("engine/replica/a.cc", "void f() { fdatasync(1); }\n")),
    ("kernel", _in("tools/a.cc", "int f() { return ::socket(1, 2, 3); }\n")),
    ("kernel", _in("transport/tls/a.cc", 'int f() { return ::open("x", 0); }\n')),
    ("world", _in("engine/host/a.cc", "auto f() { return std::chrono::system_clock::now(); }\n")),
    ("world", _in("engine/host/a.cc", "std::ofstream out;\n")),
    ("world", _in("transport/nbd/a.cc", "void f() { std::this_thread::sleep_for(1s); }\n")),
    ("world", _in("engine/source/a.cc", "std::random_device device;\n")),
    ("assert", _in("io/a.cc", "void f() { assert(true); }\n")),
    ("assert", _in("io/a.cc", "#include <cassert>\n")),
    ("throw", _in("engine/plan/a.cc", "void f() { throw 1; }\n")),
    ("using", _in("io/a.h", "using namespace std;\n")),
    ("length", _in("io/a.cc", "int a;\n" * 501)),
    ("length", _in("tools/script", "#!/bin/bash\n" + _HASH + "true\n" * 501)),
    ("columns", _in("io/a.cc", "// " + "x" * 120 + "\n")),
    ("licence", _in("tools/script", "#!/bin/bash\ntrue\n")),
    ("licence", _in("tests/a.py", "import sys\n")),
    ("word", _in("io/a.cc", "// TO" + "DO later\n")),
    ("word", _in("docs/a.md", "FIX" + "ME\n")),
    ("word", _in("tools/script", "#!/bin/bash\n" + _HASH + "ls /wo" + "rk/main\n")),
    ("word", _in("docs/a.md", "see issue" + " 12\n")),
]
# These bring their own head, so the frame must not give them one.
BAD_WHOLE = [
    ("licence", File("io/a.h", "#pragma once\nint a;\n")),
    ("guard", File("io/a.h", _SPDX + "#ifndef A\n#define A\n#endif\n")),
]

GOOD = [
    {"engine/image/a.cc": '#include "io/b.h"\n#include "engine/format/c.h"\n#include <vector>\n', "io/b.h": "", "engine/format/c.h": ""},
    {"tools/a.cc": '#include "io/posix/b.h"\n', "io/posix/b.h": ""},
    {"transport/replication/a_machine.h": '#include "transport/replication/b_messages.h"\n#include "io/base/c.h"\n',
     "transport/replication/b_messages.h": "", "io/base/c.h": ""},
    _in("io/a.cc", '// #include "engine/host/b.h"\n'),
    _in("io/a.cc", "Task<int> f() {\n  auto t = g();\n  auto r = co_await t;\n  co_return co_await this->t_;\n}\n"
                   "Awaiter operator co_await() & noexcept;\n#define TRY(x) auto r = co_await task; \\\n  use(r)\n"),
    _in("io/a.cc", "Task<int> f() { out.emplace(co_await task, co_await t.member); }\n"),
    _in("io/a.cc", "auto f() {\n  return [](int& n) -> Task<void> { co_return; };\n}\nTask<void> g() {\n"
                   "  const auto inner = [&a](int x) { return a[x]; };\n  [[maybe_unused]] int y = a[1];\n  co_return;\n}\n"),
    _in("io/a.cc", "auto f() {\n  return [&x] { return [](int n) -> Task<int> { co_return n; }(x); };\n}\n"),
    _in("io/a.cc", "void f() {\n" + "  step();\n" * 68 + "}\nvoid g() {\n" + "  step();\n" * 68 + "}\n"),
    _in("io/a.cc", "constexpr int table[] = {\n" + "  1,\n" * 90 + "};\nenum class E {\n" + "  // why\n" * 80 + "  a\n};\n"),
    _in("io/a.cc", 'const char* text = "{ assert(1) throw co_await f() TO";\nconst int big = 1\'000\'000;\nconst char c = \'"\';\n'),
    _in("io/a.cc", 'const char* text = R"(\n"{ throw\n)";\nvoid f() {}\n'),
    _in("engine/replica/a.cc", "void f() { file.open(1); disk->fsync(); Stream::connect(a); std::rename_like(b); }\n"),
    _in("tests/io/a_test.cc", "void f() { throw 1; ::open(1); static_assert(sizeof(int) == 4); }\n"),
    _in("docs/a.md", "the network/wo" "rk/place, an issue of 12 lines\n"),
]


def count():
    return len(BAD) + len(BAD_WHOLE) + len(GOOD)


def failures(findings_of):
    wrong = []
    trees = [(rule, _tree(files)) for rule, files in BAD] + [(rule, Tree([file])) for rule, file in BAD_WHOLE]
    for number, (rule, tree) in enumerate(trees):
        found = {finding.rule for finding in findings_of(tree)}
        if rule not in found:
            wrong.append(f"bad sample {number} ({rule}, {tree.files[0].path}): nothing said it, but {sorted(found)}")
    for number, files in enumerate(GOOD):
        for finding in findings_of(_tree(files)):
            wrong.append(f"good sample {number}: {finding}")
    # Each rule is planted once at least.
    planted = {rule for rule, _ in BAD + BAD_WHOLE}
    for rule in ("layer", "include", "purity", "link", "built", "await", "lambda", "function", "kernel", "world", "assert",
                 "throw", "using", "length", "columns", "licence", "guard", "word"):
        if rule not in planted:
            wrong.append(f"no sample offends against {rule}")
    return wrong
