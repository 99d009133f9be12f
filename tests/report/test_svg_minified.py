"""Smaller SVG: FontTools reads the same points from it, and nothing that is seen goes."""

from __future__ import annotations

import io
import json
import re
from typing import TYPE_CHECKING

import numpy as np
import pytest
from fontTools.pens.recordingPen import RecordingPen
from fontTools.svgLib.path import parse_path
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from meta.report.svg_minified import minified
from meta.report.svg_paths import short_paths
from tests.report.made_up_posterior import ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Half a unit of the last place that is written.
CLOSE = 5e-4
PATHS = re.compile(r'<path (?:[^>]*? )?d="([^"]*)"')


def corners(path: str) -> list[list[tuple[float, float]]]:
    """Outlines of a path, without points on the way along a straight line."""
    pen = RecordingPen()
    parse_path(path, pen)
    found: list[list[tuple[float, float]]] = []
    for command, points in pen.value:
        if command == "moveTo":
            found.append([])
        found[-1].extend(points)
    return [straightened(outline) for outline in found]


def straightened(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    kept = [points[0]]
    for i in range(1, len(points) - 1):
        one, two = np.subtract(points[i], kept[-1]), np.subtract(points[i + 1], points[i])
        ahead = abs(one[0] * two[1] - one[1] * two[0]) < CLOSE**2 and one @ two >= 0
        if not ahead:
            kept.append(points[i])
    return [*kept, points[-1]]


def same_outlines(before: str, after: str) -> None:
    one, other = corners(before), corners(after)
    assert [len(each) for each in one] == [len(each) for each in other]
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a, b, atol=CLOSE)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("M 0 0 \nL 1 0 \nL 2 0 \nL 2 5 \nz\n", "M0 0H2V5z"),
        ("M 10 10 \nL 10.5 12 \n", "M10 10l.5 2"),
        ("M 100.125 7 \nL 99.125 7 \n", "M100.125 7h-1"),
        # There and back is drawn as far as it goes.
        ("M 0 0 \nL 5 0 \nL 3 0 \n", "M0 0H5H3"),
        # A dot is a line of no length.
        ("M 3 4 \nL 3 4 \n", "M3 4V4"),
        ("M -0 2.50 \nC 1 2.5 2 1 2 0 \n", "M0 2.5C1 2.5 2 1 2 0"),
        ("M 0 0 A 1 1 0 0 1 2 2", "M 0 0 A 1 1 0 0 1 2 2"),
    ],
)
def test_a_path_in_fewer_characters(given: str, wanted: str) -> None:
    assert short_paths(f'<path d="{given}"/>') == f'<path d="{wanted}"/>'


def test_a_figure_has_the_same_points_and_texts() -> None:
    generator = np.random.default_rng(1)
    figure = Figure()
    first, second = figure.subplots(1, 2)
    place = np.linspace(0, 1, 101)
    first.step(place, generator.normal(size=101).round(1), where="post")
    first.fill_between(place, place, place**2, step="post")
    second.scatter(*generator.normal(size=(2, 30)), label='<dots> & d="M 0 0"')
    second.legend()
    buffer = io.StringIO()
    FigureCanvasSVG(figure).print_svg(buffer)
    before = re.sub(r"(\.\d{3})\d+", r"\1", buffer.getvalue())
    after = minified(before)
    assert len(after) < 0.7 * len(before)
    assert minified(after) == after
    paths = [PATHS.findall(each) for each in (before, after)]
    assert len(paths[0]) == len(paths[1]) > 20
    for one, other in zip(*paths, strict=True):
        same_outlines(one, other)


def test_shipped_calibrations_are_as_short_as_it_makes_them() -> None:
    figures = sorted((ROOT / "calibration").glob("*/ecdf.svg"))
    assert len(figures) > 5
    for path in figures:
        text = path.read_text()
        assert minified(text) == text, path
        record = json.loads(path.with_name("calibration.json").read_text())
        assert len(text) < 4000 * len(record["uniformity"]), path


def test_a_typeface_is_named_once_wherever_it_stands_in_a_style() -> None:
    source = (
        '<svg width="1"><text style="font-family: \'A\', serif; text-anchor: end">1</text>'
        "<text style=\"font-size: 7px; font-family: 'A', serif\">2</text></svg>"
    )
    short = minified(source)
    assert short.count("font-family") == 1
    assert short.startswith("<svg style=\"font-family: 'A', serif\"")
    assert re.findall(r"<text[^>]*>", short) == [
        '<text style="text-anchor: end">', '<text style="font-size: 7px; ">'
    ]  # fmt: skip
    other = source.replace("'A', serif; ", "'B', serif; ")
    assert minified(other).count("font-family") == 2


def test_a_mark_keeps_what_a_rule_of_the_document_would_take() -> None:
    style = "stroke: #fff; stroke-linejoin: miter"
    source = (
        f'<svg><defs><path id="m1" d="M 0 0" style="{style}"/></defs>'
        f'<use xlink:href="#m1" x="1" style="fill: #000; {style}"/></svg>'
    )
    assert '<path id="m1" d="M0 0" style="stroke-linejoin: miter"/>' in minified(source)
    other = source.replace("fill: #000; stroke: #fff", "stroke: #000")
    assert f'style="{style}"' in minified(other)
