"""Names in the styles people write them in, and schemas that each hold one personal column among plain ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import cycle

from anonymizers.contract import ColumnShape
from anonymizers.detection.contract import Candidate

LISTED = {
    "email": "email", "e_mail": "email", "email_address": "email", "name": "person", "full_name": "person",
    "first_name": "first_name", "last_name": "last_name", "phone": "phone", "phone_number": "phone", "mobile": "phone",
    "ssn": "ssn", "social_security": "ssn", "address": "street", "street": "street", "city": "city", "zip": "zip",
    "postal": "zip", "dob": "birth_date", "date_of_birth": "birth_date", "birth_date": "birth_date",
    "card_number": "card", "credit_card": "card", "ccn": "card",
}  # fmt: skip
"""Every name that detection promises to know, in snake case, and its domain."""

MORE = {
    "email_addr": "email", "tel_nr": "phone", "vorname": "first_name", "nachname": "last_name", "strasse": "street",
    "plz": "zip", "geburtsdatum": "birth_date", "prenom": "first_name", "code_postal": "zip", "telephone": "phone",
    "apellido": "last_name", "telefono": "phone", "direccion": "street", "fecha_de_nacimiento": "birth_date",
    "cpf": "national_id", "nif": "national_id", "pesel": "national_id", "dni": "national_id", "passport_no": "passport",
    "iban": "bank_account", "ip_address": "ip", "mac_address": "mac", "username": "username", "tax_id": "tax_id",
    "drivers_license": "driver_licence", "national_id": "national_id", "surname": "last_name", "fax": "phone",
    "contact_email": "email", "billing_address": "street", "zip_code": "zip", "mobile_no": "phone",
    "codice_fiscale": "national_id", "imie": "first_name", "nazwisko": "last_name", "achternaam": "last_name",
    "customer_name": "person", "cardholder_name": "person", "emergency_contact": "person", "cvv": "card_code",
}  # fmt: skip

STYLES: dict[str, Callable[[str], str]] = {
    "snake": lambda name: name,
    "upper": lambda name: name.upper(),
    "pascal": lambda name: "".join(word.capitalize() for word in name.split("_")),
    "camel": lambda name: name[:1] + "".join(word.capitalize() for word in name.split("_"))[1:],
    "kebab": lambda name: name.replace("_", "-"),
    "spaced": lambda name: name.replace("_", " ").title(),
    "flat": lambda name: name.replace("_", ""),
    "of a customer": lambda name: f"cust_{name}",
    "of the user": lambda name: "user" + "".join(word.capitalize() for word in name.split("_")),
    "second": lambda name: f"{name}_2",
    "numbered": lambda name: name.upper() + "1",
    "typed": lambda name: "str" + "".join(word.capitalize() for word in name.split("_")),
    "with a table's letter": lambda name: f"C_{name.upper()}",
}

PLAIN = (
    ("id", "integer"), ("created_at", "timestamp"), ("status", "text"), ("total", "decimal"), ("is_active", "boolean"),
    ("updated_at", "timestamp"), ("quantity", "integer"), ("currency", "text"), ("order_no", "integer"),
    ("priority", "integer"), ("external_ref", "uuid"), ("score", "float"), ("language", "text"), ("version", "integer"),
)  # fmt: skip
TABLES = (
    "users",
    "orders",
    "t_customer",
    "Members",
    "ORDER_LINES",
    "bookings",
    "stg_clients",
    "requests",
    "tbl1",
    "Data",
)


def named(style: str, name: str) -> str:
    return STYLES[style](name)


def forgetful() -> Iterator[tuple[list[Candidate], str]]:
    """Tables with one personal column each, and which one it is: every name, the styles in turn."""
    styles, tables = cycle(STYLES), cycle(TABLES)
    for number, (name, domain) in enumerate((LISTED | MORE).items()):
        column, table = named(next(styles), name), next(tables)
        kind = "date" if domain == "birth_date" and number % 2 else "text"
        others = [Candidate(table, plain, ColumnShape(of)) for plain, of in PLAIN[number % 4 :][:9]]
        at = number % (len(others) + 1)
        yield (
            [*others[:at], Candidate(table, column, ColumnShape(kind, length=(None, 60)[number % 2])), *others[at:]],
            column,
        )
