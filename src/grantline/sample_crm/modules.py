"""The modules and fields of the sample CRM, as one table: metadata, validation and search all read it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum

_FIRST_METADATA_ID = 4_000_000_000_000_000_000


class Kind(Enum):
    """What a field holds: the wire's word (`data_type`) and the JSON type of its values (`json_type`)."""

    TEXT = ("text", "string")
    TEXTAREA = ("textarea", "string")
    EMAIL = ("email", "string")
    PHONE = ("phone", "string")
    WEBSITE = ("website", "string")
    INTEGER = ("integer", "integer")
    DOUBLE = ("double", "double")
    CURRENCY = ("currency", "double")
    BOOLEAN = ("boolean", "boolean")
    DATE = ("date", "string")
    DATETIME = ("datetime", "string")
    PICKLIST = ("picklist", "string")
    OWNER = ("ownerlookup", "jsonobject")

    @property
    def data_type(self) -> str:
        return self.value[0]

    @property
    def json_type(self) -> str:
        return self.value[1]


@dataclass(frozen=True, slots=True)
class Field:
    """One field: `length` in characters, `unique` whatever the case, `choices` of a picklist."""

    name: str
    kind: Kind = Kind.TEXT
    length: int = 255
    mandatory: bool = False
    unique: bool = False
    read_only: bool = False
    choices: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        return self.name.replace("_", " ")


