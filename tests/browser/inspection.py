"""What is asked of every page in a browser; each answer lists what is wrong, so empty is right."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from axe_playwright_python.sync_playwright import Axe

if TYPE_CHECKING:
    from playwright.sync_api import Page

#: Opens all that is folded.
UNFOLD = "document.querySelectorAll('details').forEach((each) => { each.open = true; })"
#: What axe-core calls a violation that keeps people from reading or using a page.
SEVERE = ("serious", "critical")

# Parts of the page that stick out to the right, but for those inside a box that scrolls itself.
STICKING_OUT = """() => {
  const width = document.documentElement.clientWidth;
  const scrolls = (node) => {
    for (let at = node.parentElement; at; at = at.parentElement) {
      if (getComputedStyle(at).overflowX !== "visible") return true;
    }
    return false;
  };
  if (document.documentElement.scrollWidth <= width) return [];
  const found = [...document.body.querySelectorAll("*")]
    .filter((node) => node.getBoundingClientRect().right > width + 1 && !scrolls(node))
    .map((node) => `${node.tagName} ${node.id} ${node.className} ${node.textContent.slice(0, 40)}`);
  // A margin sticks out without any box that does.
  return found.length ? found : [`a margin: ${document.documentElement.scrollWidth} pixels`];
}"""

# Boxes that scroll sideways if need be, and up and down by a few pixels for no one's good.
STRAY = """() => [...document.body.querySelectorAll("*")]
  .filter((node) => ["auto", "scroll"].includes(getComputedStyle(node).overflowY))
  .filter((node) => node.scrollHeight > node.clientHeight
    && node.scrollHeight < node.clientHeight + 20)
  .map((node) => `${node.tagName} ${node.className} ${node.textContent.slice(0, 40)}`)"""

# What can be operated, is visible, and has not been focused.
MARK = """() => {
  const operable = "a[href], button, input, select, textarea, summary, [role=button], [tabindex]";
  const seen = (node) => node.checkVisibility({ visibilityProperty: true, opacityProperty: true })
    && !node.closest("[inert]") && node.tabIndex >= 0 && !node.disabled;
  window.unreached = new Set([...document.querySelectorAll(operable)].filter(seen));
  window.hidden = [];
  document.addEventListener("focusin", (event) => {
    window.unreached.delete(event.target);
    const box = event.target.getBoundingClientRect();
    const shown = getComputedStyle(event.target);
    if (!event.target.checkVisibility() || !box.width || shown.outlineStyle === "none") {
      window.hidden.push(event.target.outerHTML.slice(0, 120));
    }
  });
  return window.unreached.size;
}"""
LEFT = "() => [...window.unreached].map((node) => node.outerHTML.slice(0, 120))"

# Texts that can be read, or cannot, less those of what is only there to be operated.
TEXTS = """(wanted) => {
  const found = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const operated = "script, style, noscript, title, desc, nav, .files, form, button, select";
  while (walk.nextNode()) {
    const { parentElement: at, data } = walk.currentNode;
    if (!data.trim() || at.closest(operated) || at.closest(".dt-paging, .dt-length")) continue;
    const seen = at.checkVisibility({ visibilityProperty: true, opacityProperty: true });
    if (seen === wanted) found.push(data.trim());
  }
  return found;
}"""

ROWS_THERE = """() => !document.getElementById("evidence-data")
  || performance.getEntriesByName("rows").length"""


def go(page: Page, address: str) -> None:
    """Open a page, and wait for rows of the evidence, which are unpacked after it has loaded."""
    page.goto(address)
    page.wait_for_function(ROWS_THERE)


@dataclass
class Watch:
    """What a page says and asks for while it is open."""

    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)


def watch(page: Page) -> Watch:
    """Keep what a page says on the console, and what it requests besides files of the site."""
    seen = Watch()
    page.on("console", lambda message: seen.said.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: seen.said.append(f"error: {error}"))
    page.on("request", lambda request: _asked(seen, request.url))
    return seen


def _asked(seen: Watch, address: str) -> None:
    if not address.startswith(("file:", "data:")):
        seen.asked.append(address)


def severe_violations(page: Page) -> list[str]:
    """Violations of accessibility rules that axe-core calls serious or critical."""
    found = Axe().run(page).response["violations"]
    return [
        f"{each['id']} ({each['impact']}): {node['html'][:200]} {node['failureSummary'][:300]}"
        for each in found
        if each["impact"] in SEVERE
        for node in each["nodes"][:5]
    ]


def sticking_out(page: Page) -> list[str]:
    """Elements that make the page scroll sideways."""
    found: list[str] = page.evaluate(STICKING_OUT)
    return found


def stray_scrollbars(page: Page) -> list[str]:
    """Boxes with a scrollbar for a few pixels of height."""
    found: list[str] = page.evaluate(STRAY)
    return found


def unreached(page: Page) -> tuple[int, list[str]]:
    """Press the tab key through the page.

    Returns
    -------
    tuple of (int, list of str)
        How much there is to operate, and what of it was not focused, or not visibly.
    """
    number: int = page.evaluate(MARK)
    # Browsers also stop at what scrolls.
    for _ in range(number + number // 4 + 20):
        page.keyboard.press("Tab")
    left: list[str] = page.evaluate(LEFT)
    hidden: list[str] = page.evaluate("window.hidden")
    return number, left + hidden


def lost_on_paper(page: Page) -> list[str]:
    """Texts that can be read on the screen and not in print."""
    page.emulate_media(media="screen")
    screen: list[str] = page.evaluate(TEXTS, True)
    page.emulate_media(media="print")
    paper = set(page.evaluate(TEXTS, True))
    page.emulate_media(media="screen")
    return [text for text in screen if text not in paper]


def unseen(page: Page) -> list[str]:
    """Texts that cannot be read now, but for those that stand elsewhere in another form."""
    seen = set(page.evaluate(TEXTS, True))
    hidden: list[str] = page.evaluate(TEXTS, False)
    return [text for text in hidden if text not in seen]
