# Three images from one file: `backend` (also the worker and the migrations; no torch), `model_server`, and `trainer`.
#   docker build --target backend -t segloop .
#   docker build --target model_server -t segloop-model-server .
#   docker build --target trainer -t segloop-trainer .

FROM node:20-slim AS page
WORKDIR /app/frontend
COPY frontend/package.json frontend/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY frontend ./
RUN npm run build

FROM python:3.11-slim AS python
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
RUN useradd --create-home --uid 1000 segloop && mkdir /data && chown segloop /data
WORKDIR /app
COPY pyproject.toml requirements.lock README.md LICENSE ./
# The packages first, on their own: they stay in the cache when only our files change.
RUN mkdir backend && touch backend/__init__.py && pip install -c requirements.lock -e . && rm -r backend
ENV SEGLOOP_DATA_DIR=/data
VOLUME /data

FROM python AS backend
COPY model_server ./model_server
COPY migrations ./migrations
COPY backend ./backend
COPY --from=page /app/frontend/dist ./frontend/dist
RUN pip install --no-deps -e .
USER segloop
EXPOSE 8000
CMD ["python", "-m", "uvicorn", "backend.app:app", "--host", "0.0.0.0", "--port", "8000", "--no-access-log", "--log-level", "warning", "--timeout-graceful-shutdown", "5", "--timeout-keep-alive", "75"]

FROM python AS model_server
# On x86-64 Linux pip takes a build of torch that uses an NVIDIA GPU where there is one, and the CPU elsewhere.
RUN mkdir backend && touch backend/__init__.py && pip install -c requirements.lock -e '.[model,onnx]' && rm -r backend
COPY model_server ./model_server
RUN pip install --no-deps -e .
USER segloop
EXPOSE 8001
CMD ["python", "-m", "uvicorn", "model_server.app:app", "--host", "0.0.0.0", "--port", "8001", "--no-access-log", "--log-level", "warning", "--timeout-graceful-shutdown", "5", "--timeout-keep-alive", "75"]

# A worker that trains, too: it runs the model server's programs beside its own code.
FROM model_server AS trainer
USER root
RUN mkdir backend && touch backend/__init__.py && pip install -c requirements.lock -e '.[model,evaluation,onnx]' && rm -r backend
COPY backend ./backend
RUN pip install --no-deps -e .
USER segloop
CMD ["python", "-m", "backend.worker"]
