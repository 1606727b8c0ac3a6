"""Names that people choose for what others see, apps and workspaces: none may look like another (T3)."""

import re
import unicodedata
from typing import Final

_NAME: Final = re.compile(r"[\w .&-]{2,60}")
_LOOK_ALIKES: Final = str.maketrans(
    {
        **dict.fromkeys("1iıɩɪɨłƚǀ", "l"),
        **dict.fromkeys("0ø", "o"),
        **dict.fromkeys("ɡɢ", "g"),
        **dict.fromkeys("ᴛŧ", "t"),
        "5": "s",
        "ʀ": "r",
        "ᴀ": "a",
        "ɴ": "n",
        "ʟ": "l",
        "ᴇ": "e",
    }
)


def check_name(name: str) -> str:
    """The name in its stored form (NFC). Raises ValueError with a sentence (T3)."""
    name = unicodedata.normalize("NFC", name).strip()
    if any(unicodedata.category(letter).startswith("C") for letter in name):
        raise ValueError(
            "The name holds a sign that can't be seen, such as one that turns the direction of the writing."
            " Type the name anew."
        )
    if not _NAME.fullmatch(name) or "  " in name:
        raise ValueError("Use 2 to 60 letters, digits, spaces and the signs _ & - .")
    for word in re.split(r"[ _&.-]+", name):
        scripts = {unicodedata.name(letter, "?").split(" ")[0] for letter in word if letter.isalpha()}
        if len(scripts) > 1:
            raise ValueError("One word mixes letters of several scripts, which people can't tell apart.")
    if unicodedata.normalize("NFKC", name) != name:
        raise ValueError("The name has letters in an unusual form. Type it with the plain ones.")
    if _skeleton("grantline") in _skeleton(name):
        raise ValueError("This name looks like Grantline's own. Choose a name that is yours.")
    return name


def _skeleton(name: str) -> str:
    """What is left of a name at a glance: no accents, no signs, one letter for those that look alike."""
    plain = (
        letter
        for letter in unicodedata.normalize("NFKD", name.casefold()).translate(_LOOK_ALIKES)
        if letter.isalnum()
    )
    return "".join(plain)
