// The rows of a form: made once, kept as long as they mean the same, so that typing is not lost.
//
// `act(id, action, control, soon)` tells what a person did; `own(id)` is what a row holds that the kernel has not
// answered yet.

/**
 * @typedef {object} Row A place of the config, as `form_rows.Rows` lays it out.
 * @property {string} id Its path.
 * @property {string} label What it is called.
 * @property {string} kind Which control it needs: one of `forms.Place.kind`.
 * @property {string} [mode] How its value is given, if not by that control: one of `Found.mode`.
 * @property {Row[]} [rows] What is in it.
 * @property {boolean} [fold] Whether it opens only when asked.
 * @property {boolean} [required] Whether it must be given.
 * @property {string} [words] Its type.
 * @property {string} [default] What it is where it is not given.
 * @property {string} [help] What it is for.
 * @property {string[]} [choices] The values of a choice.
 * @property {string[]} [options] The types of a union; `option` is the chosen one.
 * @property {number} [option] The place of the chosen type among them.
 */
/**
 * @typedef {object} Shown What a row shows, as `form_rows.Rows.values` gives it.
 * @property {boolean} given Whether the config says it.
 * @property {string | number | boolean} [v] The value for its control.
 */

const MODES = {
  env: envBody, none: noneBody, kept: keptBody, absent: absentBody,
};

class FormRows {
  constructor(act, own) {
    this.act = act;
    this.own = own;
    this.made = new Map(); // id -> { sig, node, body, shown, error, control }
    this.node = el("div", { class: "jl-rows" });
    this.opened = new Map(); // id -> whether a person opened or folded it
  }

  // Shows other rows; rows that mean the same stay where they are.
  set(rows) {
    const seen = new Set();
    this.place(this.node, rows, seen);
    for (const id of [...this.made.keys()]) if (!seen.has(id)) this.made.delete(id);
  }

  place(holder, rows, seen) {
    const nodes = rows.map((row) => this.rowOf(row, seen));
    for (const old of [...holder.children]) if (!nodes.includes(old)) old.remove();
    nodes.forEach((node, n) => {
      if (holder.children[n] !== node) holder.insertBefore(node, holder.children[n] ?? null);
    });
  }

  rowOf(row, seen) {
    seen.add(row.id);
    const { rows, ...own } = row;
    const sig = JSON.stringify(own);
    let made = this.made.get(row.id);
    if (made?.sig !== sig && !(made && this.typing(row.id, made))) {
      made = { ...(row.kind === "section" ? this.section(own) : this.field(own)), row: own, sig };
      this.made.set(row.id, made);
    }
    if (made.below) this.place(made.below, rows ?? [], seen);
    return made.node;
  }

  // Whether someone is at a row's control now: another would take the text from under the hands.
  typing(id, made) {
    return this.own(id) !== undefined && hasFocus(made.control?.input);
  }

  // What each row shows now: what a person did last, then what cannot be kept, then the config.
  show(values, drafts) {
    for (const [id, made] of this.made) {
      const own = this.own(id);
      const draft = id in drafts ? { given: true, v: drafts[id] } : undefined;
      const value = own ? { given: true, v: own.value } : (draft ?? values[id] ?? {});
      made.show?.(value);
      made.node.classList.toggle("jl-is-default", value.given === false);
      if (made.reset) made.reset.disabled = !value.given;
    }
  }

  // Which row someone is at, and where in its text.
  hands() {
    for (const [id, made] of this.made) {
      const input = made.control?.input;
      if (hasFocus(input)) return { id, input, at: input.selectionStart };
    }
    return null;
  }

  // Puts the hands back where they were, if their control was made anew or moved.
  takeBack(hands) {
    const input = hands && this.made.get(hands.id)?.control?.input;
    if (!input || hasFocus(input)) return;
    input.focus();
    if (["text", "textarea"].includes(input.type)) {
      const at = hands.at ?? input.value.length;
      input.setSelectionRange(at, at);
    }
  }

