"use strict";
// Sorting, charts of a metric, enlarged figures, colours. Without it the page is complete, but still.
document.documentElement.classList.add("script");

(() => {
  const themes = ["auto", "light", "dark"];
  const button = document.getElementById("theme");
  const show = () => {
    const theme = document.documentElement.dataset.theme;
    button.textContent = `Colours: ${theme}`;
    button.setAttribute("aria-label", `Colours: ${theme === "auto" ? "automatic" : theme}`);
  };
  button.addEventListener("click", () => {
    const theme = themes[(themes.indexOf(document.documentElement.dataset.theme) + 1) % themes.length];
    document.documentElement.dataset.theme = theme;
    try { localStorage.setItem("latentlab-theme", theme); } catch (error) { /* a file may have no storage */ }
    show();
  });
  show();
})();

(() => {
  const contents = document.querySelector(".toc details");
  if (window.matchMedia("(max-width: 69.99rem)").matches) contents.open = false;
  const links = new Map([...document.querySelectorAll(".toc a")].map((link) => [link.getAttribute("href").slice(1), link]));
  const headings = [...links.keys()].map((id) => document.getElementById(id));
  const mark = () => {
    const past = headings.filter((heading) => heading.getBoundingClientRect().top < 140).at(-1);
    for (const [id, link] of links) {
      if (past && id === past.id) link.setAttribute("aria-current", "location");
      else link.removeAttribute("aria-current");
    }
  };
  let waiting = false;
  document.addEventListener("scroll", () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; mark(); });
  }, { passive: true });
})();

(() => {
  const value = (row, column) => {
    const cell = row.cells[column];
    if (column === 0) return cell.textContent;
    return cell.dataset.value === undefined ? null : Number(cell.dataset.value);
  };
  const compare = (a, b, sign) => {
    if (a === null || b === null) return (a === null) - (b === null); // dashes last, whichever way
    return sign * (typeof a === "string" ? a.localeCompare(b) : a - b);
  };
  for (const table of document.querySelectorAll("table.results")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      heads.forEach((other) => other.setAttribute("aria-sort", "none"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const rows = [...table.tBodies[0].rows];
      rows.sort((a, b) => compare(value(a, column), value(b, column), down ? -1 : 1));
      table.tBodies[0].append(...rows);
      table.dispatchEvent(new Event("sorted"));
    }));
    const role = table.closest("section");
    role.querySelector(".all").addEventListener("change", (event) => table.classList.toggle("short", !event.target.checked));
  }
})();

