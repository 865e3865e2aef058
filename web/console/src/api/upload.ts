import { Problem } from "./client";
import type { ApiError, ImportWhole } from "./types";

/** Sends a file to be imported; `told` hears the share that has left, from 0 to 1. `fetch` cannot tell that yet. */
export function upload(file: File, told: (share: number) => void, signal: AbortSignal): Promise<ImportWhole> {
  const said = new URLSearchParams({ name: file.name, changed: String(file.lastModified) });
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `/v1/imports?${said}`);
    // No other site can make a browser send this header: it stands against forged requests.
    request.setRequestHeader("X-Duyen", "1");
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.upload.onprogress = ({ loaded, total }) => told(total ? loaded / total : 0);
    request.onload = () => {
      if (request.status < 400) resolve(JSON.parse(request.responseText) as ImportWhole);
      else reject(problemOf(request));
    };
    request.onerror = () => reject(new Problem(0, "unreachable", ""));
    signal.addEventListener("abort", () => request.abort());
    request.send(file);
  });
}

function problemOf(request: XMLHttpRequest): Problem {
  try {
    const { error } = JSON.parse(request.responseText) as ApiError;
    return new Problem(request.status, error.code, error.message);
  } catch {
    return new Problem(request.status, "http", request.statusText);
  }
}
