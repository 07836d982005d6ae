"""What no line of the product may do: run text, make objects from bytes, trust anybody's server."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator

import pytest

from tests.house.tree import ROOT

CODE = ("shared", "functions", "infra/local", "infra/cli")
# Where a weak hash is what a foreign protocol demands: one-time codes of RFC 4226 and 6238.
WEAK_HASHES = {"shared/identity/second_factor.py"}


def _calls(tree: ast.AST) -> Iterator[tuple[ast.Call, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield node, ast.unparse(node.func)


def _is_false(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value is False


def runs_text(tree: ast.AST) -> Iterator[int]:
    """Find evaluated text; ``re.compile`` makes no code."""
    for call, name in _calls(tree):
        if name.removeprefix("builtins.") in {"eval", "exec", "compile", "__import__"}:
            yield call.lineno


def asks_a_shell(tree: ast.AST) -> Iterator[int]:
    """Find commands that are given to a shell as text."""
    for call, name in _calls(tree):
        given = {each.arg: each.value for each in call.keywords}
        is_shell = "shell" in given and not _is_false(given["shell"])
        if is_shell or name in {"os.system", "os.popen", "subprocess.getoutput"}:
            yield call.lineno


def makes_objects(tree: ast.AST) -> Iterator[int]:
    """Find loaders that make objects of whatever the bytes say."""
    for call, name in _calls(tree):
        said = [ast.unparse(each) for each in [*call.args[1:], *call.keywords]]
        is_yaml = name in {"yaml.load", "yaml.unsafe_load", "yaml.full_load"}
        is_loose = is_yaml and not any("Loader" in each for each in said)
        if is_loose or name.split(".")[0] in {"pickle", "marshal", "shelve", "dill"}:
            yield call.lineno


def hashes_weakly(tree: ast.AST) -> Iterator[int]:
    """Find MD5 and SHA-1, called or handed on."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node) in {"hashlib.md5", "hashlib.sha1"}:
            yield node.lineno
    for call, name in _calls(tree):
        if name == "hashlib.new" and ast.unparse(call.args[0]) in {"'md5'", "'sha1'"}:
            yield call.lineno


def trusts_anybody(tree: ast.AST) -> Iterator[int]:
    """Find connections whose certificate is not checked."""
    loose = {"CERT_NONE", "CERT_OPTIONAL", "_create_unverified_context"}
    for node in ast.walk(tree):
        match node:
            case ast.keyword(arg="verify" | "check_hostname", value=value) if _is_false(value):
                yield value.lineno
            case ast.Attribute(attr=name) if name in loose:
                yield node.lineno
            case ast.Assign(targets=[ast.Attribute(attr="check_hostname")]):
                yield node.lineno


def makes_secrets_by_chance(tree: ast.AST) -> Iterator[int]:
    """Find random text and numbers that others might foresee; waits may be spread by chance."""
    for call, name in _calls(tree):
        if name in {"random.choice", "random.choices", "random.randbytes", "random.getrandbits",
                    "random.randint", "random.randrange", "random.sample"}:  # fmt: skip
            yield call.lineno


def reads_xml_trustingly(tree: ast.AST) -> Iterator[int]:
    """Find readers of XML without a word on entities; the word is our parser's or an option."""
    for call, name in _calls(tree):
        if name.split(".")[-1] not in {"fromstring", "iterparse", "XMLParser", "parse"}:
            continue
        if name.startswith(("etree.", "lxml.etree.", "ElementTree.", "minidom.", "xml.")):
            said = " ".join(ast.unparse(each) for each in [*call.args, *call.keywords])
            if "safe_xml_parser()" not in said and "resolve_entities=False" not in said:
                yield call.lineno


Find = Callable[[ast.AST], Iterator[int]]
# What to look for, the words without which a file need not be looked at, examples of it.
FORBIDDEN: list[tuple[Find, str, tuple[str, ...]]] = [
    (
        runs_text,
        r"(?<![.\w])(?:eval|exec|compile|__import__)\(|builtins",
        ("eval(text)", "exec(text)", "compile(text, 'x', 'exec')"),
    ),
    (
        asks_a_shell,
        r"\bshell=|os\.system|os\.popen|getoutput",
        ("os.system('ls')", "subprocess.run(text, shell=True)", "f(shell=flag)"),
    ),
    (
        makes_objects,
        r"yaml|pickle|marshal|shelve|dill",
        ("pickle.loads(data)", "yaml.load(text)", "marshal.load(file)"),
    ),
    (
        hashes_weakly,
        r"md5|sha1|hashlib\.new",
        ("hashlib.md5(x)", "hmac.new(k, d, hashlib.sha1)", "hashlib.new('md5')"),
    ),
    (
        trusts_anybody,
        r"verify|check_hostname|CERT_|_create_",
        (
            "httpx.get(url, verify=False)",
            "context.check_hostname = False",
            "ssl._create_unverified_context()",
            "context.verify_mode = ssl.CERT_NONE",
        ),
    ),
    (makes_secrets_by_chance, r"random\.", ("random.choice(letters)", "random.getrandbits(128)")),
    (
        reads_xml_trustingly,
        r"etree|ElementTree|minidom|xml\.",
        ("etree.fromstring(data)", "etree.iterparse(file)", "etree.XMLParser(no_network=True)"),
    ),
]


NAMES = [each.__name__ for each, _, _ in FORBIDDEN]


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    files = [path for place in CODE for path in sorted((ROOT / place).rglob("*.py"))]
    assert len(files) > 400
    return {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in files}


@pytest.mark.parametrize(("find", "words", "_examples"), FORBIDDEN, ids=NAMES)
def test_no_line_does_it(
    find: Find, words: str, _examples: tuple[str, ...], texts: dict[str, str]
) -> None:
    found = [
        f"{name}:{line}"
        for name, text in texts.items()
        if re.search(words, text) and not (find is hashes_weakly and name in WEAK_HASHES)
        for line in find(ast.parse(text))
    ]
    assert not found


@pytest.mark.parametrize(("find", "words", "examples"), FORBIDDEN, ids=NAMES)
def test_each_example_is_found(find: Find, words: str, examples: tuple[str, ...]) -> None:
    for example in examples:
        assert re.search(words, example), example
        assert list(find(ast.parse(example))) == [1], example
