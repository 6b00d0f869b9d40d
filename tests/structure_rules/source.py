# SPDX-License-Identifier: Apache-2.0
"""Files of the tree, and C++ text with its comments, strings and preprocessor lines blanked (lengths and lines kept)."""
import pathlib
import re
import subprocess
from dataclasses import dataclass, field
from functools import cached_property

CPP = (".h", ".cc")


@dataclass(frozen=True)
class Finding:
    path: str
    line: int
    rule: str
    text: str

    def __str__(self):
        return f"{self.path}:{self.line}: {self.rule}: {self.text}"


def _blank(text):
    return re.sub(r"[^\n]", " ", text)


_TOKEN = re.compile(
    r"""(?P<comment>//(?:[^\n\\]|\\.|\\\n)*|/\*.*?\*/)
      | (?P<raw>R"(?P<delimiter>[^()\s\\]{0,16})\(.*?\)(?P=delimiter)")
      | (?P<number>\b\d[\w.']*)
      | (?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)+')""",
    re.S | re.X,
)


@dataclass
class File:
    path: str  # from the root, with slashes
    text: str

    @property
    def is_cpp(self):
        return self.path.endswith(CPP)

    @cached_property
    def without_comments(self):
        return _TOKEN.sub(lambda m: _blank(m.group()) if m.group("comment") else m.group(), self.text)

    @cached_property
    def code(self):
        """No comments, no contents of strings (the quotes stay)."""

        def blank(match):
            token = match.group()
            if match.group("number"):
                return token
            if match.group("comment"):
                return _blank(token)
            return token[0] + _blank(token[1:-1]) + token[-1] if "\n" not in token else '"' + _blank(token[1:-1]) + '"'

        return _TOKEN.sub(blank, self.text)

    @cached_property
    def statements(self):
        """The code without preprocessor lines."""
        return re.sub(r"^[ \t]*#(?:[^\n\\]|\\[^\n]|\\\n)*", lambda m: _blank(m.group()), self.code, flags=re.M)

    def line_of(self, offset):
        return self.text.count("\n", 0, offset) + 1

    def finding(self, offset, rule, text):
        return Finding(self.path, self.line_of(offset), rule, text)


@dataclass
class Tree:
    files: list = field(default_factory=list)

    @cached_property
    def by_path(self):
        return {file.path: file for file in self.files}

    def cpp(self, *roots):
        for file in self.files:
            if file.is_cpp and (not roots or file.path.split("/")[0] in roots):
                yield file

    def cmake(self):
        for file in self.files:
            if file.path.endswith("CMakeLists.txt"):
                yield file


def list_files(root):
    """What git tracks or would track, from the root; where git cannot say, every file outside build and hidden folders."""
    root = pathlib.Path(root)
    try:
        listed = subprocess.run(
            ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            check=True, capture_output=True).stdout.decode().split("\0")
    except (OSError, subprocess.CalledProcessError):
        found = (path.relative_to(root) for path in root.rglob("*"))
        listed = [str(path) for path in found if path.parts[0] not in ("build", ".git", ".cache")]
    # What is deleted but not yet recorded is listed, too.
    return sorted(path for path in set(listed) if path and (root / path).is_file())


def read_tree(root):
    """Every text file of the tree."""
    root = pathlib.Path(root)
    tree = Tree()
    for path in list_files(root):
        raw = (root / path).read_bytes()
        if b"\0" in raw:
            continue
        try:
            tree.files.append(File(path, raw.decode()))
        except UnicodeDecodeError:
            continue
    return tree


def matching(text, start):
    """The offset after the bracket that closes the one at `start`; the end of the text if nothing does."""
    pairs = {"(": ")", "[": "]", "{": "}"}
    opening, closing = text[start], pairs[text[start]]
    depth = 0
    for match in re.compile("[" + re.escape(opening + closing) + "]").finditer(text, start):
        depth += 1 if match.group() == opening else -1
        if depth == 0:
            return match.end()
    return len(text)
