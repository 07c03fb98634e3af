// Texts cut to the room they have, measured in the very font they are shown in.

const TEXT_SIZES = { title: 12.5, small: 11, badge: 10 };
const measured = { font: "", context: null, widths: new Map() };

// The width of a text; `family` is the font of the page.
function textWidth(text, size, bold, family) {
  const font = `${bold ? 600 : 400} ${size}px ${family}`;
  const known = `${font}|${text}`;
  let wide = measured.widths.get(known);
  if (wide === undefined) {
    measured.context ??= document.createElement("canvas").getContext("2d");
    if (measured.font !== font) measured.context.font = measured.font = font;
    wide = measured.context.measureText(text).width;
    if (measured.widths.size > 20000) measured.widths.clear();
    measured.widths.set(known, wide);
  }
  return wide;
}

// The longest shortening of a text that fits; `shorten(text, kept)` keeps so many characters.
function fitted(text, room, widthOf, shorten) {
  if (widthOf(text) <= room) return text;
  const characters = Array.from(text);
  let [low, high] = [0, characters.length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (widthOf(shorten(characters, middle)) <= room) low = middle;
    else high = middle - 1;
  }
  return shorten(characters, low);
}

// Names often differ at their ends, so the middle goes.
function keepEnds(characters, kept) {
  const left = Math.ceil(kept / 2);
  const right = characters.length - (kept - left);
  return `${characters.slice(0, left).join("")}…${characters.slice(right).join("")}`;
}

function keepStart(characters, kept) {
  return `${characters.slice(0, kept).join("").trimEnd()}…`;
}
