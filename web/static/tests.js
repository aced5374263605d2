// A result is kept in this browser before it is sent, and forgotten when the portal says that it has it. So a network
// that drops loses nothing: what waits is sent again, under the same id, from whichever page of the tests is opened,
// by the person who entered it and nobody else.
(() => {
  "use strict";
  const note = document.getElementById("kept");
  if (!note) return;
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
      change.onerror = change.onabort = () => { base.close(); fail(change.error); };
    });
  };
  // In the order in which they were entered: of two on one case, the later one counts.
  const mine = async () => (await store("readonly", (all) => all.getAll()))
    .filter((entry) => entry.who === note.dataset.who).sort((one, other) => one.entered - other.entered);
  const forget = (entry) => store("readwrite", (all) => all.delete(entry.id));
  const show = async () => {
    const waiting = await mine();
    const refused = waiting.find((entry) => entry.refused);
    note.textContent = refused ? refused.refused : waiting.length ? note.dataset.one : "";
    note.hidden = !waiting.length;
    if (!refused) return;
    const button = document.createElement("button");
    button.textContent = note.dataset.forget;
    button.addEventListener("click", async () => { await forget(refused); await show(); });
    note.append(" ", button);
  };
  const words = (entry) => entry.fields.filter(([name, value]) => ["outcome", "remark"].includes(name) && value)
    .map(([, value]) => `“${value}”`).join(" ");
  const reason = async (answer) => {
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    return [...page.querySelectorAll("main h1, main p")].map((one) => one.textContent.trim()).join(" ") || answer.statusText;
  };
  // Only the portal's own word that it has this result counts: a sign-in page is an answer too.
  const send = async (entry) => {
    const form = new FormData();
    entry.fields.forEach(([name, value]) => form.append(name, value));
    form.append("entered_by", entry.who);  // by now, somebody else may be signed in
    const answer = await fetch(entry.address, { method: "POST", body: form, headers: { Accept: "application/json" } });
    const isJson = answer.ok && (answer.headers.get("content-type") || "").includes("json");
    const said = isJson ? await answer.json() : {};
    if (said.kept === entry.id) await forget(entry);
    else if ([403, 404, 409, 413, 422].includes(answer.status)) {
      const refused = `${await reason(answer)} ${words(entry)}`;
      await store("readwrite", (all) => all.put({ ...entry, refused }));
    } else throw new Error(answer.statusText);
    return said.next;
  };
  const next = {};  // where each result leads that was kept
  let line = Promise.resolve();
  // One run after the other. What has to wait holds up what was entered after it of the same case.
  const sendAll = () => (line = line.then(async () => {
    const held = new Set();
    for (const entry of await mine().catch(() => [])) {
      if (entry.refused || held.has(entry.address)) continue;
      try { next[entry.id] = await send(entry); }
      catch { held.add(entry.address); }  // no network
    }
    await show().catch(() => {});
  }));
  addEventListener("online", sendAll);
  setInterval(sendAll, 15000);
  sendAll();
  document.querySelectorAll("[data-device]").forEach((field) => { field.value = field.value || navigator.userAgent.slice(0, 300); });
  const form = document.querySelector("form[data-result]");
  if (!form) return;
  const fresh = () => {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    const hex = [...bytes].map((one) => one.toString(16).padStart(2, "0")).join("");
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  };
  // The same words sent again are the same result; other words are another one, which takes its place.
  let last = "";
  const entered = () => {
    const fields = [...new FormData(form)].filter(([, value]) => !(value instanceof File) || value.size);
    const said = JSON.stringify(fields.map(([name, value]) => [name, value instanceof File ? [value.name, value.size] : value]));
    if (last && said !== last) {
      form.elements.id.value = fresh();
      last = "";
      return entered();
    }
    last = said;
    const at = new Date();
    return { id: form.elements.id.value, who: note.dataset.who, entered: at.getTime(), address: form.action,
      fields: [...fields, ["at", at.toISOString()]] };
  };
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const entry = entered();
    try { await store("readwrite", (all) => all.put(entry)); }
    catch { form.submit(); return; }  // no room to keep it here: it goes the plain way
    await sendAll();
    if (next[entry.id]) location.assign(next[entry.id]);
  });
  // Digits choose a result, as long as nobody is writing.
  document.addEventListener("keydown", (event) => {
    if (event.target.closest("input:not([type=radio]), textarea, select") || event.ctrlKey || event.metaKey || event.altKey) return;
    const mark = form.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
    if (mark) { mark.checked = true; mark.focus(); }
  });
})();
