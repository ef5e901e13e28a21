"""The canvas: a surface to sketch on or to paint a mask on, with mouse, pen, finger or keys.

A sketch that starts something which takes seconds: the student presses the button, the page keeps the picture in the
store, and the URL names it.

    def use(drawing: Drawing) -> None:                       # before the script runs again
        set_values(LESSON, {"picture": put_picture(drawing.pixels)})

    canvas(key="a7/sketch", size=64, use_label="Use this sketch", on_use=use)

A mask over a picture. The page holds the mask (a preset, or the one that the URL names) and hands it back; `start`
lays it down when it changes. With an `identity`, the mask stays when another picture is chosen.

    drawing = canvas(key="a8/mask", mode="mask", under=pixels, start=mask, identity="a8",
                     use_label="Use this mask", on_use=keep)
    if drawing.blank:
        st.info("Paint what is to be made anew.")
    elif drawing.full:
        st.info("Everything is painted: this is sampling from noise, and nothing of the picture is kept.")
    mask = drawing.mask                                      # bool (H, W), True = painted

A digit for an answer that comes at once: sent by itself when the hand rests.

    drawing = canvas(key="b2/digit", mode="grey", size=28, paper="black", send="rest")
    if drawing is not None and not drawing.blank:
        clean = drawing.ink                                  # float32 (28, 28) in [0, 1]

A density to draw the points of a data set from:

    drawing = canvas(key="b5/data", mode="grey", size=64, brush=4, send="rest")
    weights = drawing.ink.ravel() / drawing.ink.sum()        # not if drawing.blank: there is nothing to draw from

Of a picture that another lesson made, `under=its pixels` goes on from it. In a fragment, a message runs the fragment
alone. Do not put a canvas into `st.form`.
"""

from pages.components.canvas.component import canvas
from pages.components.canvas.drawing import BadDrawing, Drawing

__all__ = ["BadDrawing", "Drawing", "canvas"]
