// Light, dark, or as the system says. Rule: the choice is kept on this device only.

const KEY = "caiso-ads theme";
const ORDER = ["system", "light", "dark"];

export function theme() {
  const kept = localStorage.getItem(KEY);
  return ORDER.includes(kept) ? kept : "system";
}

export function applyTheme(chosen = theme()) {
  if (chosen === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = chosen;
}

export function nextTheme() {
  const chosen = ORDER[(ORDER.indexOf(theme()) + 1) % ORDER.length];
  localStorage.setItem(KEY, chosen);
  applyTheme(chosen);
  return chosen;
}
