// Controls, one for each kind of value. Each is { node, input, show(value, given) } and tells
// `said(control, soon)` what was typed: `soon` while someone is still typing.

const NATIVE = {
  date: { type: "date", fits: /^\d{4}-\d\d-\d\d$/ },
  time: { type: "time", fits: /^\d\d:\d\d(:\d\d(\.\d{1,3})?)?$/ },
};
const HINTS = {
  datetime: "2013-01-31T12:00:00",
  timedelta: "PT1H30M, 01:30:00 or seconds",
  path: "path",
  any: "YAML",
};

function controlOf(row, said, label) {
  const make = {
    bool: checkControl, choice: choiceControl, int: numberControl, float: numberControl,
    date: dayControl, time: dayControl, datetime: momentControl, secret: secretControl,
    const: constControl, any: areaControl, long_text: areaControl, text: textControl,
  }[row.kind] ?? lineControl;
  return make(row, said, label);
}

function lineInput(row, said, label, props) {
  const input = el("input", {
    type: "text", class: "jw-input jl-input", spellcheck: "false", autocomplete: "off",
    placeholder: HINTS[row.kind], "aria-label": label, ...props,
  });
  input.addEventListener("input", () => said(input.value, true));
  input.addEventListener("change", () => said(input.value, false));
  return input;
}

function hasFocus(input) {
  return Boolean(input) && input.getRootNode().activeElement === input;
}

// Sets what a control shows, unless someone is typing there.
function showIn(input, text) {
  if (hasFocus(input)) return;
  if (input.value !== text) input.value = text;
}

function textOf(value) {
  return value === undefined || value === null ? "" : String(value);
}

function lineControl(row, said, label) {
  const props = ["path", "timedelta"].includes(row.kind) ? { class: "jw-input jl-input jl-code" } : {};
  const input = lineInput(row, said, label, props);
  return { node: input, input, show: (value) => showIn(input, textOf(value)) };
}

// A short text; it becomes a box when it has several lines or is asked to.
function textControl(row, said, label) {
  const node = el("div", { class: "jl-wide" });
  let inner = lineControl(row, said, label);
  const enlarge = () => {
    inner = { ...areaControl({ ...row, kind: "long_text" }, said, label) };
    fill(node, inner.node);
  };
  const more = button("more lines", () => {
    const text = inner.input.value;
    enlarge();
    inner.show(text);
    inner.input.focus();
  }, { class: "jw-plain jl-side", title: "Write a text of several lines", "aria-label": `several lines for ${label}` });
  append(node, [inner.node, more]);
  return {
    node,
    get input() {
      return inner.input;
    },
    show(value) {
      if (textOf(value).includes("\n") && inner.input.tagName === "INPUT") enlarge();
      inner.show(value);
    },
  };
}

function areaControl(row, said, label) {
  const input = el("textarea", {
    class: `jw-input jl-input jl-area ${row.kind === "any" ? "jl-code" : ""}`, rows: 1,
    spellcheck: "false", placeholder: HINTS[row.kind], "aria-label": label,
  });
  const grow = () => {
    input.rows = Math.min(Math.max(input.value.split("\n").length, row.kind === "any" ? 1 : 3), 14);
  };
  input.addEventListener("input", () => (grow(), said(input.value, true)));
  input.addEventListener("change", () => said(input.value, false));
  const show = (value) => (showIn(input, textOf(value)), grow());
  return { node: input, input, show };
}

function checkControl(row, said, label) {
  const word = el("span", { class: "jw-note" });
  const input = el("input", { type: "checkbox", class: "jl-check", "aria-label": label });
  input.addEventListener("change", () => {
    word.textContent = String(input.checked);
    said(input.checked, false);
  });
  const show = (value) => {
    input.checked = value === true;
    input.indeterminate = typeof value !== "boolean";
    word.textContent = input.indeterminate ? "not given" : String(value);
  };
  return { node: el("label", { class: "jl-checked" }, input, word), input, show };
}

function choiceControl(row, said, label) {
  const input = el("select", { class: "jw-select", "aria-label": label },
    el("option", { value: "" }, "choose …"),
    row.choices.map((choice, n) => el("option", { value: n }, choice)));
  input.addEventListener("change", () => input.value !== "" && said(Number(input.value), false));
  const show = (value) => {
    input.value = typeof value === "number" ? String(value) : "";
    input.firstChild.hidden = typeof value === "number";
  };
  return { node: input, input, show };
}

