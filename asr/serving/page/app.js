// Wires the page: file or microphone in, waveform, transcript, playback and downloads out.
import { Live, ServerError, modelName, setToken, toPcm16, transcribe } from "./server.js";
import { FILES, RULES, TranscriptView, clock, segmentsOf } from "./transcript.js";
import { Waveform, toWav } from "./waveform.js";

const get = (id) => document.getElementById(id);
const audio = get("audio");
let stopAt = Infinity; // where a word that is heard alone ends
let name = "transcript";
let recording = null;
let work = 0; // counts what was asked for: late answers to earlier questions are dropped

const wave = new Waveform(get("waveform"), { onSeek: (seconds) => { stopAt = Infinity; audio.currentTime = seconds; moved(); } });
const view = new TranscriptView(get("transcript"), {
  onHear: (word) => { if (recording) return; stopAt = word.end; audio.currentTime = word.start; play(); },
  onChoose: offer,
  onChange: () => { state("Corrected. Downloads have the corrected text."); enable(); },
});

const play = () => audio.play().catch(() => {}); // a format that the browser cannot play, or a pause that came first
const state = (text) => { get("status").textContent = text; };
function problem(error) {
  get("problem").hidden = !error;
  get("problem").textContent = error ? error.message : "";
  if (error) state("");
}
const enable = () => document.querySelectorAll("[data-format]").forEach((button) => { button.disabled = !view.segments.length || Boolean(recording); });

async function askToken() {
  get("token-dialog").showModal();
  await new Promise((done) => get("token-dialog").addEventListener("close", done, { once: true }));
  setToken(get("token").value);
}
// Runs what asks the server; asks for the token, and again, when it is wanted.
async function withToken(ask) {
  for (;;) {
    try { return await ask(); } catch (error) {
      if (!(error instanceof ServerError) || error.status !== 401) throw error;
      await askToken();
    }
  }
}

// How subtitles are made; a number that cannot be is the usual one.
const inputs = [...document.querySelectorAll("[data-rule]")];
inputs.forEach((input) => { input.value = RULES[input.dataset.rule]; });
const rules = () => ({ ...RULES, ...Object.fromEntries(inputs.filter((input) => input.value && input.validity.valid).map((input) => [input.dataset.rule, Number(input.value)])) });

// What the next recording is asked with; an empty field is left out.
function asked() {
  const fields = { hot_words: get("hot-words").value, phrases: get("phrases").value, text: get("text").value };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value.trim()));
}
const askedOfFile = () => ({ ...asked(), channels: get("channels").value, ...(get("others").checked && { n_best: 2 }) });

// What else may have been said in the place of a word, to be taken with a click.
function offer(node, word) {
  const box = get("choices"), others = word.others ?? [];
  box.replaceChildren();
  box.hidden = !others.length;
  if (!others.length) return;
  const label = document.createElement("span");
  label.className = "quiet";
  label.textContent = `Instead of ${word.word}:`;
  box.append(label, ...others.map(({ text, probability }) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = `${text || "no word"} ${Math.round(100 * probability)} %`;
    button.addEventListener("click", () => { box.hidden = true; view.replace(node, text); });
    return button;
  }));
}

function begin(title) {
  audio.pause();
  if (audio.src) URL.revokeObjectURL(audio.src);
  audio.removeAttribute("src");
  stopAt = Infinity;
  name = title;
  get("name").textContent = title;
  wave.clear();
  view.clear();
  get("choices").hidden = true;
  problem(null);
  get("sound").hidden = false;
  enable();
  return ++work;
}

async function useFile(file) {
  if (recording) await stop();
  const mine = begin(file.name);
  state(`Sending ${file.name} …`);
  show(file, mine);
  try {
    const answer = await withToken(() => transcribe(file, askedOfFile(), (share) => {
      if (mine === work) state(share < 1 ? `Sending ${file.name}: ${Math.round(100 * share)} %` : "Transcribing …");
    }));
    if (mine !== work) return;
    segmentsOf(answer).forEach((segment) => view.add(segment));
    get("transcript").scrollTop = 0; // a file is read from its beginning, live speech at its end
    done(answer.duration);
  } catch (error) { if (mine === work) problem(error); }
}

// Waveform and player; a browser that cannot decode the format still gets its transcript.
async function show(file, mine) {
  audio.src = URL.createObjectURL(file);
  const context = new AudioContext();
  try {
    const decoded = await context.decodeAudioData(await file.arrayBuffer());
    if (mine === work) { wave.add(mixed(decoded), decoded.sampleRate); moved(); }
  } catch {
    if (mine === work) get("sound").hidden = true;
  } finally { context.close(); }
}

function mixed(sound) {
  const mix = new Float32Array(sound.length);
  for (let channel = 0; channel < sound.numberOfChannels; channel++) {
    sound.getChannelData(channel).forEach((sample, at) => { mix[at] += sample / sound.numberOfChannels; });
  }
  return mix;
}

