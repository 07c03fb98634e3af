// Elements and talk with the kernel. Texts are set as texts: no data ever becomes markup.

// Whether this is the page of `jobnb ui`, where runs and backfills have addresses.
const ON_PAGE = document.body.classList.contains("jp-page");

const SVG_SPACE = "http://www.w3.org/2000/svg";
const UNSAFE_PROPS = new Set(["innerHTML", "outerHTML", "srcdoc"]);

// el("button", { class: "jw-button", onclick: go, disabled: true }, "Go", icon)
// Properties: class, text, style (object), data (object), on* (functions), others as attributes;
// null, undefined and false are left out. Children: nodes, texts, lists of these, or nothing.
function el(tag, props, ...children) {
  return dress(document.createElement(tag), props, children);
}

function svgEl(tag, props, ...children) {
  return dress(document.createElementNS(SVG_SPACE, tag), props, children);
}

function dress(node, props, children) {
  for (const [name, value] of Object.entries(props ?? {})) setProp(node, name, value);
  append(node, children);
  return node;
}

function setProp(node, name, value) {
  if (UNSAFE_PROPS.has(name)) throw new Error(`${name} is not allowed`);
  if (name.startsWith("on") && typeof value === "function") {
    node.addEventListener(name.slice(2), value);
  } else if (name === "text") node.textContent = value ?? "";
  else if (name === "style" && typeof value === "object") Object.assign(node.style, value);
  else if (name === "data") Object.assign(node.dataset, value);
  else if (name === "value" && "value" in node) node.value = value ?? "";
  else if (name === "checked" || name === "disabled") node[name] = Boolean(value);
  else setAttr(node, name, value);
}

// Sets an attribute, or takes it away where there is no value. Only harmless links are set.
function setAttr(node, name, value) {
  if (value === null || value === undefined || value === false) node.removeAttribute(name);
  else if ((name === "href" || name === "src") && !safeUrl(value)) node.removeAttribute(name);
  else node.setAttribute(name, value === true ? "" : String(value));
}

