// What a person did and the kernel has not answered yet. Nothing older is drawn over it.
//
// Each deed goes out with the name of this view and a number; the trait `answered` says, for each
// view, up to which number the kernel's state answers. Until then a control shows its own value.

/**
 * @typedef {[view: string, number: number]} Did What a deed is marked with, as `did`.
 */
/**
 * @typedef {object} Edit What `launchpad.LaunchFormView.edit` is asked with.
 * @property {string} row The row's id: the path in the config.
 * @property {string} action One of `form_edits.ACTIONS`.
 * @property {unknown} control What the control holds.
 * @property {number} seen After how many shifts the form was drawn.
 */

const PATIENCE = 2000; // ms until it is told that the kernel has not answered

class Edits {
  // `refused(message)` is told what the kernel does not do, `late(is)` whether it lets us wait.
  constructor(model, refused, late) {
    this.model = model;
    this.refused = refused;
    this.late = late;
    this.timer = 0;
    this.view = `${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 10)}`;
    this.last = 0;
    this.kept = new Map(); // what -> { value, number }; the number is Infinity until it is told
  }

  // Keeps what a control holds, to be told later.
  hold(what, value) {
    this.kept.set(what, { value, number: Infinity });
  }

  // Tells the kernel; what the control holds is kept until the answer.
  tell(name, asked, what, value) {
    const number = ++this.last;
    if (what !== undefined) this.kept.set(what, { value, number });
    this.timer ||= setTimeout(() => this.late(true), PATIENCE);
    return ask(this.model, name, { ...asked, did: [this.view, number] })
      .catch((error) => this.refused(error.message));
  }

  // The entries whose names begin so: [rest of the name, value].
  under(prefix, untold = false) {
    return [...this.kept]
      .filter(([what, { number }]) => what.startsWith(prefix) && (!untold || number === Infinity))
      .map(([what, { value }]) => [what.slice(prefix.length), value]);
  }

  // What is kept of something: { value }, or undefined where the kernel has the last word.
  own(what) {
    return this.kept.get(what);
  }

  // Whether the kernel was told this last, and has not answered yet: it need not be told again.
  toldLast(what, value) {
    const entry = this.kept.get(what);
    return entry?.number === this.last && JSON.stringify(entry.value) === JSON.stringify(value);
  }

  // What is kept of a row goes where the row went.
  shift(holder, to) {
    for (const [what, entry] of [...this.kept]) {
      if (!what.startsWith("row:")) continue;
      const next = shiftedRow(what.slice(4), holder, to);
      if (`row:${next}` === what) continue;
      this.kept.delete(what);
      if (next !== null) this.kept.set(`row:${next}`, entry);
    }
  }

  // Lets go of what the kernel's state answers.
  settle() {
    const answered = this.model.get("answered")[this.view] ?? 0;
    for (const [what, { number }] of this.kept) if (number <= answered) this.kept.delete(what);
    if (!this.timer || answered < this.last) return;
    clearTimeout(this.timer);
    this.timer = 0;
    this.late(false);
  }
}

// Where a row is after entries of another went elsewhere; null if it is gone.
function shiftedRow(id, holder, to) {
  if (!id.startsWith(`${holder}/`)) return id;
  const [part, ...below] = id.slice(holder.length + 1).split("/");
  const next = part in to ? to[part] : part;
  return next === null ? null : [holder, next, ...below].join("/");
}
