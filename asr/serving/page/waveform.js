// The waveform on a canvas: peaks of the samples, grown while recording, with a playback cursor.

const RATE = 200; // peaks a second

export class Waveform {
  constructor(canvas, { onSeek }) {
    this.canvas = canvas;
    this.clear();
    new ResizeObserver(() => this.draw()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    const seek = (event) => onSeek((event.offsetX / canvas.clientWidth) * this.duration);
    canvas.addEventListener("pointerdown", (event) => { canvas.setPointerCapture(event.pointerId); seek(event); });
    canvas.addEventListener("pointermove", (event) => event.buttons && seek(event));
    canvas.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1, PageUp: 10, PageDown: -10 }[event.key];
      if (step) { onSeek(Math.max(0, Math.min(this.duration, this.position + step))); event.preventDefault(); }
    });
  }
  clear() { this.peaks = []; this.rest = 0; this.fill = 0; this.samples = 0; this.rate = 1; this.position = 0; }
  get duration() { return this.samples / this.rate; }

  // Samples that follow those it has.
  add(samples, rate) {
    this.rate = rate;
    this.samples += samples.length;
    const each = rate / RATE;
    for (const sample of samples) {
      this.rest = Math.max(this.rest, Math.abs(sample));
      if (++this.fill >= each) { this.peaks.push(this.rest); this.rest = 0; this.fill -= each; }
    }
    this.draw();
  }
  seek(seconds) {
    this.position = seconds;
    this.canvas.setAttribute("aria-valuemax", this.duration.toFixed(1));
    this.canvas.setAttribute("aria-valuenow", seconds.toFixed(1));
    this.canvas.setAttribute("aria-valuetext", `${seconds.toFixed(1)} of ${this.duration.toFixed(1)} seconds`);
    this.draw();
  }
  draw() {
    const { canvas, peaks } = this, scale = devicePixelRatio;
    const width = canvas.width = Math.round(canvas.clientWidth * scale), height = canvas.height = Math.round(canvas.clientHeight * scale);
    if (!width || !peaks.length) return;
    const style = getComputedStyle(canvas), pen = canvas.getContext("2d");
    const loudest = Math.max(0.02, peaks.reduce((most, peak) => Math.max(most, peak), 0));
    const bar = 3 * scale, bars = Math.floor(width / bar), played = (this.position / this.duration) * width;
    for (let index = 0; index < bars; index++) {
      const from = Math.floor((index * peaks.length) / bars), to = Math.max(from + 1, Math.floor(((index + 1) * peaks.length) / bars));
      let peak = 0;
      for (let at = from; at < to; at++) peak = Math.max(peak, peaks[at] ?? 0);
      const tall = Math.max(scale, 0.92 * height * Math.sqrt(peak / loudest) * 0.98);
      pen.fillStyle = style.getPropertyValue(index * bar < played ? "--wave-played" : "--wave");
      pen.fillRect(index * bar, (height - tall) / 2, bar - scale, tall);
    }
    pen.fillStyle = style.getPropertyValue("--text");
    if (this.position > 0) pen.fillRect(Math.min(played, width - 2 * scale), 0, 2 * scale, height);
  }
}

// Samples as a WAV file, 16 bits.
export function toWav(pcm, rate) {
  const header = new DataView(new ArrayBuffer(44));
  const text = (at, letters) => [...letters].forEach((letter, index) => header.setUint8(at + index, letter.charCodeAt(0)));
  const size = pcm.reduce((sum, piece) => sum + piece.byteLength, 0);
  text(0, "RIFF"); header.setUint32(4, 36 + size, true); text(8, "WAVEfmt ");
  header.setUint32(16, 16, true); header.setUint16(20, 1, true); header.setUint16(22, 1, true);
  header.setUint32(24, rate, true); header.setUint32(28, 2 * rate, true);
  header.setUint16(32, 2, true); header.setUint16(34, 16, true);
  text(36, "data"); header.setUint32(40, size, true);
  return new Blob([header, ...pcm], { type: "audio/wav" });
}
