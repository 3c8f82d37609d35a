// The transcript: segments of words with times and confidence, shown, corrected, and turned into files.

const LINE = 42, LINES = 2, LONGEST = 7, SHORTEST = 1;

export const kindOf = (word) =>
  word.edited ? "edited" : word.confidence >= 0.9 ? "sure" : word.confidence >= 0.6 ? "likely" : "doubtful";

export function clock(seconds, separator = ".", full = true) {
  const milliseconds = Math.round(1000 * seconds);
  const part = (value, digits = 2) => String(Math.floor(value)).padStart(digits, "0");
  const [hours, minutes, rest] = [milliseconds / 3600000, (milliseconds / 60000) % 60, (milliseconds / 1000) % 60];
  if (!full) return `${Math.floor(milliseconds / 60000)}:${part(rest)}${separator}${Math.floor((milliseconds % 1000) / 100)}`;
  return `${part(hours)}:${part(minutes)}:${part(rest)}${separator}${part(milliseconds % 1000, 3)}`;
}

// Words of verbose_json, gathered by its segments.
export function segmentsOf({ words, segments }) {
  let at = 0;
  return segments.map((segment) => {
    const own = [];
    while (at < words.length && words[at].start < segment.end) own.push({ ...words[at++] });
    return { words: own };
  });
}

const textOf = (words) => words.map((word) => word.word).join(" ");

function lines(words) {
  const found = [""];
  for (const { word } of words) {
    const last = found.at(-1);
    if (last && last.length + 1 + word.length > LINE) found.push(word);
    else found[found.length - 1] = last ? `${last} ${word}` : word;
  }
  return found;
}

export function cues(segments) {
  const groups = [];
  for (const { words } of segments) {
    let group = [];
    for (const word of words) {
      if (group.length && (lines([...group, word]).length > LINES || word.end - group[0].start > LONGEST)) {
        groups.push(group);
        group = [];
      }
      group.push(word);
    }
    if (group.length) groups.push(group);
  }
  return groups.map((group, index) => {
    const start = group[0].start, next = groups[index + 1]?.[0].start ?? Infinity;
    const end = Math.min(Math.max(group.at(-1).end, start + SHORTEST), Math.max(next - 0.08, (start + next) / 2));
    return { start, end, lines: lines(group) };
  });
}

export const FILES = {
  txt: (segments) => segments.map(({ words }) => textOf(words) + "\n").join(""),
  srt: (segments) =>
    cues(segments).map((cue, index) => `${index + 1}\n${clock(cue.start, ",")} --> ${clock(cue.end, ",")}\n${cue.lines.join("\n")}\n`).join("\n"),
  vtt: (segments) => {
    const safe = (line) => line.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
    return "WEBVTT\n" + cues(segments).map((cue) => `\n${clock(cue.start)} --> ${clock(cue.end)}\n${cue.lines.map(safe).join("\n")}\n`).join("");
  },
  json: (segments) =>
    JSON.stringify({
      text: segments.map(({ words }) => textOf(words)).join(" "),
      segments: segments.map(({ words }) => ({ start: words[0].start, end: words.at(-1).end, text: textOf(words), words })),
    }, null, 2) + "\n",
};

// Shows segments in an element, and lets its words be heard and corrected.
export class TranscriptView {
  constructor(root, { onHear, onChange }) {
    Object.assign(this, { root, onHear, onChange });
    this.clear();
    root.addEventListener("click", (event) => {
      const word = this.wordAt(event.target);
      if (word && !event.target.isContentEditable) this.onHear(word);
    });
    root.addEventListener("dblclick", (event) => this.wordAt(event.target) && this.edit(event.target));
    root.addEventListener("keydown", (event) => this.key(event));
    root.addEventListener("focusout", (event) => event.target.isContentEditable && this.commit(event.target));
  }
  clear() {
    this.segments = [];
    this.nodes = new Map(); // node -> its word
    this.open = null;
    this.root.replaceChildren();
  }
  get words() { return [...this.nodes.values()]; }
  wordAt(node) { return this.nodes.get(node); }

