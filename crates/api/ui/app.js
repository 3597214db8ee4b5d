// @ts-check
/** Starts the page: signs in, connects the live stream, draws the screen of the current route. */

import { ApiError, get, post, setCsrf, whenSignedOut } from "./api.js";
import { render } from "./dom.js";
import "./elements/clock.js";
import { toastError, toastLoginError } from "./elements/toast.js";
import { connect, disconnect } from "./events.js";
import { route } from "./router.js";
import { shell } from "./shell.js";
import { listenForKeys } from "./shortcuts.js";
import { state, update, watch } from "./store.js";
import { apply, loadAll, refresh, resync } from "./sync.js";
import { login } from "./views/login.js";

const root = /** @type {HTMLElement} */ (document.getElementById("app"));

/** Lists that only their own screen needs. @type {Record<string, string[]>} */
const ON_VISIT = { network: ["network"], outbox: ["queue"], activity: ["audit"], approvals: ["approvals"], settings: ["tokens", "mandates"] };

function draw() {
  render(root, state.session === "in" ? shell(route()) : login(state.session, signInWith));
}

/** @param {string} code */
async function signInWith(code) {
  const { csrf } = await post("/v1/login", { code });
  await signedIn(csrf);
}

/** @param {string} csrf */
async function signedIn(csrf) {
  setCsrf(csrf);
  update({ session: "in" });
  connect({ onEvent: apply, onResync: resync, onState: (live) => update({ live }), onBroken: checkSession });
  await loadWithPatience();
  visit();
}

/** A broken stream may mean that the session is over, which the socket itself cannot say. */
async function checkSession() {
  try {
    setCsrf((await get("/v1/session")).csrf);
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) signedOut();
  }
}

/** Forgets everything that was on the page. */
function signedOut() {
  disconnect();
  setCsrf("");
  state.threads.clear();
  state.mandates.clear();
  update({
    session: "out", personas: null, contacts: null, conversations: null, proposals: null, inquiries: null,
    tasks: null, approvals: null, network: null, audit: null, tokens: null,
  });
}

/** The first load, again and again until the node answers. */
async function loadWithPatience() {
  for (let wait = 1_000; state.session === "in"; wait = Math.min(wait * 2, 15_000)) {
    try {
      return await loadAll();
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) return;
      toastError("Your data could not be loaded", error);
      await new Promise((done) => setTimeout(done, wait));
    }
  }
}

function visit() {
  const topics = ON_VISIT[route().page] ?? [];
  if (state.session === "in") topics.forEach((topic) => refresh(topic));
  update();
}

async function start() {
  whenSignedOut(signedOut);
  watch(draw);
  addEventListener("hashchange", () => takeCode() ?? visit());
  document.addEventListener("visibilitychange", () => !document.hidden && update());
  listenForKeys();
  draw();
  if (takeCode()) return;
  await resume();
}

/** Continues the session of the cookie, if there is one. */
async function resume() {
  try {
    const { csrf } = await get("/v1/session");
    await signedIn(csrf);
  } catch (error) {
    update({ session: "out" });
    if (!(error instanceof ApiError && error.status === 401)) toastError("The node did not answer", error);
  }
}

/** Uses the one-time code of a login link, and takes it out of the address at once. */
function takeCode() {
  const code = location.hash.match(/^#\/?login=(.+)$/)?.[1];
  if (!code) return null;
  history.replaceState(null, "", location.pathname);
  return signInWith(decodeURIComponent(code)).catch(async (error) => {
    // A used link of a browser that is already signed in is no reason to sign out.
    await resume();
    if (state.session !== "in") toastLoginError(error);
  });
}

start();
