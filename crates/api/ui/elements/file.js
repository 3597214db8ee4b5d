// @ts-check
/** A shared file as it stands in a message, and files on their way out above the composer. */

import { cancelUpload, fetchFile, notAPicture, pictureOf, retry, stopFile, uploadsOf } from "../attachments.js";
import { h } from "../dom.js";
import { bytes } from "../format.js";
import { icon } from "../icons.js";

/** @typedef {import("../model.js").FileInfo} FileInfo */

/** @type {Record<string, string>} */
const STATES = {
  waiting: "comes as soon as somebody who has it is connected",
  offered: "not fetched yet",
  stopped: "you did not want it",
  lost: "no longer here",
};

/** @param {FileInfo} file */
export function fileCard(file) {
  const url = pictureOf(file);
  return h("div", { class: "file", "data-testid": "file", "data-state": file.state },
    url && h("a", { class: "picture", href: `/v1/files/${file.id}/content`, download: file.name, title: "Save the picture" },
      h("img", { src: url, alt: `Picture: ${file.name}`, "data-testid": "picture", onerror: () => notAPicture(file) })),
    h("div", { class: "file-row" },
      icon(file.media_type.startsWith("image/") ? "image" : "file", 22),
      h("span", { class: "file-words" },
        h("span", { class: "file-name", "data-testid": "file-name" }, file.name),
        h("span", { class: "muted small" }, [bytes(file.size), kindOf(file), wordsOf(file)].filter(Boolean).join(" · "))),
      action(file)),
    file.state === "fetching" && bar(file.have, file.size, `Fetching ${file.name}`));
}

/** What its sender says it is, in few letters. @param {FileInfo} file */
const kindOf = (file) => (file.media_type === "application/octet-stream" ? "" : file.media_type.split("/")[1].toUpperCase().slice(0, 12));

/** @param {FileInfo} file */
function wordsOf(file) {
  if (file.state === "here") return "";
  if (file.state === "fetching") return `${Math.floor((100 * file.have) / Math.max(file.size, 1))} %`;
  return file.reason ?? STATES[file.state] ?? file.state;
}

/** @param {FileInfo} file */
function action(file) {
  if (file.state === "here") {
    return h("a", { class: "icon-button", href: `/v1/files/${file.id}/content`, download: file.name, "aria-label": `Save ${file.name}`, title: "Save", "data-testid": "file-save" }, icon("download"));
  }
  if (file.state === "fetching" || file.state === "waiting") {
    return h("span", { class: "file-actions" },
      file.state === "waiting" && h("button", { class: "icon-button", type: "button", "aria-label": `Try ${file.name} again now`, title: "Try again now", onclick: () => fetchFile(file) }, icon("refresh")),
      h("button", { class: "icon-button", type: "button", "aria-label": `Do not fetch ${file.name}`, title: "Cancel", "data-testid": "file-cancel", onclick: () => stopFile(file) }, icon("close")));
  }
  if (file.state === "lost") return null;
  return h("button", { class: "icon-button", type: "button", "aria-label": `Fetch ${file.name}`, title: "Fetch", "data-testid": "file-fetch", onclick: () => fetchFile(file) }, icon("download"));
}

/** @param {number} have @param {number} of @param {string} words */
const bar = (have, of, words) => h("progress", { class: "file-progress", max: Math.max(of, 1), value: have, "aria-label": words });

/** Files chosen and not sent yet. @param {import("../model.js").Conversation} c */
export function uploadTray(c) {
  const all = uploadsOf(c.id);
  return all.length > 0 && h("ul", { class: "upload-tray", "aria-label": "Files to send", "data-testid": "uploads" }, all.map((upload) =>
    h("li", { key: upload.key, class: `upload ${upload.state}`, "data-testid": "upload", "data-state": upload.state },
      icon("file", 18),
      h("span", { class: "file-words" },
        h("span", { class: "file-name" }, upload.name),
        upload.state === "failed" ? h("span", { class: "small danger-text", role: "alert" }, upload.words)
          : h("span", { class: "muted small" }, upload.state === "ready" ? `${bytes(upload.size)} · ready to send` : upload.state === "sharing" ? "sending" : `${bytes(upload.sent)} of ${bytes(upload.size)}`)),
      upload.state === "failed" && h("button", { class: "link", type: "button", onclick: () => retry(c, upload) }, "Try again"),
      h("button", { class: "icon-button", type: "button", "aria-label": `Do not send ${upload.name}`, title: "Remove", onclick: () => cancelUpload(c, upload) }, icon("close", 16)),
      upload.state === "uploading" && bar(upload.sent, upload.size, `Uploading ${upload.name}`))));
}
