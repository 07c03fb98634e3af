// Tabs alone: what they open is a widget that the kernel puts below.

export default alive({
  render({ model, el: host }) {
    host.classList.add("jobnb");
    const { title, noun, note } = model.get("heading");
    const head = el(
      "div", { class: "jn-header" },
      el("strong", { class: "jn-name" }, title), " ",
      noun ? el("span", { class: "jn-noun" }, noun) : null, " ",
      note ? el("span", { class: "jn-muted" }, note) : null,
    );
    const choices = Object.entries(model.get("labels")).map(([name, label]) => ({ name, label }));
    const bar = tabs(choices, {
      open: model.get("opened"),
      label: title,
      onopen: (name) => put(model, { opened: name }),
    });
    append(host, [title ? head : null, bar.node]);
    return watch(model, ["opened"], () => bar.open(model.get("opened")));
  },
});
