/** A browser, pages of nodes in it, and everything a page must never do. */

import { chromium } from "playwright-core";

const FLAGS = [
  "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
];

/** Nothing on a page takes this long unless it never happens; the machine may be busy. */
const PATIENCE_MS = 60_000;

/** @param {string} executablePath */
export const launch = (executablePath) => chromium.launch({ executablePath, headless: true, args: FLAGS });

/**
 * A page in a context of its own, as another person's browser is.
 * @param {import("playwright-core").Browser} browser
 * @param {string} link
 * @param {{ refused?: boolean }} [options] `refused`: the node is expected to say no to the link.
 */
export async function open(browser, link, { refused = false } = {}) {
  const context = await browser.newContext({
    viewport: { width: 1440, height: 900 }, locale: "en-GB", timezoneId: "Europe/London",
  });
  context.setDefaultTimeout(PATIENCE_MS);
  /** @type {string[]} */
  const wrongs = [];
  const { origin } = new URL(link);
  await context.exposeBinding("violated", (_, what) => void wrongs.push(`the policy was violated: ${what}`));
  await context.addInitScript(() => {
    addEventListener("securitypolicyviolation", (event) => {
      /** @type {any} */ (window).violated(`${event.violatedDirective} by ${event.blockedURI}`);
    });
  });
  const page = await context.newPage();
  page.on("pageerror", (error) => wrongs.push(`the page threw ${error.stack ?? error}`));
  page.on("console", (message) => {
    const expected = refused && /status of 401/.test(message.text());
    if (!expected && ["error", "warning"].includes(message.type())) wrongs.push(`the console said ${message.text()}`);
  });
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (url.protocol !== "blob:" && url.protocol !== "data:" && url.origin !== origin) wrongs.push(`the page asked ${url.origin}`);
  });
  page.on("requestfailed", (request) => {
    const words = request.failure()?.errorText ?? "";
    // What is saved leaves the page, which then counts as given up.
    const saved = words === "net::ERR_ABORTED" && /\/v1\/files\/[0-9a-f]+\/content$/.test(request.url());
    if (!saved) wrongs.push(`${request.url()}: ${words}`);
  });
  await page.goto(link);
  return { page, context, origin, wrongs };
}

/** @param {string} id */
export const byTest = (id) => `[data-testid="${id}"]`;
