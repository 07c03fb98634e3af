// YAML in colours: what stands in the text decides, it need not be right.

const YAML_LINE = /^(\s*(?:- +)*)((?:"[^"]*"|'[^']*'|[^\s#:'"[\]{}-][^:#]*?|-[^\s:][^:]*?)\s*)(:)(?=\s|$)(.*)$/;
const YAML_BLOCK = /^\s*[|>][+-]?\d*\s*$/;
const YAML_WORD = /("(?:[^"\\]|\\.)*"?|'(?:[^']|'')*'?|(?<!\S)#.*$|[[\]{},]|[^\s,[\]{}"'#]+|\s+|.)/g;
const YAML_NUMBER = /^[-+]?(\d[\d_]*)?\.?\d+([eE][-+]?\d+)?$/;

/**
 * A text of YAML as nodes, each piece with the class of what it is.
 * @param {string} text
 * @returns {Node[]}
 */
function paintedYaml(text) {
  const nodes = [];
  let block = -1; // the indent of the key whose block of text goes on
  for (const line of text.split("\n")) {
    const indent = line.search(/\S/);
    if (block >= 0 && indent >= 0 && indent <= block) block = -1;
    if (block >= 0) nodes.push(yamlPiece("text", line));
    else nodes.push(...paintedLine(line));
    const key = YAML_LINE.exec(line);
    if (block < 0 && YAML_BLOCK.test(key ? key[4] : "")) block = indent;
    nodes.push("\n");
  }
  return nodes;
}

function paintedLine(line) {
  const key = YAML_LINE.exec(line);
  if (key) return [key[1], yamlPiece("key", key[2]), yamlPiece("mark", key[3]), ...paintedValue(key[4])];
  const entry = /^(\s*(?:-(?: +|$))*)(.*)$/.exec(line);
  return [yamlPiece("mark", entry[1]), ...paintedValue(entry[2])];
}

function paintedValue(text) {
  return (text.match(YAML_WORD) ?? []).map((word) => yamlPiece(yamlKind(word), word));
}

function yamlKind(word) {
  if (word.startsWith("#")) return "note";
  if (/^["']/.test(word)) return "text";
  if (/^(true|false|null|yes|no|~)$/i.test(word) || YAML_NUMBER.test(word)) return "value";
  return /^[[\]{},|>&*!]/.test(word) ? "mark" : "";
}

function yamlPiece(kind, text) {
  return kind && text ? el("span", { class: `jl-y-${kind}` }, text) : text;
}
