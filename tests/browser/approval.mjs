/**
 * Five people approve of options: Alice puts the question on her page and votes there, Carol, Dave
 * and Erin vote by a program, and Bob thinks about it before his page until it is too late. Reads
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
const [alicesDoor, bobsDoor, ...programs] = given.doors;

const OPTIONS = ["Picnic in the park", "Bowling", "Board games at Erin's"];
const SIZES = { wide: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } };

const browser = await launch(given.chromium);
const alice = await open(browser, alicesDoor.link ?? "");
const bob = await open(browser, bobsDoor.link ?? "");
for (const { page } of [alice, bob]) await page.waitForSelector(".shell");

await alice.page.goto(`${alice.origin}/#/conversations/${given.conversation}`);
await alice.page.click(byTest("proposal-new"));
await alice.page.fill(byTest("proposal-question"), "What shall we do on Sunday?");
await alice.page.getByRole("button", { name: "Choose among options" }).click();
for (const [index, option] of OPTIONS.entries()) {
  const line = alice.page.locator(byTest("proposal-option")).nth(index);
  if (await line.count() === 0) await alice.page.getByRole("button", { name: "Add option" }).click();
  await line.fill(option);
}
await alice.page.click(byTest("proposal-create"));
await alice.page.waitForURL(/#\/decisions\//);
const proposal = alice.page.url().split("/").at(-1) ?? "";

/** @param {import("playwright-core").Page} page */
const card = (page) => page.locator(`[data-proposal="${proposal}"]`);
/** @param {import("playwright-core").Page} page @param {string} option */
const mark = (page, option) => card(page).locator(byTest("vote-option"), { hasText: option }).click();

await bob.page.goto(`${bob.origin}/#/decisions/${proposal}`);
await mark(bob.page, "Bowling");
await takePictures("voting");

await mark(alice.page, "Picnic");
await card(alice.page).locator(byTest("vote-submit")).click();
await card(bob.page).getByText("1 of 5 voted").waitFor();

/** @param {Door} door @param {number[]} choice */
const vote = (door, choice) => fetch(`${door.base}/v1/proposals/${proposal}/ballots`, {
  method: "POST",
  headers: { authorization: `Bearer ${door.token}`, "content-type": "application/json" },
  body: JSON.stringify({ choice }),
});
for (const [index, door] of programs.entries()) {
  // Their nodes may not have the question yet.
  let answer = await vote(door, index === 1 ? [0, 2] : [0]);
  while (answer.status === 404) answer = await vote(door, index === 1 ? [0, 2] : [0]);
  assert(answer.ok, `${answer.status} ${await answer.text()}`);
}

// Four of five want the picnic: Bob cannot change that any more, so the vote is over.
await card(bob.page).locator(".outcome-won", { hasText: "Picnic in the park" }).waitFor();
await card(bob.page).locator(byTest("too-late"), { hasText: "Voting ended before you voted" }).waitFor();
assert.equal(await card(bob.page).locator(byTest("vote-submit")).count(), 0, "there is no paper to hand in");
const refused = await vote(bobsDoor, [1]);
assert.equal(refused.status, 409);
const words = (await refused.json()).detail;
assert.match(words, /voting is closed/);

await card(alice.page).locator(".outcome-won", { hasText: "Picnic in the park" }).waitFor();
const [download] = await Promise.all([
  alice.page.waitForEvent("download"),
  alice.page.click(byTest("certificate-download")),
]);
await download.saveAs(given.certificate);
await takePictures("late");

assert.deepEqual([...alice.wrongs, ...bob.wrongs], []);
await browser.close();
console.log(JSON.stringify({ proposal, words }));

/** Bob's page, in light and dark, wide and on a phone. @param {string} name */
async function takePictures(name) {
  if (!given.pictures) return;
  mkdirSync(given.pictures, { recursive: true });
  for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
    for (const [size, viewport] of Object.entries(SIZES)) {
      await bob.page.setViewportSize(viewport);
      await bob.page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await bob.page.screenshot({ path: join(given.pictures, `${name}-${size}-${colorScheme}.png`), fullPage: true, animations: "disabled" });
    }
  }
  await bob.page.setViewportSize(SIZES.wide);
}
