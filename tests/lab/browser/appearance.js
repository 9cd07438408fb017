// What can be seen to be wrong in a page, without knowing what it is about. Each finding is one line of text.
(root) => {
  const found = [];
  const box = root.closest(".pellucid-lab") ?? root;
  const name = (element) => {
    const words = (element.textContent ?? "").trim().replace(/\s+/g, " ").slice(0, 40);
    const kinds = [...element.classList].filter((word) => !word.startsWith("svelte-")).join(".");
    return `<${element.localName}${kinds ? `.${kinds}` : ""}> "${words}"`;
  };
  const say = (kind, element, more = "") => found.push(`${kind}: ${name(element)}${more && ` ${more}`}`);

  // The pieces of text that are seen: where each line of each of them stands.
  const dialog = box.querySelector("dialog[open]");
  const walk = document.createTreeWalker(dialog ?? root, NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  const texts = [];
  const sizes = new Map();
  for (let node = walk.nextNode(); node !== null; node = walk.nextNode()) {
    const parent = node.parentElement;
    if (!node.data.trim() || parent === null || parent.closest(".unseen, title, desc, option, math, script, style, .u-legend")) continue;
    if (!parent.checkVisibility({ opacityProperty: true, visibilityProperty: true, contentVisibilityAuto: true })) continue;
    range.selectNodeContents(node);
    const lines = [...range.getClientRects()].filter((line) => line.width > 0.5 && line.height > 0.5);
    if (lines.length === 0) continue;
    // What is clipped away on purpose: words of buttons of which the sign is shown.
    let clip = { left: -1e6, right: 1e6, top: -1e6, bottom: 1e6 };
    const view = { left: 0, right: innerWidth, top: 0, bottom: innerHeight };
    let hidden = false;
    let shortened = false;
    let scrolled = false;
    for (let up = parent; up !== null && up !== box.parentElement; up = up.parentElement) {
      const look = getComputedStyle(up);
      if (look.clipPath !== "none" && look.position === "absolute") hidden = true;
      const [x, y] = [look.overflowX, look.overflowY];
      if (x === "visible" && y === "visible") continue;
      const edge = up.getBoundingClientRect();
      if (edge.width < 2 || edge.height < 2) hidden = true;
      [view.left, view.right] = [Math.max(view.left, edge.left), Math.min(view.right, edge.right)];
      [view.top, view.bottom] = [Math.max(view.top, edge.top), Math.min(view.bottom, edge.bottom)];
      if (scrolled) continue;
      if (look.textOverflow === "ellipsis" && x !== "visible") shortened ||= up.scrollWidth > up.clientWidth;
      // What can be scrolled to is not cut.
      if (x === "hidden" || x === "clip") {
        [clip.left, clip.right] = [Math.max(clip.left, edge.left), Math.min(clip.right, edge.right)];
      }
      if (y === "hidden" || y === "clip") [clip.top, clip.bottom] = [Math.max(clip.top, edge.top), Math.min(clip.bottom, edge.bottom)];
      scrolled ||= [x, y].some((way) => way === "auto" || way === "scroll");
    }
    if (hidden) continue;
    texts.push({ node, parent, lines, view });
    const style = getComputedStyle(parent);
    sizes.set(style.fontSize, (sizes.get(style.fontSize) ?? 0) + 1);
    if (shortened) {
      if (!parent.closest("[title]")) say("shortened without a title", parent);
      continue;
    }
    for (const line of lines) {
      const over = Math.max(line.right - clip.right, clip.left - line.left);
      const high = Math.max(line.bottom - clip.bottom, clip.top - line.top);
      if (over > 2 && !parent.closest("svg")) { say("cut", parent, `by ${Math.round(over)} px`); break; }
      if (high > line.height / 2) { say("cut", parent, `by ${Math.round(high)} px of height`); break; }
    }
    // A number stands in one line; in a reader's own texts it is a part of the text.
    if (parent.closest("[translate=no]")) continue;
    for (const word of node.data.matchAll(/(?<![\w.])[−+-]?\d[\d.,\u2009\u202f]*(e[−+-]?\d+)?%?/g)) {
      range.setStart(node, word.index);
      range.setEnd(node, word.index + word[0].length);
      const tops = [...range.getClientRects()].filter((line) => line.width > 0.5).map((line) => line.top);
      if (Math.max(...tops) - Math.min(...tops) > 6) say("broken", parent, `at "${word[0]}"`);
    }
  }

  // Two texts in one place. What has a ground of its own, a box above the page or a head that stays, covers what is below.
  const covers = (upper, lower) => {
    for (let up = upper; up !== null && !up.contains(lower); up = up.parentElement) {
      const ground = getComputedStyle(up).backgroundColor;
      if (!ground.startsWith("rgba(") && !ground.includes("/")) return true;
    }
    return false;
  };
  /** Such a box above the page, which a pointer may reach through. */
  const lifted = (upper, lower) => {
    for (let up = upper; up !== null && !up.contains(lower); up = up.parentElement) {
      if (Number(getComputedStyle(up).zIndex) > 0) return covers(upper, lower);
    }
    return false;
  };
  const seen = texts.flatMap(({ parent, lines, view }) =>
    lines.map((line) => {
      const [left, right] = [Math.max(line.left, view.left), Math.min(line.right, view.right)];
      const [top, bottom] = [Math.max(line.top, view.top), Math.min(line.bottom, view.bottom)];
      return { parent, line: { left, right, top, bottom, height: line.height } };
    }).filter(({ line }) => line.right > line.left && line.bottom > line.top));
  seen.sort((a, b) => a.line.top - b.line.top);
  for (let i = 0; i < seen.length; i += 1) {
    for (let j = i + 1; j < seen.length; j += 1) {
      const [a, b] = [seen[i], seen[j]];
      if (b.line.top > a.line.bottom) break;
      if (a.parent === b.parent) continue;
      const wide = Math.min(a.line.right, b.line.right) - Math.max(a.line.left, b.line.left);
      const high = Math.min(a.line.bottom, b.line.bottom) - Math.max(a.line.top, b.line.top);
      if (wide > 3 && high > 0.4 * Math.min(a.line.height, b.line.height)) {
        const x = Math.max(a.line.left, b.line.left) + wide / 2;
        const y = Math.max(a.line.top, b.line.top) + high / 2;
        const top = document.elementFromPoint(x, y);
        const near = (element) => top !== null && (top.contains(element) || element.contains(top));
        const [first, second] = [near(a.parent), near(b.parent)];
        if (!first && !second) continue;
        if (lifted(a.parent, b.parent) || lifted(b.parent, a.parent)) continue;
        if (first && !second && covers(a.parent, b.parent)) continue;
        if (second && !first && covers(b.parent, a.parent)) continue;
        say("over each other", a.parent, `and ${name(b.parent)}`);
      }
    }
  }

  // What is pressed is large enough. Links in a sentence are as high as their line.
  for (const target of (dialog ?? root).querySelectorAll("a[href], button, input, select, textarea, summary, [role=button], [role=slider], [role=tab]")) {
    if (!target.checkVisibility({ opacityProperty: true, visibilityProperty: true }) || target.closest(".unseen") || target.type === "file") continue;
    const { width, height } = target.getBoundingClientRect();
    if (width < 2 || height < 2) continue;
    const inline = getComputedStyle(target).display.startsWith("inline") && target.localName === "a";
    if ((width < 23.5 || height < 23.5) && !inline) say("small", target, `${Math.round(width)} × ${Math.round(height)} px`);
  }

  // Nothing is wider than its place.
  const wide = document.documentElement;
  if (wide.scrollWidth > innerWidth) found.push(`wide: the page, ${wide.scrollWidth} of ${innerWidth} px`);
  for (const panel of root.querySelectorAll(".panel, dialog[open], header")) {
    if (panel.clientWidth > 0 && panel.scrollWidth > panel.clientWidth + 1 && panel.checkVisibility()) {
      found.push(`wide: ${panel.getAttribute("aria-label") ?? panel.localName}, ${panel.scrollWidth} of ${panel.clientWidth} px`);
    }
  }

  if (sizes.size > 7) found.push(`sizes: ${[...sizes.keys()].sort((a, b) => parseFloat(a) - parseFloat(b)).join(", ")}`);

  if (document.documentElement.lang.startsWith("zh") || box.lang.startsWith("zh")) {
    // Names stand alone: two words of small letters are language.
    for (const { node, parent } of texts) {
      if (parent.closest("[lang=en], [translate=no], code, pre, kbd")) continue;
      const words = node.data.match(/[A-Za-z][a-z]+ [a-z]{2,}/g) ?? [];
      if (words.length > 0) say("English", parent, `: ${words.join(", ")}`);
    }
  }
  return [...new Set(found)];
}
