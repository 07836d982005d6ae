"""`make security`: the long suites and everything that looks for weaknesses, summed up in the end.

The scanners have an environment of their own (build/sectools): their pins disagree with ours.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import yaml

from infra.deploy import remediation

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / "build" / "sectools" / "bin"
RULES = ROOT / "tests" / "security" / "semgrep.yml"
SBOM = ROOT / "build" / "sbom.json"
CODE = ("shared", "functions", "infra")
OPERATIONS = 10_000
SCHEMA_EXAMPLES = 20
"""Requests that schemathesis makes up for each operation, besides those that cover its fields."""
# What secrets look like that nobody may have committed.
SECRETS = re.compile(
    r"AKIA[0-9A-Z]{16}|-----BEGIN (?:RSA |EC )?PRIVATE KEY-----\s+[A-Za-z0-9+/]{40}"
    r"|gh[pousr]_[A-Za-z0-9]{36}|sk-[A-Za-z0-9]{40}|xox[abp]-[0-9A-Za-z-]{20}"
)
CORPUS = "tests/security/test_hostile_texts.py::test_a_corpus_in_every_field"
_ENDS = re.compile(r"\d+ (passed|failed|error)")
_COUNTS = re.compile(r"[\d,]+ generated|hostile texts: all")
# Without the network semgrep would wait minutes for an answer about its newest version.
QUIET = ("--metrics=off", "--disable-version-check")
# bandit: assert_used says invariants here, and subprocess is used with lists (ruff checks both).
NOT_ASKED = "B101,B404,B603,B607,B311"


MARKS = {True: "good", False: "BAD", None: "not done"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one part found; ``is_good`` is ``None`` when it could not look."""

    part: str
    is_good: bool | None
    said: str


