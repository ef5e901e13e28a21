// Which clicks lead to another page: links within the app, and the start page's buttons, whose way the server takes.

function watchesWays() {
  document.addEventListener("click", (event) => {
    if (!(event.target instanceof Element) || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    const link = event.target.closest("a[href]");
    if (link instanceof HTMLAnchorElement ? leadsAway(link) : event.target.closest(".st-key-hero-words button")) leaving.begin();
  }, { capture: true });
}

function leadsAway(link) {
  return link.origin === location.origin && link.pathname !== location.pathname && link.target !== "_blank" && !link.download;
}
