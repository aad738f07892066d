// Questions to the server and its stream of events; asks for the token where one is wanted.

import { byId } from "./dom.js";

const RETRY_MILLISECONDS = 2000;

let token = sessionStorage.getItem("token") ?? "";
let asking = null;

export class Failure extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

// The answer to a question; Failure with the server's reason if there is none.
export async function ask(path, parameters = {}, signal = undefined) {
  const response = await get(`/v1/${path}?${new URLSearchParams(parameters)}`, signal);
  const answer = await response.json();
  if (!response.ok) throw new Failure(response.status, answer.error);
  return answer;
}

// Tells the server something; Failure with its reason if it does not take it.
export async function post(path, document) {
  const response = await get(`/v1/${path}`, undefined, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(document),
  });
  const answer = await response.json();
  if (!response.ok) throw new Failure(response.status, answer.error);
  return answer;
}

// Calls `tell(name, document)` for each event for ever, and `tell("lost")` when nobody answers.
export async function follow(tell) {
  for (;;) {
    try {
      const response = await get("/v1/events");
      if (response.ok) await read(response.body, tell);
    } catch (error) {
      // Nobody answers, or the stream broke off.
      if (!(error instanceof Failure) && !(error instanceof TypeError)) throw error;
    }
    tell("lost");
    await new Promise((resolve) => setTimeout(resolve, RETRY_MILLISECONDS));
  }
}

// What fetch throws when nobody answers says so in no words of ours.
async function reach(url, options) {
  try {
    return await fetch(url, options);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new Failure(0, "The server does not answer");
  }
}

async function get(url, signal, { headers: own = {}, ...options } = {}) {
  for (;;) {
    const used = token;
    const headers = { ...own, ...(used ? { Authorization: `Bearer ${used}` } : {}) };
    const response = await reach(url, { ...options, headers, signal });
    if (response.status !== 401) return response;
    if (used === token) {
      asking ??= askForToken(used !== "").finally(() => (asking = null));
      await asking;
    }
  }
}

function askForToken(wasWrong) {
  const dialog = byId("token-dialog");
  const form = byId("token-form");
  byId("token-wrong").hidden = !wasWrong;
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("cancel", (event) => event.preventDefault());
    form.onsubmit = (event) => {
      event.preventDefault();
      token = byId("token").value.trim();
      byId("token").value = "";
      sessionStorage.setItem("token", token);
      dialog.close();
      resolve();
    };
  });
}

async function read(body, tell) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const events = (rest + value).split("\n\n");
    rest = events.pop();
    for (const event of events) {
      const [name, data] = event.split("\n");
      tell(name.slice("event: ".length), JSON.parse(data.slice("data: ".length)));
    }
  }
}
