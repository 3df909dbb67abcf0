// Elements of the page. What comes from data becomes text nodes and attributes alone: nothing here parses markup.

const SVG = "http://www.w3.org/2000/svg";

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name.startsWith("--")) element.style.setProperty(name, value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

// el("td", {class: "number", onclick: act}, "12") and the same in SVG.
function el(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function button(text, act, attributes = {}) {
  return el("button", { type: "button", onclick: act, ...attributes }, text);
}

// A line of choices of which one is chosen: radio buttons, which arrow keys move between.
let groups = 0;
function choice(legend, options, chosen, act) {
  const name = `choice-${(groups += 1)}`;
  const labels = options.map(([value, text]) => {
    const input = el("input", { type: "radio", name, value, checked: value === chosen, onchange: () => act(value) });
    return el("label", {}, input, el("span", {}, text));
  });
  return el("fieldset", { class: "choice" }, el("legend", {}, legend), labels);
}

// Terms and what they are; those that are not known are left out.
function facts(pairs) {
  const known = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return el(
    "dl",
    {},
    known.map(([term, value]) => el("div", {}, el("dt", {}, term), el("dd", {}, value))),
  );
}

function notice(title, texts, kind = "") {
  if (!texts.length) return null;
  const items = texts.slice(0, 50).map((text) => el("li", {}, text));
  if (texts.length > 50) items.push(el("li", {}, `and ${texts.length - 50} more`));
  return el("div", { class: `notice ${kind}`, role: "note" }, el("strong", {}, title), el("ul", {}, items));
}

// A command to copy. Where the page may not use the clipboard, the text is selected instead.
function commandLine(text) {
  const code = el("code", { tabindex: "0" }, text);
  const select = () => window.getSelection().selectAllChildren(code);
  const copy = button("copy", () => {
    if (!navigator.clipboard) return select();
    navigator.clipboard.writeText(text).then(() => (copy.textContent = "copied"), select);
  });
  return el("span", { class: "command" }, code, copy);
}

const percent = (rate, digits = 0) => (rate === null || rate === undefined ? "–" : (100 * rate).toFixed(digits));
const orDash = (value) => (value === null || value === undefined || value === "" ? "–" : String(value));
const grouped = (number) => number.toLocaleString("en-US");
