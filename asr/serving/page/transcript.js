// The transcript: segments of words with times and confidence, shown, corrected, and turned into files.

// Subtitles as `asr transcribe` makes them: characters a line, lines a cue; seconds.
export const RULES = { line: 42, lines: 2, shortest: 1, longest: 7 };
const GAP = 0.08, PAUSE = 1, UNEVEN = 0.25;

export const kindOf = (word) =>
  word.edited ? "edited" : word.confidence >= 0.9 ? "sure" : word.confidence >= 0.6 ? "likely" : "doubtful";

export function clock(seconds, separator = ".", full = true) {
  const milliseconds = Math.round(1000 * seconds);
  const part = (value, digits = 2) => String(Math.floor(value)).padStart(digits, "0");
  const [hours, minutes, rest] = [milliseconds / 3600000, (milliseconds / 60000) % 60, (milliseconds / 1000) % 60];
  if (!full) return `${Math.floor(milliseconds / 60000)}:${part(rest)}${separator}${Math.floor((milliseconds % 1000) / 100)}`;
  return `${part(hours)}:${part(minutes)}:${part(rest)}${separator}${part(milliseconds % 1000, 3)}`;
}

// Words of verbose_json, gathered by its segments; where there are alternatives, with the `others` that may have been said in their place.
export function segmentsOf({ words, segments, alternatives = [] }) {
  let at = 0;
  const place = ({ start, end }, channel) => `${channel} ${start} ${end}`;
  const sets = new Map(alternatives.flatMap((stretch) =>
    stretch.words.filter((set) => set.choices[0].text).map((set) => [place(set, stretch.channel), set.choices.slice(1)])));
  return segments.map((segment) => {
    const own = [];
    while (at < words.length && words[at].channel === segment.channel && words[at].start < segment.end) own.push({ ...words[at++] });
    for (const word of own) {
      const others = sets.get(place(word, word.channel));
      if (others) word.others = others.map((choice) => ({ ...choice, text: word.spoken ? written(choice.text, word.word) : choice.text }));
    }
    return { words: own };
  });
}

// A recognised word as it is written in the place of another: with its marks and its capital.
function written(text, other) {
  const [, before, core, after] = other.match(/^([^\p{L}\p{N}]*)(.*?)([^\p{L}\p{N}]*)$/su);
  if (!text) return text;
  const [first, ...rest] = text.toLowerCase(), isCapital = core && core[0] !== core[0].toLowerCase();
  return before + (isCapital ? first.toUpperCase() : first) + rest.join("") + after;
}

const textOf = (words) => words.map((word) => word.word).join(" ");
const channelOf = (words) => words[0].channel;
const nameOf = (channel) => `Channel ${channel + 1}`;

// Lines of a text: one a segment; where channels are told apart one a turn, which begins with the name of its channel.
function turns(segments) {
  const found = [];
  for (const { words } of segments) {
    const channel = channelOf(words);
    if (channel !== undefined && channel === found.at(-1)?.channel) found.at(-1).text += ` ${textOf(words)}`;
    else found.push({ channel, text: (channel === undefined ? "" : `${nameOf(channel)}: `) + textOf(words) });
  }
  return found.map(({ text }) => text);
}

// What a cut behind a word costs, by its last character; in the midst of a sentence a half.
const WITHIN = Object.fromEntries([...".?!…。．！？؟।۔,:;，、：；،؛"].map((mark) => [mark, ",:;，、：；،؛".includes(mark) ? 0.25 : 0]));

const charactersOf = (text) => [...text].length;

// Lines of at most so many characters; a longer word has one for itself.
function wrapped(text, width) {
  const found = [];
  for (const word of text.split(" ")) {
    const longer = found.length ? `${found.at(-1)} ${word}` : word;
    if (found.length && charactersOf(longer) <= width) found[found.length - 1] = longer;
    else found.push(word);
  }
  return found;
}

// Lines of like length: the narrowest that need no more lines than the widest.
function lines(words, rules) {
  const text = textOf(words), widest = wrapped(text, rules.line);
  for (let width = Math.ceil(charactersOf(text) / widest.length); width < rules.line; width++) {
    const narrow = wrapped(text, width);
    if (narrow.length === widest.length) return narrow;
  }
  return widest;
}