(() => {
  const space = "http://www.w3.org/2000/svg";
  const make = (parent, name, attributes, text) => {
    const element = document.createElementNS(space, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (text !== undefined) element.textContent = text;
    parent.append(element);
    return element;
  };
  // Round numbers from `low` to `high`, about five.
  const ticks = (low, high) => {
    const rough = (high - low) / 5;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((times) => times * power).find((size) => size >= rough);
    const found = [];
    for (let tick = Math.ceil(low / step); tick * step <= high; tick += 1) found.push(Number((tick * step).toPrecision(10)));
    return found;
  };
  const signed = (number) => String(number).replace("-", "−");
  for (const figure of document.querySelectorAll("figure.dots")) {
    const table = figure.closest("section").querySelector("table.results");
    const select = figure.querySelector("select");
    const draw = () => {
      const head = [...table.tHead.rows[0].cells].find((cell) => cell.dataset.metric === select.value);
      const rows = [...table.tBodies[0].rows].map((row) => ({ name: row.cells[0].textContent, ...row.cells[head.cellIndex].dataset }))
        .filter((row) => row.value !== undefined)
        .map((row) => ({ name: row.name, value: +row.value, low: +(row.low ?? row.value), high: +(row.high ?? row.value) }));
      let low = Math.min(...rows.map((row) => row.low));
      let high = Math.max(...rows.map((row) => row.high));
      if (low === high) [low, high] = [low - 0.5, high + 0.5];
      const reach = high - low;
      [low, high] = [low - 0.04 * reach, high + 0.04 * reach];
      const [left, width, line] = [190, 640, 24];
      const place = (number) => left + ((number - low) / (high - low)) * (width - left - 16);
      const height = rows.length * line + 34;
      const plot = figure.querySelector(".plot");
      plot.replaceChildren();
      const title = head.querySelector("button").textContent.trim();
      const svg = make(plot, "svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${title} of ${rows.length} experiments; the table above has the numbers` });
      for (const tick of ticks(low, high)) {
        make(svg, "line", { x1: place(tick), x2: place(tick), y1: 4, y2: height - 26 });
        make(svg, "text", { x: place(tick), y: height - 10, "text-anchor": "middle", class: "tick" }, signed(tick));
      }
      rows.forEach((row, number) => {
        const y = 4 + (number + 0.5) * line;
        const name = make(svg, "text", { x: left - 10, y: y + 4, "text-anchor": "end" }, row.name);
        const letters = [...row.name];
        while (letters.length && name.getComputedTextLength() > left - 10) {
          letters.pop();
          name.textContent = `${letters.join("")}…`;
        }
        if (name.textContent !== row.name) make(name, "title", {}, row.name);
        make(svg, "line", { x1: place(row.low), x2: place(row.high), y1: y, y2: y, class: "whisker" });
        make(svg, "circle", { cx: place(row.value), cy: y, r: 4.5 });
      });
      figure.querySelector(".meaning").textContent = head.querySelector("button").title;
    };
    select.addEventListener("change", draw);
    table.addEventListener("sorted", draw);
    figure.hidden = false; // first, as what is hidden has no width
    draw();
  }
})();

// Films: all of a plate show the same moment. They stand still until asked, play once to their end, and where motion is
// not wanted there is nothing to play, only steps.
(() => {
  const still = window.matchMedia("(prefers-reduced-motion: reduce)");
  for (const plate of document.querySelectorAll(".films")) {
    const [play, back, on] = ["play", "back", "on"].map((name) => plate.querySelector(`.${name}`));
    const slider = plate.querySelector("input");
    const last = Number(slider.max);
    const films = [...plate.querySelectorAll(".film")].map((film) => [...film.querySelectorAll("li")]);
    let timer = 0;
    const show = (moment) => {
      slider.value = moment;
      const text = `${moment} of ${last}`;
      slider.setAttribute("aria-valuetext", `moment ${text}`);
      plate.querySelector("output").textContent = text;
      back.disabled = moment === 1;
      on.disabled = moment === last;
      for (const frames of films) {
        const now = Math.ceil((moment * frames.length) / last); // a shorter one is as far on its way
        frames.forEach((frame, number) => frame.classList.toggle("now", number + 1 === now));
      }
    };
    const pause = () => {
      clearInterval(timer);
      timer = 0;
      play.textContent = "Play";
    };
    const step = (by) => {
      pause();
      show(Math.min(last, Math.max(1, Number(slider.value) + by)));
    };
    play.addEventListener("click", () => {
      if (timer) { pause(); return; }
      if (Number(slider.value) === last) show(1);
      play.textContent = "Pause";
      timer = setInterval(() => {
        show(Math.min(last, Number(slider.value) + 1));
        if (Number(slider.value) === last) pause();
      }, 700);
    });
    back.addEventListener("click", () => step(-1));
    on.addEventListener("click", () => step(1));
    slider.addEventListener("input", () => step(0));
    const heed = () => { pause(); play.hidden = still.matches; };
    still.addEventListener("change", heed);
    heed();
    show(last);
  }
})();

(() => {
  const dialog = document.getElementById("enlarged");
  const image = document.getElementById("enlarged-image");
  const buttons = [...document.querySelectorAll(".enlarge")];
  let place = 0;
  const show = (number) => {
    place = (number + buttons.length) % buttons.length;
    const small = buttons[place].querySelector("img");
    image.src = small.src;
    image.alt = small.alt;
    image.width = 2 * Number(small.getAttribute("width")); // as far as the window allows
    image.height = 2 * Number(small.getAttribute("height"));
    const plate = buttons[place].closest(".plate, .single");
    const whole = plate.querySelector(":scope > figcaption").textContent.trim();
    const own = plate.classList.contains("plate") ? buttons[place].parentElement.querySelector("figcaption").textContent.trim() : "";
    document.getElementById("enlarged-caption").textContent = own ? `${own}. ${whole}` : whole;
    document.getElementById("position").textContent = `${place + 1} of ${buttons.length}`;
  };
  buttons.forEach((button, number) => {
    button.addEventListener("click", () => { show(number); dialog.showModal(); });
  });
  document.getElementById("previous").addEventListener("click", () => show(place - 1));
  document.getElementById("next").addEventListener("click", () => show(place + 1));
  document.getElementById("close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("keydown", (event) => {
    if (event.key === "ArrowLeft") show(place - 1);
    else if (event.key === "ArrowRight") show(place + 1);
    else return;
    event.preventDefault();
  });
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener("close", () => buttons[place].focus());
})();
