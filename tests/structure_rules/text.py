# SPDX-License-Identifier: Apache-2.0
"""What holds for the text of every file: length, licence line, guard, words that do not belong in a finished tree."""
import re

from .source import Finding

FILE_LINES_MAX = 500
LINE_COLUMNS_MAX = 120

_CODE_SUFFIXES = (".h", ".cc", ".py", ".cmake", ".sh", "CMakeLists.txt")
_UNLICENSED = (".md", ".json", ".patch", ".txt", ".yaml", ".yml", ".toml", ".hex", ".pem", ".svg", "LICENSE",
               ".gitignore", ".gitattributes", ".clang-format", ".clang-tidy")


def _words():
    # Put together here, so that this file does not say them.
    unfinished = "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"))
    place = "/" + "work/"
    return [
        (re.compile(rf"\b(?:{unfinished})\b"), "unfinished work belongs in a tracker, not in the tree"),
        (re.compile(rf"(?<![\w.$}}-]){place}"), "a path of one machine"),
        (re.compile(r"\b[Ii]ssue" + r" #?\d+\b"), "a number that means nothing to a reader: say what it is about"),
    ]


WORDS = _words()


def is_code(file):
    if file.path.startswith("tests/fuzz/corpus/"):
        return False
    return file.path.endswith(_CODE_SUFFIXES) or file.text.startswith("#!")


def check_length(tree):
    for file in tree.files:
        lines = file.text.count("\n")
        if is_code(file) and lines > FILE_LINES_MAX:
            yield Finding(file.path, lines, "length", f"{lines} lines; {FILE_LINES_MAX} are the limit: one noun a file")
        if file.is_cpp:
            for number, line in enumerate(file.text.split("\n"), 1):
                if len(line) > LINE_COLUMNS_MAX:
                    yield Finding(file.path, number, "columns", f"{len(line)} columns; {LINE_COLUMNS_MAX} are the limit")


def check_licence(tree):
    for file in tree.files:
        if not is_code(file) or (file.path.endswith(_UNLICENSED) and not file.path.endswith("CMakeLists.txt")):
            continue
        first = file.text.split("\n", 2)
        line = first[1] if first[0].startswith("#!") and len(first) > 1 else first[0]
        if "SPDX-License-Identifier: Apache-2.0" not in line:
            yield Finding(file.path, 1, "licence", "the first line is the SPDX line (the second, after #!)")


def check_guard(tree):
    for file in tree.cpp():
        if file.path.endswith(".h") and not re.search(r"^#pragma once$", file.text, re.M):
            yield Finding(file.path, 1, "guard", "a header has #pragma once")


def check_words(tree):
    for file in tree.files:
        if file.path.startswith("tests/fuzz/corpus/") or file.path == "LICENSE":
            continue
        for pattern, text in WORDS:
            for match in pattern.finditer(file.text):
                yield file.finding(match.start(), "word", f"'{match.group()}': {text}")


CHECKS = [check_length, check_licence, check_guard, check_words]
