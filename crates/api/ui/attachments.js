// @ts-check
/**
 * Files on their way: those the owner adds, those others sent, and the pictures among them.
 *
 * A file is uploaded as soon as it is chosen and shared when the message is sent. Pictures are
 * shown from blob URLs, and only what the node itself recognises as a raster image.
 */

import { getCsrf, idempotencyKey, post, remove } from "./api.js";
import { toastError } from "./elements/toast.js";
import { update } from "./store.js";

/** @typedef {import("./model.js").Conversation} Conversation */
/** @typedef {import("./model.js").FileInfo} FileInfo */

/**
 * @typedef {{ key: string, name: string, size: number, sent: number, file: File | null, id: string | null,
 *   state: "uploading" | "ready" | "sharing" | "failed", words: string, caption: string, wanted: boolean,
 *   request: XMLHttpRequest | null }} Upload
 */

/** Files chosen for each conversation and not shared yet. @type {Map<string, Upload[]>} */
const chosen = new Map();
const CHOSEN_MAX = 10;

/** @param {string} conversation */
export const uploadsOf = (conversation) => chosen.get(conversation) ?? [];

/** Begins to upload files. @param {Conversation} c @param {Iterable<File>} files */
export function attach(c, files) {
  const all = uploadsOf(c.id);
  for (const file of files) {
    if (all.length >= CHOSEN_MAX) {
      toastError("Not all files were added", new Error(`At most ${CHOSEN_MAX} at a time.`));
      break;
    }
    /** @type {Upload} */
    const upload = {
      key: idempotencyKey(), name: file.name || "file", size: file.size, sent: 0, file, id: null,
      state: "uploading", words: "", caption: "", wanted: false, request: null,
    };
    all.push(upload);
    send(c, upload);
  }
  chosen.set(c.id, all);
  update();
}

/** @param {Conversation} c @param {Upload} upload */
function send(c, upload) {
  const request = new XMLHttpRequest();
  const query = new URLSearchParams({ name: upload.name, type: upload.file?.type || "application/octet-stream" });
  request.open("POST", `/v1/files?${query}`);
  request.setRequestHeader("content-type", "application/octet-stream");
  request.setRequestHeader("x-conclave-csrf", getCsrf());
  request.upload.onprogress = (e) => {
    upload.sent = e.loaded;
    update();
  };
  request.onload = () => {
    const reply = parse(request.responseText);
    if (request.status !== 201) return failed(upload, reply?.detail ?? reply?.title ?? `The node answered ${request.status}`);
    Object.assign(upload, { id: reply.id, state: "ready", sent: upload.size, request: null });
    if (upload.wanted) share(c, upload);
    update();
  };
  request.onerror = () => failed(upload, "The node does not answer");
  Object.assign(upload, { state: "uploading", words: "", sent: 0, request });
  request.send(upload.file);
}

/** @param {string} text */
function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** @param {Upload} upload @param {string} words */
function failed(upload, words) {
  Object.assign(upload, { state: "failed", words, request: null });
  update();
}

/** Shares everything that was chosen, each as soon as it is uploaded. @param {Conversation} c @param {string} caption */
export function shareAll(c, caption) {
  uploadsOf(c.id).forEach((upload, index) => {
    if (upload.wanted) return;
    upload.wanted = true;
    upload.caption = index === 0 ? caption : "";
    if (upload.state === "ready") share(c, upload);
  });
  update();
}

/** @param {Conversation} c @param {Upload} upload */
async function share(c, upload) {
  upload.state = "sharing";
  update();
  try {
    await post(`/v1/conversations/${c.id}/files`, { file: upload.id, caption: upload.caption, persona: c.persona }, { "idempotency-key": upload.key });
    drop(c, upload);
  } catch (error) {
    failed(upload, error instanceof Error ? error.message : "The file was not sent");
  }
}

/** @param {Conversation} c @param {Upload} upload */
export function retry(c, upload) {
  if (upload.id) share(c, upload);
  else send(c, upload);
  update();
}

/** @param {Conversation} c @param {Upload} upload */
function drop(c, upload) {
  chosen.set(c.id, uploadsOf(c.id).filter((other) => other !== upload));
  update();
}

/** Does not send a file after all. @param {Conversation} c @param {Upload} upload */
export function cancelUpload(c, upload) {
  upload.request?.abort();
  if (upload.id) remove(`/v1/files/${upload.id}`).catch(() => {});
  drop(c, upload);
}

/** Has a file fetched. @param {FileInfo} file */
export const fetchFile = (file) => post(`/v1/files/${file.id}/fetch`, {}).catch((error) => toastError("The file is not fetched", error));

/** Stops fetching a file. @param {FileInfo} file */
export const stopFile = (file) => remove(`/v1/files/${file.id}`).catch((error) => toastError("It goes on", error));

/** The only types that are shown; the node says which it is by the bytes. */
const SHOWN = new Set(["image/png", "image/jpeg", "image/gif", "image/webp"]);
/** Larger pictures are for saving. */
const PICTURE_BYTES_MAX = 20 * 1024 * 1024;
const PICTURES_MAX = 60;

/** URLs of pictures by file; null while one loads, false for what is no picture. @type {Map<string, string | null | false>} */
const pictures = new Map();

/** A URL to show a file at, if it is a picture and here. @param {FileInfo} file */
export function pictureOf(file) {
  if (!file.media_type.startsWith("image/") || file.state !== "here" || file.size > PICTURE_BYTES_MAX) return null;
  const known = pictures.get(file.id);
  if (known !== undefined) return known || null;
  pictures.set(file.id, null);
  load(file).catch(() => false).then((url) => {
    pictures.set(file.id, url);
    forgetOldest();
    update();
  });
  return null;
}

/** @param {FileInfo} file @returns {Promise<string | false>} */
async function load(file) {
  const response = await fetch(`/v1/files/${file.id}/content`, { credentials: "same-origin", cache: "no-store" });
  const type = response.headers.get("content-type") ?? "";
  if (!response.ok || !SHOWN.has(type)) return false;
  return URL.createObjectURL(new Blob([await response.arrayBuffer()], { type }));
}

function forgetOldest() {
  for (const [id, url] of pictures) {
    if (pictures.size <= PICTURES_MAX) return;
    if (url) URL.revokeObjectURL(url);
    pictures.delete(id);
  }
}

/** What cannot be shown after all, for instance because it is damaged. @param {FileInfo} file */
export function notAPicture(file) {
  pictures.set(file.id, false);
  update();
}
