# SPDX-License-Identifier: Apache-2.0
"""What C++ code may not say here, and how long it may be. Heuristics on text: plain code is what they read best."""
import re

from .source import matching

PRODUCT = ("io", "engine", "transport", "tools")
FUNCTION_LINES_MAX = 70

# A name, perhaps a member of a named thing, and then the end of the operand.
_AWAIT = re.compile(r"\bco_await\b(?!\s*\()(?P<operand>\s*[^;]*)")
_NAMED = re.compile(r"\s+(?:this->)?[A-Za-z_]\w*(?:(?:\.|->)[A-Za-z_]\w*)*\s*(?=[;),\]}]|$)")
_AWAIT_PARENTHESIS = re.compile(r"\bco_await\s*\(")
_SUSPENDS = re.compile(r"\bco_(?:await|return|yield)\b|\bAFI_CO_\w+\s*\(")
_BEFORE_LAMBDA = re.compile(r"(?:^|[=(,;{}:?&|!<>+\-*/]|\breturn|\bco_return|\bco_yield|\bcase|\belse)\s*$")


def check_await(tree):
    """g++ 12 destroys temporaries of a co_await operand twice: the operand is a name."""
    for file in tree.cpp():
        for match in _AWAIT.finditer(file.code):
            if file.code[: match.start()].rstrip().endswith("operator"):
                continue
            if not _NAMED.match(match.group("operand")):
                yield file.finding(match.start(), "await", "the operand of co_await is no name: name the task first")
        for match in _AWAIT_PARENTHESIS.finditer(file.code):
            if not file.code[: match.start()].rstrip().endswith("operator"):
                yield file.finding(match.start(), "await", "the operand of co_await is no name: name the task first")


def _lambdas(code):
    """(start, captures, body start, body end) of each lambda with a body."""
    for match in re.finditer(r"\[", code):
        start = match.start()
        if code.startswith("[[", start) or code[:start].endswith("[") or not _BEFORE_LAMBDA.search(code[max(0, start - 40):start]):
            continue
        end = matching(code, start)
        at = end
        while at < len(code) and code[at].isspace():
            at += 1
        if at < len(code) and code[at] == "(":
            at = matching(code, at)
        specifiers = re.compile(r"[^;{}()\[\]=]*(?:\([^(){};]*\)[^;{}()=]*)?").match(code, at)
        at = specifiers.end()
        if at < len(code) and code[at] == "{":
            yield start, code[start + 1:end - 1].strip(), at, matching(code, at)


def check_lambdas(tree):
    """The captures die with the lambda object; the coroutine lives on."""
    for file in tree.cpp():
        if not _SUSPENDS.search(file.code):
            continue
        found = list(_lambdas(file.statements))
        for start, captures, begin, end in found:
            body = file.statements[begin:end]
            for _, _, inner_begin, inner_end in found:  # what an inner lambda does is its own affair
                if begin < inner_begin and inner_end <= end:
                    body = body[:inner_begin - begin] + " " * (inner_end - inner_begin) + body[inner_end - begin:]
            if captures and _SUSPENDS.search(body):
                yield file.finding(start, "lambda", "a lambda with captures is a coroutine: pass them as parameters")


_SCOPE = re.compile(r"\b(namespace|class|struct|union|enum)\b|\bextern\s*$")
_NOT_FUNCTION = re.compile(r"^(if|for|while|switch|catch|do|else|try|return)\b")


def _functions(code):
    """(start, body end) of each function body at namespace or class scope."""
    at = head = 0
    while at < len(code):
        char = code[at]
        if char in ";}":
            head = at + 1
        elif char == "(":
            at = matching(code, at)
            continue
        elif char == "{":
            end = matching(code, at)
            before = code[head:at]
            words = re.sub(r"\([^()]*\)", "()", before)
            follows = code[end:end + 64].lstrip()[:1]
            has_parameters = "(" in before and not _NOT_FUNCTION.match(before.strip())
            if has_parameters and re.search(r"\)\s*(?:noexcept\b[^:]*)?:[^:]", words) and follows in (",", "{"):
                at = end  # a member's initialiser
                continue
            scope = _SCOPE.search(re.sub(r"template\s*<[^{}]*?>\s*(?=class|struct|union|auto|\w)", "", before))
            if scope and (not has_parameters or re.match(r"\s*(?:\w+\s+)*(?:class|struct|union|namespace|enum)\b", before)):
                head = at + 1  # look inside
            elif has_parameters and "=" not in re.sub(r"operator\s*\S+", "", re.sub(r"\(.*\)", "", before, flags=re.S)):
                yield head + len(before) - len(before.lstrip()), end
                at = end
                head = at
                continue
            elif scope:
                head = at + 1
            else:
                at = end  # an initialiser
                continue
        at += 1


