// A window that is zoomed, or moved to another screen, need not change its width: only how many of the screen's pixels a CSS
// pixel has. Then what is drawn for the screen's own pixels has to be drawn anew.

const LOOK_AT_RATIO = 1000; // milliseconds; a media query is not told of every change

function onPixelRatio(action, signal) {
  let known = devicePixelRatio, query = null;
  const look = () => {
    if (devicePixelRatio === known) return;
    known = devicePixelRatio;
    watch();
    action();
  };
  const watch = () => {
    query?.removeEventListener("change", look);
    query = matchMedia(`(resolution: ${known}dppx)`);
    query.addEventListener("change", look);
  };
  watch();
  const looking = setInterval(look, LOOK_AT_RATIO);
  signal.addEventListener("abort", () => {
    clearInterval(looking);
    query.removeEventListener("change", look);
  });
}
