# SPDX-License-Identifier: Apache-2.0
"""A tiny project with planted bugs, to see that tests/mutations tells caught, survived and broken apart."""

_CMAKE = """cmake_minimum_required(VERSION 3.25)
project(tiny LANGUAGES CXX)
add_executable(check check.cc)
"""

_CHECK = """#include <cstdio>
int twice(int number) { return 2 * number; }
int half(int number) { return number / 2; }
int main() {
  if (twice(4) == 8) return 0;
  std::printf("[  FAILED  ] Twice.DoublesANumber, seed 17\\n");
  return 1;
}
"""


def _patch(old, new, head="Bug: a wrong result\nBuild: check\nCaught-by: ./check\n"):
    lines = _CHECK.splitlines()
    number = lines.index(old)
    before, after = lines[number - 1], lines[number + 1]
    return (f"{head}--- a/check.cc\n+++ b/check.cc\n@@ -{number},3 +{number},3 @@\n {before}\n-{old}\n+{new}\n {after}\n")


_TWICE = "int twice(int number) { return 2 * number; }"
_HALF = "int half(int number) { return number / 2; }"

# name -> (patch, how its line begins, a piece of the line)
_CASES = {
    "01-caught": (_patch(_TWICE, "int twice(int number) { return 3 * number; }"), "caught", "Twice.DoublesANumber (seed 17)"),
    "02-survives": (_patch(_HALF, "int half(int number) { return number / 3; }"), "SURVIVED", "a wrong result"),
    "03-does-not-build": (_patch(_TWICE, "int twice(int number) { return 2 * numb; }"), "BROKEN", "does not build"),
    "04-does-not-apply": (_patch(_TWICE, "int a;").replace("2 * number", "5 * number"), "BROKEN", "does not apply"),
    "05-no-head": (_patch(_TWICE, "int a;", head=""), "BROKEN", "Bug:"),
    "06-no-such-test": (_patch(_TWICE, "int twice(int number) { return 3 * number; }",
                               "Bug: b\nBuild: check\nCaught-by: ./check && false\n"), "BROKEN", "without the bug"),
    "07-caught-by-the-second": (_patch(_TWICE, "int twice(int number) { return 3 * number; }",
                                       "Bug: b\nBuild: check\nCaught-by: true\nCaught-by: ./check\n"), "caught", "Twice"),
    "08-caught-again": (_patch(_TWICE, "int twice(int number) { return 4 * number; }"), "caught", "Twice"),
}


def failures(folder, workshop, check_all):
    source, patches = folder / "source", folder / "patches"
    source.mkdir()
    patches.mkdir()
    (source / "CMakeLists.txt").write_text(_CMAKE)
    (source / "check.cc").write_text(_CHECK)
    for name, (patch, _, _) in _CASES.items():
        (patches / f"{name}.patch").write_text(patch)
    lines, wrong = [], []
    shop = workshop(source, folder / "shop")
    uncaught = check_all(shop, sorted(patches.glob("*.patch")), lines.append)
    for name, (_, verdict, piece) in _CASES.items():
        said = [line for line in lines if name in line]
        if len(said) != 1 or not said[0].startswith(verdict) or piece not in said[0]:
            wrong.append(f"{name}: expected '{verdict} … {piece}', got {said}")
    expected = sum(1 for _, verdict, _ in _CASES.values() if verdict != "caught")
    if uncaught != expected:
        wrong.append(f"{uncaught} uncaught, expected {expected}")
    if (shop.tree / "check.cc").read_text() != _CHECK:
        wrong.append("the copy was not healed")
    return wrong