  // Rows of entries that went elsewhere are still theirs.
  shift(holder, to) {
    const moved = [];
    for (const [id, made] of [...this.made]) {
      const next = shiftedRow(id, holder, to);
      if (next === id) continue;
      this.made.delete(id);
      if (next === null) continue;
      made.row.id = made.node.dataset.row = next;
      made.sig = JSON.stringify(made.row);
      moved.push(made);
    }
    for (const made of moved) this.made.set(made.row.id, made);
  }

  // What is wrong, at its row.
  tell(problems) {
    const told = new Map();
    for (const { row, message } of problems) {
      if (row !== undefined) told.set(row, [...(told.get(row) ?? []), message]);
    }
    for (const [id, made] of this.made) {
      const text = (told.get(id) ?? []).join(" ");
      made.error.textContent = text;
      made.node.classList.toggle("jl-is-wrong", text !== "");
      const input = made.control?.input;
      if (input) setAttr(input, "aria-invalid", text ? "true" : null);
    }
  }

  // Goes to a row, opening what it is folded into.
  goTo(id) {
    const made = this.made.get(id);
    if (!made) return;
    for (let at = made.node; at && at !== this.node; at = at.parentElement) {
      if (at.tagName === "DETAILS") at.open = true;
    }
    made.node.scrollIntoView({ block: "center" });
    const target = made.control?.input ?? made.node.querySelector("input,select,textarea,button");
    target?.focus();
  }

  // --- a section: the config of one op, of one resource ---------------------

  section(row) {
    const below = el("div", { class: "jl-below" });
    const error = errorLine();
    const open = this.opened.get(row.id) ?? !row.fold;
    const node = el("details", { class: "jl-section", data: { row: row.id }, open },
      el("summary", null, el("span", { class: "jl-name" }, row.label), helpOf(row)),
      error, below, this.adder(row));
    node.addEventListener("toggle", () => this.opened.set(row.id, node.open));
    return { node, below, error };
  }

  // --- a field ---------------------------------------------------------------

  field(row) {
    const holds = ["object", "map", "list", "tuple", "selector", "section"].includes(row.kind);
    const error = errorLine();
    const below = holds && (row.mode ?? "value") === "value" ? el("div", { class: "jl-below" }) : null;
    const body = this.body(row, error);
    const sides = this.sides(row);
    const node = el("div", {
      class: `jl-row ${below ? "jl-holds" : ""} ${row.extra ? "jl-extra" : ""}`,
      data: { row: row.id }, role: below ? "group" : null, "aria-label": below ? row.label : null,
    },
      el("div", { class: "jl-line" },
        this.labelOf(row),
        el("div", { class: "jl-control" }, this.options(row), body.node, sides.nodes),
      ), helpOf(row), error, below, below ? this.adder(row) : null);
    return { node, below, error, control: body, show: body.show, reset: sides.reset };
  }

  labelOf(row) {
    const words = row.words && row.kind !== "const" ? el("span", { class: "jl-words" }, row.words) : null;
    const name = row.key === undefined ? this.name(row) : this.keyInput(row);
    return el("div", { class: "jl-label" }, name, words);
  }

  name(row) {
    const mark = row.required
      ? [el("span", { class: "jl-required", "aria-hidden": "true" }, " *"),
         el("span", { class: "jw-spoken" }, " required")]
      : null;
    return el("span", { class: "jl-name" }, row.label, mark);
  }

  keyInput(row) {
    const input = el("input", {
      class: "jw-input jl-key", value: row.key, spellcheck: "false", "aria-label": `key ${row.key}`,
    });
    input.addEventListener("change", () => this.act(row.id, "rename", input.value));
    return input;
  }

  // The control itself, or what stands in its place.
  body(row, error) {
    const label = row.label;
    const other = MODES[row.mode];
    if (other) return other(row, this.act, label);
    if (["object", "map", "list", "tuple", "selector", "section"].includes(row.kind)) {
      return { node: null };
    }
    const said = (control, soon) => this.act(row.id, "set", control, soon);
    const made = controlOf(row, said, label);
    if (made.input) setAttr(made.input, "aria-describedby", error.id);
    if (made.input && row.required) setAttr(made.input, "aria-required", "true");
    return { ...made, get input() { return made.input; }, show: (value) => made.show(value.v) };
  }

