"use strict";
// The list of utterances: filter, sort, and show a page at a time, so that a hundred thousand stay quick.
(async () => {
  const element = (id) => document.getElementById(id);
  const make = (name, className, text) => {
    const node = document.createElement(name);
    if (className) node.className = className;
    if (text !== undefined) node.textContent = text;
    return node;
  };
  const RIGHT_TO_LEFT = /^[^A-Za-z\u00c0-\u024f\u0370-\u03ff\u0400-\u052f]*[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/;
  const LONG = 250; // words; a longer utterance scrolls in its own box
  const media = JSON.parse(element("media").textContent);

  async function load() {
    const packed = atob(element("data").textContent.trim());
    const bytes = Uint8Array.from(packed, (letter) => letter.charCodeAt(0));
    const packedStream = new ReadableStream({ start(sink) { sink.enqueue(bytes); sink.close(); } });
    const stream = packedStream.pipeThrough(new DecompressionStream("gzip"));
    return JSON.parse(await new Response(stream).text());
  }
  let data;
  try {
    data = await load();
  } catch (error) {
    element("found").textContent = `This browser cannot unpack the list (${error}); see utterances.tsv beside this page.`;
    return;
  }
  const count = data.id.length;
  const hypothesis = (index) => data.hypothesis[index] === 0 ? data.reference[index] : data.hypothesis[index];
  const split = (text) => text ? text.split(" ") : [];
  const operations = (index) => data.operations[index] || "C".repeat(split(data.reference[index]).length);

  const substitutions = new Int32Array(count), deletions = new Int32Array(count), insertions = new Int32Array(count);
  const lengths = new Int32Array(count);
  for (let index = 0; index < count; index++) {
    const letters = data.operations[index];
    if (!letters) { lengths[index] = split(data.reference[index]).length; continue; }
    for (const letter of letters) {
      if (letter === "S") substitutions[index]++;
      else if (letter === "D") deletions[index]++;
      else if (letter === "I") insertions[index]++;
      if (letter !== "I") lengths[index]++;
    }
  }
  const errors = (index) => substitutions[index] + deletions[index] + insertions[index];
  const rate = (wrong, of) => of ? wrong / of : wrong ? Infinity : 0;
  const percent = (value) => isFinite(value) ? (100 * value).toFixed(1) + " %" : "no reference";

  const KEYS = {
    errors, order: (index) => -index, length: (index) => lengths[index],
    wer: (index) => rate(errors(index), lengths[index]),
    cer: (index) => rate(data.character_errors[index], data.reference[index].length),
    duration: (index) => data.duration ? data.duration[index] ?? -1 : -1,
    confidence: (index) => data.confidence ? data.confidence[index] ?? -1 : -1,
  };
  for (const name of ["duration", "confidence"]) {
    if (!data[name]) document.querySelector(`#sort option[value=${name}]`).remove();
  }

  const state = { confusion: null, page: 0, view: [] };
  const lowered = []; // searched text, made when first searched

  function has(index, [letter, wantedReference, wantedHypothesis]) {
    if (!data.operations[index]) return false;
    const references = split(data.reference[index]), hypotheses = split(hypothesis(index));
    let left = 0, right = 0;
    for (const operation of data.operations[index]) {
      const reference = operation === "I" ? "" : references[left++];
      const other = operation === "D" ? "" : hypotheses[right++];
      if (operation === letter && reference === wantedReference && other === wantedHypothesis) return true;
    }
    return false;
  }

  function select() {
    const words = element("search").value.toLowerCase().trim();
    const kind = element("kind").value, field = element("field").value, value = element("value").value;
    const column = field && data.fields[field];
    const wantedValue = column && value !== "" ? Number(value) : null;
    const passes = {
      all: () => true, wrong: (index) => errors(index) > 0, right: (index) => errors(index) === 0,
      S: (index) => substitutions[index] > 0, D: (index) => deletions[index] > 0, I: (index) => insertions[index] > 0,
      invented: (index) => lengths[index] === 0 && insertions[index] > 0,
    }[kind];
    const found = [];
    for (let index = 0; index < count; index++) {
      if (!passes(index)) continue;
      if (wantedValue !== null && column.index[index] !== wantedValue) continue;
      if (words) {
        lowered[index] ??= `${data.id[index]} ${data.reference[index]} ${hypothesis(index)}`.toLowerCase();
        if (!lowered[index].includes(words)) continue;
      }
      if (state.confusion && !has(index, state.confusion)) continue;
      found.push(index);
    }
    const by = element("sort").value, sign = element("order").value === "down" ? -1 : 1;
    if (by === "id") {
      const collator = new Intl.Collator(undefined, { numeric: true });
      found.sort((a, b) => -sign * collator.compare(data.id[a], data.id[b]) || a - b);
    } else {
      const key = new Float64Array(count);
      for (const index of found) key[index] = KEYS[by](index);
      found.sort((a, b) => (key[a] === key[b] ? a - b : sign * (key[a] - key[b])));
    }
    state.view = found;
    state.page = 0;
    show();
  }

  function alignment(index) {
    const box = make("p", "words");
    const references = split(data.reference[index]), hypotheses = split(hypothesis(index));
    const letters = operations(index);
    if (RIGHT_TO_LEFT.test(data.reference[index] || hypothesis(index))) box.dir = "rtl";
    if (letters.length > LONG) {
      box.classList.add("long");
      box.tabIndex = 0;
      box.setAttribute("role", "region");
      box.setAttribute("aria-label", `Words of ${data.id[index]}`);
    }
    let left = 0, right = 0, run = [];
    const flush = () => {
      if (run.length) box.append(run.join(" ") + " ");
      run = [];
    };
    for (const letter of letters) {
      if (letter === "C") { run.push(references[left++]); right++; continue; }
      flush();
      if (letter === "S") {
        const pair = make("span", "step s");
        pair.append(make("del", "", references[left++]), make("ins", "", hypotheses[right++]));
        box.append(pair, " ");
      } else if (letter === "D") box.append(make("del", "step d", references[left++]), " ");
      else box.append(make("ins", "step i", hypotheses[right++]), " ");
    }
    flush();
    if (!letters.length) box.append(make("span", "quiet", "no words, and none recognised"));
    return box;
  }

  function utterance(index, withPicture) {
    const item = make("article", "utterance");
    item.tabIndex = -1;
    item.setAttribute("aria-label", `utterance ${data.id[index]}`);
    const facts = make("div", "facts");
    facts.append(make("span", "id", data.id[index]));
    const wrong = errors(index);
    facts.append(make("span", "", wrong ? `${wrong} of ${lengths[index]} words wrong (WER ${percent(KEYS.wer(index))})` : `${lengths[index]} words, none wrong`));
    if (wrong) facts.append(make("span", "", `CER ${percent(KEYS.cer(index))}`));
    if (data.duration && data.duration[index] !== null) facts.append(make("span", "", `${data.duration[index].toFixed(2)} s`));
    if (data.confidence && data.confidence[index] !== null) facts.append(make("span", "", `confidence ${data.confidence[index].toFixed(3)}`));
    for (const [name, column] of Object.entries(data.fields)) {
      const value = column.index[index];
      if (value >= 0) facts.append(make("span", "", `${name} ${column.values[value]}`));
    }
    item.append(facts, alignment(index));
    const raw = data.raw_reference[index] !== 0 || data.raw_hypothesis[index] !== 0;
    if (raw) {
      const more = make("details", "raw"), before = data.raw_reference[index], after = data.raw_hypothesis[index];
      more.append(make("summary", "", "as the files spell it"));
      for (const [name, text] of [["reference", before === 0 ? data.reference[index] : before], ["hypothesis", after === 0 ? hypothesis(index) : after]]) {
        const line = make("div", "", text || "(no words)");
        line.dir = "auto";
        more.append(make("span", "quiet", name), line);
      }
      item.append(more);
    }
    const source = media.audio[data.id[index]];
    if (source) {
      const player = make("audio");
      player.controls = true;
      player.preload = "none";
      player.src = source;
      player.setAttribute("aria-label", `audio of ${data.id[index]}`);
      item.append(player);
    }
    const picture = media.pictures[data.id[index]];
    if (withPicture && picture) {
      const image = make("img");
      image.alt = `Spectrogram, log-probabilities and alignment of ${data.id[index]}`;
      image.loading = "lazy";
      // Known sizes keep the page from moving while pictures come in.
      image.width = picture.width;
      image.height = picture.height;
      image.src = picture.source;
      item.append(image);
    }
    return item;
  }

  function show(focus) {
    const size = Number(element("size").value), pages = Math.max(1, Math.ceil(state.view.length / size));
    state.page = Math.min(Math.max(0, state.page), pages - 1);
    const shown = state.view.slice(state.page * size, (state.page + 1) * size);
    const wrong = state.view.reduce((sum, index) => sum + errors(index), 0);
    const words = state.view.reduce((sum, index) => sum + lengths[index], 0);
    element("found").textContent = state.view.length
      ? `${state.view.length.toLocaleString("en")} of ${count.toLocaleString("en")} utterances, ${wrong.toLocaleString("en")} errors in ${words.toLocaleString("en")} words (WER ${percent(rate(wrong, words))})`
      : "No utterance is like that.";
    element("list").replaceChildren(...shown.map((index) => utterance(index, true)));
    for (const pager of document.querySelectorAll("[data-pager]")) {
      const turn = (name, page, disabled) => {
        const button = make("button", "", name);
        button.type = "button";
        button.disabled = disabled;
        button.addEventListener("click", () => { state.page = page; show(true); });
        return button;
      };
      pager.replaceChildren(
        turn("First", 0, state.page === 0), turn("Previous", state.page - 1, state.page === 0),
        make("span", "", `page ${(state.page + 1).toLocaleString("en")} of ${pages.toLocaleString("en")}`),
        turn("Next", state.page + 1, state.page === pages - 1), turn("Last", pages - 1, state.page === pages - 1),
      );
    }
    if (focus) {
      element("controls").scrollIntoView();
      element("list").firstElementChild?.focus({ preventScroll: true });
    }
  }

  function describe() {
    const line = element("filter");
    line.hidden = !state.confusion;
    if (!state.confusion) return;
    const [letter, reference, other] = state.confusion;
    const what = { S: `"${reference}" recognised as "${other}"`, D: `"${reference}" deleted`, I: `"${other}" inserted` }[letter];
    const all = make("button", "link", "show all");
    all.type = "button";
    all.addEventListener("click", () => { state.confusion = null; describe(); select(); });
    line.replaceChildren(`Only utterances with ${what}; `, all);
  }

  function values() {
    const field = element("field").value, choice = element("value");
    choice.disabled = !field;
    choice.replaceChildren(new Option("any", ""));
    if (field) data.fields[field].values.forEach((value, index) => choice.add(new Option(value, index)));
  }

  for (const name of Object.keys(data.fields)) element("field").add(new Option(name, name));
  if (!Object.keys(data.fields).length) {
    for (const id of ["field", "value"]) element(id).closest("label").hidden = true;
  }
  let waiting;
  element("search").addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(select, 200); });
  element("field").addEventListener("change", values);
  for (const id of ["kind", "field", "value", "sort", "order"]) element(id).addEventListener("change", select);
  element("size").addEventListener("change", () => { state.page = 0; show(); });
  element("controls").addEventListener("submit", (event) => { event.preventDefault(); select(); });
  element("controls").addEventListener("reset", () => setTimeout(() => { state.confusion = null; describe(); values(); select(); }));
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-confusion], button[data-field]");
    if (!button) return;
    element("controls").reset();
    setTimeout(() => {
      if (button.dataset.confusion) state.confusion = JSON.parse(button.dataset.confusion);
      else {
        element("field").value = button.dataset.field;
        values();
        element("value").value = data.fields[button.dataset.field].values.indexOf(button.dataset.value);
      }
      describe();
      select();
      element("utterances").scrollIntoView();
      element("list").firstElementChild?.focus({ preventScroll: true });
    }, 0);
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea")) return;
    const here = document.activeElement?.closest(".utterance");
    const items = [...document.querySelectorAll(".utterance")], at = here ? items.indexOf(here) : -1;
    const list = [...element("list").children];
    if (event.key === "/") element("search").focus();
    else if (event.key === "j" || event.key === "k") {
      const next = at < 0 ? list[0] : items[at + (event.key === "j" ? 1 : -1)];
      next?.focus();
      next?.scrollIntoView({ block: "nearest" });
    } else if (event.key === "n" || event.key === "p") {
      state.page += event.key === "n" ? 1 : -1;
      show(true);
    } else if (event.key === "a") {
      const player = (here ?? list[0])?.querySelector("audio");
      if (player) player.paused ? player.play() : player.pause();
    } else return;
    event.preventDefault();
  });

  const worst = element("worst-list");
  if (worst) worst.replaceChildren(...data.worst.map((index) => utterance(index, true)));
  select();
  document.documentElement.dataset.ready = "yes";
})();