def check_functions(tree):
    for file in tree.cpp():
        for start, end in _functions(file.statements):
            lines = file.line_of(end - 1) - file.line_of(start) + 1
            if lines > FUNCTION_LINES_MAX:
                yield file.finding(start, "function", f"a function of {lines} lines; {FUNCTION_LINES_MAX} are the limit")


# Only io touches the kernel. Names that nothing else bears may stand bare; the others are caught with their `::`.
_KERNEL_BARE = re.compile(
    r"(?:(?<![\w.:>])|(?<![\w>])::)(?:pread|pwrite|preadv2?|pwritev2?|fsync|fdatasync|sync_file_range|openat2?|creat|ftruncate|fallocate|mmap"
    r"|munmap|msync|epoll_\w+|eventfd|timerfd_\w+|signalfd|accept4|getsockopt|setsockopt|getaddrinfo|fopen|renameat2?"
    r"|unlinkat|mkdirat|io_uring_\w+|memfd_create|sendmsg|recvmsg)\s*\(")
_KERNEL_GLOBAL = re.compile(
    r"(?<![\w>])::(?:open|read|write|close|socket|bind|listen|accept|connect|send|recv|sendto|recvfrom|poll|select|unlink"
    r"|rename|mkdir|rmdir|stat|fstat|lstat|truncate|dup2?|pipe2?|ioctl|fcntl|flock|lseek|link|symlink|shutdown)\s*\(")
# What a simulation cannot steer: time, chance, threads and files behind the platform's back.
_WORLD = re.compile(
    r"std::(?:fstream|ifstream|ofstream|filesystem\b|jthread\b|thread\b|async\b|this_thread\b|random_device|rand\b|srand\b"
    r"|time\s*\(|system_clock\b|chrono::(?:system|steady|high_resolution)_clock\b)"
    r"|\b(?:system|steady|high_resolution)_clock::now|(?<![\w.:>])(?:getrandom|clock_gettime|gettimeofday|usleep"
    r"|nanosleep)\s*\(")


def check_kernel(tree):
    for file in tree.cpp("engine", "transport", "tools"):
        for pattern in (_KERNEL_BARE, _KERNEL_GLOBAL):
            for match in pattern.finditer(file.code):
                call = match.group().rstrip("( \t\n")
                yield file.finding(match.start(), "kernel", f"{call}() outside io: use the platform's interfaces")
    for file in tree.cpp("engine", "transport"):
        for match in _WORLD.finditer(file.code):
            yield file.finding(match.start(), "world", f"{match.group().rstrip('( ')} escapes the platform, and so the simulator")


def _pattern_check(rule, pattern, text, roots, suffix=(".h", ".cc")):
    compiled = re.compile(pattern, re.M)

    def check(tree):
        for file in tree.cpp(*roots):
            if file.path.endswith(suffix):
                for match in compiled.finditer(file.code):
                    yield file.finding(match.start(), rule, text)

    check.__name__ = "check_" + rule
    return check


check_assert = _pattern_check("assert", r"(?<![\w.])assert\s*\(|#\s*include\s*<cassert>",
                              "use AFI_CHECK, which is on in release", PRODUCT)
check_throw = _pattern_check("throw", r"\bthrow\b", "errors are values: return a Result", PRODUCT)
check_using = _pattern_check("using", r"^\s*using\s+namespace\b", "no using namespace in a header", (), (".h",))

CHECKS = [check_await, check_lambdas, check_functions, check_kernel, check_assert, check_throw, check_using]
