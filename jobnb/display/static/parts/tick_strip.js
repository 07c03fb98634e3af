// The past and coming ticks of a schedule or sensor on a line of time.

// The worst of what happened in one slot is the sign that is seen.
const WORST_FIRST = ["failed", "running", "succeeded", "skipped"];

// Where a moment stands on the line, in percent: the past takes two thirds.
function stripPlace(moment, now, window) {
  return ((moment - now + window) / (window * 1.5)) * 100;
}

// How near two signs may come, in percent of the line; nearer ones are one sign.
const NEAREST = 3.4;

// Groups of moments in order, each begun by one that is far enough from where the last group began.
function gathered(moments, placeOf) {
  const groups = [];
  let begun = -Infinity;
  for (const each of moments) {
    if (placeOf(each) - begun < NEAREST) groups.at(-1).push(each);
    else {
      groups.push([each]);
      begun = placeOf(each);
    }
  }
  return groups;
}

// tickStrip(row, now, window, slots) -> node; hovering a sign tells what it stands for.
function tickStrip(row, now, window, slots) {
  const slot = window / slots;
  const begin = (mark) => now - window + mark.at * slot;
  const placeOf = (mark) => stripPlace(begin(mark) + slot / 2, now, window);
  const past = gathered(row.past.toSorted((one, other) => one.at - other.at), placeOf).map((marks) => {
    const worst = WORST_FIRST.find((status) => marks.some((mark) => mark.status === status));
    const span = `from ${whenText(begin(marks[0]))} to ${whenText(begin(marks.at(-1)) + slot)}`;
    return stripMark(worst, (placeOf(marks[0]) + placeOf(marks.at(-1))) / 2, `${countedWords(marks)}, ${span}`);
  });
  const ahead = gathered(row.coming, (moment) => stripPlace(moment, now, window)).map((moments) => {
    const [first, last] = [whenText(moments[0]), whenText(moments.at(-1))];
    const title = moments.length > 1 ? `${moments.length} come from ${first} to ${last}` : `comes at ${first}`;
    return stripMark("queued", stripPlace(moments[0], now, window), title);
  });
  return el("div", { class: "ja-strip", role: "img", "aria-label": stripWords(row) },
    el("i", { class: "ja-now", style: { left: `${stripPlace(now, now, window)}%` } }), past, ahead);
}

function stripMark(status, left, title) {
  return el("span", { class: `ja-mark jn-${status}`, title, style: { left: `${Math.min(99.4, Math.max(0.6, left))}%` } }, glyphIcon(status));
}

function countedWords(marks) {
  const counts = {};
  for (const { word, count } of marks) counts[word] = (counts[word] ?? 0) + count;
  return Object.entries(counts).map(([word, count]) => `${count} ${word}`).join(", ");
}

function stripWords(row) {
  return `Ticks of ${row.name}: ${countedWords(row.past) || "none"}; ${row.coming.length} to come`;
}

// The moments below the head: where the line begins, now, and where it ends.
function stripAxis(now, window) {
  const label = (moment, left, css, words) =>
    el("span", { class: css, style: { left: `${left}%` } }, words ?? whenText(moment).slice(window > 86400 ? 5 : 11, 16));
  return el("div", { class: "ja-axis", "aria-hidden": "true" },
    label(now - window, 0, "ja-first"), label(now - window / 2, 33.3, ""),
    label(now, 66.7, "", "now"), label(now + window / 2, 100, "ja-end"));
}

// How long until a moment, as people say it.
function untilText(seconds) {
  if (seconds <= 0.5) return "now";
  if (seconds < 60) return `in ${Math.round(seconds)} s`;
  if (seconds < 3600) return `in ${Math.round(seconds / 60)} min`;
  if (seconds < 86400) return `in ${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`;
  return `in ${counted(Math.round(seconds / 86400), "day")}`;
}

// What the reader's own clock does on the day of a moment; empty on other days.
function clockChange(moment) {
  const day = new Date(moment * 1000);
  const begin = new Date(day.getFullYear(), day.getMonth(), day.getDate());
  const after = new Date(day.getFullYear(), day.getMonth(), day.getDate() + 1);
  const moved = begin.getTimezoneOffset() - after.getTimezoneOffset();
  if (!moved) return "";
  return `your clock goes ${moved > 0 ? "forward" : "back"} ${Math.abs(moved) / 60} h this day`;
}
