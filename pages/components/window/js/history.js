// One act of the hand is one step of the browser's history. Streamlit makes a step of every change of the address: three of
// a preset, one of every frame of a film that a hand rests on. What follows by itself, and what only says where one stands
// in a picture, is written into the step at hand instead.

function quietHistory(underway) {
  const push = history.pushState;
  let acted = false; // a hand has done something since the last step
  for (const type of ["pointerdown", "keydown"]) {
    window.addEventListener(type, (event) => { acted ||= event.isTrusted; }, { capture: true });
  }
  window.addEventListener("popstate", () => { acted = false; });
  const place = (address) => {
    const { pathname, searchParams } = new URL(address, location.href);
    for (const name of underway) searchParams.delete(name);
    searchParams.sort();
    return `${pathname}?${searchParams}`;
  };
  history.pushState = function (state, unused, address) {
    if (!acted || place(address ?? location.href) === place(location.href)) return history.replaceState(state, unused, address);
    acted = false;
    return push.call(history, state, unused, address);
  };
}
