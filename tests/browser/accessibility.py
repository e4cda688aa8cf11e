"""axe-core in a page: what a person with a screen reader or a keyboard would stumble over."""

from typing import Any

from playwright.async_api import Page

from tests.browser.server import PROJECT

AXE = PROJECT / "static" / "node_modules" / "axe-core" / "axe.min.js"

RUN = """async () => {
  // Half faded in, anything lacks contrast.
  const ends = (one) => Number.isFinite(one.effect?.getComputedTiming().endTime);
  const fading = document.getAnimations().filter(ends);
  await Promise.race([
    Promise.allSettled(fading.map((one) => one.finished)),
    new Promise((resolve) => setTimeout(resolve, 3000)),
  ]);
  const found = await axe.run(document, {resultTypes: ["violations"]});
  const where = (nodes) => nodes.map((node) => node.html).slice(0, 3).join(" ");
  return found.violations.map(({id, help, nodes}) => `${id}: ${help}: ${where(nodes)}`);
}"""


async def violations(page: Page) -> list[str]:
    """Everything that axe-core finds fault with, best practices included."""
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(AXE.read_text(encoding="utf-8"))
    found: Any = await page.evaluate(RUN)
    return [str(one) for one in found]
