// A line of text.

export default alive({
  render({ model, el: host }) {
    host.classList.add("jobnb");
    const line = el("div", { class: "jw-note", role: "status" });
    const show = () => (line.textContent = model.get("text"));
    host.append(line);
    show();
    return watch(model, ["text"], show);
  },
});
