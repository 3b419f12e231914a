// The large view of a pair: side by side, slider, blink, difference, zoomed and moved together.
// It is made of what the page holds, so it asks for nothing. Without it, :target shows a pair.
"use strict";
(() => {
  const PICTURES = ".shot > *, .pair > figure > :is(.picture, .framed)";
  const NS = "http://www.w3.org/2000/svg";
  document.documentElement.classList.add("scripted");
  const dialog = document.getElementById("compare");
  const find = (selector) => dialog.querySelector(selector);
  const [title, about, stage, place] = ["h2", ".about", ".stage", ".place-of"].map(find);
  const views = [...dialog.querySelectorAll(".view")];
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const items = [...document.querySelectorAll("article.tile, article.card")].filter(
    (one) => one.querySelectorAll(PICTURES).length === 2,
  );
  let [at, zoom, x, y, home, timer, opener] = [-1, 1, 0, 0, null, 0, null];

  // What the page shows of one picture: its key, its size, the corners of the common region.
  function pictureOf(shown) {
    const line = shown.querySelector("polygon.line");
    const corners = line === null ? [] : [...line.points].map((one) => [one.x, one.y]);
    const file = shown.matches("img") ? shown : shown.querySelector("img");
    if (file !== null) {
      const [width, height] = [Number(file.getAttribute("width")), Number(file.getAttribute("height"))];
      const [address, name] = [file.getAttribute("src"), file.alt];
      return { address, key: "", width, height, corners, name, pixels: file.matches(".pixels") };
    }
    const use = shown.querySelector("use");
    if (use === null) return { name: shown.textContent.trim() };
    const key = use.getAttribute("href");
    const { width, height } = document.querySelector(key).viewBox.baseVal;
    const name = shown.querySelector("title").textContent;
    return { key, width, height, corners, name, pixels: shown.classList.contains("pixels") };
  }

  function solve(rows) {
    for (let i = 0; i < 3; i += 1) {
      const best = rows.slice(i).reduce((a, b) => (Math.abs(b[i]) > Math.abs(a[i]) ? b : a));
      rows.splice(rows.indexOf(best), 1);
      rows.splice(i, 0, best);
      if (Math.abs(best[i]) < 1e-9) return null;
      rows.forEach((row, j) => {
        if (j === i) return;
        const factor = row[i] / best[i];
        row.forEach((_, k) => (row[k] -= factor * best[k]));
      });
    }
    return rows.map((row, i) => row[3] / row[i]);
  }

  // The affine map with the least squared error from one list of corners to the other.
  function affine(from, to) {
    if (from.length < 3 || from.length !== to.length) return null;
    const columns = [0, 1].map((side) => {
      const rows = [0, 1, 2].map((i) => [0, 1, 2, 3].map((j) => from.reduce((sum, corner, n) => {
        const one = [...corner, 1];
        return sum + one[i] * (j === 3 ? to[n][side] : one[j]);
      }, 0)));
      return solve(rows);
    });
    if (columns.includes(null)) return null;
    const [[a, c, e], [b, d, f]] = columns;
    return [a, b, c, d, e, f];
  }

  function element(name, attributes) {
    const made = document.createElementNS(NS, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  }

  // A picture in the frame of another one, or in its own.
  function drawn(picture, frame, matrix) {
    if (picture.key === undefined) {
      const words = document.createElement("p");
      words.className = "nothing";
      words.textContent = picture.name;
      return words;
    }
    const svg = element("svg", { viewBox: `0 0 ${frame.width} ${frame.height}`, role: "img" });
    if (picture.pixels) svg.classList.add("pixels");
    const name = element("title", {});
    name.textContent = picture.name;
    const group = element("g", matrix === null ? {} : { transform: `matrix(${matrix.join(" ")})` });
    const { key, address, width, height, corners } = picture;
    const made = address === undefined ? element("use", { href: key, width, height })
      : element("image", { href: address, width, height });
    group.append(made);
    for (const layer of corners.length ? ["ground", "line"] : []) {
      const points = corners.map((corner) => corner.join(",")).join(" ");
      group.append(element("polygon", { class: `region ${layer}`, points }));
    }
    svg.append(name, group);
    return svg;
  }

  function mode() {
    return find("[name=compare-mode]:checked").value;
  }

  function draw() {
    const shown = items[at].querySelectorAll(PICTURES);
    const [sample, source] = [...shown].map(pictureOf);
    const over = mode() !== "side" && sample.key !== undefined && source.key !== undefined;
    const regional = Boolean(sample.corners?.length && source.corners?.length);
    let matrix = null;
    if (over) {
      matrix = [sample.width / source.width, 0, 0, sample.height / source.height, 0, 0];
      if (regional && find("[name=align]").checked) {
        matrix = affine(source.corners, sample.corners) ?? matrix;
      }
    }
    dialog.classList.toggle("regional", regional);
    dialog.classList.toggle("outlined", find("[name=region]").checked);
    stage.dataset.mode = mode();
    const frames = [sample, over ? sample : source];
    [sample, source].forEach((one, side) => {
      views[side].replaceChildren(drawn(one, frames[side], side ? matrix : null));
      const { width = 1, height = 1 } = frames[side];
      views[side].style.setProperty("--aspect", `${width} / ${height}`);
    });
    clearInterval(timer);
    stage.classList.remove("off");
    const blinks = () => stage.classList.toggle("off");
    if (mode() === "blink" && !calm.matches) timer = setInterval(blinks, 600);
    move();
  }

  function move() {
    const least = 1 - zoom;
    [x, y] = [x, y].map((one) => Math.min(0, Math.max(least, one)));
    find(".zoom output").value = `${zoom}×`;
    for (const view of views) {
      const svg = view.querySelector("svg");
      if (svg === null) continue;
      svg.style.transform = `translate(${100 * x}%, ${100 * y}%) scale(${zoom})`;
    }
  }

  // Around a point of the view, from 0 to 1 of its sides.
  function magnify(factor, px = 0.5, py = 0.5) {
    const next = Math.min(16, Math.max(1, zoom * factor));
    [x, y] = [px - ((px - x) * next) / zoom, py - ((py - y) * next) / zoom];
    zoom = next;
    move();
  }

  function putBack() {
    if (home === null) return;
    home.at.replaceWith(home.decide);
    home = null;
  }

  function show(next) {
    putBack();
    at = next;
    const item = items[at];
    const parts = item.querySelectorAll(".large > *, .rest > .evidence, .rest table");
    const copies = [...parts].map((one) => one.cloneNode(true));
    const sentence = item.querySelector(":scope > p");
    about.replaceChildren(...(sentence ? [sentence.cloneNode(true)] : []), ...copies);
    const decide = item.querySelector("fieldset.decide");
    if (decide !== null) {
      home = { decide, at: document.createComment("") };
      decide.replaceWith(home.at);
      about.prepend(decide);
    }
    title.textContent = item.querySelector("h3 bdi").title;
    const shown = item.querySelectorAll(PICTURES);
    find(".reference-word").textContent = pictureOf(shown[1]).name;
    place.textContent = `${at + 1} of ${items.length}`;
    find("[data-step='-1']").disabled = at === 0;
    find("[data-step='1']").disabled = at === items.length - 1;
    [zoom, x, y] = [1, 0, 0];
    draw();
    if (!dialog.open) dialog.showModal();
    if (item.id) history.replaceState(null, "", `#${item.id}`);
  }

  function step(by) {
    const next = at + by;
    if (next >= 0 && next < items.length) show(next);
  }

  function open(item, from) {
    opener = from;
    show(items.indexOf(item));
  }

  items.forEach((item) => {
    if (!item.classList.contains("card")) return;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "compare-this";
    button.textContent = "Compare";
    item.querySelector(".rest").prepend(button);
  });

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#pair-']");
    const item = link === null ? event.target.closest("article") : document.querySelector(link.hash);
    if (!items.includes(item) || dialog.contains(event.target)) return;
    const hit = event.target.closest(".compare-this, .card .pair :is(.picture, .framed)");
    if (link === null && hit === null) return;
    event.preventDefault();
    open(item, link ?? item.querySelector(".compare-this"));
  });

  dialog.addEventListener("click", (event) => {
    const { step: by, zoom: factor, close } = event.target.closest("button")?.dataset ?? {};
    if (by !== undefined) step(Number(by));
    if (factor !== undefined) magnify(Number(factor));
    if (close !== undefined || event.target === dialog) dialog.close();
  });
  dialog.addEventListener("close", () => {
    clearInterval(timer);
    putBack();
    history.replaceState(null, "", location.pathname + location.search);
    opener?.focus();
  });
  find(".tools").addEventListener("change", draw);
  const split = find("[type=range]");
  const divide = () => stage.style.setProperty("--split", `${split.value}%`);
  split.addEventListener("input", divide);

  const KEYS = { ArrowLeft: () => step(-1), ArrowRight: () => step(1), k: () => step(-1),
    j: () => step(1), "+": () => magnify(2), "=": () => magnify(2), "-": () => magnify(0.5),
    0: () => magnify(1 / zoom) };
  dialog.addEventListener("keydown", (event) => {
    if (event.target.matches("input, select") || event.ctrlKey || event.metaKey) return;
    const ways = [...dialog.querySelectorAll("[name=compare-mode]")];
    const way = ways[Number(event.key) - 1];
    if (way !== undefined) {
      way.checked = true;
      draw();
    } else if (Object.hasOwn(KEYS, event.key)) {
      event.preventDefault();
      KEYS[event.key]();
    }
  });

  const pointOf = (event, view) => {
    const box = view.getBoundingClientRect();
    return [(event.clientX - box.x) / box.width, (event.clientY - box.y) / box.height];
  };
  for (const view of views) {
    view.addEventListener("wheel", (event) => {
      event.preventDefault();
      magnify(event.deltaY < 0 ? 1.25 : 0.8, ...pointOf(event, view));
    }, { passive: false });
    view.addEventListener("pointerdown", (event) => {
      view.setPointerCapture(event.pointerId);
      event.preventDefault();
    });
    view.addEventListener("pointermove", (event) => {
      if (event.buttons !== 1) return;
      const box = view.getBoundingClientRect();
      if (zoom > 1) {
        [x, y] = [x + event.movementX / box.width, y + event.movementY / box.height];
        move();
      } else if (mode() === "slider") {
        split.value = 100 * pointOf(event, view)[0];
        divide();
      }
    });
    view.addEventListener("dblclick", () => magnify(zoom > 1 ? 1 / zoom : 4));
  }

  const linked = items.find((item) => item.id && `#${item.id}` === location.hash);
  if (linked !== undefined) open(linked, linked.querySelector("a"));
})();
