/** Keeps a terminal out from under the keyboard that a touch screen shows. */

/** Pixels: what a keyboard takes at least, and what a terminal needs to be of use. */
const KEYBOARD = 120;
const LEAST = 160;

/**
 * While something in `root` has the focus, have `place` be no higher than what is to be seen of it.
 * @param {ShadowRoot} root @param {HTMLElement} place
 */
export function stayUncovered(root, place) {
  const view = visualViewport;
  if (!view) return;
  const fit = () => {
    place.style.maxHeight = "";
    // Zooming in makes it smaller, too; then the user moves.
    if (view.scale > 1.01 || innerHeight - view.height < KEYBOARD) return;
    const above = () => place.getBoundingClientRect().top - view.offsetTop;
    if (above() < 0 || view.height - above() < LEAST) scrollBy({ top: above(), behavior: "instant" });
    place.style.maxHeight = `${Math.max(LEAST, view.height - Math.max(0, above()))}px`;
  };
  root.addEventListener("focusin", () => {
    view.addEventListener("resize", fit);
    fit();
  });
  root.addEventListener("focusout", () => {
    view.removeEventListener("resize", fit);
    place.style.maxHeight = "";
  });
}
