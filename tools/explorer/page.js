"use strict";
// A point of the latent space, and the pictures that the server draws of it. Parameters: see tools/explorer/point.py.
(async () => {
  const find = (id) => document.getElementById(id);
  const make = (name, fields = {}, ...children) => {
    const element = Object.assign(document.createElement(name), fields);
    element.append(...children);
    return element;
  };
  const { facts, usual } = await (await fetch("model.json")).json();
  const [, HEIGHT, WIDTH] = facts.shape;
  const LAST = 2 ** 31 - 1;
  const STEPS = 9; // pictures from one latent to another
  const random = () => Math.floor(1e6 * Math.random());
  const number = (value) => value.toFixed(2).replace("-", "−");
  const state = { ...usual, start: 0, end: 1, share: 0, moves: new Array(facts.directions).fill(0), code: 1, other: Math.min(2, facts.codes), mixed: 0 };

  // The address keeps where one is, for the next visit or for somebody else; what does not fit the model is ignored.
  const remember = () => {
    const said = new URLSearchParams(location.hash.slice(1));
    const numbers = { start: [0, LAST], end: [0, LAST], share: [0, 1], ...(facts.codes && { code: [1, facts.codes], other: [1, facts.codes], mixed: [0, 1] }) };
    for (const [key, [least, most]] of Object.entries(numbers)) {
      const value = Number(said.get(key) ?? NaN);
      if (value >= least && value <= most && (most === 1 || Number.isInteger(value))) state[key] = value;
    }
    if (facts.seeds.includes(Number(said.get("seed") ?? NaN))) state.seed = Number(said.get("seed"));
    if (facts.drawers.includes(said.get("drawer"))) state.drawer = said.get("drawer");
    const moves = (said.get("moves") ?? "").split(",").map(Number);
    if (moves.length === facts.directions && moves.every((move) => Math.abs(move) <= facts.reach)) state.moves = moves;
    const label = said.getAll("label").filter((name) => facts.classes.includes(name));
    const most = { classes: 1, objects: facts.objects, attributes: facts.classes.length }[facts.kind];
    if (said.has("seed") && label.length <= most && (label.length || facts.kind === "attributes")) state.label = label;
  };

  const query = () => {
    const asked = new URLSearchParams({ seed: state.seed });
    if (state.drawer) asked.set("drawer", state.drawer);
    for (const key of ["start", "end", "share"]) asked.set(key, state[key]);
    asked.set("moves", state.moves.join(","));
    for (const name of state.label) asked.append("label", name);
    if (facts.codes) for (const key of ["code", "other", "mixed"]) asked.set(key, state[key]);
    return asked.toString();
  };

  // ---- pictures

  const fetched = async (name, asked) => {
    const answer = await fetch(`${name}.png?${asked}`);
    if (!answer.ok) throw new Error((await answer.text()).trim());
    return createImageBitmap(await answer.blob());
  };
  const pen = (canvas) => canvas.getContext("2d", { willReadFrequently: true }); // few pixels: in memory, not on the GPU
  const picture = () => make("canvas", { width: WIDTH, height: HEIGHT });
  const strips = new Map(); // the canvases of each strip
  const waiting = new Set();
  let [running, again] = [false, false];

  const plain = (name) => name.replaceAll("_", " ");
  const describe = () => {
    const parts = [`latent ${state.start}`];
    if (state.share) parts[0] = `${Math.round(100 * state.share)} % of the way from latent ${state.start} to ${state.end}`;
    if (state.label.length) parts.push(`${facts.kind === "classes" ? "class " : ""}${state.label.map(plain).join(", ")}`);
    else if (facts.classes.length) parts.push("no attribute");
    if (facts.codes) parts.push(state.mixed && state.other !== state.code ? `code ${state.code} with ${Math.round(100 * state.mixed)} % of ${state.other}` : `code ${state.code}`);
    state.moves.forEach((move, place) => { if (move) parts.push(`direction ${place + 1} at ${number(move)}`); });
    parts.push(`seed ${state.seed}${state.drawer ? `, ${state.drawer === "average" ? "moving average" : "generator"}` : ""}`);
    return parts.join("; ");
  };

  const quoted = (text) => (/^[\w.-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
  const shell = () => {
    const reached = !state.share && !state.moves.some(Boolean) && (!state.mixed || state.other === state.code);
    if (!reached || state.drawer !== usual.drawer || (facts.classes.length && !state.label.length)) return "";
    const words = ["latentlab sample", facts.name, "--count 1", `--seed ${state.start}`];
    if (state.seed !== facts.seeds[0]) words.push(`--model-seed ${state.seed}`);
    state.label.forEach((name) => words.push(`--label ${quoted(name)}`));
    if (facts.codes) words.push(`--code ${state.code}`);
    return words.join(" ");
  };

  let quiet = 0;
  const settled = () => {
    clearTimeout(quiet);
    quiet = setTimeout(() => {
      history.replaceState(null, "", `#${query()}`);
      find("said").textContent = `Drawn: ${describe()}.`;
    }, 500);
  };

  const show = async () => {
    const asked = query();
    const bitmap = await fetched("image", asked);
    pen(find("image")).drawImage(bitmap, 0, 0);
    find("image").setAttribute("aria-label", `What ${facts.name} draws: ${describe()}`);
    find("caption").textContent = `${describe()}.`.replace(/^./, (letter) => letter.toUpperCase());
    find("keep").href = `large.png?${asked}`;
    find("command").textContent = shell();
    find("same").hidden = !shell();
    find("app").dataset.shown = asked;
  };

  const fill = async (name) => {
    const asked = query();
    const bitmap = await fetched(name, asked);
    strips.get(name).forEach((canvas, place) => pen(canvas).drawImage(bitmap, -place * WIDTH, 0));
    find("app").dataset[name] = asked;
  };

  // One request at a time, so that no queue builds up: the large picture of the newest point first, then the strips,
  // beginning with the one that has waited longest.
  const draw = async () => {
    strips.forEach((_, name) => waiting.add(name));
    again = true;
    if (running) return;
    running = true;
    let fault = "";
    while (again || waiting.size) {
      try {
        if (again) {
          again = false;
          await show();
        } else {
          const [name] = waiting;
          waiting.delete(name);
          await fill(name);
        }
        fault = "";
      } catch (error) {
        fault = error instanceof TypeError ? "No answer: is latentlab explore still running?" : error.message;
        waiting.clear();
      }
      find("fault").textContent = fault;
      find("fault").hidden = !fault;
    }
    running = false;
    settled();
  };

  // ---- controls

  const sync = () => {
    for (const input of document.querySelectorAll("#labels-tiles input")) {
      input.checked = state.label.includes(input.value);
      if (facts.kind === "objects") input.disabled = input.checked ? state.label.length === 1 : state.label.length >= facts.objects;
    }
    for (const [group, key] of [["codes-tiles", "code"], ["seeds", "seed"], ["drawers", "drawer"]]) {
      for (const input of find(group).querySelectorAll("input")) input.checked = input.value === String(state[key]);
    }
    for (const key of ["start", "end", "share", "mixed", "other"]) if (document.activeElement !== find(key) || find(key).type !== "number") find(key).value = state[key];
    for (const key of ["share", "mixed"]) find(key).parentElement.querySelector("output").textContent = `${Math.round(100 * state[key])} %`;
    state.moves.forEach((move, place) => {
      const slider = find(`move-${place}`);
      slider.value = move;
      slider.parentElement.querySelector("output").textContent = number(move);
    });
    [...find("between-tiles").children].forEach((button, place) => button.setAttribute("aria-current", String(Math.round(state.share * (STEPS - 1)) === place)));
  };
  const set = (fields) => { Object.assign(state, fields); sync(); draw(); };
  const move = (place, value) => set({ moves: state.moves.map((other, each) => (each === place ? value : other)) });

  const radios = (group, key, entries) => find(group).replaceChildren(...entries.map(([value, text]) => {
    const input = make("input", { type: "radio", name: key, value });
    input.addEventListener("change", () => set({ [key]: value }));
    return make("label", {}, input, text);
  }));

  const tiles = (strip, type, entries, choose) => {
    const canvases = entries.map(picture);
    find(`${strip}-tiles`).replaceChildren(...entries.map(([value, text], place) => {
      const input = make("input", { type, name: strip, value });
      input.addEventListener("change", () => choose(value, input.checked));
      return make("label", { className: "tile" }, input, canvases[place], make("span", { textContent: text }));
    }));
    find(strip).hidden = false;
    strips.set(strip, canvases);
  };

  const labels = () => {
    if (!facts.classes.length) return;
    const [name, hint] = {
      classes: ["Class", "Each class at this latent: what is left is style."],
      objects: ["Objects", `One to ${facts.objects}. Shown here: each alone, at this latent.`],
      attributes: ["Attributes", "Each picture is what a click would draw."],
    }[facts.kind];
    find("labels-name").textContent = name;
    find("labels-hint").textContent = hint;
    const pairs = facts.classes.map((each) => [each, plain(each)]);
    if (facts.kind === "classes") tiles("labels", "radio", pairs, (value) => set({ label: [value] }));
    else tiles("labels", "checkbox", pairs, (value, on) => set({ label: facts.classes.filter((each) => (each === value ? on : state.label.includes(each))) }));
    find("real").hidden = !facts.real.length;
    find("borrow").addEventListener("click", () => set({ label: facts.real[Math.floor(facts.real.length * Math.random())] }));
  };

  const codes = () => {
    if (!facts.codes) return;
    const entries = Array.from({ length: facts.codes }, (_, code) => [code + 1, String(code + 1)]);
    tiles("codes", "radio", entries, (code) => set({ code }));
    find("other").replaceChildren(...entries.map(([value, text]) => new Option(text, value)));
    find("other").addEventListener("change", () => set({ other: Number(find("other").value) }));
    find("mixed").addEventListener("input", () => set({ mixed: Number(find("mixed").value) }));
  };

  const between = () => {
    const canvases = Array.from({ length: STEPS }, picture);
    find("between-tiles").replaceChildren(...canvases.map((canvas, place) => {
      const share = place / (STEPS - 1);
      const button = make("button", { type: "button", ariaLabel: `${Math.round(100 * share)} % of the way` }, canvas);
      button.addEventListener("click", () => set({ share }));
      return button;
    }));
    strips.set("between", canvases);
    find("share").addEventListener("input", () => set({ share: Number(find("share").value) }));
    for (const key of ["start", "end"]) {
      find(key).addEventListener("input", () => { if (find(key).value && find(key).checkValidity()) set({ [key]: Number(find(key).value) }); });
      find(key).addEventListener("blur", sync);
    }
    find("goal").addEventListener("click", () => set({ end: random() }));
  };

  const directions = () => {
    const canvases = [];
    find("sliders").replaceChildren(...state.moves.map((_, place) => {
      const id = `move-${place}`;
      const ends = [-facts.reach, facts.reach].map((value) => {
        const canvas = picture();
        canvases.push(canvas);
        const button = make("button", { type: "button", className: "end", ariaLabel: `Direction ${place + 1} to ${number(value)}` }, canvas);
        button.addEventListener("click", () => move(place, value));
        return button;
      });
      const input = make("input", { id, type: "range", min: -facts.reach, max: facts.reach, step: 0.05, ariaLabel: `Direction ${place + 1}` });
      input.addEventListener("input", () => move(place, Number(input.value)));
      return make("div", { className: "slider" }, make("label", { htmlFor: id, textContent: place + 1 }), ends[0], input, ends[1], make("output", { htmlFor: id }));
    }));
    strips.set("directions", canvases);
    find("centre").addEventListener("click", () => set({ moves: state.moves.map(() => 0) }));
  };

  // A walk from latent to latent; each leg takes some seconds, however fast pictures come.
  const LEG = 4000;
  let [wandering, before] = [false, 0];
  const step = (now) => {
    if (!wandering) return;
    const share = state.share + Math.min(now - before, 200) / LEG;
    before = now;
    set(share < 1 ? { share } : { start: state.end, end: random(), share: 0 });
    requestAnimationFrame(step);
  };
  const wander = (on) => {
    wandering = on;
    find("wander").setAttribute("aria-pressed", String(on));
    find("wander").textContent = on ? "Stop" : "Wander";
    if (on) requestAnimationFrame((now) => { before = now; step(now); });
    else set({ share: Math.round(100 * state.share) / 100 });
  };

  remember();
  document.title = `${facts.name} · latentlab explore`;
  document.documentElement.style.setProperty("--tile", `${Math.floor(64 / WIDTH) * WIDTH || 64}px`);
  Object.assign(find("image"), { width: WIDTH, height: HEIGHT });
  find("keep").download = `${facts.name}.png`;
  find("name").textContent = facts.name;
  find("kind").textContent = "drawn by torch, on this machine";
  const article = /^[aeiou]/.test(facts.family) ? "An" : "A";
  find("about").textContent = `${article} ${facts.family} of ${facts.network} networks, trained on ${facts.source}, makes a picture of ${WIDTH}×${HEIGHT} pixels from ${facts.latent} numbers: ${facts.latents}.`;
  labels();
  codes();
  between();
  directions();
  radios("seeds", "seed", facts.seeds.map((seed) => [seed, String(seed)]));
  radios("drawers", "drawer", facts.drawers.map((drawer) => [drawer, drawer === "average" ? "moving average" : "generator"]));
  find("drawers").hidden = !facts.drawers.length;
  find("random").addEventListener("click", () => set({ start: random(), share: 0, moves: state.moves.map(() => 0) }));
  find("wander").addEventListener("click", () => wander(!wandering));
  sync();
  draw();
})();