// Words between two pauses, cut where it costs least, by the rules of the package's subtitles.
function cut(words, rules) {
  const costs = [0, ...words.map(() => Infinity)], cuts = [0];
  words.forEach((start, first) => {
    let count = 1, width = -1, characters = -1;
    for (let place = first; place < words.length; place++) {
      const { word, end } = words[place], length = charactersOf(word);
      width += 1 + length;
      characters += 1 + length;
      if (width > rules.line && place > first) { count += 1; width = length; }
      if (place > first && (count > rules.lines || end - start.start > rules.longest)) return;
      let cost = costs[first] + 1 + UNEVEN * Math.max(0, 1 - characters / (rules.line * rules.lines)) ** 2;
      if (place + 1 < words.length) cost += WITHIN[[...word].at(-1)] ?? 0.5;
      if (place === first && words.length > 1) cost += 1;
      if (cost < costs[place + 1]) { costs[place + 1] = cost; cuts[place + 1] = first; }
    }
  });
  const groups = [];
  for (let last = words.length; last; last = cuts[last]) groups.unshift(words.slice(cuts[last], last));
  return groups;
}

export function cues(segments, rules) {
  const words = segments.flatMap(({ words }) => words), channels = [...new Set(words.map(({ channel }) => channel))];
  return channels.flatMap((channel) => cuesOf(words.filter((word) => word.channel === channel), channel, rules)).sort((one, other) => one.start - other.start);
}

// The cues of one channel, undefined where they are not told apart.
function cuesOf(words, channel, rules) {
  const stretches = [];
  for (const word of words) {
    const before = stretches.at(-1)?.at(-1);
    if (before && word.start - before.end < PAUSE) stretches.at(-1).push(word);
    else stretches.push([word]);
  }
  const groups = stretches.flatMap((stretch) => cut(stretch, rules));
  return groups.map((group, index) => {
    const start = group[0].start, next = groups[index + 1]?.[0].start ?? Infinity;
    const end = Math.min(Math.max(group.at(-1).end, start + rules.shortest), Math.max(next - GAP, (start + next) / 2));
    return { start, end, channel, lines: lines(group, rules) };
  });
}

// Files of segments, subtitles by rules such as `RULES`.
export const FILES = {
  txt: (segments) => turns(segments).map((line) => line + "\n").join(""),
  srt: (segments, rules) => {
    const label = ({ channel }) => (channel === undefined ? "" : `${nameOf(channel)}: `);
    return cues(segments, rules).map((cue, index) => `${index + 1}\n${clock(cue.start, ",")} --> ${clock(cue.end, ",")}\n${label(cue)}${cue.lines.join("\n")}\n`).join("\n");
  },
  vtt: (segments, rules) => {
    const safe = (line) => line.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
    return "WEBVTT\n" + cues(segments, rules).map((cue) => `\n${clock(cue.start)} --> ${clock(cue.end)}\n${cue.channel === undefined ? "" : `<v ${nameOf(cue.channel)}>`}${cue.lines.map(safe).join("\n")}\n`).join("");
  },
  json: (segments) =>
    JSON.stringify({
      text: segments.map(({ words }) => textOf(words)).join(" "),
      segments: segments.map(({ words }) => ({ channel: channelOf(words), start: words[0].start, end: words.at(-1).end, text: textOf(words), words })),
    }, null, 2) + "\n",
};

// Shows segments in an element, and lets its words be heard and corrected.
export class TranscriptView {
  constructor(root, { onHear, onChange, onChoose }) {
    Object.assign(this, { root, onHear, onChange });
    this.clear();
    root.addEventListener("click", (event) => {
      const word = this.wordAt(event.target);
      if (word && !event.target.isContentEditable) this.onHear(word);
    });
    root.addEventListener("focusin", (event) => this.wordAt(event.target) && onChoose(event.target, this.wordAt(event.target)));
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
    if (channelOf(words) !== undefined) time.append(Object.assign(document.createElement("b"), { textContent: nameOf(channelOf(words)) }));
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
    node.removeAttribute("contenteditable");
    this.replace(node, node.textContent.trim().replace(/\s+/g, " "));
  }
  // Puts a text in the place of a word; none removes it.
  replace(node, text) {
    const word = this.wordAt(node);
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
