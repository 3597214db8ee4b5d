// @ts-check
/** Words for screen readers about things that happened elsewhere on the page. */

/** @param {string} words */
export function announce(words) {
  const region = document.getElementById("live");
  if (!region) return;
  // The same words twice are only read twice when the region changed in between.
  region.textContent = "";
  requestAnimationFrame(() => {
    region.textContent = words;
  });
}
