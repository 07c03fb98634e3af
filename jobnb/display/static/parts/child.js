// A widget within a widget: the trait holds a reference, its model is found by the manager.

async function childModel(model, name) {
  const reference = model.get(name);
  if (typeof reference !== "string") return null;
  return model.widget_manager.get_model(reference.replace(/^IPY_MODEL_/, ""));
}
