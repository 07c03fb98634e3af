// Which partition a run is for: a list where keys are few, one for each dimension where there are
// several, else a field that completes. Several partitions for one run are always typed.

/**
 * @typedef {object} PartitionChoices What `launch_partitions.choices_of` gives.
 * @property {string[]} keys The keys that are offered at once.
 * @property {boolean} listed Whether these are all, and few.
 * @property {[string, string[]][]} parts Name and keys of each dimension.
 */

const MOST_LISTED = 50; // keys of one dimension in a list

class PartitionPicker {
  /**
   * @param {PartitionChoices} choices
   * @param {{ changed: (text: string) => void, more: (text: string) => Promise<string[]> }} told
   */
  constructor({ keys, listed, parts }, { changed, more }) {
    this.changed = changed;
    this.typed = typedField("jl-partition", "first...last, or several with commas", more);
    this.typed.offer(keys);
    this.typed.input.addEventListener("change", () => changed(this.typed.input.value));
    this.lists = parts.length
      ? parts.map(([name, own]) => ({ name, keys: own, ...this.choice(own) }))
      : listed ? [{ name: "", keys, ...this.choice(keys) }] : [];
    this.swap = button("", () => this.swapped(), { class: "jw-plain jl-swap" });
    this.fields = el("span", { class: "jl-partitions" });
    const many = parts.length > 0;
    this.node = el("span", { class: "jl-labeled", role: many ? "group" : null, "aria-label": many ? "Partition" : null },
      this.fields, this.lists.length ? this.swap : null);
    this.turn(!this.lists.length);
  }

  // One key of some: from a list, or typed where they are many.
  choice(keys) {
    if (keys.length > MOST_LISTED) {
      const field = typedField("jl-partition", "", async (text) => keys.filter((key) => key.includes(text)).slice(0, 500));
      field.offer(keys.slice(0, 500));
      field.input.addEventListener("change", () => this.choose());
      return { input: field.input, node: field.node };
    }
    const input = el("select", { class: "jw-select jl-partition", onchange: () => this.choose() },
      el("option", { value: "" }, "choose …"), keys.map((key) => el("option", { value: key }, key)));
    return { input, node: input };
  }

  // What is chosen, once each dimension is.
  choose() {
    const chosen = this.lists.map(({ input }) => input.value.trim());
    this.changed(chosen.every(Boolean) ? chosen.join("|") : "");
  }

  turn(isTyped, focus = false) {
    this.isTyped = isTyped;
    this.swap.textContent = isTyped ? "Choose one" : "Several …";
    this.swap.title = isTyped ? "Choose one partition" : "Type several partitions for one run";
    const named = (name, control) => labeled(name || "Partition", control);
    fill(this.fields, isTyped ? named("", this.typed.node) : this.lists.map(({ name, node }) => named(name, node)));
    if (focus) this.focus();
  }

  // The other way to say it; what a list cannot show is given up.
  swapped() {
    const lost = this.isTyped && !this.isListed(this.typed.input.value);
    this.turn(!this.isTyped, true);
    if (lost) this.changed("");
  }

  parts(text) {
    return this.lists.length > 1 ? text.split("|") : [text];
  }

  isListed(text) {
    const parts = this.parts(text);
    return parts.length === this.lists.length && this.lists.every(({ keys }, at) => keys.includes(parts[at]));
  }

  /** @param {string} text What the kernel holds. */
  show(text) {
    const listed = this.isListed(text);
    if (text && !listed && !this.isTyped) this.turn(true);
    showIn(this.typed.input, text);
    if (!text && this.lists.length > 1) return; // some dimensions may be chosen already
    const parts = this.parts(text);
    if (listed || !text) this.lists.forEach(({ input }, at) => showIn(input, parts[at] ?? ""));
  }

  inputs() {
    return this.isTyped ? [this.typed.input] : this.lists.map(({ input }) => input);
  }

  focus() {
    const inputs = this.inputs();
    (inputs.find((input) => !input.value) ?? inputs[0]).focus();
  }
}

// A field with a list of what it may become, asked for while one types.
function typedField(css, placeholder, more) {
  const list = el("datalist", { id: freshId("partitions") });
  const offer = (keys) => fill(list, keys.map((key) => el("option", { value: key })));
  const input = el("input", {
    class: `jw-input ${css}`, list: list.id, placeholder, spellcheck: "false", autocomplete: "off",
  });
  input.addEventListener("input", debounce(async () => offer(await more(input.value)), SOON));
  return { input, offer, node: el("span", { class: "jl-typed" }, input, list) };
}
