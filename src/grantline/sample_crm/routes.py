"""Every URL of the sample CRM, with the scopes that open it. What is not listed here does not exist."""

from dataclasses import dataclass
from typing import Final

from grantline.sample_crm import endpoints as read
from grantline.sample_crm import writing as write
from grantline.sample_crm.calls import Handle
from grantline.sample_crm.modules import Module


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method on one path, which needs all scopes of `needs`; `{module}` there is the path's module."""

    method: str
    path: str
    needs: tuple[str, ...]
    handle: Handle

    def __post_init__(self) -> None:
        """Default deny: an endpoint that names no scope cannot be built."""
        if not self.needs or not all(self.needs):
            raise ValueError(f"{self.method} {self.path} names no scope")

    @property
    def takes_json(self) -> bool:
        return self.method in ("POST", "PUT")

    def scopes(self, module: Module | None) -> tuple[str, ...]:
        """The scopes that this call needs."""
        return tuple(need.format(module=module.scope_name if module else "") for need in self.needs)


_READ: Final = ("CRM.modules.{module}.READ",)
_CREATE: Final = ("CRM.modules.{module}.CREATE",)
_UPDATE: Final = ("CRM.modules.{module}.UPDATE",)
_DELETE: Final = ("CRM.modules.{module}.DELETE",)
_FIELDS: Final = ("CRM.settings.fields.READ",)
_MODULES: Final = ("CRM.settings.modules.READ",)

ENDPOINTS: Final = (
    Endpoint("GET", "/crm/v8/users", ("CRM.users.READ",), read.get_users),
    Endpoint("GET", "/crm/v8/users/{id}", ("CRM.users.READ",), read.get_user),
    Endpoint("GET", "/crm/v8/org", ("CRM.org.READ",), read.get_org),
    Endpoint("GET", "/crm/v8/settings/modules", _MODULES, read.get_modules),
    Endpoint("GET", "/crm/v8/settings/modules/{module}", _MODULES, read.get_module),
    Endpoint("GET", "/crm/v8/settings/fields", _FIELDS, read.get_fields),
    Endpoint("GET", "/crm/v8/{module}", _READ, read.get_records),
    Endpoint("POST", "/crm/v8/{module}", _CREATE, write.create_records),
    Endpoint("PUT", "/crm/v8/{module}", _UPDATE, write.update_records),
    Endpoint("DELETE", "/crm/v8/{module}", _DELETE, write.delete_records),
    Endpoint("GET", "/crm/v8/{module}/search", _READ, read.search_records),
    Endpoint("POST", "/crm/v8/{module}/upsert", (*_CREATE, *_UPDATE), write.upsert_records),
    Endpoint("GET", "/crm/v8/{module}/{id}", _READ, read.get_record),
    Endpoint("PUT", "/crm/v8/{module}/{id}", _UPDATE, write.update_records),
    Endpoint("DELETE", "/crm/v8/{module}/{id}", _DELETE, write.delete_records),
)
