// The live feed: the newest snapshot, kept up to date by server-sent events.
// Rule: 3.5 s without a snapshot, which comes each second, and it is not live any more (the page must say so within five);
// a frozen page is a stale setpoint too.

const STALE_AFTER_MS = 3500;
const LOOK_EVERY_MS = 500;
const PARTS = ["gateway", "resources", "nodes"];

export class Feed extends EventTarget {
  constructor(source = () => new EventSource("/api/v1/events")) {
    super();
    this.snapshot = null;
    this.alarms = null;
    this.state = "starting";
    this.heardAt = performance.now();
    this.open = source;
  }

  start() {
    this.connect();
    this.timer = setInterval(() => this.look(), LOOK_EVERY_MS);
  }

  stop() {
    clearInterval(this.timer);
    this.events?.close();
  }

  connect() {
    this.events?.close();
    this.events = this.open();
    this.connectedAt = performance.now();
    this.events.addEventListener("snapshot", (event) => this.whole(JSON.parse(event.data)));
    this.events.addEventListener("change", (event) => this.change(JSON.parse(event.data)));
    this.events.addEventListener("alarms", (event) => {
      this.alarms = JSON.parse(event.data);
      this.tell("alarms", this.alarms);
    });
    this.events.addEventListener("news", (event) => this.tell("news", JSON.parse(event.data)));
  }

  whole(document) {
    this.snapshot = document;
    this.byId = {
      resources: new Map(document.resources.map((each) => [each.id, each.points])),
      nodes: new Map(document.nodes.map((each) => [each.id, each.points])),
    };
    this.heard();
    this.tell("snapshot", document);
  }

  change(changed) {
    if (!this.snapshot) return;
    this.snapshot.snapshot_id = changed.snapshot_id;
    this.snapshot.at = changed.at;
    merge(this.snapshot.gateway, changed.gateway);
    for (const part of PARTS.slice(1)) {
      for (const [id, points] of Object.entries(changed[part] ?? {})) merge(this.byId[part].get(id), points);
    }
    for (const [id, known] of Object.entries(changed.dot_prices ?? {})) {
      const resource = this.snapshot.resources.find((each) => each.id === id);
      if (resource) merge({ dot_lmp: (resource.dot_lmp ??= {}) }, { dot_lmp: known });
    }
    this.heard();
    this.tell("change", changed);
  }

  heard() {
    this.heardAt = performance.now();
    this.become("live");
  }

  /** Notice that nothing comes; connect anew where the browser does not do it by itself. */
  look() {
    const silent = performance.now() - this.heardAt;
    if (silent < STALE_AFTER_MS) return;
    this.become(this.events?.readyState === 1 ? "stale" : "lost");
    if (performance.now() - this.connectedAt > STALE_AFTER_MS) this.connect();
  }

  become(state) {
    if (this.state === state) return;
    this.state = state;
    document.documentElement.dataset.feed = state;
    this.tell("state", state);
  }

  /** How long nothing was heard (s). */
  get silence() {
    return (performance.now() - this.heardAt) / 1000;
  }

  tell(kind, detail) {
    this.dispatchEvent(new CustomEvent(kind, { detail }));
  }
}

function merge(points, changed) {
  if (!points || !changed) return;
  for (const [key, [value, quality, sourceTime, word]] of Object.entries(changed)) {
    const point = (points[key] ??= {});
    Object.assign(point, { value, quality });
    if (sourceTime === null || sourceTime === undefined) delete point.source_time;
    else point.source_time = sourceTime;
    if (word === null || word === undefined) delete point.word;
    else point.word = word;
  }
}
