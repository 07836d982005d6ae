"""Known weaknesses and old versions among what is pinned: how long each may stay, and who is late.

The frames are promises in README. Two questions keep them: the advisory feed is asked about every
pin, and the package index how long a newer version of each has been there. Findings that are being
worked on stand in a list with the day they were found; a finding that is not on it, or is on it for
longer than its frame, is bad. The list's own dates are judged without any network.
"""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from packaging.version import Version

from shared.kernel.clock import now

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / "build" / "sectools" / "bin"
KNOWN = ROOT / "tests" / "security" / "advisories.csv"
LOCK = ROOT / "infra" / "locks" / "default.txt"
FRAMES_DAYS = {"critical": 7, "high": 30, "other": 90}
"""Days from the day a weakness is found to the day its library is replaced."""
RENEWAL_DAYS = 60
"""Days that a newer version may wait which nothing but our own pin holds back."""
FEED_S = 120
_PIN = re.compile(r"^([a-z0-9._-]+)(?:\[[^]]*\])?==([^ ;\\\n]+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Weakness:
    """A version that an advisory names."""

    package: str
    version: str
    advisory: str


@dataclass(frozen=True, slots=True)
class Awaited:
    """A weakness that is being worked on since a day."""

    weakness: Weakness
    severity: str
    found: date

    @property
    def due(self) -> date:
        """The last day of its frame."""
        return self.found + timedelta(days=FRAMES_DAYS[self.severity])


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a question found; ``is_good`` is ``None`` when nobody answered."""

    is_good: bool | None
    said: str


def pins(files: Sequence[Path]) -> dict[str, set[str]]:
    """Read every pinned version by package."""
    return read_pins("\n".join(path.read_text("utf-8") for path in files))


def read_pins(text: str) -> dict[str, set[str]]:
    """Read the versions by package in what a resolver wrote."""
    found: dict[str, set[str]] = {}
    for name, version in _PIN.findall(text):
        found.setdefault(name, set()).add(version)
    return found


def locks() -> list[Path]:
    """List the locks of what runs: the whole product's, and each layer's."""
    return [LOCK, *sorted((ROOT / "layers").glob("*/requirements.txt"))]


def read_awaited(text: str) -> list[Awaited]:
    """Read the list of findings; raises ValueError for a line that says something else."""
    rows = []
    for line in csv.DictReader(text.splitlines()):
        weakness = Weakness(line["package"], line["version"], line["advisory"])
        if line["severity"] not in FRAMES_DAYS or not all((weakness.package, weakness.advisory)):
            raise ValueError(f"{line}: severity is one of {', '.join(FRAMES_DAYS)}")
        rows.append(Awaited(weakness, line["severity"], date.fromisoformat(line["found"])))
    return rows


def late(
    awaited: Sequence[Awaited], pinned: Mapping[str, set[str]], *, today: date
) -> Iterator[str]:
    """Complain of findings past their frame, from the future, or about what is pinned no more."""
    for each in awaited:
        known = f"{each.weakness.package} {each.weakness.version} ({each.weakness.advisory})"
        if each.weakness.version not in pinned.get(each.weakness.package, ()):
            yield f"{known} is replaced: take its line out"
        elif each.found > today:
            yield f"{known} was found in the future"
        elif today > each.due:
            yield f"{known} is {each.severity} and was to be replaced by {each.due}"


def unlisted(found: Sequence[Weakness], awaited: Sequence[Awaited]) -> Iterator[str]:
    """Complain of findings that nobody has begun to work on."""
    known = {each.weakness for each in awaited}
    for each in found:
        if each not in known:
            yield (
                f"{each.package} {each.version} ({each.advisory}) is new: replace it, or write it "
                f"into {KNOWN.relative_to(ROOT)} with its severity and today's date"
            )


def read_answer(text: str) -> tuple[int, list[Weakness]]:
    """Read pip-audit's JSON: how many pins it was answered for, and what is weak.

    Raises ValueError or KeyError when that is not what it is.
    """
    listed = [each for each in json.loads(text)["dependencies"] if "skip_reason" not in each]
    weak = [
        Weakness(each["name"], each["version"], advisory["id"])
        for each in listed
        for advisory in each["vulns"]
    ]
    return len(listed), weak


def known_vulnerabilities(*, today: date | None = None) -> Outcome:
    """Ask the advisory feed about every pin, and hold the list of findings to its frames."""
    awaited = read_awaited(KNOWN.read_text("utf-8"))
    complaints = list(late(awaited, pins(locks()), today=today or now().date()))
    count, found = _ask_feed()
    complaints += unlisted(found, awaited)
    if complaints:
        return Outcome(is_good=False, said="; ".join(complaints))
    if not count:
        return Outcome(None, f"the advisory feed did not answer; {len(awaited)} findings in time")
    return Outcome(is_good=True, said=f"{count} asked, {len(awaited)} findings in time")


def _ask_feed() -> tuple[int, list[Weakness]]:
    """Return how many pins the feed answered for, and the weak ones; 0 when it is away."""
    places = [part for path in locks() for part in ("-r", str(path))]
    options = ("--no-deps", "--disable-pip", "--timeout=5", "-f", "json", "--progress-spinner=off")
    try:
        done = _run(str(TOOLS / "pip-audit"), *places, *options)
        return read_answer(done.stdout)
    except (subprocess.TimeoutExpired, ValueError, KeyError):
        return 0, []


def renewal(*, today: date | None = None) -> Outcome:
    """Ask the package index which pins could have been newer for longer than they may wait.

    A version that something else we use holds back is not counted: it cannot be renewed.
    """
    pinned = pins([LOCK])
    limit = (today or now().date()) - timedelta(days=RENEWAL_DAYS)
    then = _newest(sorted(pinned), before=limit)
    if then is None:
        return Outcome(None, "the package index did not answer")
    behind = sorted(name for name in then if is_newer(then[name], pinned.get(name, set())))
    possible = _renewed(behind) if behind else {}
    if possible is None:
        return Outcome(None, "the package index did not answer")
    old = [name for name in behind if is_newer(possible.get(name, set()), pinned[name])]
    said = f"{len(pinned)} pins, {len(old)} could be renewed for {RENEWAL_DAYS} days: "
    return Outcome(not old, said + (", ".join(old) or "none"))


def is_newer(versions: set[str], than: set[str]) -> bool:
    """Tell whether the newest of some versions is newer than each of the others."""
    return bool(versions and than) and max(map(Version, versions)) > max(map(Version, than))


def _newest(names: Sequence[str], *, before: date) -> dict[str, set[str]] | None:
    """Resolve each package by itself, as the index was on a day."""
    options = ("--no-deps", f"--exclude-newer={before.isoformat()}")
    done = _compile("-", *options, given="\n".join(names))
    return read_pins(done) if done is not None else None


def _renewed(names: Sequence[str]) -> dict[str, set[str]] | None:
    """Resolve everything once more with some packages free to move, all others as they are."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "lock.txt"
        copy.write_bytes(LOCK.read_bytes())
        free = [f"--upgrade-package={name}" for name in names]
        done = _compile(str(ROOT / "pyproject.toml"), f"--output-file={copy}", *free)
        return pins([copy]) if done is not None else None


def _compile(source: str, *options: str, given: str = "") -> str | None:
    """Resolve; returns what was printed, ``None`` when the index is away or nothing fits."""
    fixed = ("--universal", "--python-version=3.11", "--no-header", "--no-annotate", "--quiet")
    command = (str(TOOLS / "uv"), "pip", "compile", source, *fixed, *options)
    try:
        done = _run(*command, given=given)
    except subprocess.TimeoutExpired:
        return None
    return None if done.returncode else done.stdout


def _run(*command: str, given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - commands of this module
        command, cwd=ROOT, input=given, capture_output=True, text=True, check=False, timeout=FEED_S
    )


def main() -> int:
    """Ask both, say what was found; for a schedule: silence of the feed is a failure, too."""
    is_good = True
    for name, ask in (("known vulnerabilities", known_vulnerabilities), ("renewal", renewal)):
        outcome = ask()
        sys.stdout.write(f"{name}: {outcome.said}\n")
        is_good &= outcome.is_good is True
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
