// @ts-check
/**
 * The local API over fetch. The session lives in a cookie this script cannot read; writes also
 * carry the CSRF token, which is kept in memory only.
 */

let csrf = "";
/** @type {() => void} */
let onSignedOut = () => {};

/** Why a call failed, in words for the owner. */
export class ApiError extends Error {
  /**
   * @param {number} status HTTP status; 0 when the node could not be reached.
   * @param {string} title
   * @param {string} detail
   * @param {string | null} [field] Which field of the request is at fault, if one is.
   */
  constructor(status, title, detail, field = null) {
    super(detail || title);
    this.status = status;
    this.title = title;
    this.field = field;
  }
}

/** @param {string} token */
export const setCsrf = (token) => {
  csrf = token;
};
export const getCsrf = () => csrf;

/** @param {() => void} callback Called when the node says the session is over. */
export const whenSignedOut = (callback) => {
  onSignedOut = callback;
};

/** @param {string} path */
export const get = (path) => call("GET", path);

/**
 * @param {string} path
 * @param {unknown} body
 * @param {Record<string, string>} [headers]
 */
export const post = (path, body, headers) => call("POST", path, body, headers);

/** @param {string} path @param {unknown} body */
export const patch = (path, body) => call("PATCH", path, body);

/** @param {string} path */
export const remove = (path) => call("DELETE", path);

/** Ends the session of this browser. */
export async function signOut() {
  await post("/v1/logout", {});
  onSignedOut();
}

/** A key that makes a repeated request the same request. */
export function idempotencyKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
}

/**
 * @param {string} method
 * @param {string} path
 * @param {unknown} [body]
 * @param {Record<string, string>} [extra]
 * @returns {Promise<any>}
 */
async function call(method, path, body, extra) {
  /** @type {Record<string, string>} */
  const headers = { accept: "application/json", ...extra };
  if (method !== "GET") {
    headers["content-type"] = "application/json";
    if (csrf) headers["x-conclave-csrf"] = csrf;
  }
  let response;
  try {
    response = await fetch(path, {
      method,
      headers,
      credentials: "same-origin",
      cache: "no-store",
      body: method === "GET" ? undefined : JSON.stringify(body ?? {}),
    });
  } catch {
    throw new ApiError(0, "The node does not answer", "Is conclave up still running? The page tries again by itself.");
  }
  const reply = await readJson(response);
  if (response.ok) return reply;
  if (response.status === 401 && path !== "/v1/login" && path !== "/v1/session") onSignedOut();
  throw new ApiError(
    response.status,
    reply?.title ?? `The node answered ${response.status}`,
    reply?.detail ?? adviceFor(response.status),
    reply?.field ?? null,
  );
}

/** @param {Response} response */
async function readJson(response) {
  const text = await response.text();
  if (text === "") return null;
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** @param {number} status */
function adviceFor(status) {
  if (status === 401) return "Run conclave login for a fresh link.";
  if (status === 403) return "Your settings or your role there do not allow this.";
  if (status === 404) return "It is no longer there. Reload the page to see what is.";
  if (status === 409) return "It contradicts something already there.";
  if (status === 429) return "Too many requests at once. Wait a moment and try again.";
  if (status === 503) return "Somebody it needs cannot be reached now. Try again later.";
  return "Try again; if it stays, conclave doctor may know more.";
}
