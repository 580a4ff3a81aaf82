// Asks the API. Rule: every failure is an ApiError with a sentence for people; unsafe requests carry the token.
// Each request says how long nobody touched the page, so that its timers keep no abandoned session alive.

let touched = Date.now();
for (const kind of ["pointerdown", "pointermove", "keydown", "wheel", "touchstart"]) {
  addEventListener(kind, () => (touched = Date.now()), { passive: true, capture: true });
}

export class ApiError extends Error {
  constructor(status, message, field = "") {
    super(message);
    this.status = status;
    this.field = field;
  }
}

export class Api {
  constructor() {
    this.me = null;
  }

  /** Who we are; also brings the token that unsafe requests carry. */
  async whoAmI() {
    this.me = await this.get("/api/v1/me");
    return this.me;
  }

  may(role) {
    return this.me?.roles?.includes(role) ?? false;
  }

  get(path, query = {}) {
    const filled = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
    const tail = filled.length ? `?${new URLSearchParams(filled)}` : "";
    return this.ask("GET", path + tail);
  }

  post(path, body = {}) {
    return this.ask("POST", path, body);
  }

  delete(path) {
    return this.ask("DELETE", path);
  }

  async ask(method, path, body) {
    const headers = {
      Accept: "application/json",
      "X-Unattended-Seconds": String(Math.max(0, Math.floor((Date.now() - touched) / 1000))),
    };
    if (method !== "GET") headers["X-CSRF-Token"] = this.me?.csrf ?? "";
    if (body !== undefined) headers["Content-Type"] = "application/json";
    let answer;
    try {
      answer = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
    } catch {
      throw new ApiError(0, "The gateway cannot be reached.");
    }
    const said = await answer.json().catch(() => null);
    if (!answer.ok) throw new ApiError(answer.status, said?.error ?? `The gateway answered ${answer.status}.`, said?.field);
    return said;
  }
}
