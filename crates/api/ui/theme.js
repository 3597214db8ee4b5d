// @ts-check
// Runs before the first paint, so that a remembered theme does not flash the other one.
// A classic script on purpose: module scripts wait for the whole document.
(() => {
  const chosen = localStorage.getItem("conclave.theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
})();
