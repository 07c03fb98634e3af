// The graph on its own: see parts/graph_panel.js.

export default alive({
  render({ model, el: host }) {
    host.classList.add("jobnb");
    const panel = graphPanel(model);
    host.append(panel.node);
    const stop = keepUp(model);
    return () => {
      stop();
      panel.stop();
    };
  },
});
