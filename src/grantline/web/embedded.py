"""Web views inside of other apps, told by what they call themselves: there the app could read the password.

RFC 8252 §8.12. A list can only name those that say so; what hides is for the docs and the SDK, which open the
system's browser (T89).
"""

from typing import Final

_MARKS: Final = (
    "; wv)",
    "FBAN/",
    "FBAV/",
    "FB_IAB/",
    "Instagram ",
    " Line/",
    "MicroMessenger/",
    "Snapchat/",
    "BytedanceWebview/",
    "musical_ly",
    "LinkedInApp",
    "Twitter for ",
    "Pinterest/",
)
_HANDHELD: Final = ("iPhone", "iPad", "iPod")


def is_embedded(user_agent: str) -> bool:
    """Whether the page would be shown inside of another app."""
    if any(mark in user_agent for mark in _MARKS):
        return True
    # Every browser of that system names Safari; a bare view does not.
    handheld = any(name in user_agent for name in _HANDHELD)
    return handheld and "AppleWebKit/" in user_agent and "Safari/" not in user_agent
