/** Pictures of the page for people: every screen, light and dark, wide and on a phone. */

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { byTest } from "./browser.mjs";

const SIZES = { wide: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } };

/**
 * @param {{ page: import("playwright-core").Page, origin: string }} owner
 * @param {{ conversation: string, proposal: string, folder: string }} what
 */
export async function takePictures({ page, origin }, { conversation, proposal, folder }) {
  mkdirSync(folder, { recursive: true });
  const screens = {
    home: ["#/", byTest("task")],
    conversation: [`#/conversations/${conversation}`, byTest("proposal-card")],
    decision: [`#/decisions/${proposal}`, byTest("certificate-download")],
    contacts: ["#/contacts", byTest("contact")],
    approvals: ["#/approvals", "h1"],
    outbox: ["#/outbox", "h1"],
    network: ["#/network", ".peer"],
    activity: ["#/activity", ".audit li"],
    settings: ["#/settings", ".identity"],
  };
  for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
    for (const [size, viewport] of Object.entries(SIZES)) {
      await page.setViewportSize(viewport);
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      for (const [name, [address, ready]] of Object.entries(screens)) {
        await page.goto(`${origin}/${address}`);
        await page.locator(ready).first().waitFor();
        await page.locator(".toast").waitFor({ state: "detached" });
        await page.mouse.move(0, 0);
        await page.screenshot({ path: join(folder, `${name}-${size}-${colorScheme}.png`), animations: "disabled" });
      }
    }
  }
  await page.setViewportSize(SIZES.wide);
  await page.emulateMedia({ colorScheme: null, reducedMotion: null });
}
