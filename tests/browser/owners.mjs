/**
 * What owners do in a day, on the pages of their nodes. Alice and Bob sit before a browser each;
 * Carol and Dave use programs. Reads what it needs as JSON from standard input; a line for each
 * step tells how long it took, and the last line is what the caller has to check by other means.
 */

import { readFileSync } from "node:fs";
import { strict as assert } from "node:assert";
import { byTest, launch, open } from "./browser.mjs";
import { takePictures } from "./pictures.mjs";

/**
 * @typedef {{ base: string, token: string }} Door
 * @type {{ chromium: string, alice: Door & { link: string }, bob: Door & { link: string },
 *   carol: Door, dave: Door, calendar: string, certificate: string, pictures: string | null }}
 */
const given = JSON.parse(readFileSync(0, "utf8"));

let began = performance.now();
/** @param {string} what */
function step(what) {
  const now = performance.now();
  console.log(`${Math.round(now - began)} ms: ${what}`);
  began = now;
}

/** A call of a program. @param {Door} door @param {string} path @param {object} [body] */
async function call(door, path, body) {
  const response = await fetch(door.base + path, {
    method: body ? "POST" : "GET",
    headers: { authorization: `Bearer ${door.token}`, "content-type": "application/json" },
    body: body && JSON.stringify(body),
  });
  assert(response.ok, `${path}: ${response.status} ${await response.clone().text()}`);
  return response.json();
}

const browser = await launch(given.chromium);
const alice = await open(browser, given.alice.link);
await alice.page.waitForSelector(".shell");
assert(!alice.page.url().includes("login="), "the code is gone from the address");
step("Alice is logged in by the link");

const thief = await open(browser, given.alice.link, { refused: true });
await thief.page.getByText("This code does not work any more").waitFor();
await thief.page.waitForSelector(byTest("login-code"));
assert.equal(await thief.page.locator(".shell").count(), 0);
assert.deepEqual(thief.wrongs, []);
await thief.context.close();
step("the link is refused to whoever comes second");

await alice.page.reload();
await alice.page.waitForSelector(".shell");
step("a reload does not end the session");

const bob = await open(browser, given.bob.link);
await bob.page.fill(byTest("persona-name"), "Bob");
await bob.page.fill(byTest("persona-calendar"), given.calendar);
await bob.page.click(byTest("persona-create"));
await bob.page.waitForSelector(".shell");
step("Bob makes his persona");

/** @param {import("playwright-core").Page} page @param {string} name */
const visit = (page, name) => page.click(byTest(`nav-${name}`));

await visit(alice.page, "contacts");
await alice.page.click(byTest("contact-invite"));
const invite = await alice.page.inputValue(byTest("invite-link"));
await alice.page.keyboard.press("Escape");
await visit(bob.page, "contacts");
// An empty list offers the same in its middle.
await bob.page.locator(byTest("contact-add")).first().click();
await bob.page.fill(byTest("invite-input"), invite);
await bob.page.click(byTest("contact-submit"));
for (const [page, name] of /** @type {const} */ ([[alice.page, "Bob"], [bob.page, "Alice"]])) {
  await page.locator(byTest("contact"), { hasText: name }).locator(byTest("contact-message")).waitFor();
}
step("Bob uses Alice's invite, and both see a contact");

await alice.page.getByRole("button", { name: "Start a group with everyone" }).click();
await alice.page.fill(byTest("conversation-title"), "Friends");
await alice.page.click(byTest("conversation-create"));
await alice.page.waitForSelector(byTest("composer"));
const conversation = alice.page.url().split("/").at(-1) ?? "";
await visit(bob.page, "conversations");
await bob.page.click(`[data-conversation="${conversation}"]`);
await bob.page.waitForSelector(byTest("composer"));
step("Alice opens a group, and Bob is in it");

/** @param {import("playwright-core").Page} page @param {string} text */
async function type(page, text) {
  await page.fill(byTest("composer"), text);
  await page.keyboard.press("Enter");
  return page.locator(byTest("message"), { hasText: text });
}
const line = "Dinner next week? <b>My</b> persona looks for a time.";
const said = await type(alice.page, line);
const heard = bob.page.locator(byTest("message"), { hasText: line });
await heard.waitFor();
assert.equal(await heard.locator("b").count(), 0, "what others write is text");
await said.locator('[data-state="delivered"]').waitFor();
await said.locator(byTest("delivery")).click();
await said.locator(".deliveries li", { hasText: "delivered" }).nth(2).waitFor();
await said.locator(byTest("delivery")).click();
await type(bob.page, "Yes! Any day but Monday.");
await alice.page.locator(byTest("message"), { hasText: "Any day but Monday" }).waitFor();
step("what Alice writes is on Bob's page, and Bob's answer on hers");

