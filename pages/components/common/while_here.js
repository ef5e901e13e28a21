// After leaving.js.

/**
 * To be called with each update of a component: what is drawn after a way was taken is of the page that it led to.
 * @template {unknown[]} T
 * @param {(...told: T) => void} tell
 * @returns {(...told: T) => void}
 */
function whileHere(tell) {
  const page = location.pathname, times = leaving.times;
  return (...told) => {
    if (location.pathname === page && (leaving.times === times || !leaving.underway)) tell(...told);
  };
}
