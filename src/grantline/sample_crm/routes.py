"""Every URL of the sample CRM, with the scopes that open it. What is not listed here does not exist."""

from dataclasses import dataclass
from typing import Final

import grantline.sample_crm.bulk.endpoints as bulk
from grantline.sample_crm import endpoints as about
from grantline.sample_crm import files, reading
from grantline.sample_crm import writing as write
from grantline.sample_crm.arrivals import Bounds
from grantline.sample_crm.calls import Handle
from grantline.sample_crm.modules import Module


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method on one path, which needs all scopes of `needs`; `{module}` there is the path's module.

    `then_needs`: the scopes that it needs besides, once its body or the job that it names has told `{module}`
    and `{change}` (CREATE for an insert, UPDATE for an update, both for an upsert). `takes_files`: the body
    is files and not JSON.
    """

    method: str
    path: str
    needs: tuple[str, ...]
    handle: Handle
    then_needs: tuple[str, ...] = ()
    takes_files: Bounds | None = None

    def __post_init__(self) -> None:
        """Default deny: an endpoint that names no scope cannot be built."""
        if not self.needs or not all(self.needs):
            raise ValueError(f"{self.method} {self.path} names no scope")

    @property
    def takes_json(self) -> bool:
        return self.method in ("POST", "PUT") and self.takes_files is None

    def scopes(self, module: Module | None) -> tuple[str, ...]:
        """The scopes that this call needs."""
        return tuple(need.format(module=module.scope_name if module else "") for need in self.needs)


_READ: Final = ("CRM.modules.{module}.READ",)
_CREATE: Final = ("CRM.modules.{module}.CREATE",)
_UPDATE: Final = ("CRM.modules.{module}.UPDATE",)
_DELETE: Final = ("CRM.modules.{module}.DELETE",)
_FIELDS: Final = ("CRM.settings.fields.READ",)
_MODULES: Final = ("CRM.settings.modules.READ",)

_START: Final = ("CRM.bulk.CREATE",)
_SEE: Final = ("CRM.bulk.READ",)
_UPLOAD: Final = ("CRM.bulk.CREATE", "CRM.files.CREATE")
_CHANGE: Final = ("CRM.modules.{module}.{change}",)
_FILES: Final = "/crm/v8/files"
_READ_JOB: Final = "/crm/bulk/v8/read/{id}"
_WRITE_JOB: Final = "/crm/bulk/v8/write/{id}"

ENDPOINTS: Final = (
    Endpoint("GET", "/crm/v8/users", ("CRM.users.READ",), about.get_users),
    Endpoint("GET", "/crm/v8/users/{id}", ("CRM.users.READ",), about.get_user),
    Endpoint("GET", "/crm/v8/org", ("CRM.org.READ",), about.get_org),
    Endpoint("GET", "/crm/v8/settings/modules", _MODULES, about.get_modules),
    Endpoint("GET", "/crm/v8/settings/modules/{module}", _MODULES, about.get_module),
    Endpoint("GET", "/crm/v8/settings/fields", _FIELDS, about.get_fields),
    Endpoint("GET", _FILES, ("CRM.files.READ",), files.get_files),
    Endpoint("POST", _FILES, ("CRM.files.CREATE",), files.upload_files, takes_files=files.FILE_BOUNDS),
    Endpoint("DELETE", _FILES, ("CRM.files.DELETE",), files.delete_file),
    Endpoint("POST", "/crm/v8/upload", _UPLOAD, bulk.upload, takes_files=bulk.UPLOAD_BOUNDS),
    Endpoint("POST", "/crm/bulk/v8/read", _START, bulk.start_read, _READ),
    Endpoint("GET", _READ_JOB, _SEE, bulk.get_read, _READ),
    Endpoint("GET", _READ_JOB + "/result", _SEE, bulk.download_read, _READ),
    Endpoint("POST", "/crm/bulk/v8/write", _START, bulk.start_write, _CHANGE),
    Endpoint("GET", _WRITE_JOB, _SEE, bulk.get_write, _CHANGE),
    Endpoint("GET", _WRITE_JOB + "/result", _SEE, bulk.download_write, _CHANGE),
    Endpoint("GET", "/crm/v8/{module}", _READ, reading.get_records),
    Endpoint("POST", "/crm/v8/{module}", _CREATE, write.create_records),
    Endpoint("PUT", "/crm/v8/{module}", _UPDATE, write.update_records),
    Endpoint("DELETE", "/crm/v8/{module}", _DELETE, write.delete_records),
    Endpoint("GET", "/crm/v8/{module}/search", _READ, reading.search_records),
    Endpoint("POST", "/crm/v8/{module}/upsert", (*_CREATE, *_UPDATE), write.upsert_records),
    Endpoint("GET", "/crm/v8/{module}/{id}", _READ, reading.get_record),
    Endpoint("PUT", "/crm/v8/{module}/{id}", _UPDATE, write.update_records),
    Endpoint("DELETE", "/crm/v8/{module}/{id}", _DELETE, write.delete_records),
)