function done(duration) {
  const words = view.words.length;
  state(words ? `${words} ${words === 1 ? "word" : "words"} in ${duration.toFixed(1)} s of sound.` : "No words were recognised.");
  enable();
  document.documentElement.dataset.ready = "true";
}

async function speak() {
  delete document.documentElement.dataset.ready;
  let stream;
  try {
    if (!navigator.mediaDevices) throw new Error("this page may use the microphone only over https, or on the same machine (http://localhost)");
    stream = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false } });
  } catch (error) { problem(new Error(`The microphone cannot be used: ${error.message}`)); return; }
  const mine = begin("recording");
  const context = new AudioContext(), pcm = [];
  const onResult = (message) => {
    if (mine !== work) return;
    if (message.type === "final") view.add({ words: message.words });
    else view.update(message.words, message.settled);
  };
  try {
    await context.audioWorklet.addModule(new URL("recorder.js", import.meta.url));
    const live = await withToken(async () => { const live = new Live(context.sampleRate, asked(), onResult); await live.ready; return live; });
    const worklet = new AudioWorkletNode(context, "recorder", { numberOfOutputs: 0 });
    recording = { stream, context, live, worklet, pcm };
    recording.flushed = new Promise((resolve) => {
      worklet.port.onmessage = ({ data }) => {
        if (data === null) { resolve(); return; }
        live.send(data);
        pcm.push(toPcm16(data));
        wave.add(data, context.sampleRate);
        get("clock").textContent = clock(wave.duration, ".", false);
      };
    });
    context.createMediaStreamSource(stream).connect(worklet);
    live.done.catch((error) => { if (recording?.live === live) stop(error); });
    get("speak").setAttribute("aria-pressed", "true");
    get("speak-label").textContent = "Stop";
    state("Listening …");
    enable();
  } catch (error) {
    stream.getTracks().forEach((track) => track.stop());
    context.close();
    problem(error);
  }
}

async function stop(failure) {
  const { stream, context, live, worklet, pcm, flushed } = recording;
  get("speak").setAttribute("aria-pressed", "false");
  get("speak-label").textContent = "Speak";
  const rate = context.sampleRate;
  worklet.port.postMessage("flush");
  await Promise.race([flushed, new Promise((resolve) => setTimeout(resolve, 500))]);
  stream.getTracks().forEach((track) => track.stop());
  context.close();
  recording = null;
  audio.src = URL.createObjectURL(toWav(pcm, rate));
  try {
    if (failure) throw failure;
    state("Finishing …");
    await live.finish();
    done(wave.duration);
  } catch (error) { problem(error); enable(); }
  moved();
}

function moved() {
  const seconds = audio.currentTime || 0;
  wave.seek(seconds);
  view.follow(audio.paused && seconds === 0 ? -1 : seconds);
  if (!recording) get("clock").textContent = `${clock(seconds, ".", false)} / ${clock(wave.duration, ".", false)}`;
}
function animate() {
  if (audio.currentTime >= stopAt) { audio.pause(); stopAt = Infinity; }
  moved();
  if (!audio.paused) requestAnimationFrame(animate);
}
audio.addEventListener("play", () => { get("play").textContent = "❚❚"; get("play").ariaLabel = "Pause"; animate(); });
audio.addEventListener("pause", () => { get("play").textContent = "▶"; get("play").ariaLabel = "Play"; });
const toggle = () => { stopAt = Infinity; if (audio.paused) play(); else audio.pause(); };

get("play").addEventListener("click", toggle);
get("choose").addEventListener("click", () => get("file").click());
get("file").addEventListener("change", () => { if (get("file").files[0]) useFile(get("file").files[0]); get("file").value = ""; });
get("speak").addEventListener("click", () => (recording ? stop() : speak()));
document.addEventListener("keydown", (event) => {
  const busy = event.target.closest?.("button, input, textarea, select, summary, dialog") || event.target.isContentEditable;
  if (event.key === " " && !busy && audio.src) { event.preventDefault(); toggle(); }
});
document.addEventListener("dragover", (event) => { event.preventDefault(); get("drop").classList.add("over"); });
document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) get("drop").classList.remove("over"); });
document.addEventListener("drop", (event) => {
  event.preventDefault();
  get("drop").classList.remove("over");
  if (event.dataTransfer.files[0]) useFile(event.dataTransfer.files[0]);
});
document.querySelectorAll("[data-format]").forEach((button) => button.addEventListener("click", () => {
  const link = document.createElement("a"), format = button.dataset.format;
  link.href = URL.createObjectURL(new Blob([FILES[format](view.segments, rules())], { type: "text/plain" }));
  link.download = `${name.replace(/\.[^.]*$/, "")}.${format}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}));

withToken(modelName).then((model) => { get("model").textContent = model; document.documentElement.dataset.loaded = "true"; }, problem);
