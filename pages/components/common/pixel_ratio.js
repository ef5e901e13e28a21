// A window that is zoomed, or moved to another screen, need not change its width: only how many of the screen's pixels a CSS
// pixel has. Then what is drawn for the screen's own pixels has to be drawn anew.

function onPixelRatio(action, signal) {
  const watch = () => {
    const same = matchMedia(`(resolution: ${devicePixelRatio}dppx)`);
    same.addEventListener("change", () => { action(); watch(); }, { once: true, signal });
  };
  watch();
}
