// What goes from a player into the collection, which is looked after by the page's window (window/js/keeping.js).

// All pictures of the step that is shown; a single one as itself.
/** @returns {Picture} */
function shownStep(player) {
  const rows = player.rows(), { film, frame } = player;
  return rows.length * film.batch > 1 ? wholeFrame(film, rows, frame, player.look()) : onePicture(film, rows[0], frame, 0);
}

function keepShown(player, picture) {
  document.dispatchEvent(new CustomEvent("keep-picture", { detail: placed(player, picture) }));
}

// With the frame that leads back, where the address speaks of this player.
function placed(player, picture) {
  const { dialog } = player.lightbox;
  return { ...picture, frame: player.envelope?.addressed ? player.frame : null, host: dialog.open ? dialog : null };
}

// Of the picture under the pointer: how it is kept.
function offerPicture(player, { target, detail }) {
  const { film } = player, row = film?.rows.find(({ name }) => name === target.dataset.row);
  if (row && target.closest(".stage")) detail.offer = () => placed(player, onePicture(film, row, player.frame, Number(target.dataset.sample)));
}
