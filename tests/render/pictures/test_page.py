"""The page of `cnncalc show` in a real browser: by mouse, by keyboard, in several widths, light and dark."""

from __future__ import annotations

import html
import itertools
import json
import re
import shlex
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Sequence
from math import prod
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

import cnncalc
from cnncalc.fields import ReceptiveFields, masks
from cnncalc.fields.overlap import overlap
from cnncalc.fields.views import look_back, look_forth
from cnncalc.network import INPUT
from cnncalc.render import Style
from cnncalc.render.pictures import page as pages
from cnncalc.report import Report
from cnncalc.sources import load_words
from cnncalc.sources.words import spec_words
from cnncalc.trace import shape
from tests.fuzz.field_networks import draw
from tests.program import here
from tests.render.pictures.browser import Visit, started

if TYPE_CHECKING:
    from playwright.sync_api import Page

STEM = "1x12x15 conv:4,k3,name=a conv:4,k3,p1,from=a maxpool:2 conv:8,k3,d2"
NETWORKS = {
    "stem": STEM,
    "branches": "2x13x11 conv:4,k3,p1,name=a conv:4,k1x7,p0x3,from=a,name=wide conv:4,k7x1,p3x0,from=a,name=tall "
    "concat:from=wide+tall conv:4,k3,s2",
    "transposed": "1x7x6 conv:2,k3,name=a convT:2,k3,s2,name=b convT:2,k2,s3",
    "channels": "2x9x11 conv:2,k5x3,p2x1,name=a concat:from=a+input slice:axis=1,start=2 conv:2,k3x1,p1x0",
    "dilation": "1x19x23 conv:2,k3,d3 conv:2,k3,d2x4,p2x4",
    "upsampling": "1x6x8 conv:2,k3,p1 upsample:factor=2,mode=bilinear conv:2,k3 maxpool:2",
    "adaptive": "2x11x13 conv:2,k3 adaptiveavgpool:4x5 conv:2,k2 flatten linear:10",
    "sequence": "3x40 conv1d:4,k5,s2 maxpool1d:3,s2,p1 conv1d:4,k3,d2",
    "volume": "1x7x9x11 conv3d:2,k3,p1 maxpool3d:2 conv3d:2,k2,d2,p1",
}


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    yield from started()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return a function that writes the page of a network, once."""
    folder = tmp_path_factory.mktemp("pages")
    names: dict[str, Path] = {}

    def write(line: str) -> Path:
        if line not in names:
            names[line] = folder / f"{len(names)}.html"
            assert here(["show", *shlex.split(line), "-o", str(names[line])]).code == 0
        return names[line]

    return write


@pytest.fixture
def visit(page: Page, written: Callable[[str], Path]) -> Iterator[Callable[..., Visit]]:
    """Yield a function that opens the page of a network, or this file, and checks for console messages and requests."""
    visits: list[Visit] = []

    def open_page(shown: str | Path, **settings: Any) -> Visit:
        for one in visits[-1:]:
            one.end()
        visits.append(Visit(page, shown if isinstance(shown, Path) else written(shown), **settings))
        return visits[-1]

    yield open_page
    for one in visits[-1:]:
        one.end()
    for one in visits:
        assert one.said == []
        assert [url for url in one.requested if not url.startswith("file:")] == []
        assert len(one.requested) == 1


def said(visit: Visit) -> str:
    return visit.page.inner_text("#said")


def choose(visit: Visit, layer: str, unit: list[int]) -> None:
    """Choose a unit by typing it, as a user does."""
    options = visit.page.locator("#layer option").all_inner_texts()
    at = next(at for at, text in enumerate(options) if text.rpartition(" ")[0] == f"\u2068{layer}\u2069")
    visit.page.select_option("#layer", index=at)
    visit.page.fill("#unit", ", ".join(map(str, unit)))


ANSWERS = """(questions) => JSON.stringify(questions.map(([name, index]) => {
    const at = maps.findIndex((map) => map.name === name);
    const seen = around(maps, at, index), {regions, bounds} = seen;
    const told = (region) => Array.isArray(region) ? [hull(region), count(region)] : region === null ? [null, 0] : null;
    const seeing = maps.map(({name}, at) => [name, told(regions[at])]);
    const times = maps.slice(0, at).map(({name}, one) => {
        const terms = Array.isArray(regions[one]) && regions[one].length ? overlap(maps, one, at, regions) : null;
        return [name, terms && terms.map((axes) => axes.map((axis) => [...axis]))];
    });
    return {box: boxes(maps, at, index, seen)[0], seen: told(regions[0]), seeing, bound: bounds[0], times};
}))"""
"""What the page computes for units: the box and the pixels of the input, and the units of each map.

