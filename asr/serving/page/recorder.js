// Runs on the audio thread: hands the microphone's samples over, a tenth of a second at a time.
class Recorder extends AudioWorkletProcessor {
  constructor() {
    super();
    this.piece = new Float32Array(Math.round(sampleRate / 10));
    this.filled = 0;
    this.port.onmessage = () => { // flush
      this.port.postMessage(this.piece.slice(0, this.filled));
      this.port.postMessage(null);
      this.done = true;
    };
  }
  process(inputs) {
    const channel = inputs[0][0];
    if (channel) {
      for (const sample of channel) {
        this.piece[this.filled++] = sample;
        if (this.filled === this.piece.length) {
          this.port.postMessage(this.piece.slice());
          this.filled = 0;
        }
      }
    }
    return !this.done;
  }
}
registerProcessor("recorder", Recorder);
