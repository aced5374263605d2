// Everything works without this file. It closes open menus, submits filters on change, and says when the page has moved.
(() => {
  "use strict";
  const menus = document.querySelectorAll("details.menu");
  const close = (except) => menus.forEach((menu) => { if (menu !== except) menu.open = false; });
  document.addEventListener("click", (event) => close(event.target.closest("details.menu")));
  document.addEventListener("keydown", (event) => {
    const open = event.key === "Escape" && document.querySelector("details.menu[open]");
    if (open) { open.open = false; open.querySelector("summary").focus(); }
  });
  document.querySelectorAll("form[data-auto]").forEach((form) => {
    form.addEventListener("change", (event) => { if (event.target.matches("select")) form.requestSubmit(); });
    form.addEventListener("submit", () => form.querySelectorAll("select, input").forEach((field) => { field.disabled = !field.value; }));
  });
  // Pages that the browser kept in memory must show their fields again when somebody comes back.
  addEventListener("pageshow", () => document.querySelectorAll("form[data-auto] :disabled").forEach((field) => { field.disabled = false; }));
  const hint = document.getElementById("moved");
  if (!hint || !window.EventSource) return;
  let source = null;
  const listen = () => {
    source = new EventSource(hint.dataset.live);
    source.addEventListener("changed", () => { hint.hidden = false; stop(); });
  };
  const stop = () => { if (source) source.close(); source = null; };
  document.addEventListener("visibilitychange", () => (document.hidden || !hint.hidden ? stop() : source || listen()));
  addEventListener("pagehide", stop);
  if (!document.hidden) listen();
})();
