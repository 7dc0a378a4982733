// Text put into place as text: no markup is ever parsed.

/** Returns the text with control characters as pictures, and those that change the direction of writing by name. */
export function plain(text) {
  return shown(text, /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g);
}

/** As `plain`, but line breaks and tabs stay. */
export function plainLines(text) {
  return shown(text, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g);
}

function shown(text, invisible) {
  return String(text ?? "").replace(invisible, (character) => {
    const code = character.codePointAt(0);
    if (code === 9 || code === 10 || code === 13) return " ";
    if (code < 32) return String.fromCodePoint(0x2400 + code);
    return code === 127 ? "\u2421" : `[U+${code.toString(16).toUpperCase().padStart(4, "0")}]`;
  });
}

/** Returns a new element; its children are elements or texts. Attributes without a value, or with `false`, are left out. */
export function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (value !== undefined && value !== "" && value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.map((child) => (child instanceof Node ? child : document.createTextNode(plain(child)))));
  return made;
}

/** Returns a button that does `run`. */
export function button(attributes, run, ...children) {
  const made = element("button", { type: "button", ...attributes }, ...children);
  made.addEventListener("click", run);
  return made;
}

/** Shows what is wrong above the page's content; nothing takes it away. */
export function showProblem(text) {
  const problem = document.getElementById("problem");
  problem.textContent = plain(text ?? "");
  problem.hidden = !text;
}
