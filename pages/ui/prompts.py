"""What the model makes of a prompt, said beside the box before anything is computed; and the words that it was shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from core.caption_phrases import FOLDERS, CaptionPhrases, load_phrases
from core.model_folder import has_tokenizer
from core.prompt_reading import PromptReader
from lessons.characters import invisible_in, name_of, quoted
from lessons.fields import MODEL
from pages.components.plain import plain
from pages.server.runtime import model_fingerprint, model_folder
from pages.ui.fitted import card

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


# ---- the words that the model was shown --------------------------------------------------------------------


@st.cache_resource(show_spinner=False)
def _phrases(model: str) -> CaptionPhrases:
    return load_phrases(FOLDERS[model])


def shown_phrases(values: Mapping[str, Any]) -> CaptionPhrases | None:
    """What the model of these values was shown, where that is known: of those that ship."""
    asked = values.get(MODEL, card().name)
    return (
        _phrases(asked) if asked in FOLDERS and (card().training_pictures or asked == card().name) else None
    )


def words_never_shown(phrases: CaptionPhrases, prompt: str, key: str, take: Callable[[str], None]) -> None:
    """Says which words stood in no caption, and offers what is spelt nearly so."""
    never = phrases.never_shown(prompt)
    if not never:
        return
    near = tuple(dict.fromkeys(phrase for word in never for phrase in phrases.near(word)))[:MOST_NAMED]
    words = ", ".join(quoted(word, 24) for word in never[:MOST_NAMED])
    st.caption(
        f"The model was shown no caption with {plain(words)}: what it draws of that is chance."
        + (" Near to it:" if near else " “Words” lists what it was shown.")
    )
    if near:
        with st.container(horizontal=True, gap="xsmall", key=f"{key}/near"):
            for phrase in near:
                st.button(
                    plain(phrase),
                    key=f"{key}/near/{phrase}",
                    on_click=take,
                    args=(phrases.in_the_style_of(prompt, phrase),),
                )


def words_popover(phrases: CaptionPhrases, prompt: str, key: str, take: Callable[[str], None]) -> None:
    """Everything that the model was shown, one chip each; a chip takes the place of the prompt's object."""
    words = st.popover("Words", key=f"{key}/words", on_change="rerun", help="What this model was shown")
    if not words.open:
        return
    chosen_key = f"{key}/words/chosen"

    def chosen() -> None:
        if phrase := st.session_state.pop(chosen_key, None):
            take(phrases.in_the_style_of(prompt, phrase))

    with words, st.container(height=360, border=False):
        st.pills(
            f"The {len(phrases.phrases)} things in the captions of its training pictures",
            phrases.phrases,
            key=chosen_key,
            on_change=chosen,
            wrap=True,
        )
