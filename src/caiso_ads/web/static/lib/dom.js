// Elements from data. Rule: text from anywhere becomes a text node; there is no way here to make markup from a string.

const SVG = "http://www.w3.org/2000/svg";

/** Make an element. Keys of `props` starting with `on` are listeners, `class` and attributes are set as given. */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) set(element, key, value);
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

function set(element, key, value) {
  if (value === null || value === undefined || value === false) return;
  if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
  else if (value === true) element.setAttribute(key, "");
  else element.setAttribute(key, String(value));
}

/** Make a picture of 16 x 16 units from one path; it is decoration, the word beside it says the same. */
export function icon(path) {
  const svg = document.createElementNS(SVG, "svg");
  for (const [key, value] of [["viewBox", "0 0 16 16"], ["class", "icon"], ["aria-hidden", "true"]]) {
    svg.setAttribute(key, value);
  }
  const shape = document.createElementNS(SVG, "path");
  shape.setAttribute("d", path);
  svg.append(shape);
  return svg;
}

/** Set the text of an element when it is another one: the browser lays out again only what changed. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Set or remove an attribute when it is another one. */
export function mark(element, name, value) {
  if (value === null || value === undefined) {
    if (element.hasAttribute(name)) element.removeAttribute(name);
  } else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, String(value));
}

/** A table with a caption for screen readers; `heads` are texts or {text, class}. */
export function table(caption, heads, rows) {
  const filled = rows.length ? rows : [h("tr", {}, h("td", { colspan: heads.length, class: "quiet" }, "None."))];
  const cells = heads.map((head) => h("th", { scope: "col", class: head.class }, head.text ?? head));
  return h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": caption },
    h("table", {}, h("caption", { class: "unseen" }, caption), h("thead", {}, h("tr", {}, cells)), h("tbody", {}, filled)));
}
