// Everything works without this file. It zooms, turns pages, takes a place by click, tap or keyboard, and moves the slider.
(() => {
  "use strict";
  const byId = (id) => document.getElementById(id);
  const leaf = document.querySelector(".leaves [aria-current]");
  if (leaf) leaf.closest("ul").scrollLeft = leaf.offsetLeft - leaf.closest("ul").clientWidth / 2;
  const slide = byId("slide");
  if (slide) {
    const over = byId("over");
    const cut = () => {
      over.lastElementChild.style.clipPath = `inset(0 0 0 ${slide.value}%)`;
      over.style.setProperty("--cut", `${slide.value}%`);
    };
    slide.addEventListener("input", cut);
    cut();
  }
  const viewer = byId("viewer"), canvas = byId("canvas"), marks = byId("marks");
  if (!viewer) return;

  // Zoom: the canvas gets a width of its own; what lies under the given point of the window stays there.
  let zoom = 1, fit = 0;
  const setZoom = (wanted, x = viewer.clientWidth / 2, y = viewer.clientHeight / 2) => {
    if (zoom === 1) fit = canvas.getBoundingClientRect().width;
    const before = zoom;
    zoom = Math.min(8, Math.max(1, wanted));
    canvas.classList.toggle("zoomed", zoom !== 1);
    canvas.style.width = zoom === 1 ? "" : `${fit * zoom}px`;
    viewer.style.maxHeight = zoom === 1 ? "" : "82vh";
    viewer.scrollLeft = (viewer.scrollLeft + x) * zoom / before - x;
    viewer.scrollTop = (viewer.scrollTop + y) * zoom / before - y;
  };
  const steps = { in: () => setZoom(zoom * 1.5), out: () => setZoom(zoom / 1.5), fit: () => setZoom(1) };
  const buttons = document.querySelector(".zoom");
  buttons.hidden = false;
  buttons.addEventListener("click", (event) => {
    const button = event.target.closest("[data-zoom]");
    if (button) steps[button.dataset.zoom]();
  });
  const inViewer = (point) => {
    const box = viewer.getBoundingClientRect();
    return [point.clientX - box.left, point.clientY - box.top];
  };
  viewer.addEventListener("wheel", (event) => {
    if (!event.ctrlKey) return;
    event.preventDefault();
    setZoom(zoom * Math.exp(-event.deltaY / 200), ...inViewer(event));
  }, { passive: false });
  let pinch = null;
  const apart = ([a, b]) => Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
  viewer.addEventListener("touchstart", (event) => {
    pinch = event.touches.length === 2 ? { apart: apart(event.touches), zoom } : null;
  }, { passive: true });
  viewer.addEventListener("touchmove", (event) => {
    if (!pinch || event.touches.length !== 2) return;
    event.preventDefault();
    const [a, b] = event.touches;
    const middle = { clientX: (a.clientX + b.clientX) / 2, clientY: (a.clientY + b.clientY) / 2 };
    setZoom(pinch.zoom * apart([a, b]) / pinch.apart, ...inViewer(middle));
  }, { passive: false });

  // A place: ten-thousandths of the picture, shown by a cross and told to those who do not see it.
  const mayPin = "pins" in viewer.dataset, form = byId("pin-new"), where = byId("where");
  let x = 5000, y = 5000, cross = marks.querySelector(".cross");
  const draw = () => {
    if (!cross) {
      const made = (name, attributes) => {
        const one = document.createElementNS("http://www.w3.org/2000/svg", name);
        Object.entries(attributes).forEach(([key, value]) => one.setAttribute(key, value));
        return one;
      };
      cross = made("svg", { class: "cross", overflow: "visible" });
      cross.append(made("path", { d: "M-18 0H18M0 -18V18" }), made("circle", { r: 8 }));
    }
    marks.append(cross);
    cross.setAttribute("x", `${x / 100}%`);
    cross.setAttribute("y", `${y / 100}%`);
  };
  const take = () => {
    draw();
    form.hidden = false;
    form.elements.x.value = x;
    form.elements.y.value = y;
    form.elements.text.focus();
  };
  const cancel = () => {
    if (cross) cross.remove();
    form.hidden = true;
    where.textContent = "";
    viewer.focus();
  };
  // A zoomed picture follows the cross.
  const follow = () => {
    const left = canvas.offsetWidth * x / 10000, top = canvas.offsetHeight * y / 10000, edge = 40;
    viewer.scrollLeft = Math.min(left - edge, Math.max(left - viewer.clientWidth + edge, viewer.scrollLeft));
    viewer.scrollTop = Math.min(top - edge, Math.max(top - viewer.clientHeight + edge, viewer.scrollTop));
  };
  const move = (right, down) => {
    if (cross && cross.isConnected) {
      x = Math.min(10000, Math.max(0, x + right));
      y = Math.min(10000, Math.max(0, y + down));
    }
    draw();
    follow();
    where.textContent = viewer.dataset.where.replace("{x}", Math.round(x / 100)).replace("{y}", Math.round(y / 100));
  };
  // The pages of a document: at the picture's end the next one comes, with the keyboard still in the picture.
  const turn = (which) => {
    const isAtEnd = { prev: viewer.scrollTop <= 0,
                      next: viewer.scrollTop + viewer.clientHeight >= viewer.scrollHeight - 1 };
    const link = document.querySelector(`.leaves [rel=${which}]`);
    if (!link || !isAtEnd[which]) return false;
    location.href = link.href.replace("#leaves", "#viewer");
    return true;
  };
  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  viewer.addEventListener("keydown", (event) => {
    if (event.target !== viewer || event.ctrlKey || event.metaKey || event.altKey) return;
    const step = event.shiftKey ? 500 : 100;
    if (event.key === "+" || event.key === "=") steps.in();
    else if (event.key === "-") steps.out();
    else if (event.key === "0") steps.fit();
    else if (event.key === "PageUp" || event.key === "PageDown") {
      if (!turn(event.key === "PageUp" ? "prev" : "next")) return;
    } else if (mayPin && ARROWS[event.key]) move(ARROWS[event.key][0] * step, ARROWS[event.key][1] * step);
    else if (mayPin && event.key === "Enter") take();
    else if (mayPin && event.key === "Escape") cancel();
    else return;
    event.preventDefault();
  });
  if (!mayPin) return;
  byId("how-to").hidden = false;
  byId("aim").hidden = true;
  canvas.addEventListener("click", (event) => {
    if (event.target.closest("a")) return;
    const box = canvas.getBoundingClientRect();
    x = Math.round(Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)) * 10000);
    y = Math.round(Math.min(1, Math.max(0, (event.clientY - box.top) / box.height)) * 10000);
    take();
  });
  const stop = form.querySelector("[data-cancel]");
  stop.hidden = false;
  stop.addEventListener("click", cancel);
})();
