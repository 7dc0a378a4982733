// A change of what is shown that leaves in place what stays: focus, selection, scrolling and open details.

/** Makes the children of `shown` look as `made`, with the nodes that are there. Those with a `data-key` keep it. */
export function show(shown, ...made) {
  const focused = document.activeElement;
  patchChildren(shown, made);
  // A row that moved has lost it.
  if (focused?.isConnected && document.activeElement !== focused) focused.focus({ preventScroll: true });
}

function patchChildren(shown, made) {
  const keyed = new Map();
  for (const child of shown.children) if (child.dataset?.key) keyed.set(child.dataset.key, child);
  let at = shown.firstChild;
  for (const one of made) {
    const key = one.dataset?.key;
    const same = key ? keyed.get(key) : at && !at.dataset?.key ? at : null;
    if (!same || same.nodeName !== one.nodeName) {
      shown.insertBefore(one, at);
      continue;
    }
    if (same === at) at = at.nextSibling;
    else shown.insertBefore(same, at);
    patch(same, one);
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

function patch(shown, made) {
  if (made.nodeType === Node.TEXT_NODE) {
    if (shown.nodeValue !== made.nodeValue) shown.nodeValue = made.nodeValue;
    return;
  }
  for (const { name, value } of made.attributes) {
    if (shown.getAttribute(name) !== value) shown.setAttribute(name, value);
  }
  for (const { name } of [...shown.attributes]) {
    if (!made.hasAttribute(name) && !(shown.nodeName === "DETAILS" && name === "open")) shown.removeAttribute(name);
  }
  patchChildren(shown, [...made.childNodes]);
}
