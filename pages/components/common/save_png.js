// A PNG to take home.

// Saves a canvas as a file called `name`.
async function savePng(canvas, about, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([await pngFile(canvas, about)], { type: "image/png" }));
  link.download = `${fileName(name)}.png`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
