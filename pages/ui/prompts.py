"""What the model makes of a prompt, said beside the box before anything is computed."""

from __future__ import annotations

import streamlit as st

from core.model_folder import has_tokenizer
from core.prompt_reading import PromptReader
from lessons.characters import invisible_in, name_of, quoted
from pages.components.plain import plain
from pages.server.runtime import model_fingerprint, model_folder

MOST_NAMED = 4  # unknown words or invisible characters; a prompt of 300 emoji has one sentence too


@st.cache_resource(show_spinner=False)
def _reader(folder: str, fingerprint: str) -> PromptReader:
    return PromptReader(model_folder())


def prompt_reader() -> PromptReader:
    """The tokenizer of the model in the settings."""
    return _reader(str(model_folder()), model_fingerprint())


def prompt_remarks(prompt: str) -> None:
    """One box for what the model does not read as it stands: what is cut off, unknown, or cannot be seen."""
    if not has_tokenizer(model_folder()):  # its prompts are those of a file, and were read elsewhere
        return
    try:
        reader = prompt_reader()
    except (OSError, ValueError, KeyError) as error:
        st.error(f"The model’s tokenizer cannot be read: {plain(str(error))}", icon=":material/folder_off:")
        return
    if remarks := remarks_of(prompt, reader):
        st.warning("  \n".join(map(plain, remarks)), icon=":material/content_cut:")


def remarks_of(prompt: str, reader: PromptReader) -> list[str]:
    """A sentence for each thing that the model does not read as it stands in the prompt."""
    read, remarks = reader.read(prompt), []
    if read.cut:
        remarks.append(
            f"The model reads {read.limit} tokens of a prompt, and this one has {read.count}. "
            f"It does not see: {quoted(read.cut, 160)}."
        )
    if read.unknown:
        words = ", ".join(quoted(word, 24) for word in read.unknown[:MOST_NAMED])
        more = " and others" if len(read.unknown) > MOST_NAMED else ""
        remarks.append(
            f"The model does not know {words}{more}: it reads “{reader.unknown}” there, as for every word that it lacks."
        )
    if hidden := invisible_in(prompt):
        named = [
            f"{name_of(sign)}{f' ({count} times)' if count > 1 else ''}" for sign, count in hidden.items()
        ]
        more = " and others" if len(named) > MOST_NAMED else ""
        without = "".join(sign for sign in prompt if sign not in hidden)
        heeded = "It reads them" if reader.read(without).ids != read.ids else "It passes over them"
        remarks.append(
            f"The prompt holds what cannot be seen: {', '.join(named[:MOST_NAMED])}{more}. {heeded}; "
            "type the prompt anew to be rid of them."
        )
    return remarks
