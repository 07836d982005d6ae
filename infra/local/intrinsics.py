"""CloudFormation intrinsics, resolved against what the local runtime has made."""

from __future__ import annotations

import re
from collections.abc import Mapping

from infra.local.documents import Json, compact, items, table, text
from shared.kernel.errors import InvalidError

_PLACEHOLDER = re.compile(r"\$\{(!?)([^}]+)\}")


class Intrinsics:
    """Knows what ``Ref`` and ``Fn::GetAtt`` give for every resource made so far."""

    def __init__(self, pseudo: Mapping[str, str]) -> None:
        self._references: dict[str, str] = dict(pseudo)
        self._attributes: dict[tuple[str, str], str] = {}

    def define(self, logical_id: str, reference: str, **attributes: str) -> None:
        """Remember a resource: its Ref and its attributes (``Arn=…``)."""
        self._references[logical_id] = reference
        for name, value in attributes.items():
            self._attributes[logical_id, name] = value

    def resolve(self, value: Json) -> Json:
        """Return ``value`` without intrinsics. Raises InvalidError for what nobody made."""
        if isinstance(value, list):
            return [self.resolve(inner) for inner in value]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((name, argument),) = value.items()
            if name == "Ref" or name.startswith("Fn::"):
                return self._call(name, argument)
        return {key: self.resolve(inner) for key, inner in value.items()}

    def text(self, value: Json, where: str) -> str:
        """Resolve ``value`` to text."""
        resolved = self.resolve(value)
        if isinstance(resolved, bool):
            return "true" if resolved else "false"
        return text(resolved, where)

    def table(self, value: Json, where: str) -> dict[str, Json]:
        """Resolve ``value`` to a mapping."""
        return table(self.resolve(value), where)

    def _call(self, name: str, argument: Json) -> Json:
        if name == "Ref":
            return self._reference(text(argument, "Ref"))
        if name == "Fn::GetAtt":
            words: Json = argument
            if isinstance(argument, str):
                words = list(argument.split(".", 1))
            logical_id, attribute = (text(word, name) for word in items(words, name))
            return self._attribute(logical_id, attribute)
        if name == "Fn::Join":
            separator, parts = items(argument, name)
            joined = (self.text(part, name) for part in items(parts, name))
            return text(separator, name).join(joined) if separator else "".join(joined)
        if name == "Fn::Sub":
            return self._substitute(argument)
        raise InvalidError(f"The intrinsic {name} is not served locally: {compact(argument)}.")

    def _reference(self, logical_id: str) -> str:
        if logical_id not in self._references:
            raise InvalidError(
                f"The template refers to {logical_id}, which the local runtime does not make.",
                hint="Declare it in resources, or remove the reference.",
            )
        return self._references[logical_id]

    def _attribute(self, logical_id: str, attribute: str) -> str:
        if (logical_id, attribute) not in self._attributes:
            raise InvalidError(
                f"The template asks for {logical_id}.{attribute}, which the local runtime "
                "does not know."
            )
        return self._attributes[logical_id, attribute]

    def _substitute(self, argument: Json) -> str:
        template, extra = argument, {}
        if isinstance(argument, list):
            template, extra = argument[0], table(argument[1], "Fn::Sub")

        def put(match: re.Match[str]) -> str:
            literal, name = match.groups()
            if literal:
                return "${" + name + "}"
            if name in extra:
                return self.text(extra[name], "Fn::Sub")
            if "." in name:
                return self._attribute(*name.split(".", 1))
            return self._reference(name)

        return _PLACEHOLDER.sub(put, text(template, "Fn::Sub"))
