/**
 * Two people use what is not an everyday vote: Alice asks without deciding and Bob answers; she puts
 * a question whose votes are hidden until voting ends; Bob signs a mandate and takes it back. Reads
 * what it needs as JSON from standard input; the last line is what the caller has to check by other
 * means.
 */

import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { strict as assert } from "node:assert";
import { byTest, launch, open } from "./browser.mjs";

/**
 * @typedef {{ base: string, token: string, link?: string }} Door
 * @type {{ chromium: string, conversation: string, doors: Door[], certificate: string,
 *   pictures: string | null }}
 */
const given = JSON.parse(readFileSync(0, "utf8"));

const SIZES = { wide: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } };

const browser = await launch(given.chromium);
const alice = await open(browser, given.doors[0].link ?? "");
const bob = await open(browser, given.doors[1].link ?? "");
for (const { page } of [alice, bob]) await page.waitForSelector(".shell");

await askWithoutDeciding();
const proposal = await voteInSecret();
const mandate = await letThePersonaVote();

assert.deepEqual([...alice.wrongs, ...bob.wrongs], []);
await browser.close();
console.log(JSON.stringify({ proposal, mandate }));

async function askWithoutDeciding() {
  await alice.page.goto(`${alice.origin}/#/decisions`);
  await alice.page.click(byTest("inquiry-new"));
  await alice.page.fill(byTest("inquiry-question"), "Who has a car with room for three bicycles?");
  await alice.page.click(byTest("inquiry-in-turn"));
  await takePictures(alice.page, "inquiry-new");
  await alice.page.click(byTest("inquiry-create"));
  await alice.page.waitForURL(/#\/decisions\//);
  const inquiry = alice.page.url().split("/").at(-1) ?? "";

  const cards = [alice, bob].map(({ page }) => page.locator(`article[data-inquiry="${inquiry}"]`));
  await bob.page.goto(`${bob.origin}/#/decisions/${inquiry}`);
  const submit = cards[1].locator(byTest("inquiry-submit"));
  await submit.waitFor();
  assert(await submit.isDisabled(), "an empty answer cannot be sent");
  await cards[1].locator(byTest("inquiry-answer")).fill("I have, until Sunday evening");
  await takePictures(bob.page, "inquiry-answer");
  await submit.click();
  for (const card of cards) await card.getByText("All have answered").waitFor();
  await cards[0].locator(".inquiry-answer", { hasText: "I have, until Sunday evening" }).waitFor();
  assert.match(await cards[0].locator(byTest("inquiry-participation")).innerText(), /^1 of 1 answered/);
  await takePictures(alice.page, "inquiry-over");
}

/** @returns {Promise<string>} */
async function voteInSecret() {
  await alice.page.goto(`${alice.origin}/#/conversations/${given.conversation}`);
  await alice.page.click(byTest("proposal-new"));
  await alice.page.fill(byTest("proposal-question"), "Shall we buy the boat together?");
  await alice.page.click(byTest("proposal-hidden"));
  await takePictures(alice.page, "hidden-new");
  await alice.page.click(byTest("proposal-create"));
  await alice.page.waitForURL(/#\/decisions\//);
  const proposal = alice.page.url().split("/").at(-1) ?? "";
  const cards = [alice, bob].map(({ page }) => page.locator(`[data-proposal="${proposal}"]`));

  await cards[0].locator(`${byTest("vote-option")}[data-option="yes"]`).click();
  await cards[0].locator(byTest("vote-submit")).click();
  await bob.page.goto(`${bob.origin}/#/decisions/${proposal}`);
  await cards[1].getByText("1 of 2 voted").waitFor();
  await cards[1].getByText("Votes are hidden until voting ends").waitFor();
  // That she voted is known, how is not.
  assert.deepEqual(await cards[1].locator(".option-count").allInnerTexts(), ["?", "?", "?"]);
  await takePictures(bob.page, "hidden-open");
  await cards[1].locator(`${byTest("vote-option")}[data-option="yes"]`).click();
  await cards[1].locator(byTest("vote-submit")).click();

  for (const card of cards) await card.locator(".outcome-won").waitFor();
  assert.deepEqual((await cards[1].locator(".option-count").allInnerTexts()).map(Number), [2, 0, 0]);
  await takePictures(bob.page, "hidden-decided");
  const [download] = await Promise.all([
    alice.page.waitForEvent("download"),
    alice.page.click(byTest("certificate-download")),
  ]);
  await download.saveAs(given.certificate);
  return proposal;
}

/** @returns {Promise<string>} */
async function letThePersonaVote() {
  await bob.page.goto(`${bob.origin}/#/settings`);
  const mandates = bob.page.locator(byTest("mandates"));
  await mandates.getByText("it asks you before each vote").waitFor();
  await mandates.locator(byTest("mandate-grant")).click();
  const standing = mandates.locator(byTest("mandate"));
  await standing.getByText("On times, in all conversations").waitFor();
  const words = await standing.innerText();
  await mandates.scrollIntoViewIfNeeded();
  await takePictures(bob.page, "mandate");
  await standing.locator(byTest("mandate-revoke")).click();
  await mandates.getByText("it asks you before each vote").waitFor();
  return words;
}

/** In light and dark, wide and on a phone. @param {import("playwright-core").Page} page @param {string} name */
async function takePictures(page, name) {
  if (!given.pictures) return;
  mkdirSync(given.pictures, { recursive: true });
  for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
    for (const [size, viewport] of Object.entries(SIZES)) {
      await page.setViewportSize(viewport);
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await page.screenshot({ path: join(given.pictures, `${name}-${size}-${colorScheme}.png`), animations: "disabled" });
    }
  }
  await page.setViewportSize(SIZES.wide);
}
