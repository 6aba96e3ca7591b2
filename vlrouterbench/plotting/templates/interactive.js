"use strict";
// Puts each interactive figure of the page in the place of its static form, in the screen's colours, and places names.
(() => {
  const scheme = window.matchMedia("(prefers-color-scheme: dark)");
  // Offset right and down in pixels and alignment of a name, the preferred first.
  const offsets = [[9, -9, "left"], [9, 10, "left"], [-9, -9, "right"], [-9, 10, "right"], [11, 0, "left"], [-11, 0, "right"],
    [0, -16, "center"], [0, 17, "center"]];
  const ruler = document.createElement("canvas").getContext("2d");
  ruler.font = "12px system-ui, sans-serif";

  function along(range, scale, length, value) {
    const [low, high, at] = [range.start, range.end, value].map(scale);
    return (at - low) / (high - low) * length;
  }

  // Ticks of a logarithmic axis, in numbers that people count in: 1, 2, 5 of each power of ten, or even steps in a part.
  function ticks({ start, end }) {
    const decades = Math.log10(end / start);
    const power = (value) => 10 ** Math.floor(Math.log10(value));
    if (decades < 0.7) {
      const rough = (end - start) / 5;
      const step = power(rough) * [1, 2, 5, 10].find((factor) => power(rough) * factor >= rough);
      return Array.from({ length: 8 }, (_, i) => Number(((Math.ceil(start / step) + i) * step).toPrecision(6)));
    }
    const factors = decades < 3.5 ? [1, 2, 5] : [1];
    const found = [];
    for (let at = power(start); at <= end; at *= 10) found.push(...factors.map((f) => Number((f * at).toPrecision(6))));
    return found;
  }

  // Whether a line from (x0, y0) to (x1, y1) passes through a box: what of it lies within is cut at each side in turn.
  function crosses([x0, y0, x1, y1], [left, top, right, bottom]) {
    const [dx, dy] = [x1 - x0, y1 - y0];
    let [from, to] = [0, 1];
    for (const [step, room] of [[-dx, x0 - left], [dx, right - x0], [-dy, y0 - top], [dy, bottom - y0]]) {
      if (step === 0 && room < 0) return false;
      if (step < 0) from = Math.max(from, room / step);
      if (step > 0) to = Math.min(to, room / step);
    }
    return from <= to;
  }

  // The lines of a figure in pixels: frontier, curves and intervals, as far as they are not hidden.
  function lines(plot, toX, toY) {
    const found = [];
    for (const { glyph, data_source, visible } of plot.renderers) {
      const { x, y, x0, y0, x1, y1 } = data_source.data;
      if (!visible) continue;
      if (glyph.type === "Line") {
        for (let i = 1; i < x.length; i++) found.push([toX(x[i - 1]), toY(y[i - 1]), toX(x[i]), toY(y[i])]);
      } else if (glyph.type === "Segment") {
        for (let i = 0; i < x0.length; i++) found.push([toX(x0[i]), toY(y0[i]), toX(x1[i]), toY(y1[i])]);
      }
    }
    return found.filter((line) => line.every(Number.isFinite));
  }

  // Names in their order take the first place where they cover no point, no name and, if there is one, no line; the
  // others wait for a closer look.
  function place(plot, logarithmic) {
    const source = plot.select_one("names").data_source;
    const { x, y, name } = source.data;
    const [width, height] = [plot.inner_width, plot.inner_height];
    const toX = (value) => along(plot.x_range, logarithmic ? Math.log : Number, width, value);
    const toY = (value) => height - along(plot.y_range, Number, height, value);
    const [across, down] = [[...x].map(toX), [...y].map(toY)];
    const drawn = lines(plot, toX, toY);
    const inside = across.map((value, i) => value >= 0 && value <= width && down[i] >= 0 && down[i] <= height);
    const points = across.map((value, i) => [value - 5, down[i] - 5, value + 5, down[i] + 5]);
    const names = [];
    const placed = { shown: [], right: [], up: [], align: [] };
    for (let i = 0; i < name.length; i++) {
      const wide = ruler.measureText(name[i]).width;
      const fits = (besideLines) => ([right, up, align]) => {
        const left = across[i] + right - (align === "right" ? wide : align === "center" ? wide / 2 : 0);
        const box = [left, down[i] + up - 7, left + wide, down[i] + up + 7];
        const covers = (other) => box[0] < other[2] && other[0] < box[2] && box[1] < other[3] && other[1] < box[3];
        if (box[0] < 0 || box[2] > width || box[1] < 0 || box[3] > height) return false;
        if (names.some(covers) || points.some((point, j) => j !== i && inside[j] && covers(point))) return false;
        if (besideLines && drawn.some((line) => crosses(line, box))) return false;
        names.push(box);
        return true;
      };
      const found = inside[i] && (offsets.find(fits(true)) || offsets.find(fits(false)));
      const [right, up, align] = found || offsets[0];
      placed.shown.push(found ? name[i] : "");
      placed.right.push(right);
      placed.up.push(up);
      placed.align.push(align);
    }
    source.data = { ...source.data, ...placed };
    if (logarithmic) plot.select_one("ticks").ticks = ticks(plot.x_range);
    const narrow = plot.inner_width < 520;
    plot.select_one("legend").ncols = narrow ? 2 : 4;
    // The end of the title says what kind of data these are: it is never cut.
    const most = 11 * plot.inner_width / ruler.measureText(plot.title.text).width;
    plot.title.text_font_size = `${Math.max(8, Math.min(12, Math.floor(most)))}px`;
  }

  async function show(figure) {
    const block = figure.querySelector("script[type='application/json']");
    const item = JSON.parse(block.textContent)[scheme.matches ? "dark" : "light"];
    const target = figure.querySelector(".interactive");
    target.replaceChildren();
    figure.classList.add("live"); // what is not shown has no width to be drawn in
    try {
      const views = await Bokeh.embed.embed_item(item, target);
      const plot = views.roots[0].model;
      const logarithmic = plot.x_scale.type === "LogScale";
      let waiting = 0;
      const again = () => {
        cancelAnimationFrame(waiting);
        waiting = requestAnimationFrame(() => place(plot, logarithmic));
      };
      for (const [model, names] of [[plot.x_range, ["start", "end"]], [plot.y_range, ["start", "end"]],
        [plot, ["inner_width", "inner_height"]]]) {
        for (const name of names) model.properties[name].change.connect(again);
      }
      // A finger that moves over the figure scrolls the page.
      if (window.matchMedia("(pointer: coarse)").matches) plot.toolbar.active_drag = null;
      place(plot, logarithmic);
      target.dataset.drawn = scheme.matches ? "dark" : "light";
    } catch (error) {
      figure.classList.remove("live");
      throw error;
    }
  }

  const figures = document.querySelectorAll("figure.trade-off");
  const showAll = () => figures.forEach(show);
  scheme.addEventListener("change", showAll);
  showAll();
})();