def run(*command: str, limit_s: float | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command in the checkout; its output is the caller's to read."""
    return subprocess.run(  # noqa: S603 - commands of this module
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=limit_s
    )


def suites(arguments: list[str]) -> Verdict:
    """Run every security suite, the adversary with ten thousand requests."""
    places = ["tests/security", "tests/house/test_walls.py", "tests/unit/identity/test_forgery.py"]
    left_out = ["--deselect=tests/security/test_schema.py", f"--deselect={CORPUS}"]
    options = ["-n", "2", "--dist", "loadfile", f"--operations={OPERATIONS}", *left_out]
    return _tests("suites", *places, *options, *arguments)


def description(arguments: list[str]) -> Verdict:
    """Hold every operation to the OpenAPI file, with many requests for each."""
    options = ["-n", "0", f"--schema-examples={SCHEMA_EXAMPLES}", *arguments]
    return _tests("OpenAPI description", "tests/security/test_schema.py", *options)


def hostile_texts(arguments: list[str]) -> Verdict:
    """Send a corpus of hostile texts to every text field, where one is given."""
    if not any(one.startswith("--hostile-text") for one in arguments):
        return Verdict("hostile texts", None, 'no corpus: make security ARGS="--hostile-text …"')
    return _tests("hostile texts", CORPUS, "-n", "0", *arguments)


def _tests(part: str, *arguments: str) -> Verdict:
    """Run tests, showing what they say while they say it."""
    command = [sys.executable, "-u", "-m", "pytest", "-q", "--show-capture=no", *arguments]
    said = ""
    with subprocess.Popen(  # noqa: S603 - commands of this module
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as tests:
        assert tests.stdout is not None
        while piece := tests.stdout.read(1):
            sys.stderr.write(piece)
            sys.stderr.flush()
            said += piece
    ends = [line for line in said.splitlines() if _ENDS.search(line)]
    last = ends[-1].strip("= ") if ends else "nothing ran"
    counts = [line.strip() for line in said.splitlines() if _COUNTS.match(line.strip())]
    return Verdict(part, tests.returncode == 0, "; ".join([last, *counts[-1:]]))


def bandit() -> Verdict:
    """Look for known weaknesses with bandit, from medium severity on."""
    done = run(str(TOOLS / "bandit"), "-q", "-ll", "-r", *CODE, "-s", NOT_ASKED, "-f", "json")
    found = json.loads(done.stdout)["results"]
    for one in found:
        sys.stderr.write(f"{one['filename']}:{one['line_number']}: {one['issue_text']}\n")
    return Verdict("bandit", not found, f"{len(found)} findings of medium or high severity")


def semgrep() -> Verdict:
    """Apply our own rules, once each has found its own example."""
    blind = _blind_rules()
    found = _matches(RULES, *CODE)
    for one in found:
        sys.stderr.write(f"{one}\n")
    said = f"{len(found)} findings" + (f"; blind rules: {', '.join(blind)}" if blind else "")
    return Verdict("semgrep", not found and not blind, said)


def _matches(rules: Path, *places: str) -> list[str]:
    tool = str(TOOLS / "semgrep")
    done = run(tool, "scan", "--config", str(rules), *QUIET, "--json", "--quiet", *places)
    results = json.loads(done.stdout)["results"]
    return [f"{one['path']}:{one['start']['line']}: {one['check_id']}" for one in results]


def _blind_rules() -> list[str]:
    """List the rules that do not find their examples, wherever those would be looked for."""
    rules = yaml.safe_load(RULES.read_text())["rules"]
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for rule in rules:
            (place / f"{rule['id']}.py").write_text(rule["metadata"]["example"])
        alone = [{key: value for key, value in rule.items() if key != "paths"} for rule in rules]
        (place / "rules.yml").write_text(yaml.safe_dump({"rules": alone}))
        found = _matches(place / "rules.yml", str(place))
    seen = {(Path(one.split(":")[0]).stem, one.rsplit(".", 1)[-1]) for one in found}
    return [rule["id"] for rule in rules if (rule["id"], rule["id"]) not in seen]


def bill_of_materials() -> Verdict:
    """Write what the product is made of, as CycloneDX."""
    SBOM.parent.mkdir(exist_ok=True)
    tool, lock = str(TOOLS / "cyclonedx-py"), "infra/locks/default.txt"
    done = run(tool, "requirements", lock, "--of", "JSON", "-o", str(SBOM))
    if done.returncode:
        return Verdict("bill of materials", is_good=False, said=done.stderr.strip()[-200:])
    count = len(json.loads(SBOM.read_text())["components"])
    return Verdict(
        "bill of materials", count > 0, f"{count} components in {SBOM.relative_to(ROOT)}"
    )


def known_vulnerabilities() -> Verdict:
    """Ask the advisory feed about every pinned version, and hold findings to their frames."""
    outcome = remediation.known_vulnerabilities()
    return Verdict("known vulnerabilities", outcome.is_good, outcome.said)


def renewal() -> Verdict:
    """Ask the package index which pins could have been newer for too long."""
    outcome = remediation.renewal()
    return Verdict("renewal of pins", outcome.is_good, outcome.said)


def committed_secrets() -> Verdict:
    """Look for keys in everything that is committed."""
    names = run("git", "ls-files").stdout.splitlines()
    texts = ((name, (ROOT / name).read_bytes().decode("utf-8", "replace")) for name in names)
    found = [name for name, text in texts if SECRETS.search(text)]
    for name in found:
        sys.stderr.write(f"{name}: holds what looks like a secret\n")
    return Verdict("committed secrets", not found, f"{len(names)} files, {len(found)} suspicious")


def main(arguments: list[str]) -> int:
    """Run every part, print the summary, and return an exit code."""
    parts: list[Callable[[], Verdict]] = [
        bandit,
        semgrep,
        bill_of_materials,
        known_vulnerabilities,
        renewal,
        committed_secrets,
        *(partial(part, arguments) for part in (suites, description, hostile_texts)),
    ]
    lines = []
    is_bad = False
    for number, part in enumerate(parts, 1):
        name = getattr(part, "func", part).__name__.replace("_", " ")
        sys.stderr.write(f"[{number} of {len(parts)}] {name} …\n")
        begun = time.monotonic()
        one = _verdict(name, part)
        took_s = time.monotonic() - begun
        lines.append(f"{one.part:<24}{MARKS[one.is_good]:<10}{took_s:>6,.0f} s  {one.said}\n")
        sys.stderr.write(lines[-1])
        is_bad |= one.is_good is False
    sys.stdout.write("\n" + "".join(lines))
    return int(is_bad)


def _verdict(name: str, part: Callable[[], Verdict]) -> Verdict:
    """Run a part; a tool that is missing or says nonsense has found nothing, and that is bad."""
    try:
        return part()
    except (OSError, ValueError, KeyError) as error:
        return Verdict(name, is_good=False, said=f"did not run: {error!r}"[:200])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
