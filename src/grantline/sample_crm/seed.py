"""The records that a new organization starts with, so that the first call shows something."""

import sqlite3
from collections.abc import Mapping
from typing import Final

from grantline.sample_crm.modules import CONTACTS, INVOICES, LEADS, PRODUCTS, Module
from grantline.sample_crm.people import Person
from grantline.sample_crm.records import insert_record

_START: Final[tuple[tuple[Module, Mapping[str, object]], ...]] = (
    (
        LEADS,
        {
            "First_Name": "Noor",
            "Last_Name": "Haddad",
            "Company": "Brightwater Boats",
            "Email": "noor.haddad@example.com",
            "Phone": "+1 555 0101",
            "Lead_Source": "Trade Show",
            "Lead_Status": "Not Contacted",
        },
    ),
    (
        LEADS,
        {
            "First_Name": "Tomas",
            "Last_Name": "Lindqvist",
            "Company": "Fjord Bakery",
            "Email": "tomas.lindqvist@example.com",
            "Phone": "+1 555 0102",
            "Lead_Source": "Web Research",
            "Lead_Status": "Contacted",
        },
    ),
    (
        LEADS,
        {
            "First_Name": "Ifeoma",
            "Last_Name": "Okafor",
            "Company": "Lagos Print Works",
            "Email": "ifeoma.okafor@example.com",
            "Lead_Source": "Employee Referral",
            "Lead_Status": "Pre-Qualified",
            "Annual_Revenue": 250000.0,
        },
    ),
    (
        CONTACTS,
        {
            "First_Name": "Mei",
            "Last_Name": "Tanaka",
            "Title": "Purchasing",
            "Email": "mei.tanaka@example.com",
            "Phone": "+1 555 0103",
        },
    ),
    (
        CONTACTS,
        {
            "First_Name": "Lucas",
            "Last_Name": "Moreau",
            "Title": "Workshop lead",
            "Email": "lucas.moreau@example.com",
        },
    ),
    (
        PRODUCTS,
        {
            "Product_Name": "Desk lamp",
            "Product_Code": "LAMP-1",
            "Product_Active": True,
            "Product_Category": "Hardware",
            "Unit_Price": 49.5,
            "Qty_in_Stock": 120.0,
        },
    ),
    (
        PRODUCTS,
        {
            "Product_Name": "Repair hour",
            "Product_Code": "HOUR-1",
            "Product_Active": True,
            "Product_Category": "Service",
            "Usage_Unit": "Hours",
            "Unit_Price": 80.0,
        },
    ),
    (
        INVOICES,
        {
            "Subject": "Lamps for the boat yard",
            "Invoice_Number": "INV-1001",
            "Customer_Name": "Brightwater Boats",
            "Status": "Sent",
            "Invoice_Date": "2026-01-15",
            "Due_Date": "2026-02-14",
            "Grand_Total": 594.0,
        },
    ),
)


def seed_organization(tx: sqlite3.Connection, organization: str, by: Person, now: int) -> None:
    """Store the starting records of an organization that has none yet."""
    for module, values in _START:
        insert_record(tx, organization, module, values, by, now)
