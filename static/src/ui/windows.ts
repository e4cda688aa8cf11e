/** Full screen and picture in picture, as far as the browser has them. A refusal leaves things as they are. */

export async function toggleFullScreen(element: Element | null): Promise<void> {
  try {
    if (document.fullscreenElement) await document.exitFullscreen();
    else await element?.requestFullscreen();
  } catch (error) {
    console.debug("full screen:", error);
  }
}

export async function togglePictureInPicture(inside: Element | null): Promise<void> {
  try {
    const video = inside?.querySelector("video") ?? null;
    if (document.pictureInPictureElement) {
      const same = document.pictureInPictureElement === video;
      await document.exitPictureInPicture();
      if (same) return;
    }
    await video?.requestPictureInPicture();
  } catch (error) {
    console.debug("picture in picture:", error);
  }
}

/** The picture that a person most likely means: the one shown large, else whoever speaks, else the first. */
export function mainTile(): Element | null {
  const tiles = [...document.querySelectorAll("[data-testid=tile][data-local=false]")].filter((one) =>
    one.querySelector("video"),
  );
  const area = (one: Element) => one.clientWidth * one.clientHeight;
  const largest = Math.max(0, ...tiles.map(area));
  const large = tiles.filter((one) => area(one) === largest);
  return large.find((one) => one.getAttribute("data-speaking") === "true") ?? large[0] ?? null;
}
