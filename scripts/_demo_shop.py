"""The demo's PROD: a SQLite shop of fake people, the same bytes of data every time, made in a few seconds.

Nobody in it is real: e-mails end in the reserved `.test`, phone numbers start with +999 (no country), social security
numbers with 9 (never issued), card numbers with 9999 (no bank).
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

USERS, ADDRESSES, PRODUCTS, ORDERS = 50_000, 60_000, 1_200, 200_000

WORDS = {
    name: [word.strip() for word in text.split("|")]
    for name, text in {
        "first": """Zoë | Łukasz | Søren | Nguyệt | Мария | Олексій | Σοφία | عمر | דניאל | 健太 | 小明 | 지우 | Ayşe | Jürgen
            | Renée | Siobhán | Iñaki | Björn | Chloé | Đặng | Anaïs | Žofia | Gintarė | Mátyás | Ștefan | Þórunn | Işıl
            | Kōji | Ngozi | Oluwaseun | Thabo | Priya | Arjun | Fatima | Tuğba | Eñaut | Vítor | Märta | Øyvind | Ēriks""",
        "last": """O'Brien | García-Márquez | Müller | Åkesson | Nguyễn | Иванова | Шевченко | Παπαδόπουλος | الحسن | כהן
            | 佐藤 | 王 | 김 | Yılmaz | Lefèvre | Ó Súilleabháin | Etxeberria | Sørensen | Dvořák | Kowalczyk | Szabó
            | Kazlauskienė | Ionescu | Jónsdóttir | Öztürk | Tanaka | Okonkwo | Adeyemi | Nkosi | Krishnamurthy | Chaudhary
            | Al-Farsi | Çelik | van der Berg | de la Cruz | Fernández | Lindqvist | Ødegård | Kalniņš | D'Angelo""",
        "city": """Ankh-Gorod | Nordhafen | Port-Sérénité | Svetlograd | Åsgård | Villa Esperança | Kameyama-Shin | Żółte Pole
            | Lac-des-Étoiles | Neu-Wolkenstein | Santa Rosa del Río | Øvre Fjell""",
        "street": """Rue de l'Étoile | Mühlenweg | Calle Ñandú | ulica Słoneczna | Fjordgata | Лесная улица | 桜通り
            | Ringstraße | Via Città | Tower Lane""",
        "note": """Called about the invoice, asked for Zoë. | Prefers delivery after 18:00: "ring twice"
            | Complained:\tparcel arrived wet 😞 | VIP, knows the founder personally | Moved house,\nsee the new address""",
        "thing": "Lamp | Chair | Table | Kettle | Clock | Carpet | Mirror | Shelf | Vase | Blanket | Candle | Teapot",
    }.items()
}

SCHEMA = """
CREATE TABLE countries (code TEXT PRIMARY KEY, name TEXT NOT NULL, currency TEXT NOT NULL);
CREATE TABLE products (
    id INTEGER PRIMARY KEY, sku TEXT NOT NULL UNIQUE, title TEXT NOT NULL, price DECIMAL(10,2) NOT NULL,
    weight_kg REAL, discontinued_on DATE);
CREATE TABLE users (
    id INTEGER PRIMARY KEY, full_name TEXT NOT NULL, email TEXT NOT NULL UNIQUE, phone TEXT, ssn TEXT, birth_date DATE,
    city TEXT, referred_by INTEGER REFERENCES users (id), notes TEXT, created_at TIMESTAMP NOT NULL);
CREATE TABLE addresses (
    id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users (id), street TEXT NOT NULL, zip TEXT NOT NULL,
    city TEXT NOT NULL, country TEXT NOT NULL REFERENCES countries (code), is_default BOOLEAN NOT NULL);
CREATE TABLE orders (
    id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users (id), address_id INTEGER REFERENCES addresses (id),
    contact_email TEXT NOT NULL, status TEXT NOT NULL, total DECIMAL(12,2) NOT NULL, tracking_code TEXT,
    placed_at TIMESTAMP NOT NULL, shipped_on DATE);
CREATE TABLE order_items (
    order_id INTEGER NOT NULL REFERENCES orders (id), line INTEGER NOT NULL,
    product_id INTEGER NOT NULL REFERENCES products (id), quantity INTEGER NOT NULL, unit_price DECIMAL(10,2) NOT NULL,
    PRIMARY KEY (order_id, line));
CREATE TABLE payments (
    id INTEGER PRIMARY KEY, order_id INTEGER NOT NULL REFERENCES orders (id), card_number TEXT, payer_reference TEXT,
    amount DECIMAL(12,2) NOT NULL, fee DECIMAL(8,4), paid_on DATE NOT NULL);
"""

COUNTRIES = [
    ("DE", "Deutschland", "EUR"), ("FR", "France", "EUR"), ("PL", "Polska", "PLN"), ("JP", "日本", "JPY"),
    ("NO", "Norge", "NOK"), ("TR", "Türkiye", "TRY"), ("GR", "Ελλάδα", "EUR"), ("KR", "대한민국", "KRW"),
]  # fmt: skip


