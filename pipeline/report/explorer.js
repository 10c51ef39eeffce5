"use strict";
// Decoders of VAEs, run in the page. Weights: see pipeline/report/explorer.py.
(() => {
  const app = document.getElementById("explorer-app");
  if (!app) return;
  const find = (id) => document.getElementById(id);
  const models = JSON.parse(find("models").textContent);
  const [SIDE, BATCH] = [11, 11]; // images on a side of the map; how many are drawn between two frames
  const ROW = 16; // classes beside each other at most
  const loaded = new Map();
  const state = { model: null, network: null, latents: [], label: 0, across: 0, up: 0 };

  // float16 from its two bytes
  const half = (bits) => {
    const [sign, exponent, fraction] = [bits & 0x8000 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
    if (exponent === 0) return sign * fraction * 2 ** -24;
    return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  };

  const load = async (model) => {
    if (loaded.has(model.name)) return loaded.get(model.name);
    const packed = Uint8Array.from(atob(find(`weights-${model.name}`).textContent), (letter) => letter.charCodeAt(0));
    const plain = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    const bytes = new Uint8Array(await new Response(plain).arrayBuffer());
    const count = bytes.length / 2;
    const values = new Float32Array(count);
    for (let i = 0; i < count; i += 1) values[i] = half((bytes[i] << 8) | bytes[count + i]);
    let start = 0;
    const layers = model.layers.map(([outputs, inputs]) => {
      const matrix = values.subarray(start, start + outputs * inputs);
      const bias = values.subarray(start + outputs * inputs, start + outputs * inputs + outputs);
      start += outputs * (inputs + 1);
      return { outputs, inputs, matrix, bias };
    });
    loaded.set(model.name, layers);
    return layers;
  };

  // An image, bytes (height * width,), at latents and under a label.
  const decode = (model, layers, latents, label) => {
    let values = new Float32Array(model.latent + model.classes.length);
    values.set(latents);
    if (model.classes.length) values[model.latent + label] = 1;
    layers.forEach(({ outputs, inputs, matrix, bias }, depth) => {
      const next = new Float32Array(outputs);
      for (let row = 0, at = 0; row < outputs; row += 1) {
        let sum = bias[row];
        for (let column = 0; column < inputs; column += 1, at += 1) sum += matrix[at] * values[column];
        next[row] = depth < layers.length - 1 && sum < 0 ? 0 : sum;
      }
      values = next;
    });
    const pixels = new Uint8ClampedArray(values.length);
    for (let i = 0; i < values.length; i += 1) {
      pixels[i] = 255 * (model.bernoulli ? 1 / (1 + Math.exp(-values[i])) : (Math.tanh(values[i]) + 1) / 2);
    }
    return pixels;
  };

  const paint = (context, model, pixels, x, y) => {
    const image = context.createImageData(model.width, model.height);
    for (let i = 0; i < pixels.length; i += 1) {
      image.data.fill(pixels[i], 4 * i, 4 * i + 3);
      image.data[4 * i + 3] = 255;
    }
    context.putImageData(image, x, y);
  };

  const [image, plane, every] = ["image", "plane", "every"].map((id) => find(id).getContext("2d", { willReadFrequently: true }));
  const number = (value) => value.toFixed(2).replace("-", "−");

  // Rows of the strip of all classes, and how many classes each has, as evenly as it goes.
  const stacked = (model) => Math.max(1, Math.ceil(model.classes.length / ROW));
  const beside = (model) => Math.max(1, Math.ceil(model.classes.length / stacked(model)));

  const marker = () => {
    const edge = (value) => `${50 + (value / state.model.reach) * (50 * (SIDE - 1)) / SIDE}%`;
    find("marker").style.left = edge(state.latents[state.across]);
    find("marker").style.top = edge(-state.latents[state.up]);
  };

  // The map takes more than a frame: it is drawn row by row, and begun anew when something moves.
  let drawing = 0;
  const map = () => {
    const { model, network, label, across, up } = state;
    const latents = [...state.latents];
    const turn = (drawing += 1);
    let done = 0;
    const rows = () => {
      if (turn !== drawing) return;
      for (let end = Math.min(done + BATCH, SIDE * SIDE); done < end; done += 1) {
        const [row, column] = [Math.floor(done / SIDE), done % SIDE];
        latents[across] = model.reach * ((2 * column) / (SIDE - 1) - 1);
        latents[up] = model.reach * (1 - (2 * row) / (SIDE - 1));
        paint(plane, model, decode(model, network, latents, label), column * model.width, row * model.height);
      }
      if (done < SIDE * SIDE) requestAnimationFrame(rows);
    };
    requestAnimationFrame(rows);
  };

  let speaking = 0;
  const speak = () => {
    clearTimeout(speaking);
    speaking = setTimeout(() => { find("said").textContent = `The image was drawn anew: ${describe()}.`; }, 500);
  };

  const describe = () => {
    const { model, label, latents } = state;
    const kind = model.classes.length ? `, class ${model.classes[label]}` : "";
    const main = model.order.slice(0, 3).map((dimension) => `dimension ${dimension + 1} at ${number(latents[dimension])}`);
    return `${model.name}${kind}, ${main.join(", ")}`;
  };

  // `moved`: only along the two dimensions of the map, which therefore stays as it is.
  const draw = (moved = false) => {
    const { model, network, latents, label } = state;
    if (!network) return;
    paint(image, model, decode(model, network, latents, label), 0, 0);
    find("image").setAttribute("aria-label", `The decoder's image: ${describe()}`);
    find("here").textContent = `What ${model.name}, seed ${model.seed}, draws here${model.classes.length ? ` as a ${model.classes[label]}` : ""}.`;
    const columns = beside(model);
    model.classes.forEach((_, other) => paint(every, model, decode(model, network, latents, other), (other % columns) * model.width, Math.floor(other / columns) * model.height));
    marker();
    if (!moved) map();
    speak();
  };

  const move = (dimension, value) => {
    const { reach } = state.model;
    state.latents[dimension] = Math.round(100 * Math.max(-reach, Math.min(reach, value))) / 100;
    const slider = find(`latent-${dimension}`);
    slider.value = state.latents[dimension];
    slider.parentElement.querySelector("output").textContent = number(state.latents[dimension]);
  };

  const sliders = () => {
    const { model } = state;
    find("sliders").replaceChildren(...model.order.map((dimension, place) => {
      const row = document.createElement("div");
      row.className = place < model.active ? "slider" : "slider weak";
      row.hidden = place >= model.active && !find("idle").checked;
      const label = document.createElement("label");
      label.htmlFor = `latent-${dimension}`;
      label.textContent = `z${dimension + 1}`;
      label.title = `Dimension ${dimension + 1}, influence ${model.influence[dimension]} of the most influential's`;
      const input = document.createElement("input");
      Object.assign(input, { id: `latent-${dimension}`, type: "range", min: -model.reach, max: model.reach, step: 0.01, value: state.latents[dimension] });
      input.addEventListener("input", () => {
        move(dimension, Number(input.value));
        draw(dimension === state.across || dimension === state.up);
      });
      const output = document.createElement("output");
      output.htmlFor = input.id;
      output.textContent = number(state.latents[dimension]);
      row.append(label, input, output);
      return row;
    }));
    const idle = model.latent - model.active;
    find("idle-count").textContent = `(${idle})`;
    find("idle").parentElement.hidden = idle === 0;
  };

  const options = (select, chosen) => {
    select.replaceChildren(...state.model.order.map((dimension) => new Option(`z${dimension + 1}`, dimension, false, dimension === chosen)));
  };

  const choose = async (name) => {
    const model = models.find((each) => each.name === name);
    const network = await load(model);
    if (find("model").value !== name) return; // another was chosen meanwhile
    Object.assign(state, { model, network, latents: new Array(model.latent).fill(0), label: Math.min(state.label, Math.max(0, model.classes.length - 1)) });
    [state.across, state.up] = [model.order[0], model.order[Math.min(1, model.latent - 1)]];
    options(find("across"), state.across);
    options(find("up"), state.up);
    const conditional = model.classes.length > 0;
    find("classes").hidden = find("strip").hidden = !conditional;
    find("classes").querySelector(".radios").replaceChildren(...model.classes.map((text, label) => {
      const [shell, input] = [document.createElement("label"), document.createElement("input")];
      Object.assign(input, { type: "radio", name: "class", value: label, checked: label === state.label });
      input.addEventListener("change", () => { state.label = label; draw(); });
      shell.append(input, text);
      return shell;
    }));
    Object.assign(find("image"), { width: model.width, height: model.height });
    Object.assign(find("plane"), { width: SIDE * model.width, height: SIDE * model.height });
    Object.assign(find("every"), { width: beside(model) * model.width, height: stacked(model) * model.height });
    sliders();
    draw();
    app.dataset.ready = name;
  };

  // Roughly normal, as the prior is: twelve evenly drawn numbers add up to a variance of 1.
  const normal = () => Array.from({ length: 12 }, Math.random).reduce((sum, each) => sum + each, -6);
  const all = (value) => { state.latents.forEach((_, dimension) => move(dimension, value())); draw(); };

  find("model").addEventListener("change", (event) => choose(event.target.value));
  find("random").addEventListener("click", () => all(normal));
  find("origin").addEventListener("click", () => all(() => 0));
  find("idle").addEventListener("change", () => sliders());
  for (const axis of ["across", "up"]) {
    find(axis).addEventListener("change", (event) => { state[axis] = Number(event.target.value); draw(); });
  }

  const pad = find("map");
  const point = (event) => {
    const box = pad.getBoundingClientRect();
    const value = (share) => (2 * share - 1) * state.model.reach * SIDE / (SIDE - 1);
    move(state.across, value((event.clientX - box.left) / box.width));
    move(state.up, -value((event.clientY - box.top) / box.height));
    draw(true);
  };
  pad.addEventListener("pointerdown", (event) => { pad.setPointerCapture(event.pointerId); point(event); });
  pad.addEventListener("pointermove", (event) => { if (pad.hasPointerCapture(event.pointerId)) point(event); });
  pad.addEventListener("keydown", (event) => {
    const steps = { ArrowLeft: ["across", -1], ArrowRight: ["across", 1], ArrowUp: ["up", 1], ArrowDown: ["up", -1] };
    if (!(event.key in steps)) return;
    const [axis, sign] = steps[event.key];
    move(state[axis], state.latents[state[axis]] + sign * (event.shiftKey ? 0.5 : 0.1));
    draw(true);
    event.preventDefault();
  });

  // Unpacked when it comes near, so that the page opens at once.
  const near = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    near.disconnect();
    choose(find("model").value);
  }, { rootMargin: "800px" });
  near.observe(app);
})();
