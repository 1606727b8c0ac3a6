"""Every operation of the console's API, each with the scope and the right that it needs (T143)."""

from typing import Final

from grantline.web.console_api import (
    activity,
    catalogue,
    changes,
    clients,
    codes,
    data_centers,
    manifests,
    secrets,
    team,
    users,
)
from grantline.web.console_api.operations import Operation

OPERATIONS: Final[tuple[Operation, ...]] = (
    *clients.OPERATIONS,
    *manifests.OPERATIONS,
    *secrets.OPERATIONS,
    *data_centers.OPERATIONS,
    *codes.OPERATIONS,
    *activity.OPERATIONS,
    *users.OPERATIONS,
    *team.OPERATIONS,
    *changes.OPERATIONS,
    *catalogue.OPERATIONS,
)