@dataclass(frozen=True, slots=True)
class Module:
    """A kind of record; `fields` in the order in which they are shown.

    `duplicate_fields`: what an upsert compares when the call names no fields itself. `keys`: up to two text
    fields whose values are indexed, so that a record is found by them however many there are.
    """

    name: str
    singular: str
    number: int
    fields: tuple[Field, ...]
    duplicate_fields: tuple[str, ...]
    keys: tuple[str, str]
    _by_name: Mapping[str, Field] = field(init=False, repr=False, compare=False)
    _mandatory: tuple[Field, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Jobs look fields up by the million."""
        object.__setattr__(self, "_by_name", {one.name: one for one in self.fields})
        object.__setattr__(self, "_mandatory", tuple(one for one in self.writable() if one.mandatory))

    @property
    def scope_name(self) -> str:
        """The module's segment in a scope such as CRM.modules.leads.READ."""
        return self.name.lower()

    @property
    def id(self) -> str:
        return str(_FIRST_METADATA_ID + self.number * 1000)

    def field_id(self, field: Field) -> str:
        return str(_FIRST_METADATA_ID + self.number * 1000 + 1 + self.fields.index(field))

    def choice_id(self, field: Field, choice: str) -> str:
        place = self.fields.index(field) * 100 + field.choices.index(choice)
        return str(_FIRST_METADATA_ID + self.number * 1_000_000 + place)

    def find_field(self, name: str) -> Field | None:
        return self._by_name.get(name)

    def get_field(self, name: str) -> Field:
        """The field of this name, which must exist."""
        found = self.find_field(name)
        assert found is not None
        return found

    @property
    def mandatory(self) -> tuple[Field, ...]:
        """The fields that no record can be without."""
        return self._mandatory

    def writable(self) -> Iterator[Field]:
        """The fields that a caller may set."""
        return (one for one in self.fields if not one.read_only)


def _text(
    name: str, length: int = 255, *, mandatory: bool = False, unique: bool = False, read_only: bool = False
) -> Field:
    return Field(name, Kind.TEXT, length, mandatory, unique, read_only)


def _picklist(name: str, *choices: str) -> Field:
    return Field(name, Kind.PICKLIST, 120, choices=choices)


_SALUTATION = _picklist("Salutation", "Mr.", "Mrs.", "Ms.", "Dr.", "Prof.")
_LEAD_SOURCE = _picklist(
    "Lead_Source",
    "Advertisement",
    "Cold Call",
    "Employee Referral",
    "External Referral",
    "Online Store",
    "Partner",
    "Public Relations",
    "Trade Show",
    "Web Research",
    "Chat",
)
_DESCRIPTION = Field("Description", Kind.TEXTAREA, 32_000)
_KEPT_BY_US = (
    Field("Owner", Kind.OWNER, 120),
    Field("Created_By", Kind.OWNER, 120, read_only=True),
    Field("Modified_By", Kind.OWNER, 120, read_only=True),
    Field("Created_Time", Kind.DATETIME, 120, read_only=True),
    Field("Modified_Time", Kind.DATETIME, 120, read_only=True),
)

LEADS = Module(
    name="Leads",
    singular="Lead",
    number=1,
    duplicate_fields=("Email",),
    keys=("Email", "Phone"),
    fields=(
        _SALUTATION,
        _text("First_Name", 40),
        _text("Last_Name", 80, mandatory=True),
        _text("Full_Name", 121, read_only=True),
        _text("Company", 200),
        _text("Designation", 100),
        Field("Email", Kind.EMAIL, 100),
        Field("Secondary_Email", Kind.EMAIL, 100),
        Field("Phone", Kind.PHONE, 30),
        Field("Mobile", Kind.PHONE, 30),
        Field("Fax", Kind.PHONE, 30),
        Field("Website", Kind.WEBSITE, 450),
        _LEAD_SOURCE,
        _picklist(
            "Lead_Status",
            "Attempted to Contact",
            "Contact in Future",
            "Contacted",
            "Junk Lead",
            "Lost Lead",
            "Not Contacted",
            "Pre-Qualified",
            "Not Qualified",
        ),
        _picklist("Rating", "Acquired", "Active", "Market Failed", "Project Cancelled", "Shut Down"),
        _text("Industry", 120),
        Field("No_of_Employees", Kind.INTEGER, 9),
        Field("Annual_Revenue", Kind.CURRENCY, 16),
        Field("Email_Opt_Out", Kind.BOOLEAN, 5),
        _text("Skype_ID", 50),
        _text("Twitter", 50),
        _text("Street", 250),
        _text("City", 100),
        _text("State", 100),
        _text("Zip_Code", 30),
        _text("Country", 100),
        _DESCRIPTION,
        *_KEPT_BY_US,
    ),
)

CONTACTS = Module(
    name="Contacts",
    singular="Contact",
    number=2,
    duplicate_fields=("Email",),
    keys=("Email", "Phone"),
    fields=(
        _SALUTATION,
        _text("First_Name", 40),
        _text("Last_Name", 80, mandatory=True),
        _text("Full_Name", 121, read_only=True),
        _text("Title", 100),
        _text("Department", 50),
        Field("Email", Kind.EMAIL, 100, unique=True),
        Field("Secondary_Email", Kind.EMAIL, 100),
        Field("Phone", Kind.PHONE, 50),
        Field("Mobile", Kind.PHONE, 30),
        Field("Home_Phone", Kind.PHONE, 30),
        Field("Other_Phone", Kind.PHONE, 30),
        Field("Fax", Kind.PHONE, 30),
        _LEAD_SOURCE,
        Field("Date_of_Birth", Kind.DATE, 20),
        Field("Email_Opt_Out", Kind.BOOLEAN, 5),
        _text("Assistant", 50),
        _text("Skype_ID", 50),
        _text("Twitter", 50),
        _text("Mailing_Street", 250),
        _text("Mailing_City", 100),
        _text("Mailing_State", 100),
        _text("Mailing_Zip", 30),
        _text("Mailing_Country", 100),
        _DESCRIPTION,
        *_KEPT_BY_US,
    ),
)

PRODUCTS = Module(
    name="Products",
    singular="Product",
    number=3,
    duplicate_fields=("Product_Code", "Product_Name"),
    keys=("Product_Code", "Product_Name"),
    fields=(
        _text("Product_Name", 200, mandatory=True),
        _text("Product_Code", 40, unique=True),
        Field("Product_Active", Kind.BOOLEAN, 5),
        _picklist("Product_Category", "Hardware", "Software", "Service", "Spare Part"),
        _text("Manufacturer", 120),
        Field("Unit_Price", Kind.CURRENCY, 16),
        Field("Commission_Rate", Kind.CURRENCY, 16),
        Field("Taxable", Kind.BOOLEAN, 5),
        _picklist("Usage_Unit", "Box", "Carton", "Dozen", "Each", "Hours", "Piece", "Sheet", "Unit"),
        Field("Qty_in_Stock", Kind.DOUBLE, 16),
        Field("Qty_in_Demand", Kind.DOUBLE, 16),
        Field("Reorder_Level", Kind.DOUBLE, 16),
        Field("Sales_Start_Date", Kind.DATE, 20),
        Field("Sales_End_Date", Kind.DATE, 20),
        _DESCRIPTION,
        *_KEPT_BY_US,
    ),
)

# An invoice has a plain amount: its lines would be records inside a record, which a CSV line cannot hold.
INVOICES = Module(
    name="Invoices",
    singular="Invoice",
    number=4,
    duplicate_fields=("Invoice_Number",),
    keys=("Invoice_Number", "Subject"),
    fields=(
        _text("Subject", 200, mandatory=True),
        _text("Invoice_Number", 40, unique=True),
        _text("Customer_Name", 200),
        _picklist("Status", "Created", "Sent", "Paid", "Overdue", "Cancelled"),
        Field("Invoice_Date", Kind.DATE, 20),
        Field("Due_Date", Kind.DATE, 20),
        Field("Grand_Total", Kind.CURRENCY, 16),
        _text("Billing_Street", 250),
        _text("Billing_City", 100),
        _text("Billing_State", 100),
        _text("Billing_Code", 30),
        _text("Billing_Country", 100),
        Field("Terms_and_Conditions", Kind.TEXTAREA, 32_000),
        _DESCRIPTION,
        *_KEPT_BY_US,
    ),
)

MODULES = (LEADS, CONTACTS, PRODUCTS, INVOICES)


def find_module(name: str) -> Module | None:
    """The module of this name, whatever its case."""
    return next((module for module in MODULES if module.scope_name == name.lower()), None)