  // The choice among types or fields, which swaps what is below.
  options(row) {
    if (!row.options) return null;
    const select = el("select", { class: "jw-select", "aria-label": `kind of ${row.label}` },
      el("option", { value: "", hidden: true }, "choose …"),
      row.options.map((name, n) => el("option", { value: n }, name)),
      row.nullable ? el("option", { value: "none" }, "none") : null);
    const none = row.mode === "none" && row.nullable;
    select.value = none ? "none" : row.option >= 0 ? String(row.option) : "";
    select.addEventListener("change", () => this.act(row.id, "choose", select.value));
    return select;
  }

  // What else can be done: another source, no value, the default, moving, removing.
  sides(row) {
    const nodes = [];
    const side = (label, action, title, control) => {
      const made = button(label, () => this.act(row.id, action, control), {
        class: "jw-plain jl-side", title, "aria-label": `${title}: ${row.label}`,
      });
      nodes.push(made);
      return made;
    };
    const plain = !row.mode || row.mode === "value" || row.mode === "raw";
    if (plain && row.env) side("from env", "env", "From environment variable");
    if (plain && row.nullable && !row.options) side("none", "none", "No value");
    if (row.mode === "raw") side("✎", "value", "Start again with a value of the type");
    const reset = row.resets ? side(`↺ ${row.default}`, "unset", "Back to the default") : null;
    if (reset) reset.classList.add("jl-reset");
    if (row.up) side("↑", "move", "Move up", "up");
    if (row.down) side("↓", "move", "Move down", "down");
    if (row.removable) side("✕", "remove", "Remove");
    return { nodes, reset };
  }

  adder(row) {
    if (!row.add && !(row.required && ["list", "map"].includes(row.kind))) return null;
    const make = row.add
      ? button(`+ ${row.add}`, () => this.act(row.id, "add"), {
          class: "jw-plain jl-add", "aria-label": `Add ${row.add} to ${row.label}`,
        })
      : null;
    const empty = row.required && ["list", "map"].includes(row.kind)
      ? button("leave empty", () => this.act(row.id, "value"), { class: "jw-plain jl-add jl-empty" })
      : null;
    return el("div", { class: "jl-adds" }, make, empty);
  }
}

function errorLine() {
  return el("div", { class: "jl-error jw-problem", id: freshId("error"), role: "status" });
}

function helpOf(row) {
  return row.help ? el("span", { class: "jl-help" }, row.help) : null;
}

// --- in the place of a control ----------------------------------------------

function envBody(row, act, label) {
  const input = el("input", {
    class: "jw-input jl-input jl-code", spellcheck: "false", placeholder: "NAME OF A VARIABLE",
    "aria-label": `environment variable for ${label}`,
  });
  input.addEventListener("input", () => act(row.id, "set", input.value, true));
  input.addEventListener("change", () => act(row.id, "set", input.value, false));
  const node = el("div", { class: "jl-wide" }, el("span", { class: "jl-dollar" }, "$"), input,
    button("type a value", () => act(row.id, "value"), { class: "jw-plain jl-side" }));
  return { node, input, show: (value) => showIn(input, textOf(value.v)) };
}

function noneBody(row, act, label) {
  if (row.options) return { node: null };
  return stood("none", "give a value", () => act(row.id, "value"), label);
}

function keptBody(row, act, label) {
  return stood("•••••• (kept in memory)", "replace", () => act(row.id, "value"), label);
}

function absentBody(row, act, label) {
  return stood("not given", "give it", () => act(row.id, "value"), label);
}

function stood(text, word, action, label) {
  const input = button(word, action, { class: "jw-plain jl-side", "aria-label": `${word}: ${label}` });
  return { node: el("div", { class: "jl-stood" }, el("span", { class: "jw-note" }, text), input), input };
}
