"""Names alone: every promised name in every style, the words they come apart into, and obvious false alarms."""

from __future__ import annotations

import pytest

from anonymizers.contract import ColumnShape
from anonymizers.detection.contract import Candidate, Verdict
from anonymizers.detection.detect import detect_table
from anonymizers.detection.names import split
from tests.anonymizers.detection.styles import LISTED, MORE, STYLES, forgetful, named

SAME = {"person": {"person", "username"}}
"""`user_name` is a login as often as a name."""

FALSE_ALARMS = """
last_login lastLoginTs
email_sent_at email_verified emailSentAt EMAIL_COUNT name_length nameLength city_count phone_type phoneVerified
address_id city_id address_type email_status email_template zip_file_path card_type card_status ip_version
mac_os_version birth_rate username_changed_at login_attempts is_email_verified has_phone allow_mobile file_name
fileName filename host_name table_name column_name product_name company_name brandName category_name country_name
bucketname event_name state country currency status telephony panel carpet notation format platform description_type
mailbox_size emailing recipe description2
"""


def judged(column: str, kind: str = "text", table: str = "t", length: int | None = 80) -> Verdict | None:
    [verdict] = detect_table([Candidate(table, column, ColumnShape(kind, length=length))])
    return verdict


@pytest.mark.parametrize("style", STYLES)
def test_every_promised_name_is_known_in_every_style(style: str) -> None:
    found = {name: judged(named(style, name)) for name in LISTED}
    missed = {
        named(style, name): verdict
        for name, verdict in found.items()
        if verdict is None or verdict.domain not in SAME.get(LISTED[name], {LISTED[name]})
    }
    assert missed == {}


@pytest.mark.parametrize("style", STYLES)
def test_names_in_other_words_and_languages_are_known(style: str) -> None:
    found = {name: judged(named(style, name)) for name in MORE}
    missed = {named(style, name): verdict for name, verdict in found.items() if verdict is None}
    wrong = {name: v.domain for name, v in found.items() if v and v.domain not in SAME.get(MORE[name], {MORE[name]})}
    assert missed == {}
    assert wrong == {}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("EMailAddr", ("e", "mail", "addr")),
        ("cust_email_2", ("cust", "email")),
        ("customerDOB", ("customer", "dob")),
        ("IPAddress", ("ip", "address")),
        ("SSNo", ("ss", "no")),
        ("telefonnummer", ("telefon", "nummer")),
        ("PRÉNOM", ("prenom",)),
        ("Straße", ("strasse",)),
        ("imię", ("imie",)),
        ("filename", ("file", "name")),
        ("email_addresses", ("email", "address")),
        ("companies", ("company",)),
        ("essn", ("ssn",)),
        ("information", ("information",)),
        ("", ()),
        ("42", ()),
    ],
)
def test_names_come_apart_into_words(name: str, words: tuple[str, ...]) -> None:
    assert split(name) == words


@pytest.mark.parametrize(
    "name",
    [
        "電話番号",
        "メールアドレス",
        "姓名",
        "身份证号",
        "фамилия",
        "ТЕЛЕФОН",
        "дата_рождения",
        "이메일",
        "teléfono",
        "Geburtsdatum",
    ],
)
def test_names_in_other_scripts_are_known(name: str) -> None:
    assert judged(name) is not None


@pytest.mark.parametrize("name", FALSE_ALARMS.split())
def test_columns_that_only_sound_personal_are_kept(name: str) -> None:
    assert judged(name) is None


@pytest.mark.parametrize("kind", ["boolean", "timestamp", "date", "time", "float", "uuid"])
@pytest.mark.parametrize("name", ["email", "phone", "name", "city", "username", "card_number", "ssn"])
def test_no_column_is_personal_whose_kind_cannot_hold_it(name: str, kind: str) -> None:
    assert judged(name, kind) is None


@pytest.mark.parametrize("table", ["products", "categories", "cities", "brands", "Roles", "user_roles", "public.tags"])
def test_the_name_of_a_thing_is_no_person(table: str) -> None:
    assert judged("name", table=table) is None


@pytest.mark.parametrize(
    "table", ["customers", "Kunde", "public.users", 'public."Patients"', "dim_employee", "data", "x"]
)
def test_a_name_is_a_person_where_the_table_does_not_say_otherwise(table: str) -> None:
    verdict = judged("name", table=table)
    assert verdict is not None
    assert verdict.domain == "person"


