// What hands do on the map: drag, wheel, pinch, double click, keys, and drawing a lasso or a box.
// It moves the camera, and reports clicks, hovering and shapes.

const CLICK = 5; // pixels that a click may move
const STEP = 60;

/** Listens on an element. `on` has moved, hover, click, draw, shape; `tool()` says what a drag does. */
export function gestures(element, camera, tool, on) {
  const fingers = new Map();
  let [start, last, path, pinch, gone] = [null, null, null, null, 0];

  const place = (event) => {
    const box = element.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };

  element.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || event.target.closest("button, select, label")) return;
    element.focus({ preventScroll: true });
    element.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, place(event));
    on.hover(null);
    if (fingers.size === 2) { path = null; on.draw(null); pinch = apart(fingers); return; }
    start = last = place(event);
    gone = 0;
    const kind = tool() === "pan" && event.shiftKey ? "lasso" : tool();
    path = kind === "pan" ? null : { kind, mode: event.altKey ? "take away" : event.shiftKey ? "add" : "new", points: [start] };
  });

  element.addEventListener("pointermove", (event) => {
    const now = place(event);
    if (!fingers.has(event.pointerId)) { if (event.pointerType !== "touch") on.hover(now); return; }
    fingers.set(event.pointerId, now);
    if (fingers.size === 2) {
      const other = apart(fingers);
      if (pinch) {
        camera.pan(other.x - pinch.x, other.y - pinch.y);
        camera.zoomAt(other.x, other.y, Math.log2(other.far / pinch.far));
        on.moved();
      }
      pinch = other;
      gone = CLICK + 1;
      return;
    }
    if (!start) return;
    gone = Math.max(gone, Math.hypot(now[0] - start[0], now[1] - start[1]));
    if (path) {
      path.points = path.kind === "box" ? [start, now] : [...path.points, now];
      on.draw(path);
    } else if (gone > CLICK) {
      camera.pan(now[0] - last[0], now[1] - last[1]);
      element.classList.add("dragged");
      on.moved();
    }
    last = now;
  });

  const end = (event) => {
    if (!fingers.delete(event.pointerId)) return;
    pinch = null;
    element.classList.remove("dragged");
    if (event.type === "pointercancel" || fingers.size) { start = path = null; on.draw(null); return; }
    if (start && gone <= CLICK) on.click(start, event);
    else if (path && gone > CLICK) on.shape(path.points.map(([left, top]) => camera.toMap(left, top)), path.kind, path.mode);
    on.draw(null);
    start = path = null;
  };
  element.addEventListener("pointerup", end);
  element.addEventListener("pointercancel", end);
  element.addEventListener("pointerleave", () => on.hover(null));

  element.addEventListener("wheel", (event) => {
    if (event.target.closest("select")) return;
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? 400 : 1;
    const by = -event.deltaY * lines * (event.ctrlKey ? 0.012 : 0.0022);
    camera.zoomAt(...place(event), Math.max(-1, Math.min(1, by)));
    on.moved();
  }, { passive: false });

  element.addEventListener("dblclick", (event) => {
    if (event.target.closest("button, select, label")) return;
    event.preventDefault();
    on.zoom(event.shiftKey ? -1 : 1, place(event));
  });

  element.addEventListener("keydown", (event) => {
    if (event.target !== element || event.ctrlKey || event.metaKey || event.altKey) return;
    const move = { ArrowLeft: [STEP, 0], ArrowRight: [-STEP, 0], ArrowUp: [0, STEP], ArrowDown: [0, -STEP] }[event.key];
    if (move) { camera.pan(...move); on.moved(); }
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
}

/** The middle of two fingers, and how far they are apart. */
export function apart(fingers) {
  const [[ax, ay], [bx, by]] = [...fingers.values()];
  return { x: (ax + bx) / 2, y: (ay + by) / 2, far: Math.max(1, Math.hypot(ax - bx, ay - by)) };
}
