// What the page asks the server: files over HTTP, the microphone over a WebSocket.

export class ServerError extends Error {
  constructor(status, error) {
    super(error?.message ?? `the server answered ${status}`);
    this.status = status;
    this.code = error?.code;
  }
}

const token = () => sessionStorage.getItem("token") ?? "";
export const setToken = (value) => sessionStorage.setItem("token", value);
const authorization = () => (token() ? { Authorization: `Bearer ${token()}` } : {});

async function checked(response) {
  if (response.ok) return response.json();
  const body = await response.json().catch(() => ({}));
  throw new ServerError(response.status, body.error);
}

export const modelName = async () =>
  (await checked(await fetch("v1/models", { headers: authorization() }))).data[0].id;

// Sends a file with what is `asked` of it (hot_words, phrases, text, channels, n_best); `onProgress(share)` hears of the upload. Resolves to verbose_json.
export function transcribe(file, asked, onProgress) {
  const form = new FormData();
  for (const [name, value] of Object.entries(asked)) form.append(name, value);
  form.append("response_format", "verbose_json");
  form.append("timestamp_granularities[]", "word");
  form.append("timestamp_granularities[]", "segment");
  form.append("file", file, file.name);
  // fetch tells nothing of an upload's progress.
  const request = new XMLHttpRequest();
  request.open("POST", "v1/audio/transcriptions");
  for (const [name, value] of Object.entries(authorization())) request.setRequestHeader(name, value);
  request.responseType = "json";
  request.upload.onprogress = (event) => event.lengthComputable && onProgress(event.loaded / event.total);
  return new Promise((resolve, reject) => {
    request.onload = () =>
      request.status === 200 ? resolve(request.response) : reject(new ServerError(request.status, request.response?.error));
    request.onerror = () => reject(new ServerError(0, { message: "the server cannot be reached, or refused the upload" }));
    request.send(form);
  });
}

export function toPcm16(samples) {
  const pcm = new DataView(new ArrayBuffer(2 * samples.length));
  samples.forEach((sample, index) => pcm.setInt16(2 * index, 32767 * Math.max(-1, Math.min(1, sample)), true));
  return pcm.buffer;
}

// A live session with what is `asked` of its words: `onResult({type: "partial" | "final", ...})`; `ready` and `done` are promises.
export class Live {
  constructor(sampleRate, asked, onResult) {
    const address = new URL("v1/live", document.baseURI);
    address.protocol = address.protocol.replace("http", "ws");
    this.socket = new WebSocket(address);
    this.socket.onopen = () =>
      this.socket.send(JSON.stringify({ type: "start", sample_rate: sampleRate, ...asked, ...(token() && { token: token() }) }));
    this.ready = new Promise((resolve, reject) => {
      this.done = new Promise((finish, fail) => {
        const end = (error) => { reject(error); fail(error); };
        this.socket.onmessage = ({ data }) => {
          const message = JSON.parse(data);
          if (message.type === "ready") resolve();
          else if (message.type === "done") finish();
          else if (message.type === "error") end(new ServerError(message.error.code?.includes("token") ? 401 : 400, message.error));
          else onResult(message);
        };
        this.socket.onclose = () => end(new ServerError(0, { message: "the connection to the server has ended" }));
      });
      this.done.catch(() => {}); // whoever waits hears of it
    });
  }
  send(samples) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(toPcm16(samples));
  }
  finish() {
    this.socket.send(JSON.stringify({ type: "finish" }));
    return this.done;
  }
}
