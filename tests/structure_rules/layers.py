# SPDX-License-Identifier: Apache-2.0
"""Who may know whom: includes and links run down the layers, and pure code links and includes no io but io/base.

A new folder is entered in ROOMS with what it may use. A library that is pure inside a folder that is not is entered in
PURE_LIBRARIES, and so are all its files.
"""
import re

BASE = ["io/base"]
IO = BASE + ["io"]
FORMAT = BASE + ["engine/format"]
PURE = FORMAT + ["engine/plan", "engine/vhdx"]
PORTS = IO + PURE + ["engine/port"]
ENGINE = PORTS + ["engine/catalogue", "engine/image", "engine/medium", "engine/source", "engine/replica", "engine/host"]

# Folder -> folders below it. Subfolders belong to the longest entry that matches; a room may always use itself.
ROOMS = {
    "io/base": [],
    "io": BASE,
    "io/posix": IO,
    "io/sim": IO,
    "io/uring": IO + ["io/posix"],
    "engine/format": BASE,
    "engine/plan": FORMAT,
    "engine/vhdx": BASE,
    "engine/port": IO + PURE,
    "engine/image": PORTS,
    "engine/medium": PORTS,
    "engine/source": PORTS + ["engine/image"],
    "engine/catalogue": IO + PURE,
    "engine/replica": PORTS + ["engine/catalogue", "engine/image"],
    "engine/host": ENGINE,
    "transport/tls": IO,
    "transport/replication": ENGINE + ["transport/tls"],
    "transport/nbd": ENGINE + ["transport/tls"],
    "transport/control": ENGINE + ["transport/tls", "transport/replication", "transport/nbd"],
    "tools": None,  # everything: it wires the parts together
    "tests": None,
    "bench": None,
}
PURE_ROOMS = {"engine/format", "engine/plan", "engine/vhdx"}
PURE_LIBRARIES = {"afterimage_identity", "afterimage_replication_protocol"}
# Protocols are state machines and messages: pure by their name, wherever they stand in transport.
PURE_FILES = re.compile(r"^transport/.*_(machine|messages)\.(h|cc)$")

PURE_LINKS_OUTSIDE = {"PkgConfig::zstd", "PkgConfig::xxhash", "PkgConfig::isal", "OpenSSL::Crypto", "OpenSSL::SSL",
                      "fmt::fmt", "nlohmann_json::nlohmann_json", "afterimage_options", "afterimage_warnings"}
# No thread, clock of its own, descriptor, file or log in pure code.
IMPURE_HEADER = re.compile(
    r"^(thread|condition_variable|future|fstream|iostream|filesystem|random|coroutine"
    r"|unistd\.h|fcntl\.h|poll\.h|liburing\.h|sys/.*|netinet/.*|arpa/.*|spdlog/.*|SQLiteCpp/.*|sqlite3\.h|systemd/.*)$")

_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"\n]+)"|<([^>\n]+)>)', re.M)
_CALL = re.compile(r"\b(add_library|afterimage_library|afterimage_program|afterimage_test|afterimage_fuzz|target_link_libraries"
                   r"|target_sources)\s*\(([^)]*)\)")
_KEYWORDS = {"HEADERS", "SOURCES", "LINKS", "PRIVATE_LINKS", "TIMEOUT", "CORPUS", "FILES", "PUBLIC", "PRIVATE", "INTERFACE"}


def room_of(path):
    folder = path.rsplit("/", 1)[0] if "/" in path else ""
    while folder:
        if folder in ROOMS:
            return folder
        folder = folder.rpartition("/")[0]
    return None


def may_use(room, other):
    allowed = ROOMS[room]
    return allowed is None or room == other or other in allowed


def calls(tree):
    """(file, offset, function, target, {keyword: [arguments]}) of each call that makes or links a target."""
    for file in tree.cmake():
        text = re.sub(r"#[^\n]*", lambda m: " " * len(m.group()), file.text)
        for match in _CALL.finditer(text):
            words = match.group(2).split()
            if not words:
                continue
            arguments, keyword = {}, ""
            for word in words[1:]:
                if word in _KEYWORDS:
                    keyword = word
                else:
                    arguments.setdefault(keyword, []).append(word.strip('"'))
            yield file, match.start(), match.group(1), words[0], arguments