// A picture is chosen, goes with words and shows on the other page. What only calls itself a picture
// does not; a larger file shows how far it has come.
await bob.page.evaluate(() => {
  const look = () => {
    const bar = /** @type {HTMLProgressElement | null} */ (document.querySelector("[data-testid=file] progress"));
    if (bar) document.documentElement.dataset.progress = String(bar.max);
  };
  new MutationObserver(look).observe(document.body, { subtree: true, childList: true, attributes: true });
});
const dot = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==", "base64");
const script = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>');
/** @param {string} name @param {string} mimeType @param {Buffer} buffer */
async function choose(name, mimeType, buffer) {
  await alice.page.setInputFiles(byTest("attach"), { name, mimeType, buffer });
  await alice.page.locator(`${byTest("upload")}[data-state=ready]`, { hasText: name }).waitFor();
}
await choose("dot.png", "image/png", dot);
await type(alice.page, "The place we went to");
const pictured = bob.page.locator(byTest("message"), { hasText: "The place we went to" });
await pictured.locator(byTest("picture")).waitFor();
assert.equal(await pictured.locator(byTest("picture")).evaluate((img) => /** @type {HTMLImageElement} */ (img).naturalWidth), 1);
assert.equal(await pictured.locator(byTest("file-name")).textContent(), "dot.png");
const saving = bob.page.waitForEvent("download");
await pictured.locator(byTest("file-save")).click();
const saved = await saving;
assert.equal(saved.suggestedFilename(), "dot.png");
assert.deepEqual(readFileSync(await saved.path()), dot);
await choose("map.svg", "image/svg+xml", script);
await alice.page.click(byTest("send"));
const unshown = bob.page.locator(byTest("message"), { hasText: "map.svg" });
await unshown.locator(byTest("file-save")).waitFor();
assert.equal(await unshown.locator("img").count(), 0, "only rasters are shown");
await choose("album.zip", "application/zip", Buffer.alloc(8 * 1024 * 1024, 7));
await alice.page.click(byTest("send"));
const album = bob.page.locator(byTest("message"), { hasText: "album.zip" });
await album.locator(`${byTest("file")}[data-state=here]`).waitFor({ timeout: 60_000 });
await bob.page.waitForFunction(() => document.documentElement.dataset.progress === String(8 * 1024 * 1024));
assert.equal(await alice.page.locator(byTest("upload")).count(), 0, "nothing is left to send");
step("a picture from Alice shows on Bob's page; other files are for saving, and their progress shows");

// By its words, from another page, and with the keyboard alone.
await visit(bob.page, "home");
await bob.page.keyboard.press("Control+k");
await bob.page.keyboard.type("WEEK perso");
const found = bob.page.locator(byTest("found"), { hasText: "persona looks for a time" });
await found.waitFor();
assert.deepEqual(await found.locator("mark").allTextContents(), ["week", "persona"]);
assert.equal(await found.locator("b").count(), 0, "an excerpt is text too");
await bob.page.keyboard.press("Enter");
await bob.page.waitForURL((url) => url.hash.endsWith(conversation));
await heard.waitFor();
step("Bob finds what Alice wrote by its words, and is taken there");

// Reply, react and edit with the keyboard alone; the other page follows by itself.
/** @param {import("playwright-core").Page} page @param {import("playwright-core").Locator} message @param {string} action */
async function act(page, message, action) {
  await message.locator(byTest("message-more")).focus();
  await page.keyboard.press("Enter");
  await page.locator(`dialog[open] ${byTest(action)}`).first().focus();
  await page.keyboard.press("Enter");
  await page.locator("dialog[open]").waitFor({ state: "detached" });
}
await act(bob.page, heard, "emoji");
await said.locator(byTest("reaction"), { hasText: "\u{1F44D}" }).waitFor();
await said.locator(byTest("reaction")).click();
await heard.locator(".reaction-count", { hasText: "2" }).waitFor();
await heard.locator(byTest("reaction")).click();
await said.locator(".reaction-count").waitFor({ state: "detached" });
step("Bob's reaction is on Alice's page; she agrees, and he takes his back");

await act(bob.page, heard, "message-reply");
await bob.page.locator(byTest("composer-about"), { hasText: "Replying to Alice" }).waitFor();
const answer = await type(bob.page, "Mine is reddy.");
const answered = alice.page.locator(byTest("message"), { hasText: "Mine is reddy." });
await answered.locator(byTest("quote"), { hasText: "Dinner next week?" }).waitFor();
await answer.locator(byTest("quote"), { hasText: "Dinner next week?" }).waitFor();
step("Bob replies, and both see to what");

await bob.page.locator(byTest("composer")).focus();
await bob.page.keyboard.press("ArrowUp");
await bob.page.locator(byTest("composer-about"), { hasText: "Editing" }).waitFor();
await bob.page.fill(byTest("composer"), "Mine is ready.");
await bob.page.keyboard.press("Enter");
const mended = alice.page.locator(byTest("message"), { hasText: "Mine is ready." });
await mended.locator(".edited").click();
await alice.page.locator(byTest("version"), { hasText: "Mine is reddy." }).waitFor();
assert.equal(await alice.page.locator(byTest("version")).count(), 2);
await alice.page.keyboard.press("Escape");
assert.equal(await mended.locator(byTest("quote")).count(), 1, "an edited reply is still a reply");
step("Bob edits it, and Alice sees what it said before");