The result is one string, as Playwright takes seconds for lists of many numbers.
"""


def some_units(sizes: Sequence[int], most: int) -> list[list[int]]:
    """Return the corners and some units between them."""
    every = [list(unit) for unit in itertools.product(*map(range, sizes))]
    return every if len(every) <= most else [every[at * (len(every) - 1) // (most - 1)] for at in range(most)]


@pytest.mark.parametrize("line", NETWORKS.values(), ids=NETWORKS)
def test_page_and_command_see_the_same(visit: Callable[..., Visit], line: str) -> None:
    check_units(visit(line), report_of(line), 40)


def test_page_and_command_see_the_same_in_networks_drawn_by_chance(visit: Callable[..., Visit], tmp_path: Path) -> None:
    random = Random(14)
    for number in range(12):
        report = cnncalc.shape(draw(random))
        path = tmp_path / f"{number}.html"
        path.write_text("".join(pages.render(report, Style())), encoding="utf-8")
        check_units(visit(path), report, 8)


def check_units(page: Visit, report: Report, most: int) -> None:
    """Check that the page and the command see the same numbers of units in each layer, and of pixels."""
    fields = ReceptiveFields(report)
    asked = [
        (graph_name, unit)
        for at, graph_name in enumerate(vertex.name for vertex in fields.graph)
        for unit in some_units([int(str(size)) for size in fields.graph.space(at).shape], most)
        if unit
    ]
    answers = json.loads(page.page.evaluate(ANSWERS, asked))
    for (name, unit), answer in zip(asked, answers, strict=True):
        view = look_back(fields.graph, fields.graph.find(name, "--of"), unit, INPUT)
        assert answer["box"] == as_lists(view.box), (name, unit)
        assert answer["bound"] == view.bound, (name, unit)
        assert answer["seen"] == [as_lists(view.clipped), masks.count(view.region(INPUT))], (name, unit)
        for other, times in answer["times"]:
            if times is not None:
                wanted = overlap(view, fields.graph.find(other))
                assert wanted is not None, (name, unit, other)
                assert grid(times) == grid(wanted), (name, unit, other)
    pixels = some_units([int(str(size)) for size in fields.graph.space(INPUT).shape], most)
    answers = json.loads(page.page.evaluate(ANSWERS, [("input", pixel) for pixel in pixels]))
    for pixel, answer in zip(pixels, answers, strict=True):
        spread = look_forth(fields.graph, INPUT, pixel)
        for at, vertex in enumerate(fields.graph):
            wanted_units = [as_lists(spread.hull(at)), spread.number(at)] if at in spread.sets else None
            assert dict(answer["seeing"])[vertex.name] == wanted_units, (vertex.name, pixel)


def grid(terms: Sequence[Sequence[Sequence[int]]]) -> list[int]:
    """Return how often each position of a map is read, from a sum of products of numbers by axis."""
    return [sum(map(prod, places)) for places in zip(*[itertools.product(*axes) for axes in terms], strict=True)]


def report_of(line: str) -> Report:
    words = spec_words(tuple(shlex.split(line)))
    return shape(load_words(words), words.input)


def as_lists(box: Sequence[Sequence[int]] | None) -> list[list[int]] | None:
    return None if box is None else [list(span) for span in box]


def test_a_layer_and_a_unit_can_be_typed(visit: Callable[..., Visit]) -> None:
    page = visit(NETWORKS["stem"])
    choose(page, "a", [2, 3])
    assert said(page) == "Unit (2, 3) of a sees 9 pixels of input: rows 2 to 4, columns 3 to 5."
    page.page.fill("#unit", "2, 13")
    assert page.page.get_attribute("#unit", "aria-invalid") == "true"
    assert said(page).startswith("Unit (2, 3) of a")


def test_the_keyboard_moves_the_unit_and_goes_from_layer_to_layer(visit: Callable[..., Visit]) -> None:
    page = visit(NETWORKS["stem"])
    pads = page.page.locator("#maps .map")
    pads.nth(1).focus()
    assert said(page).startswith("Unit (5, 6) of a ")
    page.page.keyboard.press("ArrowDown")
    page.page.keyboard.press("ArrowLeft")
    assert said(page).startswith("Unit (6, 5) of a sees 9 pixels")
    page.page.keyboard.press("Shift+ArrowUp")
    assert said(page).startswith("Unit (0, 5) of a ")
    page.page.keyboard.press("Tab")
    assert "of conv1" in said(page)
    focused = page.page.locator(":focus")
    assert focused.get_attribute("aria-label").startswith("conv1, 10×13 units")  # type: ignore[union-attr]
    assert focused.evaluate("element => getComputedStyle(element).outlineStyle") == "solid"
    pads.nth(0).focus()
    page.page.keyboard.press("Home")
    assert said(page).startswith("Pixel (6, 0) of input is seen by ")


def test_the_pointer_chooses_a_unit_and_a_click_holds_it(visit: Callable[..., Visit]) -> None:
    page = visit(NETWORKS["stem"])
    pad = page.page.locator("#maps .map").nth(1)
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    assert box is not None
    right, down = box["width"] / 13, box["height"] / 10
    page.page.mouse.move(box["x"] + 4.5 * right, box["y"] + 7.5 * down)
    assert said(page).startswith("Unit (7, 4) of a ")
    page.page.mouse.down()
    page.page.mouse.up()
    page.page.mouse.move(box["x"] + 1.5 * right, box["y"] + 1.5 * down)
    assert said(page).startswith("Unit (7, 4) of a ")
    assert page.page.is_checked("#pinned")
    pad.focus()
    page.page.keyboard.press("Escape")
    page.page.mouse.move(box["x"] + 2.5 * right, box["y"] + 1.5 * down)
    assert said(page).startswith("Unit (1, 2) of a ")


def test_the_diagram_chooses_a_layer_by_click_and_by_key(visit: Callable[..., Visit]) -> None:
    page = visit(NETWORKS["branches"])
    page.page.click('#diagram [data-name="tall"]')
    assert "of tall" in said(page)
    assert page.page.get_attribute('#diagram [data-name="wide"]', "data-kind") == "none"
    assert page.page.get_attribute('#diagram [data-name="a"]', "data-kind") == "before"
    assert page.page.get_attribute('#diagram [data-name="concat1"]', "data-kind") == "after"
    page.page.locator("#diagram .layer").first.focus()
    page.page.keyboard.press("ArrowDown")
    page.page.keyboard.press("Enter")
    assert "of a " in said(page)


def column(visit: Visit, number: int) -> list[str]:
    return visit.page.locator(f"#layers tbody tr > :nth-child({number})").all_inner_texts()


def test_the_table_is_sorted_by_click_and_by_key(visit: Callable[..., Visit]) -> None:
    page = visit(NETWORKS["stem"])
    order = ["a", "conv1", "maxpool1", "conv2"]
    assert column(page, 1) == order
    head = page.page.locator("#layers thead th", has_text="params")
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    assert column(page, 4) == ["296", "148", "40", "0"]
    head.locator("button").press("Enter")
    assert head.get_attribute("aria-sort") == "ascending"
    assert column(page, 4) == ["0", "40", "148", "296"]
    page.page.locator("#layers thead th button").first.click()
    assert column(page, 1) == sorted(order)
    assert page.page.locator("[aria-sort]").count() == 1
    page.page.locator("#layers tbody button", has_text="conv1").click()
    assert "of conv1" in said(page)


@pytest.mark.parametrize("width", [360, 800, 1600])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_every_width_light_and_dark(visit: Callable[..., Visit], width: int, scheme: str) -> None:
    page = visit(NETWORKS["branches"], width=width, scheme=scheme, motion="reduce")
    assert page.page.evaluate("document.documentElement.scrollWidth") <= width
    paper, ink = page.page.evaluate(
        "(({backgroundColor, color}) => [backgroundColor, color])(getComputedStyle(document.body))"
    )
    bright = [sum(map(int, re.findall(r"\d+", color)[:3])) for color in (paper, ink)]
    assert (bright[0] > bright[1]) == (scheme == "light")
    assert abs(bright[0] - bright[1]) > 400
    page.page.emulate_media(media="print")
    assert page.page.is_hidden("#layer")


def test_nothing_but_its_own_script_runs_or_asks(visit: Callable[..., Visit]) -> None:
    page = visit(NETWORKS["stem"])
    asked = "fetch('https://example.com/').then(() => 'answered', () => 'refused')"
    assert page.page.evaluate(asked) == "refused"
    page.page.evaluate(
        "document.body.append(Object.assign(document.createElement('script'), {text: 'window.ran = true'}))"
    )
    assert page.page.evaluate("window.ran") is None
    assert any("Content Security Policy" in line for line in page.said)
    page.said.clear()
    page.requested[1:] = []


def test_a_slider_goes_through_the_steps_of_a_window(visit: Callable[..., Visit]) -> None:
    page = visit("conv:k2 -i 3x3 --step 2").page
    assert page.inner_text("#step-title") == "step 2 of 4: output [0, 1]"
    assert page.inner_text("#window pre") == "1*0 + 2*1 + 4*2 + 5*3 = 25"
    assert page.locator("#window .marked").all_inner_texts() == ["1", "2", "4", "5", "25"]
    page.focus("#step")
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#window pre") == "3*0 + 4*1 + 6*2 + 7*3 = 37"
    assert page.locator("#window .empty").all_inner_texts() == ["?"]
    page.keyboard.press("Home")
    assert page.inner_text("#window pre") == "0*0 + 1*1 + 3*2 + 4*3 = 19"
    assert page.locator("#window .empty").count() == 3
    assert page.get_attribute("#step", "aria-valuetext") == "step 1 of 4: output [0, 0]"
    assert page.inner_text("#window [role=status]") == "0*0 + 1*1 + 3*2 + 4*3 = 19"
    assert page.locator("#window .hint").all_inner_texts() == [
        "input and kernel count up from 0; -x and -w give other values",
        "? is not computed yet",
    ]


@pytest.mark.parametrize(
    ("line", "step", "arithmetic"),
    [
        ("convT:k2,s2 -i 2x2", 3, "output [2, 2]: 0 + 3*0 = 0\noutput [2, 3]: 0 + 3*1 = 3\n"
         "output [3, 2]: 0 + 3*2 = 6\noutput [3, 3]: 0 + 3*3 = 9"),
        ("avgpool:2,p1 -i 4x4", 1, "(0 + 0 + 1 + 2)/4 = 0.75"),
        ("1x4x4x6 maxpool3d:2", 11, "max(64, 65, 70, 71, 88, 89, 94, 95) = 95"),
    ],
)  # fmt: skip
def test_the_steps_of_other_windows(visit: Callable[..., Visit], line: str, step: int, arithmetic: str) -> None:
    page = visit(line).page
    page.focus("#step")
    page.keyboard.press("Home")
    for _ in range(step):
        page.keyboard.press("ArrowRight")
    assert page.inner_text("#window pre") == arithmetic


def test_maps_are_shaded_by_how_often_places_are_read(visit: Callable[..., Visit]) -> None:
    page = visit("1x9x9 conv:1,k3,name=a conv:1,k3,name=b")
    choose(page, "b", [1, 1])
    shades = page.page.locator("#maps figure").first.locator(".shade")
    areas = [
        sum(int(across) * int(down) for across, down in re.findall(r"h(\d+)v(\d+)", path.get_attribute("d") or ""))
        for path in shades.all()
    ]
    assert areas == [12, 8, 4, 1]  # by how many units: 1 or 2, 3 or 4, 6, 9
    assert page.page.locator("#maps figure").first.locator(".boxed").get_attribute("d") == "M1 1h5v5h-5z"


def test_another_input_is_not_what_is_seen(visit: Callable[..., Visit]) -> None:
    page = visit("1x6x7 conv:2,k3,p1,name=a input:shape=2x6x7,name=other add:from=a+other").page
    figure = page.locator("#maps figure", has_text="other")
    assert figure.get_attribute("data-kind") == "none"
    assert [path.get_attribute("d") for path in figure.locator(".shade, .seen").all()] == [""] * 5
    assert page.get_attribute('#diagram [data-name="other"]', "data-kind") == "none"


def test_a_name_from_right_to_left_does_not_turn_its_sentence(visit: Callable[..., Visit], tmp_path: Path) -> None:
    spec = {"input": [1, 5, 6], "layers": [{"op": "conv", "name": "שכבה", "c_o": 2, "k": 3}]}
    (tmp_path / "net.html").write_text("".join(pages.render(cnncalc.shape(spec), Style())), encoding="utf-8")
    shown = said(visit(tmp_path / "net.html"))
    assert shown.startswith("Unit (1, 2) of \u2068שכבה\u2069 sees 9 pixels of input: rows 1 to 3")


def test_of_very_many_layers_a_page_has_no_maps(visit: Callable[..., Visit], tmp_path: Path) -> None:
    line = "1x5x6 conv:1,k3,p1,times=2001"
    page = visit(line).page
    why = "page follows units through at most 2,000 layers, but there are 2,001"
    assert page.inner_text("#units") == f"A {why}: take a part of them with --until and --after."
    assert page.locator("#layers tbody tr").count() == 2001
    refused = here(["show", *line.split(), "--unit", "1,1", "-o", str(tmp_path / "x.html")])
    assert refused.code == 2
    assert refused.err.splitlines()[1] == f"a {why}"
    for help in (["--until", "conv2000"], ["--after", "conv1"]):
        assert here(["show", *line.split(), "--unit", "1,1", *help, "-o", str(tmp_path / "x.html")]).code == 0


def test_of_many_steps_a_page_has_some(visit: Callable[..., Visit]) -> None:
    page = visit("conv:k3 -i 30x31 --step 700").page
    assert page.inner_text("#step-title") == "step 700 of 812: output [24, 3]"
    assert page.locator("#window .hint").last.inner_text() == "226 of 812 steps; --step N begins at another one"
    assert visit("conv:k3 -i 64x65").page.inner_text("#window").startswith("The maps are too large")


HOSTILE = "</script><img src=x onerror=alert(1)>&\"'"


def test_names_are_text(visit: Callable[..., Visit], tmp_path: Path) -> None:
    layers = [{"op": "conv", "name": HOSTILE, "c_o": 2, "k": 3}, {"op": "relu", "name": "<!--<script>"}]
    spec = {"name": HOSTILE, "input": [1, 5, 6], "layers": layers}
    (tmp_path / "net.json").write_text(json.dumps(spec), encoding="utf-8")
    page = visit(str(tmp_path / "net.json"))
    assert page.page.title() == HOSTILE
    assert page.page.locator("#layers tbody button").all_inner_texts() == [HOSTILE, "<!--<script>"]
    choose(page, HOSTILE, [1, 1])
    assert said(page) == f"Unit (1, 1) of {HOSTILE} sees 9 pixels of input: rows 1 to 3, columns 1 to 3."


def test_a_block_chooses_its_last_layer(visit: Callable[..., Visit], tmp_path: Path) -> None:
    inner = [{"op": "conv", "name": "c", "c_o": 2, "k": 3}, {"op": "relu", "name": "r"}]
    layers = [{"op": "block", "name": "b", "layers": inner}, {"op": "conv", "name": "d", "c_o": 1, "k": 2}]
    (tmp_path / "net.json").write_text(json.dumps({"input": [1, 7, 8], "layers": layers}), encoding="utf-8")
    page = visit(str(tmp_path / "net.json"))
    assert column(page, 1) == ["b", "d"]
    page.page.click('#diagram [data-name="b"]')
    assert said(page) == "Unit (2, 3) of b.r sees 9 pixels of input: rows 2 to 4, columns 3 to 5."


def test_open_sizes_have_no_units(visit: Callable[..., Visit]) -> None:
    page = visit("3xHxW conv:4,k3 maxpool:2").page
    assert page.inner_text("#units").startswith("Units have a place only where sizes are known")
    page.locator("#layers thead th button").first.click()
    assert page.locator("#layers tbody button").all_inner_texts() == ["conv1", "maxpool1"]


def test_less_may_be_seen_than_is_said(visit: Callable[..., Visit]) -> None:
    page = visit("5x7 lstm:6")
    why = look_back(ReceptiveFields(report_of("5x7 lstm:6")).graph, 0, [2], INPUT).bound
    assert said(page) == f"Unit (2) of lstm1 sees at most 5 pixels of input: positions 0 to 4 ({why})."


def test_a_picture_is_well_formed_whatever_its_names(tmp_path: Path) -> None:
    layers = [{"op": "conv", "name": HOSTILE, "c_o": 2, "k": 3}, {"op": "relu", "name": "<!--"}]
    (tmp_path / "net.json").write_text(json.dumps({"input": [1, 5, 6], "layers": layers}), encoding="utf-8")
    drawn = here(["show", str(tmp_path / "net.json"), "--unit", "1,2", "--to", "svg"]).out
    texts = [element.text for element in ET.fromstring(drawn).iter("{http://www.w3.org/2000/svg}text")]
    assert HOSTILE in texts
    assert "<!--" in texts
    assert not re.search(r"(href|src|url\(|@import)", drawn.replace(html.escape(HOSTILE), ""))


def test_the_page_of_resnet50_is_small(tmp_path: Path) -> None:
    assert here(["show", "resnet50", "-o", str(tmp_path / "resnet50.html")]).code == 0
    assert (tmp_path / "resnet50.html").stat().st_size < 600_000


def test_the_table_has_the_figures_that_rf_has(visit: Callable[..., Visit]) -> None:
    line = "3x5x6 conv:4,k3x5,p1 conv:4,k5x6,p2 conv:4,k3,p1"
    page = visit(line)
    assert page.page.locator("#layers thead th").all_inner_texts()[-3:] == ["centre", "padding", "border"]
    fields = ReceptiveFields(report_of(line))
    assert column(page, 9)[0] == "x".join([f"{axis.centre}" for axis in fields.layers[0].axes])
    assert column(page, 11)[-1] == "yes"


def test_a_skip_link_leads_past_the_maps(visit: Callable[..., Visit]) -> None:
    page = visit(NETWORKS["stem"]).page
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "layer"


def test_marked_cells_are_drawn_last_and_a_picture_of_steps_says_what_its_signs_mean() -> None:
    drawn = here(["show", "conv:k2,p1", "-i", "2x3", "--step", "1", "--to", "svg"]).out
    kinds = re.findall(r'<rect class="cell( marked)?', drawn.partition("input</text>")[2].partition("* kernel")[0])
    assert kinds == sorted(kinds)
    assert kinds.count(" marked") == 4
    assert "· is padding, ? is not computed yet</text>" in drawn