function safeUrl(url) {
  return /^(https?:|mailto:|data:image\/(png|jpeg|gif|webp);|blob:|#|\.{0,2}\/)/i.test(String(url));
}

function append(node, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    node.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

// A name or path, which goes on in the next line after one of its signs and not within a word.
function breakable(text) {
  return String(text).split(/(?<=[_/.:])(?=\w)/).flatMap((part, at) => (at ? [el("wbr"), part] : [part]));
}

// Puts new children in the place of all that are there.
function fill(node, ...children) {
  node.replaceChildren();
  append(node, children);
  return node;
}

// A name for an element that no other of the page has: each view has this module for itself.
const OF_THIS_VIEW = Math.random().toString(36).slice(2, 9);
let namedSoFar = 0;

function freshId(what) {
  return `jobnb-${what}-${OF_THIS_VIEW}-${++namedSoFar}`;
}

// What may be wider than its place; the keyboard reaches it to scroll.
function scrolling(...children) {
  return el("div", { class: "jn-scroll", tabindex: 0 }, children);
}

// Text with its line breaks; the same holds for it.
function pre(text, css) {
  return el("pre", { class: css, tabindex: 0 }, text);
}

// What stands for a thing, as a link where it has an address: on a page it has, in a notebook not.
function linked(model, kind, name, shown) {
  const href = model.widget_manager?.address?.(kind, name);
  return href ? el("a", { href }, shown) : shown;
}

// A part that opens when its title is clicked.
function folded(title, ...body) {
  return el("details", null, el("summary", null, title), el("div", { class: "jn-body" }, ...body));
}

// The head of a column; where there is nothing to say it is no heading.
function columnHead(title) {
  return title ? el("th", { scope: "col" }, title) : el("td");
}

// A button with words; `props.title` is what hovering tells.
function button(label, onclick, props) {
  const { class: more, ...rest } = props ?? {};
  return el(
    "button",
    { type: "button", class: `jw-button ${more ?? ""}`.trim(), onclick, ...rest },
    label,
  );
}

// --- what users wrote -------------------------------------------------------

// Metadata: [{ name, text, url?, prose? }] as names and values.
function metadataNode(entries) {
  const rows = entries.map(({ name, text, url, prose }) =>
    el("tr", null, el("th", { scope: "row" }, name), el("td", null,
      prose ? el("div", { class: "jn-doc" }, proseNodes(prose))
        : url ? el("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, text) : breakable(text))));
  return scrolling(el("table", { class: "jn-pairs" }, el("tbody", null, rows)));
}

// Markdown as `display/markdown_html.py` reads it: texts, and [name, address, what is inside].
const PROSE = /^(p|h[1-6]|ul|ol|li|blockquote|pre|code|em|strong|a|span|hr|br|table|thead|tbody|tr|th|td)$/;

function proseNodes(nodes) {
  return nodes.map((node) => {
    if (typeof node === "string") return node;
    const [name, url, inside] = node;
    if (name === "pre") return pre(proseNodes(inside));
    const props = url ? { href: url, target: "_blank", rel: "noopener noreferrer" } : name === "table" ? { class: "jn-table" } : null;
    const made = el(PROSE.test(name) ? name : "span", props, proseNodes(inside));
    return name === "table" ? scrolling(made) : made;
  });
}

// --- the kernel -------------------------------------------------------------

/**
 * @typedef {object} Asked What goes to the kernel: a question or a deed.
 * @property {string} ask The name of what `@answers(name)` answers in Python.
 * @property {string} id The number of the question.
 * @property {object} with The arguments, by name.
 */
/**
 * @typedef {object} Answer What comes back.
 * @property {string} answer The number of the question.
 * @property {unknown} [value] What the method gave.
 * @property {string} [error] Why there is no value, in words.
 */
/**
 * @typedef {object} News What the kernel tells by itself.
 * @property {Record<string, Record<string, unknown>>} news The news by topic.
 */

let askedSoFar = 0;
const askedBy = new WeakMap(); // model -> id -> how to settle its promise

/**
 * Asks the kernel and promises the answer: ask(model, "about", { key }).
 * @param {object} model The widget's.
 * @param {string} name
 * @param {object} [asked]
 * @returns {Promise<unknown>} The value; it fails with what went wrong in words.
 */
function ask(model, name, asked = {}) {
  const id = `${Date.now()}-${++askedSoFar}`;
  return new Promise((resolve, reject) => {
    if (isGone(model)) throw new Error(GONE);
    waitingFor(model).set(id, { resolve, reject });
    try {
      model.send({ ask: name, id, with: asked });
    } catch { // a kernel that died: nothing else tells of it
      waitingFor(model).delete(id);
      lookAgain.get(model)?.forEach((look) => look(true));
      throw new Error(GONE);
    }
  });
}

// --- a kernel that is gone ----------------------------------------------------

const GONE = "The kernel that made this view is gone: run this cell again.";
const goneModels = new WeakSet();
const lookAgain = new WeakMap(); // model -> what shows in each of its views whether it lives

// A view that greys out and says so when the kernel that made it is gone.
function alive({ render }) {
  return {
    render(given) {
      const { model, el: host } = given;
      const stop = render(given);
      host.addEventListener("beforeinput", ownInput, true);
      // The class is that of Jupyter's own widgets, set before they tell of the change.
      const look = (gone) => showLife(model, host, gone ?? Boolean(host.closest(".jupyter-widgets-disconnected")));
      const changed = () => setTimeout(look);
      if (!lookAgain.has(model)) lookAgain.set(model, new Set());
      lookAgain.get(model).add(look);
      model.on("comm_live_update", changed);
      look();
      return () => {
        lookAgain.get(model).delete(look);
        model.off("comm_live_update", changed);
        stop?.();
      };
    },
  };
}

// JupyterLab keeps any field within a cell from undoing, and from beginning a line, since it does
// so itself in the cell's code: these keys are the field's own.
const OWN_INPUT = new Set(["historyUndo", "historyRedo", "insertLineBreak"]);

function ownInput(event) {
  if (OWN_INPUT.has(event.inputType)) event.stopPropagation();
}

function isGone(model) {
  return goneModels.has(model);
}

function showLife(model, host, gone) {
  if (gone === isGone(model) && gone === host.classList.contains("jw-gone")) return;
  if (gone) goneModels.add(model);
  else goneModels.delete(model);
  host.classList.toggle("jw-gone", gone);
  frameOf(host).disabled = gone;
  const top = outermost(host);
  const note = top.querySelector(":scope > .jw-gone-note");
  if (gone && !note) top.prepend(el("div", { class: "jobnb jw-gone-note", role: "status" }, GONE));
  else if (!gone) note?.remove();
}

// All of a view in one set of controls, which are disabled together, those to come included.
function frameOf(host) {
  let frame = host.querySelector(":scope > fieldset.jw-frame");
  if (!frame) {
    frame = el("fieldset", { class: "jw-frame" });
    frame.append(...host.childNodes);
    host.append(frame);
  }
  return frame;
}

// The widget that stands in the page: a view may be a part of it, and one note is enough.
function outermost(host) {
  const around = host.parentElement?.closest(".jupyter-widgets, .jobnb-run");
  return around ? outermost(around) : host;
}

function waitingFor(model) {
  if (!askedBy.has(model)) {
    const waiting = new Map();
    askedBy.set(model, waiting);
    model.on("msg:custom", (message) => settle(waiting, message));
  }
  return askedBy.get(model);
}

function settle(waiting, message) {
  const asked = waiting.get(message?.answer);
  if (!asked) return;
  waiting.delete(message.answer);
  if ("error" in message) asked.reject(new Error(message.error));
  else asked.resolve(message.value);
}

// Calls `heard(news)` for what the kernel tells on a topic; returns a function that stops it.
function hear(model, topic, heard) {
  const listener = (message) => {
    if (message?.news && topic in message.news) heard(message.news[topic]);
  };
  model.on("msg:custom", listener);
  return () => model.off("msg:custom", listener);
}

// Calls `changed()` when one of the traits changes; returns a function that stops it.
function watch(model, names, changed) {
  for (const name of names) model.on(`change:${name}`, changed);
  return () => names.forEach((name) => model.off(`change:${name}`, changed));
}

// Asks for what has changed when the kernel says that this view is behind; returns what stops it.
// Several changes in a row, as cells that run one after the other make, are asked for once.
function keepUp(model) {
  let waiting = 0;
  const look = () => {
    clearTimeout(waiting);
    if (model.get("behind")) waiting = setTimeout(() => ask(model, "keep_up").catch(() => {}), 300);
  };
  const stop = watch(model, ["behind"], look);
  look();
  return () => {
    clearTimeout(waiting);
    stop();
  };
}

// Calls `changed()` when the page has other colours; returns a function that stops it.
// What is drawn on a canvas has the colours of the moment: nothing else would draw it anew.
function watchColours(changed) {
  const soon = eachFrame(changed);
  const observer = new MutationObserver(soon);
  for (const node of [document.documentElement, document.body]) {
    observer.observe(node, { attributes: true, attributeFilter: ["class", "style", "data-jp-theme-light", "data-jp-theme-name", "data-theme"] });
  }
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  dark.addEventListener("change", soon);
  return () => {
    observer.disconnect();
    dark.removeEventListener("change", soon);
  };
}

// Sets traits here and in the kernel.
function put(model, values) {
  for (const [name, value] of Object.entries(values)) model.set(name, value);
  model.save_changes();
}

// --- time -------------------------------------------------------------------

// Runs at most once in `wait` ms, after the last call.
function debounce(action, wait) {
  let timer = 0;
  const later = (...args) => {
    clearTimeout(timer);
    timer = setTimeout(() => action(...args), wait);
  };
  later.cancel = () => clearTimeout(timer);
  return later;
}

// Runs once before the next frame is painted, however often it is called.
function eachFrame(action) {
  let asked = 0;
  return () => {
    asked ||= requestAnimationFrame(() => {
      asked = 0;
      action();
    });
  };
}

// Calls `draw` before the next frame, but not between the press and the release of a button:
// what moves under the pointer would be missed.
function drawnWhenFree(host, draw) {
  let pressed = 0;
  let asked = false;
  let listening = new AbortController();
  const soon = eachFrame(() => {
    if (pressed) asked = true;
    else draw();
  });
  const release = () => {
    clearTimeout(pressed);
    listening.abort();
    pressed = 0;
    if (asked) soon();
    asked = false;
  };
  const later = () => setTimeout(release, 0); // the click comes first
  host.addEventListener("pointerdown", () => {
    clearTimeout(pressed);
    listening.abort();
    listening = new AbortController();
    pressed = setTimeout(release, LONGEST_PRESS);
    for (const kind of ["pointerup", "pointercancel"]) {
      window.addEventListener(kind, later, { signal: listening.signal });
    }
  });
  return soon;
}

const LONGEST_PRESS = 800; // ms; a list that opens never tells when it is released

// A number and what is counted: "1 step", "2,000 steps".
function counted(number, noun) {
  return `${number.toLocaleString()} ${noun}${number === 1 ? "" : "s"}`;
}

// A duration as people read it: two units at most.
function durationText(seconds) {
  if (seconds === null || seconds === undefined || seconds < 0) return "";
  if (seconds < 0.9995) return seconds >= 0.001 ? `${(seconds * 1000).toFixed(0)} ms` : "<1 ms";
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const [days, hours] = [Math.floor(whole / 86400), Math.floor(whole / 3600) % 24];
  const minutes = Math.floor(whole / 60) % 60;
  if (days) return `${days} d ${hours} h`;
  return hours ? `${hours} h ${minutes} m` : `${minutes} m ${whole % 60} s`;
}

// Bytes as people read them.
function bytesText(bytes) {
  const power = Math.min(4, Math.max(0, Math.floor(Math.log10(Math.max(bytes, 1)) / 3)));
  const number = bytes / 1000 ** power;
  return `${number < 9.95 && power ? number.toFixed(1) : Math.round(number)} ${["B", "kB", "MB", "GB", "TB"][power]}`;
}

// A time as all of jobnb writes it, in the time zone of whoever reads: 2013-01-31 09:30:00.
function whenText(seconds) {
  if (seconds === null || seconds === undefined) return "";
  const moment = new Date(seconds * 1000);
  const two = (number) => String(number).padStart(2, "0");
  const day = [moment.getFullYear(), two(moment.getMonth() + 1), two(moment.getDate())].join("-");
  return `${day} ${[moment.getHours(), moment.getMinutes(), moment.getSeconds()].map(two).join(":")}`;
}
