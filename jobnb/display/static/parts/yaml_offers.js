// What may be typed in a text area, offered below the line: arrows choose, Enter or Tab takes it,
// Escape closes. Ctrl+Space asks for it; while it is closed all keys do what they always do.

/**
 * @typedef {object} Offer What `yaml_completion.completions` gives.
 * @property {string} name What is shown.
 * @property {string} insert The text to put in.
 * @property {string} [words] Its type.
 * @property {string} [default] What it is where it is not given.
 * @property {boolean} [required] Whether it must be given.
 * @property {string} [help] What it is for.
 */

class Offers {
  /**
   * @param {HTMLTextAreaElement} input
   * @param {(before: string, after: string) => Promise<{ word: string, options: Offer[] }>} complete
   */
  constructor(input, complete) {
    this.input = input;
    this.complete = complete;
    this.asked = 0;
    this.options = [];
    this.at = 0;
    this.list = el("ul", { class: "jl-offers jw-hidden", role: "listbox", id: freshId("offers"), "aria-label": "What may stand here" });
    this.told = el("div", { class: "jw-spoken", role: "status", "aria-live": "polite" });
    for (const [name, value] of [["aria-autocomplete", "list"], ["aria-controls", this.list.id], ["aria-haspopup", "listbox"]]) {
      input.setAttribute(name, value);
    }
    this.soon = debounce(() => this.ask(false), 120);
    input.addEventListener("keydown", (event) => this.keyed(event));
    input.addEventListener("input", () => this.soon());
    input.addEventListener("blur", () => this.close());
    input.addEventListener("scroll", () => this.place());
    input.addEventListener("pointerdown", () => this.close());
  }

  get isOpen() {
    return this.options.length > 0;
  }

  // Asks what may stand at the caret; while one types, only once a word has begun.
  async ask(wanted) {
    const { input } = this;
    const asked = ++this.asked;
    const [from, to] = [input.selectionStart, input.selectionEnd];
    if (from !== to || !hasFocus(input)) return this.close();
    const [before, after] = [input.value.slice(0, from), input.value.slice(to)];
    const found = await this.complete(before, after).catch(() => null);
    const moved = input.value.slice(0, input.selectionStart) !== before;
    if (asked !== this.asked || moved || !found || !hasFocus(input)) return;
    if (!found.options.length || (!wanted && !found.word)) return this.close();
    this.open(found);
  }

  open({ word, options }) {
    Object.assign(this, { word, options, at: 0 });
    fill(this.list, options.map((offer, at) => el("li", {
      role: "option", id: `${this.list.id}-${at}`, title: offer.help || null,
      onpointerdown: (event) => (event.preventDefault(), this.take(at)),
    }, el("span", { class: "jl-offer-name" }, offer.name),
      offer.required ? el("span", { class: "jl-required", title: "required" }, "*") : null,
      el("span", { class: "jl-offer-words" }, [offer.words, offer.default && (offer.words ? `= ${offer.default}` : offer.default)].filter(Boolean).join(" ")))));
    this.list.classList.remove("jw-hidden");
    this.told.textContent = counted(options.length, "suggestion");
    this.place();
    this.choose(0);
  }

  close() {
    this.options = [];
    this.asked++;
    this.soon.cancel();
    this.list.classList.add("jw-hidden");
    this.input.removeAttribute("aria-activedescendant");
    this.told.textContent = "";
  }

  choose(at) {
    this.at = (at + this.options.length) % this.options.length;
    [...this.list.children].forEach((node, n) => node.setAttribute("aria-selected", String(n === this.at)));
    this.input.setAttribute("aria-activedescendant", `${this.list.id}-${this.at}`);
    this.list.children[this.at].scrollIntoView({ block: "nearest" });
  }

  // Below the line of the caret, or above it where there is no room.
  place() {
    if (!this.isOpen) return;
    const { input, list } = this;
    const lines = input.value.slice(0, input.selectionStart).split("\n");
    const high = parseFloat(getComputedStyle(input).lineHeight) || 17;
    const top = lines.length * high + 6 - input.scrollTop;
    list.style.left = `calc(8px + ${Math.max(0, lines.at(-1).length - this.word.length)}ch - ${input.scrollLeft}px)`;
    list.style.top = `${Math.max(0, top)}px`;
  }

  take(at) {
    const { insert } = this.options[at];
    const { input } = this;
    const from = input.selectionStart - this.word.length;
    input.focus();
    this.close();
    putText(input, from, input.selectionStart, insert);
    this.soon.cancel();
    if (/\s$/.test(insert)) this.ask(true); // what may stand below, or as its value
  }

  keyed(event) {
    if (event.key === " " && event.ctrlKey) {
      event.preventDefault();
      event.stopPropagation();
      this.ask(true);
      return;
    }
    if (!this.isOpen && event.key === "Escape") this.close(); // what is asked for comes no more
    if (!this.isOpen || event.ctrlKey || event.metaKey) return;
    const does = {
      ArrowDown: () => this.choose(this.at + 1), ArrowUp: () => this.choose(this.at - 1),
      Enter: () => this.take(this.at), Tab: () => this.take(this.at), Escape: () => this.close(),
    }[event.key];
    if (!does || event.shiftKey) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    does();
  }
}

// Puts a text in the place of another, so that Undo takes it back.
function putText(input, from, to, text) {
  input.setSelectionRange(from, to);
  if (!document.execCommand?.("insertText", false, text)) {
    input.setRangeText(text, from, to, "end");
    input.dispatchEvent(new Event("input", { bubbles: true }));
  }
}