  // A segment that is final.
  add(segment) {
    this.open?.remove();
    this.open = null;
    if (!segment.words.length) return;
    this.segments.push(segment);
    const paragraph = this.paragraph(segment.words);
    for (const word of segment.words) {
      const node = this.node(word, kindOf(word));
      node.tabIndex = this.nodes.size ? -1 : 0;
      this.nodes.set(node, word);
      paragraph.lastChild.append(node, " ");
    }
    this.show(paragraph);
  }
  // What the open segment looks like so far.
  update(words, settled) {
    const paragraph = this.paragraph(words);
    words.forEach((word, index) => paragraph.lastChild.append(this.node(word, index < settled ? kindOf(word) : `${kindOf(word)} open`), " "));
    this.open?.remove();
    this.open = paragraph;
    this.show(paragraph);
  }
  paragraph(words) {
    const paragraph = document.createElement("p"), time = document.createElement("time");
    time.textContent = clock(words[0].start, ".", false);
    paragraph.append(time, document.createElement("span"));
    return paragraph;
  }
  node(word, kind) {
    const node = document.createElement("span");
    node.className = `word ${kind}`;
    node.textContent = word.word;
    node.title = `${Math.round(100 * word.confidence)} % sure, ${word.start.toFixed(2)} to ${word.end.toFixed(2)} s`;
    node.setAttribute("role", "button");
    node.setAttribute("aria-label", `${word.word}, ${Math.round(100 * word.confidence)} percent sure`);
    return node;
  }
  show(paragraph) {
    const atEnd = this.root.scrollHeight - this.root.scrollTop - this.root.clientHeight < 80;
    this.root.append(paragraph);
    if (atEnd) this.root.scrollTop = this.root.scrollHeight;
  }

  // Marks the word that is heard at a time.
  follow(seconds) {
    for (const [node, word] of this.nodes) {
      const isNow = word.start <= seconds && seconds < Math.max(word.end, word.start + 0.1);
      if (isNow && !node.classList.contains("now") && document.activeElement !== node) node.scrollIntoView({ block: "nearest" });
      node.classList.toggle("now", isNow);
    }
  }

  key(event) {
    const node = event.target;
    if (!this.wordAt(node)) return;
    if (node.isContentEditable) {
      if (event.key === "Escape") node.textContent = this.wordAt(node).word;
      if (event.key === "Enter" || event.key === "Escape") { event.preventDefault(); node.blur(); }
      event.stopPropagation();
      return;
    }
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step) {
      const nodes = [...this.nodes.keys()], next = nodes[nodes.indexOf(node) + step];
      if (next) { node.tabIndex = -1; next.tabIndex = 0; next.focus(); }
      event.preventDefault();
    } else if (event.key === "Enter") {
      event.preventDefault();
      this.edit(node);
    }
  }
  edit(node) {
    node.contentEditable = "plaintext-only";
    node.focus();
    getSelection().selectAllChildren(node);
  }
  commit(node) {
    const word = this.wordAt(node), text = node.textContent.trim().replace(/\s+/g, " ");
    node.removeAttribute("contenteditable");
    if (text === word.word) { node.textContent = text; return; }
    if (text === "") this.remove(node, word);
    else {
      Object.assign(word, { word: text, edited: true });
      node.textContent = text;
      node.className = "word edited";
      node.setAttribute("aria-label", `${text}, corrected`);
    }
    this.onChange();
  }
  remove(node, word) {
    const segment = this.segments.find(({ words }) => words.includes(word));
    segment.words.splice(segment.words.indexOf(word), 1);
    this.nodes.delete(node);
    const paragraph = node.closest("p");
    node.remove();
    if (!segment.words.length) { this.segments.splice(this.segments.indexOf(segment), 1); paragraph.remove(); }
    const first = this.nodes.keys().next().value;
    if (first && ![...this.nodes.keys()].some((other) => other.tabIndex === 0)) first.tabIndex = 0;
  }
}
