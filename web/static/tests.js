// A result is kept in this browser before it is sent, and forgotten when the portal says that it has it. So a network
// that drops loses nothing: what waits is sent again, under the same id, from whichever page of the tests is opened.
(() => {
  "use strict";
  const note = document.getElementById("kept");
  const open = () => new Promise((done, fail) => {
    const request = indexedDB.open("portal-results", 1);
    request.onupgradeneeded = () => request.result.createObjectStore("waiting", { keyPath: "id" });
    request.onsuccess = () => done(request.result);
    request.onerror = () => fail(request.error);
  });
  const store = async (mode, act) => {
    const base = await open();
    return new Promise((done, fail) => {
      const change = base.transaction("waiting", mode);
      const request = act(change.objectStore("waiting"));
      change.oncomplete = () => { base.close(); done(request.result); };
      change.onerror = () => { base.close(); fail(change.error); };
    });
  };
  const say = (text) => { note.textContent = text; note.hidden = !text; };
  const show = async () => {
    const waiting = await store("readonly", (all) => all.getAll());
    const refused = waiting.find((entry) => entry.refused);
    say(refused ? refused.refused : waiting.length ? note.dataset.one : "");
  };
  const reason = async (answer) => {
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    return [...page.querySelectorAll("main h1, main p")].map((one) => one.textContent.trim()).join(" ") || answer.statusText;
  };
  // Only the portal's own word that it has this result counts: a sign-in page is an answer too.
  const send = async (entry) => {
    const form = new FormData();
    entry.fields.forEach(([name, value]) => form.append(name, value));
    const answer = await fetch(entry.address, { method: "POST", body: form, headers: { Accept: "application/json" } });
    const said = answer.ok && (answer.headers.get("content-type") || "").includes("json") ? await answer.json() : {};
    if (said.kept === entry.id) await store("readwrite", (all) => all.delete(entry.id));
    else if ([403, 404, 409, 413, 422].includes(answer.status)) {
      await store("readwrite", (all) => all.put({ ...entry, refused: `${await reason(answer)} ${words(entry)}` }));
    }
    return said.next;
  };
  const words = (entry) => entry.fields.filter(([name]) => ["outcome", "remark"].includes(name)).map(([, value]) => `“${value}”`).join(" ");
  let busy = false;
  const sendAll = async () => {
    if (busy) return;
    busy = true;
    try {
      for (const entry of await store("readonly", (all) => all.getAll())) if (!entry.refused) await send(entry);
    } catch { /* still no network: it stays where it is */ }
    busy = false;
    await show();
  };
  addEventListener("online", sendAll);
  setInterval(sendAll, 15000);
  sendAll();
  const form = document.querySelector("form[data-result]");
  document.querySelectorAll("[data-device]").forEach((field) => { field.value = field.value || navigator.userAgent.slice(0, 300); });
  if (!form) return;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const fields = [...new FormData(form)].filter(([, value]) => !(value instanceof File) || value.size);
    const entry = { id: form.elements.id.value, address: form.action, fields };
    await store("readwrite", (all) => all.put(entry));
    let next;
    try { next = await send(entry); } catch { /* no network: it waits */ }
    if (next) location.assign(next);
    else await show();
  });
  // Digits choose a result, as long as nobody is writing.
  document.addEventListener("keydown", (event) => {
    if (event.target.closest("input:not([type=radio]), textarea, select") || event.ctrlKey || event.metaKey || event.altKey) return;
    const mark = form.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
    if (mark) { mark.checked = true; mark.focus(); }
  });
})();