def libraries(tree):
    """target -> (room, folder, links with the place they are written at, files)."""
    found = {}
    for file, offset, function, target, arguments in calls(tree):
        folder = file.path.rpartition("/")[0]
        if function in ("add_library", "afterimage_library"):
            files = [f"{folder}/{name}" for name in arguments.get("HEADERS", []) + arguments.get("SOURCES", [])]
            found.setdefault(target, (room_of(file.path), folder, [], []))[3].extend(files)
        if function in ("add_library", "afterimage_library", "target_link_libraries") and target in found:
            for keyword in ("LINKS", "PRIVATE_LINKS", "PUBLIC", "PRIVATE", "INTERFACE"):
                found[target][2].extend((link, file, offset) for link in arguments.get(keyword, []))
    return found


def pure_paths(tree):
    paths = {path for target, (_, _, _, files) in libraries(tree).items() if target in PURE_LIBRARIES for path in files}
    for file in tree.cpp():
        if room_of(file.path) in PURE_ROOMS or PURE_FILES.match(file.path):
            paths.add(file.path)
    return paths


def check_includes(tree):
    pure = pure_paths(tree)
    for file in tree.cpp():
        room = room_of(file.path)
        if room is None:
            yield file.finding(0, "layer", "its folder has no place in the layers: enter it in tests/structure_rules/layers.py")
            continue
        for match in _INCLUDE.finditer(file.without_comments):
            quoted, angled = match.groups()
            if angled is not None:
                if file.path in pure and IMPURE_HEADER.match(angled):
                    yield file.finding(match.start(), "purity", f"pure code includes <{angled}>")
                continue
            if quoted not in tree.by_path:
                yield file.finding(match.start(), "include", f'no file "{quoted}" from the root of the tree')
                continue
            other = room_of(quoted)
            if other is None or not may_use(room, other):
                yield file.finding(match.start(), "layer", f"{room} may not use {quoted}")
            elif file.path in pure and other != "io/base" and quoted not in pure:
                yield file.finding(match.start(), "purity", f"pure code includes {quoted}, which is not")


def check_links(tree):
    found = libraries(tree)
    for target, (room, _, links, _) in found.items():
        pure = room in PURE_ROOMS or target in PURE_LIBRARIES
        for link, file, offset in links:
            if link in found:
                other = found[link][0]
                if room is not None and other is not None and not may_use(room, other):
                    yield file.finding(offset, "link", f"{target} of {room} links {link} of {other}")
                elif pure and other != "io/base" and other not in PURE_ROOMS and link not in PURE_LIBRARIES:
                    yield file.finding(offset, "link", f"{target} is pure and links {link}, which is not")
            elif link.startswith("afterimage_") and link not in PURE_LINKS_OUTSIDE:
                yield file.finding(offset, "link", f"{target} links {link}, which no afterimage_library makes")
            elif pure and link not in PURE_LINKS_OUTSIDE:
                yield file.finding(offset, "link", f"{target} is pure and links {link}")


def check_built(tree):
    """What no CMakeLists names is neither compiled nor, for a header, proven to stand alone."""
    named = set()
    for file, _, _, _, arguments in calls(tree):
        folder = file.path.rpartition("/")[0]
        for words in arguments.values():
            named.update(f"{folder}/{word}" if folder else word for word in words)
            named.update(word.removeprefix("${PROJECT_SOURCE_DIR}/") for word in words)
    for file in tree.cpp("io", "engine", "transport", "tools", "tests", "bench"):
        if file.path.startswith("tests/") and file.path.endswith(".h"):
            continue
        if file.path not in named and file.path != "tests/fuzz/replay_main.cc":
            yield file.finding(0, "built", "no CMakeLists.txt names this file")


CHECKS = [check_includes, check_links, check_built]
