// @ts-check
/** Where we are: the part of the address behind `#`, such as `#/decisions/4f2k`. */

/** @typedef {{ page: string, id: string | null }} Route */

/** @returns {Route} */
export function route() {
  const [page = "", id = ""] = location.hash.replace(/^#\/?/, "").split("/");
  return { page: decodeURIComponent(page) || "home", id: id ? decodeURIComponent(id) : null };
}

/** @param {string} page @param {string | null} [id] */
export const href = (page, id) => {
  const base = page === "home" ? "#/" : `#/${page}`;
  return id ? `${base}/${encodeURIComponent(id)}` : base;
};

/** @param {string} page @param {string | null} [id] */
export const go = (page, id) => {
  location.hash = href(page, id);
};
