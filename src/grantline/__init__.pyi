"""What type checkers and editors see of the package: the client library's names, which load when used."""

from grantline.sdk import *  # noqa: F403

__version__: str
