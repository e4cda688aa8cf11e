"""Which settings and links are tried: ``--set``, ``--sweep`` and ``--link``, checked against the tunables."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import typer

from rtpfwd.cli.live.commands import assignment
from rtpfwd.cli.live.tables import amount
from rtpfwd.drivers.netem import LinkSpec
from rtpfwd.drivers.whatif.link_words import parse_link
from rtpfwd.errors import CallerError, InvalidParameters, NotFoundError
from rtpfwd.sfu.settings import WorkerSettings
from rtpfwd.sfu.tunable_list import TUNABLES
from rtpfwd.sfu.tunables import Number, configured, flattened

OTHER_NAMES = {
    "nack.retry_limit": "plane.nack_retries",
    "nack.retries": "plane.nack_retries",
    "nack.limit": "plane.nack_list",
    "pacer.factor": "pacing.factor",
    "pacer.floor": "pacing.floor_bps",
}
"""Names that other servers' users look for."""
MAX_VARIANTS = 1000


@dataclass(frozen=True, slots=True)
class Variant:
    """One thing that is tried. ``varied`` are the settings that are not the same in all of them."""

    link_name: str
    link: LinkSpec
    settings: WorkerSettings
    varied: Mapping[str, Number]

    def label(self, *, with_link: bool) -> str:
        """Its difference from the others."""
        parts = [f"{name}={spelled(name, value)}" for name, value in self.varied.items()]
        if with_link or not parts:
            parts.insert(0, self.link_name)
        return " ".join(parts)


def find_name(name: str) -> str:
    """The tunable that is meant: its name, one of ``OTHER_NAMES``, or the end of exactly one.

    Raises ``NotFoundError``.
    """
    name = OTHER_NAMES.get(name, name)
    if name in TUNABLES:
        return name
    ends = [one for one in TUNABLES if one.endswith(f".{name}")]
    if len(ends) == 1:
        return ends[0]
    near = ends or difflib.get_close_matches(name, TUNABLES, 4, 0.5)
    hint = f"; did you mean {', '.join(sorted(near))}?" if near else ""
    raise NotFoundError(f"no setting {name[:80]!r}{hint} ('rtpfwd tune --settings' lists them)")


def parse_assignments(texts: Sequence[str]) -> dict[str, Number]:
    """``NAME=VALUE`` each. Raises ``InvalidParameters`` and ``NotFoundError``."""
    found: dict[str, Number] = {}
    for text in texts:
        [(name, values)] = _sweep(text, many=False).items()
        found[name] = values[0]
    return found


def parse_sweeps(texts: Sequence[str]) -> dict[str, list[Number]]:
    """``NAME=VALUE,VALUE,...`` each. Raises ``InvalidParameters`` and ``NotFoundError``."""
    found: dict[str, list[Number]] = {}
    for text in texts:
        for name, values in _sweep(text, many=True).items():
            if name in found:
                raise InvalidParameters(f"{name} is swept twice")
            found[name] = values
    return found


def make_variants(
    base: WorkerSettings,
    links: Sequence[str],
    fixed: Mapping[str, Number],
    sweeps: Mapping[str, Sequence[Number]],
) -> list[Variant]:
    """All combinations, links outermost. Raises ``InvalidParameters`` and ``NotFoundError``."""
    both = fixed.keys() & sweeps.keys()
    if both:
        raise InvalidParameters(f"{', '.join(sorted(both))}: either set or swept")
    settings = configured(base, fixed, TUNABLES)
    specs = [(name, parse_link(name)) for name in links]
    combinations = list(product(*sweeps.values()))
    if len(specs) * len(combinations) > MAX_VARIANTS:
        raise InvalidParameters(f"{len(specs) * len(combinations)} variants: {MAX_VARIANTS} at most")
    variants = []
    for name, spec in specs:
        for values in combinations:
            varied = dict(zip(sweeps, values, strict=True))
            variants.append(Variant(name, spec, configured(settings, varied, TUNABLES), varied))
    return variants


def recorded_settings(values: Mapping[str, Any], limits: Any) -> tuple[WorkerSettings, list[str]]:
    """The settings that a recording tells, and what of them this version cannot use."""
    settings, notes = WorkerSettings(), []
    wanted = dict(values)
    if limits is not None:
        wanted |= {f"plane.{name}": value for name, value in flattened(limits)}
    for name, value in wanted.items():
        try:
            settings = configured(settings, {name: value}, TUNABLES)
        except CallerError as error:
            notes.append(f"recorded setting left out: {error}")
    return settings, notes


def spelled(name: str, value: Number) -> str:
    """A setting's value with its unit, without blanks."""
    return amount(value, TUNABLES[name].unit).replace(" ", "")


def _sweep(text: str, *, many: bool) -> dict[str, list[Number]]:
    name, equals, values = text.partition("=")
    if not equals or not values:
        raise InvalidParameters(f"{text[:80]!r} is not NAME=VALUE{',VALUE,...' if many else ''}")
    name = find_name(name.strip())
    parts = [one.strip() for one in values.split(",")] if many else [values.strip()]
    try:
        read = [assignment(f"{name}={one}")[1] for one in parts]
    except typer.BadParameter as error:
        raise InvalidParameters(str(error)) from None
    default: Number = dict(flattened(WorkerSettings()))[name]
    found: list[Number] = [default if one is None else one for one in read]
    for value in found:
        configured_alone(name, value)
    return {name: found}


def configured_alone(name: str, value: Number) -> None:
    """Check one value against its range. Raises ``InvalidParameters``."""
    tunable = TUNABLES[name]
    default = dict(flattened(WorkerSettings()))[name]
    if isinstance(default, bool) or isinstance(value, bool):
        return
    if not tunable.lowest <= value <= tunable.highest:
        low, high = spelled(name, tunable.lowest), spelled(name, tunable.highest)
        raise InvalidParameters(f"{name}={spelled(name, value)}: need {low} to {high}")
