# The server with the English model, on a CPU:
#   docker build -t asr-serve .
#   docker run --rm -p 8000:8000 -e ASR_TOKEN=secret asr-serve
FROM python:3.12-slim

RUN apt-get update && apt-get install -y --no-install-recommends ffmpeg && rm -rf /var/lib/apt/lists/*

# PyTorch's own index of builds for the CPU (https://pytorch.org/get-started/locally names it) makes the image some gigabytes smaller:
#   docker build --build-arg TORCH_INDEX=URL -t asr-serve .
ARG TORCH_INDEX=
RUN if [ -n "$TORCH_INDEX" ]; then pip install --no-cache-dir --index-url "$TORCH_INDEX" "torch==2.11.*" "torchaudio==2.11.*"; fi

WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY asr asr
RUN pip install --no-cache-dir ".[serve]" && rm -rf build

RUN useradd --create-home listener
USER listener
WORKDIR /home/listener
# The search is compiled, and language model and lexicon laid out, while the image is built: here by a second of faint noise.
RUN python -c "import numpy, soundfile; soundfile.write('noise.wav', numpy.random.default_rng(0).normal(0, 0.01, 16000), 16000)" \
    && asr transcribe noise.wav && rm noise.wav

EXPOSE 8000
HEALTHCHECK --start-period=30s CMD python -c "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz')"
CMD ["asr", "serve", "--host", "0.0.0.0", "--port", "8000"]