def pick(words: str, position: str) -> str:
    """A join that takes one word of a list, wrapping round at its end."""
    return f"JOIN words {words} ON {words}.list = '{words}' AND {words}.i = ({position}) % {len(WORDS[words])}"


# Multiplying by a prime and taking the remainder spreads values without chance.
FILL = [
    f"""INSERT INTO products
    SELECT n.i, printf('SKU-%05d', n.i), thing.word || ' No. ' || n.i, (n.i * 7919 % 50000 + 99) / 100.0,
        CASE WHEN n.i % 7 THEN round(n.i * 31 % 9000 / 997.0, 3) END,
        CASE WHEN n.i % 40 = 0 THEN date('2024-01-01', n.i || ' days') END
    FROM n {pick("thing", "n.i")} WHERE n.i <= {PRODUCTS}""",
    f"""INSERT INTO users
    SELECT n.i, first.word || ' ' || char(65 + n.i / 1600 % 26) || '. ' || last.word,
        printf('customer%d@mail%d.test', n.i, n.i % 7),
        CASE WHEN n.i % 11 THEN printf('+999 %03d %06d', n.i % 1000, n.i * 7919 % 1000000) END,
        CASE WHEN n.i % 13 THEN printf('9%02d-%02d-%04d', n.i % 100, n.i / 100 % 100, n.i * 31 % 10000) END,
        CASE WHEN n.i % 17 THEN date('1940-01-01', (n.i * 7919 % 24000) || ' days') END,
        CASE WHEN n.i % 19 THEN city.word END, CASE WHEN n.i % 3 = 0 THEN n.i / 3 END,
        CASE WHEN n.i % 10 = 0 THEN note.word END, datetime('2020-01-01', (n.i * 1013) || ' seconds')
    FROM n {pick("first", "n.i")} {pick("last", "n.i / 40")} {pick("city", "n.i * 7")} {pick("note", "n.i / 10")}
    WHERE n.i <= {USERS}""",
    f"""INSERT INTO addresses
    SELECT n.i, 1 + n.i * 7919 % {USERS}, (1 + n.i % 240) || ' ' || street.word, printf('%05d', n.i * 31 % 100000),
        city.word, country.code, n.i % 4 <> 0
    FROM n {pick("street", "n.i")} {pick("city", "n.i")}
    JOIN countries country ON country.rowid = 1 + n.i % {len(COUNTRIES)} WHERE n.i <= {ADDRESSES}""",
    f"""INSERT INTO orders
    SELECT n.i, u.id, CASE WHEN n.i % 9 THEN 1 + n.i * 31 % {ADDRESSES} END, u.email,
        CASE n.i % 4 WHEN 0 THEN 'new' WHEN 1 THEN 'paid' WHEN 2 THEN 'shipped' ELSE 'returned' END,
        (n.i * 7919 % 900000 + 500) / 100.0,
        CASE WHEN n.i % 4 >= 2 THEN printf('TRK%010d', n.i * 104729 % 10000000000) END,
        datetime('2023-01-01', (n.i * 311) || ' seconds'),
        CASE WHEN n.i % 4 >= 2 THEN date('2023-01-01', (n.i * 311 / 86400 + 2) || ' days') END
    FROM n JOIN users u ON u.id = 1 + n.i * 104729 % {USERS} WHERE n.i <= {ORDERS}""",
    f"""INSERT INTO order_items
    SELECT n.i, line.i, p.id, 1 + n.i % 3, p.price FROM n JOIN n line ON line.i <= 1 + n.i % 3
    JOIN products p ON p.id = 1 + (n.i * 31 + line.i * 7) % {PRODUCTS} WHERE n.i <= {ORDERS}""",
    """INSERT INTO payments
    SELECT id, id, CASE WHEN id % 5 THEN printf('9999%012d', id * 7919 % 1000000000000) END,
        'SHOP/' || id || '/' || user_id, total, CASE WHEN id % 6 THEN round(total * 0.0137, 4) END, date(placed_at, '1 day')
    FROM orders WHERE status <> 'new'""",
]


def make_shop(path: Path) -> None:
    """Write the shop's database to a new file."""
    shop = sqlite3.connect(path)
    try:
        shop.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -65536;" + SCHEMA)
        shop.execute("CREATE TEMP TABLE words (list TEXT, i INTEGER, word TEXT, PRIMARY KEY (list, i)) WITHOUT ROWID")
        for name, words in WORDS.items():
            shop.executemany("INSERT INTO words VALUES (?, ?, ?)", ((name, i, word) for i, word in enumerate(words)))
        shop.execute("CREATE TEMP TABLE n (i INTEGER PRIMARY KEY)")
        shop.execute(
            f"INSERT INTO n WITH RECURSIVE r (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < {ORDERS}) SELECT i FROM r"
        )
        shop.executemany("INSERT INTO countries VALUES (?, ?, ?)", COUNTRIES)
        for statement in FILL:
            shop.execute(statement)
        shop.execute("ANALYZE")
        shop.commit()
        shop.execute("PRAGMA journal_mode = WAL")  # so that writers of PROD need not wait for a copy
    finally:
        shop.close()