// --- numbers ----------------------------------------------------------------

function numberControl(row, said, label) {
  const { min, max, above, below } = row.bounds ?? {};
  const input = lineInput(row, said, label, {
    class: "jw-input jl-input jl-number", role: "spinbutton",
    inputmode: row.kind === "int" ? "numeric" : "decimal",
    "aria-valuemin": min ?? above, "aria-valuemax": max ?? below,
  });
  const turn = (direction) => {
    input.value = stepped(input.value, direction, row);
    input.setAttribute("aria-valuenow", input.value);
    said(input.value, false);
  };
  input.addEventListener("keydown", (event) => {
    const direction = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (!direction) return;
    event.preventDefault();
    turn(direction);
  });
  const stepper = (sign, direction) => button(sign, () => turn(direction), {
    class: "jl-step", tabindex: -1, "aria-hidden": "true", title: direction > 0 ? "more" : "less",
  });
  const show = (value) => {
    showIn(input, textOf(value));
    setAttr(input, "aria-valuenow", /^[-+.\deE]+$/.test(input.value) ? input.value : null);
  };
  const node = el("div", { class: "jl-numbers" }, stepper("−", -1), input, stepper("+", 1));
  return { node, input, show };
}

// The next number up or down, kept within the bounds; large integers stay exact.
function stepped(text, direction, { kind, bounds = {} }) {
  const { min, max, above, below, step = 1 } = bounds;
  if (kind === "int" && /^[-+]?\d+$/.test(text) && Number.isInteger(step)) {
    const next = BigInt(text) + BigInt(direction * step);
    return String(heldInteger(next, bounds, step));
  }
  const small = step !== 1 || kind === "int" ? step : floatStep(bounds);
  const now = Number.parseFloat(text);
  let next = Number.isNaN(now) ? (min ?? 0) : now + direction * small;
  if (max !== undefined && next > max) next = max;
  if (min !== undefined && next < min) next = min;
  if ((above !== undefined && next <= above) || (below !== undefined && next >= below)) return text;
  return String(Number(next.toPrecision(12)));
}

function heldInteger(next, { min, max, above, below }, step) {
  const least = min ?? (above === undefined ? undefined : Math.floor(above) + step);
  const most = max ?? (below === undefined ? undefined : Math.ceil(below) - step);
  if (Number.isInteger(least) && next < BigInt(least)) return BigInt(least);
  if (Number.isInteger(most) && next > BigInt(most)) return BigInt(most);
  return next;
}

function floatStep({ min, max, above, below }) {
  const [low, high] = [min ?? above, max ?? below];
  return low !== undefined && high !== undefined && high - low <= 2 ? (high - low) / 20 || 1 : 1;
}

// --- dates ------------------------------------------------------------------

// The browser's own picker, or a line of text for what it cannot show.
function dayControl(row, said, label) {
  const { type, fits } = NATIVE[row.kind];
  const input = lineInput(row, said, label, { type, step: row.kind === "time" ? 1 : null });
  const show = (value) => {
    const text = textOf(value);
    input.type = text === "" || fits.test(text) ? type : "text";
    showIn(input, text);
  };
  return { node: input, input, show };
}

// A moment is a text, because it may have a time zone; the picker fills it.
function momentControl(row, said, label) {
  const line = lineControl(row, said, label);
  const picker = el("input", {
    type: "datetime-local", step: 1, class: "jl-picker", tabindex: -1, "aria-hidden": "true",
    title: "Pick a date and time",
  });
  picker.addEventListener("change", () => {
    if (!picker.value) return;
    line.input.value = picker.value;
    said(picker.value, false);
  });
  const node = el("div", { class: "jl-wide" }, line.node, picker);
  return { node, input: line.input, show: line.show };
}

// --- the rest ---------------------------------------------------------------

// What is typed goes out once, when it is done; it never comes back.
function secretControl(row, said, label) {
  const input = el("input", {
    type: "password", class: "jw-input jl-input", autocomplete: "new-password", "aria-label": label,
    placeholder: "kept in memory, stored by name only",
  });
  input.addEventListener("change", () => {
    said(input.value, false);
    input.value = "";
  });
  return { node: input, input, show: () => {} };
}

function constControl(row, said, label) {
  const node = el("code", { "aria-label": label });
  return { node, input: node, show: (value) => (node.textContent = textOf(value)) };
}