await type(bob.page, "Wrong window, sorry");
await alice.page.locator(byTest("message"), { hasText: "Wrong window" }).waitFor();
const slip = bob.page.locator(byTest("message"), { hasText: "Wrong window" });
await slip.locator(byTest("message-more")).focus();
await bob.page.keyboard.press("Enter");
await bob.page.click(byTest("message-delete"));
await bob.page.locator("dialog[open]").getByRole("button", { name: "Delete", exact: true }).click();
await alice.page.getByText("This message was deleted").waitFor();
assert.equal(await alice.page.getByText("Wrong window").count(), 0);
step("what Bob deletes is gone from Alice's page");

await visit(alice.page, "home");
await alice.page.fill(byTest("ask-input"), "find a dinner slot next week with everyone");
await alice.page.click(byTest("ask-send"));
await visit(bob.page, "approvals");
for (const action of ["Share times", "Vote so", "Book it"]) {
  await bob.page.locator(byTest("approval")).getByRole("button", { name: action }).click();
}
await bob.page.getByText("Nothing waits for you").waitFor();
const task = alice.page.locator(`${byTest("task")}[data-state="done"]`);
await task.waitFor();
const result = await task.innerText();
assert.match(result, /\d{2}:\d{2} – \d{2}:\d{2}/, result);
assert.doesNotMatch(result, /\dT\d\d:/, "times are for people");
step("Alice's persona finds a time; Bob allows each step of his");

await visit(bob.page, "conversations");
await bob.page.click(`[data-conversation="${conversation}"]`);
for (const [door, text] of /** @type {const} */ ([
  [given.carol, "That suits me. Let us go out, I have had a week of deadlines."],
  [given.dave, "There is a new trattoria by the canal, they take groups until nine."],
])) {
  await call(door, `/v1/conversations/${conversation}/messages`, { text });
  await bob.page.locator(byTest("message"), { hasText: text }).waitFor();
}
await bob.page.click(byTest("proposal-new"));
await bob.page.fill(byTest("proposal-question"), "Where shall we eat?");
await bob.page.getByRole("button", { name: "Choose among options" }).click();
await bob.page.getByRole("button", { name: "Add option" }).click();
for (const [index, option] of ["Trattoria Rosa, by the canal", "Sushi Kan", "At Carol's place"].entries()) {
  await bob.page.locator(byTest("proposal-option")).nth(index).fill(option);
}
await bob.page.click(byTest("proposal-create"));
await bob.page.waitForURL(/#\/decisions\//);
const proposal = bob.page.url().split("/").at(-1) ?? "";
step("Bob puts a question to the vote");

/** @param {import("playwright-core").Page} page @param {string[]} options */
async function vote(page, options) {
  const card = page.locator(`[data-proposal="${proposal}"]`);
  for (const option of options) await card.locator(byTest("vote-option"), { hasText: option }).click();
  await card.locator(byTest("vote-submit")).click();
  return card;
}
await visit(alice.page, "conversations");
await alice.page.click(`[data-conversation="${conversation}"]`);
const inThread = await vote(alice.page, ["Trattoria", "Carol"]);
await inThread.getByText("You voted for Trattoria Rosa, by the canal and At Carol's place").waitFor();
await bob.page.getByText("1 of 4 voted").first().waitFor();
await vote(bob.page, ["Trattoria"]);
await alice.page.getByText("2 of 4 voted").first().waitFor();
await call(given.carol, `/v1/proposals/${proposal}/ballots`, { choice: [0, 1] });
step("Alice votes in the conversation, Bob on the decision, Carol by a program");

await inThread.locator(".outcome-won", { hasText: "Trattoria Rosa" }).waitFor();
await bob.page.waitForSelector(byTest("certificate-download"));
await alice.page.locator(`[data-proposal="${proposal}"] a`, { hasText: "Where shall we eat?" }).click();
const [download] = await Promise.all([
  alice.page.waitForEvent("download"),
  alice.page.click(byTest("certificate-download")),
]);
await download.saveAs(given.certificate);
const command = await alice.page.locator(".certificate code").innerText();
assert.match(command, new RegExp(`^conclave verify ${download.suggestedFilename()} --trust did:key:`));
step("both pages have the certificate");

if (given.pictures) {
  await call(given.dave, `/v1/conversations/${conversation}/messages`, { text: "Good choice. I will book a table for four." });
  await takePictures(alice, { conversation, proposal, folder: given.pictures });
  step("pictures are taken");
}

await visit(bob.page, "settings");
await bob.page.click(byTest("sign-out"));
await bob.page.waitForSelector(byTest("login-code"));
await bob.page.reload();
await bob.page.waitForSelector(byTest("login-code"));
assert.equal(await bob.page.getByText("Alice").count(), 0, "nothing is left on the page");
step("Bob signs out, and stays out after a reload");

// A session that is over is answered with 401, which the console repeats.
const afterwards = bob.wrongs.filter((wrong) => !/status of 401/.test(wrong));
assert.deepEqual([...alice.wrongs, ...afterwards], []);
await browser.close();
console.log(JSON.stringify({ proposal, conversation, trust: command.match(/did:key:\S+/g) }));
