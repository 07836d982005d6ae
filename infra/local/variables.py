"""Serverless variables: ``${self:…}``, ``${sls:stage}``, ``${opt:…}``, ``${env:…}``, files.

The subset every version of the Serverless Framework and osls resolves alike; anything else is an
error here, so that no value differs silently between local and deployed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from infra.local.documents import Json, read_document
from shared.kernel.errors import InvalidError

_INNERMOST = re.compile(r"\$\{(?P<source>[A-Za-z]+(?:\([^()]*\))?):?(?P<rest>[^{}]*)\}")
_SOURCE = re.compile(r"^(?P<source>(?:self|sls|opt|env|file\([^()]*\))):?(?P<rest>.*)$")
_KNOWN = ("self", "sls", "opt", "env")
MAX_DEPTH = 32


class Variables:
    """Resolves the variables of one serverless.yml."""

    def __init__(
        self,
        root: Path,
        document: Mapping[str, Json],
        *,
        options: Mapping[str, str],
        environment: Mapping[str, str],
    ) -> None:
        self._root = root
        self._document = document
        self._options = options
        self._environment = environment
        self._files: dict[Path, Json] = {}

    def resolve(self, value: Json, depth: int = 0) -> Json:
        """Return ``value`` with every variable replaced, mappings and lists included.

        Raises InvalidError for an unknown source, a missing value without default, or a cycle.
        """
        if depth > MAX_DEPTH:
            raise InvalidError("serverless.yml: variables refer to each other in a circle.")
        if isinstance(value, dict):
            return {key: self.resolve(inner, depth) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.resolve(inner, depth) for inner in value]
        if isinstance(value, str):
            return self._resolve_text(value, depth)
        return value

    def _resolve_text(self, value: str, depth: int) -> Json:
        start = 0
        while match := _INNERMOST.search(value, start):
            if not self._is_ours(match):
                start = match.end()  # CloudFormation's own, for Fn::Sub
                continue
            found = self._find(match["source"], match["rest"], match[0], depth)
            if match[0] == value:
                return self.resolve(found, depth + 1)
            if isinstance(found, dict | list) or found is None:
                raise InvalidError(f"serverless.yml: {match[0]} inside a text must be text.")
            value = value[: match.start()] + str(found) + value[match.end() :]
        return value

    def _is_ours(self, match: re.Match[str]) -> bool:
        source = match["source"]
        if source in _KNOWN or source.startswith("file("):
            return True
        after = match[0][2 + len(source) :]
        if source == "AWS" or not after.startswith((":", "(")):
            return False
        raise InvalidError(
            f"serverless.yml: the variable {match[0]} is not supported.",
            hint="Use self, sls, opt, env or file.",
        )

    def _find(self, source: str, rest: str, whole: str, depth: int) -> Json:
        address, _, default = rest.partition(",")
        found = self._look_up(source, address.strip(), depth)
        if found is not None:
            return found
        default = default.strip()
        if not default:
            raise InvalidError(f"serverless.yml: {whole} has no value and no default.")
        if fallback := _SOURCE.match(default):
            return self._find(fallback["source"], fallback["rest"], whole, depth + 1)
        return _literal(default)

    def _look_up(self, source: str, address: str, depth: int) -> Json:
        if source == "sls":
            return self._options["stage"] if address == "stage" else None
        if source == "opt":
            return self._options.get(address)
        if source == "env":
            return self._environment.get(address)
        if source == "self":
            return self._walk(dict(self._document), address, depth)
        return self._walk(self._file(source[len("file(") : -1]), address, depth)

    def _file(self, name: str) -> Json:
        path = (self._root / name).resolve()
        if not path.is_relative_to(self._root.resolve()):
            raise InvalidError(f"serverless.yml: the file {name} lies outside the project.")
        if path not in self._files:
            self._files[path] = read_document(path)
        return self._files[path]

    def _walk(self, value: Json, address: str, depth: int) -> Json:
        for key in filter(None, address.split(".")):
            if isinstance(value, str):
                value = self.resolve(value, depth + 1)
            if isinstance(value, list) and key.isdigit() and int(key) < len(value):
                value = value[int(key)]
            elif isinstance(value, dict):
                value = value.get(key)
            else:
                return None
        return self.resolve(value, depth + 1)


def _literal(written: str) -> Json:
    if written[0] in "'\"" and written[-1] == written[0]:
        return written[1:-1]
    if written in {"true", "false"}:
        return written == "true"
    return int(written) if written.isdigit() else written