def test_forty_schemas_with_one_forgotten_column_are_all_caught() -> None:
    schemas = list(forgetful())
    assert len(schemas) >= 40
    for columns, personal in schemas:
        verdicts = [verdict for verdict in detect_table(columns) if verdict]
        assert [verdict.column for verdict in verdicts] == [personal], columns[0].table
        assert verdicts[0].rule is not None


@pytest.mark.parametrize("table", ["orders", "tickets", "messages", "reviews"])
def test_a_name_in_a_table_of_events_is_a_persons(table: str) -> None:
    assert judged("name", table=table) is not None


@pytest.mark.parametrize("name", ["customer", "guardian", "passenger", "contact", "owner"])
def test_whoever_is_named_by_a_role_is_a_person(name: str) -> None:
    verdict = judged(name, table="orders")
    assert verdict is not None
    assert verdict.domain == "person"
    assert judged(name, "integer", table="orders") is None


def beside(column: str, *others: str) -> Verdict | None:
    columns = [column, *others]
    return detect_table([Candidate("t", name, ColumnShape("text", length=80)) for name in columns])[0]


def test_neighbours_tell_whose_name_it_is() -> None:
    alone, people, goods = beside("name"), beside("name", "email", "phone"), beside("name", "price", "sku")
    assert goods is None
    assert alone is not None
    assert people is not None
    assert people.confidence > alone.confidence


@pytest.mark.parametrize(
    "name", ["notes", "customer_comment", "bio", "message_body", "descripcion_pedido", "Bemerkung"]
)
def test_long_texts_go_to_a_person_by_their_name(name: str) -> None:
    for length in (None, 2000):
        verdict = judged(name, length=length)
        assert verdict is not None
        assert verdict.undecidable
    assert judged(name, length=100) is None


def test_what_fits_no_strategy_goes_to_a_person_with_why() -> None:
    shape = ColumnShape("text", nullable=False, unique=True, length=12)
    [verdict] = detect_table([Candidate("t", "email", shape)])
    assert verdict is not None
    assert verdict.undecidable
    assert verdict.domain == "email"
    assert "12" in verdict.reasons[-1]


def test_a_type_nobody_sees_into_still_says_what_its_name_means() -> None:
    verdict = judged("ip_address", "other")
    assert verdict is not None
    assert (verdict.undecidable, verdict.domain) == (True, "ip")


@pytest.mark.parametrize(
    ("name", "domain"),
    [
        ("passport_id", "passport"),
        ("voter_id", "national_id"),
        ("license", "driver_licence"),
        ("registration", "vehicle"),
        ("location", "city"),
        ("nickname", "username"),
        ("contact_details", "person"),
        ("address_details", "street"),
        ("work_cell", "phone"),
        ("rider_lat", "geo"),
        ("fec_nacim", "birth_date"),
        ("passp_nbr", "passport"),
        ("acct_nmbr", "bank_account"),
        ("spousesname", "person"),
        ("project_owner", "person"),
        ("approved_by", "username"),
        ("jmeno", "person"),
        ("henkilotunnus", "national_id"),
    ],
)
def test_names_in_short_and_beside_others_are_known(name: str, domain: str) -> None:
    verdict = judged(name)
    assert verdict is not None
    assert verdict.domain == domain


@pytest.mark.parametrize(
    "name",
    [
        "sort_by",
        "order_by",
        "user_agent",
        "tipo_cliente",
        "customer_type",
        "owner_count",
        "license_type",
        "contact_type",
        "location_code",
        "registration_date",
        "product_owner_flag",
        "cart_total",
        "direct_debit",
        "email_details_id",
    ],
)
def test_what_only_sounds_like_somebodys_role_is_nobodys(name: str) -> None:
    assert judged(name) is None


def test_the_id_of_a_paper_is_its_number_only_as_text() -> None:
    assert judged("passport_id", "text") is not None
    assert judged("passport_id", "integer") is None


@pytest.mark.parametrize("name", ["location", "registration", "license", "team_owner"])
def test_what_things_have_too_is_theirs_where_things_are_listed(name: str) -> None:
    assert judged(name, table="warehouses") is None
    assert beside(name, "sku", "price") is None
    assert beside(name, "email", "phone") is not None or name == "team_owner"
