"""Which route is asked next: lower tiers first, within one by weight and by who is least busy.

LiteLLM's router is not used for this. It knows only its own process, of which Lambda runs one per
call; its least-busy strategy sent a burst of thirty to one deployment of two, its retries took the
slow deployment again, and its explicit fallbacks never cooled down.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from random import Random

from shared.generation.model import Purpose, Route
from shared.kernel.errors import NotFoundError


def routes_for(
    purpose: Purpose, own: Iterable[Route], deployments: Iterable[Route], *, name: str = ""
) -> list[Route]:
    """Return the routes that serve a purpose: the tenant's own, or else the deployment's.

    With a ``name`` only that one. Raises NotFoundError when there is none of that name.
    """
    own, deployments = list(own), list(deployments)
    if name:
        found = [route for route in [*own, *deployments] if route.name == name]
        if not found:
            raise NotFoundError(f"There is no route {name!r} to a language model.")
        return found[:1]
    serving = [route for route in own if purpose in route.purposes]
    return serving or [route for route in deployments if purpose in route.purposes]


def in_order(
    routes: Sequence[Route], *, busy: Mapping[str, int], resting: set[str], chance: Random
) -> Iterator[Route]:
    """Yield routes in the order in which they are asked, those that rest left out.

    Within a tier a route is drawn with the chance weight / (calls under way + 1)²: idle routes
    share by weight, and in a burst the load evens out.
    """
    ready = sorted(
        (route for route in routes if route.name not in resting), key=lambda route: route.tier
    )
    for _, group in groupby(ready, key=lambda route: route.tier):
        left = list(group)
        while left:
            shares = [route.weight / (busy.get(route.name, 0) + 1) ** 2 for route in left]
            (chosen,) = chance.choices(range(len(left)), weights=shares)
            yield left.pop(chosen)
