"""The site in Chromium, opened from its folder, page by page: what a reader sees, what axe finds. `make browser`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
NAMES = sorted(["index", "install", "contributing", *(path.relative_to(FOLDER).with_suffix("").as_posix()
                                           for path in [*FOLDER.rglob("[0-9]*.ipynb"), *FOLDER.rglob("*.md")])])

PICTURES = """() => [...document.images].map(image =>
    ({alt: image.alt, width: image.complete ? image.naturalWidth : 0}))"""
FORMULAS = """() => [...document.querySelectorAll('math')].filter(math => {
    const box = math.getBoundingClientRect();
    return !(box.width > 2 && box.height > 5) || math.querySelector('merror'); }).map(math => math.outerHTML)"""
WIDE = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from alexnet_helpers.maintain import site

    folder = tmp_path_factory.mktemp("a path") / "site"
    site.build(folder)
    return folder


@pytest.fixture
def shown(browser: Browser, site: Path, request: pytest.FixtureRequest) -> Iterator[tuple[Page, list[str]]]:
    """A page with all that is folded unfolded, and what it complained of or asked of others."""
    page, seen = browser.new_page(viewport={"width": 1280, "height": 900}), []
    page.on("console", lambda message: seen.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: seen.append(str(error)))
    page.on("request", lambda asked: seen.append(asked.url) if not asked.url.startswith(("file:", "data:")) else None)
    page.on("requestfailed", lambda asked: seen.append(asked.url[:200]))
    page.goto((site / f"{request.param}.html").as_uri())
    page.evaluate("() => document.querySelectorAll('details').forEach(details => details.open = true)")
    yield page, seen
    page.close()


@pytest.mark.parametrize("shown", NAMES, indirect=True)
def test_page_is_whole_and_accessible(shown: tuple[Page, list[str]]) -> None:
    api = pytest.importorskip("axe_playwright_python.sync_playwright", reason="`make browser` installs it")
    page, seen = shown
    assert seen == []
    pictures = page.evaluate(PICTURES)
    assert [picture for picture in pictures if not picture["width"] or len(picture["alt"]) < 10
            or "No description" in picture["alt"]] == []
    assert page.evaluate(FORMULAS) == []
    assert page.locator("h1").count() == 1
    assert page.evaluate(WIDE) <= 0, "a page to be scrolled sideways"
    found = api.Axe().run(page).response["violations"]
    print(f"{len(pictures)} pictures, {page.locator('math').count()} formulas, "
          f"axe: {[(rule['id'], rule['impact'], len(rule['nodes'])) for rule in found]}")
    bad = [f"{rule['id']}: {node['html'][:200]}: {node['failureSummary'][:300]}"
           for rule in found if rule["impact"] in ("serious", "critical") for node in rule["nodes"]]
    assert bad == [], "\n".join(bad[:10])


@pytest.mark.parametrize("shown", ["09_claims_ledger"], indirect=True)
def test_link_to_a_cell_leads_to_it(shown: tuple[Page, list[str]]) -> None:
    page, seen = shown
    link = page.locator("main a[href^='04_'][href*='#cell-id=']").first
    wanted = link.get_attribute("href").split("#")[1]
    link.click()
    page.wait_for_url("**/04_relu_vs_sigmoid_gradients.html#*")
    top = page.evaluate("id => document.getElementById(id).getBoundingClientRect().top", wanted)
    assert -5 < top < 900 and seen == []


@pytest.mark.parametrize("shown", ["solutions/01_history_solutions"], indirect=True)
def test_answers_are_shown_by_a_click(shown: tuple[Page, list[str]]) -> None:
    page, _ = shown
    page.reload()
    answer, question = page.locator("main details pre").first, page.locator("main summary").first
    assert not answer.is_visible() and page.locator("main h2").first.is_visible()
    question.click()
    assert answer.is_visible()


@pytest.mark.parametrize("shown", ["01_history"], indirect=True)
def test_page_fits_a_phone(shown: tuple[Page, list[str]]) -> None:
    page, _ = shown
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate(WIDE) <= 0
