// @ts-check
/**
 * A small virtual DOM: views say what the page should look like, and this file changes only what
 * differs, so that focus, scroll positions and half-typed text survive every redraw.
 *
 * Text always becomes a text node. There is no way to insert markup from a string.
 */

/**
 * @typedef {string | number | VNode | null | undefined | false | any[]} Child
 * @typedef {Record<string, any>} Props
 * @typedef {{ tag: string, props: Props, children: VNode[], text: string, el: any }} VNode
 */

const SVG = "http://www.w3.org/2000/svg";
const AS_PROPERTY = new Set(["value", "checked", "disabled", "selected", "indeterminate", "readOnly"]);

/** @type {{ after: (el: any) => void, el: any }[]} */
const afterwards = [];

/**
 * Describes an element.
 *
 * Properties: `key` identifies it among its siblings; `on...` are listeners; `style` is an object
 * of CSS properties; `after` is called with the element after each redraw, when the page is whole
 * again and can be measured; the rest are attributes, where `false`, `null` and `undefined` mean
 * absent.
 * @param {string} tag
 * @param {Props | null} [props]
 * @param {...Child} children
 * @returns {VNode}
 */
export function h(tag, props, ...children) {
  return { tag, props: props ?? {}, children: flatten(children, []), text: "", el: null };
}

/**
 * Makes `host` contain exactly these nodes.
 * @param {Element} host
 * @param {Child} content
 */
export function render(host, content) {
  const next = flatten([content], []);
  const previous = /** @type {any} */ (host).vnodes ?? [];
  patchChildren(host, previous, next, false);
  /** @type {any} */ (host).vnodes = next;
  for (const { after, el } of afterwards.splice(0)) after(el);
}

/**
 * @param {Child[]} children
 * @param {VNode[]} into
 */
function flatten(children, into) {
  for (const child of children) {
    if (Array.isArray(child)) flatten(child, into);
    else if (child === null || child === undefined || child === false) continue;
    else if (typeof child === "object") into.push(child);
    else into.push({ tag: "#text", props: {}, children: [], text: String(child), el: null });
  }
  return into;
}

/**
 * @param {VNode} node
 * @param {boolean} svg
 */
function create(node, svg) {
  if (node.tag === "#text") {
    node.el = document.createTextNode(node.text);
    return node.el;
  }
  const inSvg = svg || node.tag === "svg";
  node.el = inSvg ? document.createElementNS(SVG, node.tag) : document.createElement(node.tag);
  patchChildren(node.el, [], node.children, inSvg);
  // Properties come after the children, because a select's value needs its options.
  patchProps(node.el, {}, node.props);
  return node.el;
}

/**
 * @param {VNode} old
 * @param {VNode} next
 * @param {boolean} svg
 */
function patch(old, next, svg) {
  next.el = old.el;
  if (next.tag === "#text") {
    if (old.text !== next.text) next.el.data = next.text;
    return;
  }
  patchChildren(next.el, old.children, next.children, svg || next.tag === "svg");
  patchProps(next.el, old.props, next.props);
}

/** @param {VNode} a @param {VNode} b */
const alike = (a, b) => a.tag === b.tag && a.props.key === b.props.key;

/**
 * @param {Node} host
 * @param {VNode[]} old
 * @param {VNode[]} next
 * @param {boolean} svg
 */
function patchChildren(host, old, next, svg) {
  /** @type {Map<unknown, VNode>} */
  const keyed = new Map();
  /** @type {VNode[]} */
  const loose = [];
  for (const node of old) {
    if (node.props.key !== undefined) keyed.set(node.props.key, node);
    else loose.push(node);
  }
  const kept = new Set();
  const partners = next.map((node) => {
    const { key } = node.props;
    let partner;
    if (key !== undefined) partner = keyed.get(key);
    else partner = loose.find((candidate) => !kept.has(candidate) && alike(candidate, node));
    if (!partner || !alike(partner, node) || kept.has(partner)) return null;
    kept.add(partner);
    return partner;
  });
  for (const node of old) if (!kept.has(node)) node.el.remove();

  let cursor = host.firstChild;
  next.forEach((node, index) => {
    const partner = partners[index];
    if (partner) patch(partner, node, svg);
    else create(node, svg);
    if (node.el === cursor) cursor = cursor?.nextSibling ?? null;
    else host.insertBefore(node.el, cursor);
    if (node.props.after) afterwards.push({ after: node.props.after, el: node.el });
  });
}

/**
 * @param {any} el
 * @param {Props} old
 * @param {Props} next
 */
function patchProps(el, old, next) {
  for (const name in old) if (!(name in next)) setProp(el, name, old[name], undefined);
  for (const name in next) {
    if (old[name] !== next[name] || name === "style") setProp(el, name, old[name], next[name]);
  }
}

/**
 * @param {any} el
 * @param {string} name
 * @param {any} old
 * @param {any} value
 */
function setProp(el, name, old, value) {
  if (name === "key" || name === "after") return;
  if (name.startsWith("on")) {
    el[name] = value ?? null;
  } else if (name === "style") {
    for (const property in value ?? {}) {
      if (old?.[property] !== value[property]) el.style.setProperty(property, String(value[property]));
    }
    for (const property in old ?? {}) if (!(property in (value ?? {}))) el.style.removeProperty(property);
  } else if (AS_PROPERTY.has(name)) {
    const wanted = value ?? (name === "value" ? "" : false);
    if (el[name] !== wanted) el[name] = wanted;
  } else if (value === undefined || value === null || value === false) {
    el.removeAttribute(name);
  } else {
    el.setAttribute(name, value === true ? "" : String(value));
  }
}
