// Files to the server. XMLHttpRequest, because fetch cannot tell how much of a large file has gone out.
import { words } from "../words/errors";
import { noteAnswer } from "./client";
import { setLost } from "./connection";
import { errorOf, noAnswer } from "./errors";

export interface Watch {
  signal: AbortSignal;
  onBytesSent: (bytes: number) => void;
}

/** Posts a form and gives the answer; rejects with the server's refusal, or an AbortError when `signal` says so. */
export function sendForm<Answer>(path: string, form: FormData, { signal, onBytesSent }: Watch): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const abort = (): void => request.abort();
    request.open("POST", path);
    request.responseType = "json";
    request.upload.onprogress = (event) => onBytesSent(event.loaded);
    request.onload = () => {
      noteAnswer(request.status, path);
      if (request.status < 300) resolve(request.response as Answer);
      else reject(errorOf(request.status, request.response, headersOf(request)));
    };
    request.onerror = () => {
      setLost(true);
      reject(noAnswer());
    };
    request.onabort = () => reject(new DOMException(words.cancelledUpload, "AbortError"));
    request.onloadend = () => signal.removeEventListener("abort", abort);
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) request.onabort?.(new ProgressEvent("abort"));
    else request.send(form);
  });
}

function headersOf(request: XMLHttpRequest): Headers {
  const retryAfter = request.getResponseHeader("Retry-After");
  return new Headers(retryAfter === null ? {} : { "Retry-After": retryAfter });
}
