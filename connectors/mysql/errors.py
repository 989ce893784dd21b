"""What MySQL and MariaDB report, in the project's own words: error number → class, sentence, advice. Never their own text.

Numbers below 2000 and above 3000 are the server's, those between the client's. Both flavours share most of them.
"""

from __future__ import annotations

import re
import ssl
from contextlib import AbstractContextManager

import pymysql

from connectors.errors import (
    Busy,
    ConnectionLost,
    ConnectorError,
    Locked,
    LoginRefused,
    NotFound,
    PermissionMissing,
    SourceChanged,
    TargetFull,
    TerminalError,
    Unsupported,
    ValueRefused,
    translating,
)

Verdict = tuple[type[ConnectorError], str, str]

CODES: dict[int, Verdict] = {}
KEY = re.compile(r"for key '([^']+)'$")
COLUMN = re.compile(r"for column (?:`[^`]*`\.)*[`']([^`']+)[`'](?: at row \d+)?$|^Column '([^']+)' cannot be null$")
CHECK = re.compile(r"^(?:CONSTRAINT|Check constraint) [`']([^`']+)[`']")
"""Names of things in the server's messages, whatever values stand beside them."""


def _told(kind: type[ConnectorError], what: str, todo: str, *numbers: int) -> None:
    CODES.update(dict.fromkeys(numbers, (kind, what, todo)))


_told(LoginRefused, "wrong user or password", "check user and password of the environment", 1045, 1698)
_told(LoginRefused, "the server refuses this host", "allow our host to log in, or FLUSH HOSTS", 1129, 1130)
_told(LoginRefused, "the server takes this user over TLS only", "set tls: {mode: verify-full}", 3159)
_told(
    LoginRefused, "the user is locked or its password has expired", "unlock it or set a new one", 1820, 1862, 3118, 4151
)
_told(
    LoginRefused, "the user's way to log in is not known here", "use caching_sha2_password or ed25519", 1251, 1524, 2059
)
_told(NotFound, "the database does not exist", "check the environment's database", 1049)
_told(NotFound, "a table does not exist", "", 1051, 1146, 1109)
_told(NotFound, "a column does not exist", "", 1054, 1072)
_told(NotFound, "an object does not exist", "", 1091, 1176, 1305, 4041)
_told(PermissionMissing, "our user may not use the database", "grant it, or use another user", 1044)
_told(PermissionMissing, "a privilege is missing", "grant it, or use another user", 1142, 1143, 1227, 1370, 1410, 3530)
_told(PermissionMissing, "the session may only read", "name a server that accepts writes", 1290, 1792, 1836, 3798)
_told(Locked, "a lock was not granted in time", "see who holds it: SHOW ENGINE INNODB STATUS", 1205, 3572)
_told(Busy, "a deadlock was broken", "", 1213, 1020)
_told(Busy, "the server has no free connection", "lower parallel_workers, or raise max_connections", 1040, 1203, 1226)
_told(Busy, "the server is out of memory", "", 1037, 1038, 1041)
_told(
    Busy, "too much was written to the table while its index was built", "raise innodb_online_alter_log_max_size", 1799
)
_told(Busy, "the statement was cancelled", "", 1317, 1969, 3024)
_told(ConnectionLost, "the session was ended by an administrator", "", 1927, 1152)
_told(ConnectionLost, "the server is starting or stopping", "", 1053)
_told(
    ConnectionLost, "the connection was lost", "", 0, 1043, 1158, 1159, 1160, 1161, 1184, 2006, 2013, 2014, 2055, 4031
)
_told(
    TargetFull,
    "the server's disk is full",
    "free space where the server keeps its data",
    1021,
    1114,
    1026,
    3,
    28,
    1030,
    1878,
)
_told(SourceChanged, "a table changed its form meanwhile", "run again", 1412, 1615)
_told(
    ValueRefused,
    "the table refuses a row: a unique key exists already",
    "compare unique keys on both ends",
    1062,
    1022,
    1586,
)
_told(
    ValueRefused,
    "the table refuses a row: NULL in a NOT NULL column",
    "compare NOT NULL on both ends",
    1048,
    1263,
    1364,
)
_told(
    ValueRefused,
    "the table refuses a row: a foreign key has no matching row",
    "copy the referenced table too",
    1216,
    1452,
)
_told(
    ValueRefused, "rows of another table reference this one", "copy that table too, or empty it first", 1217, 1451, 1701
)
_told(
    ValueRefused, "the table refuses a row: a CHECK is violated", "compare CHECK constraints on both ends", 3819, 4025
)
_told(
    ValueRefused,
    "a text has a character that the target's column lacks",
    "give the column the character set utf8mb4",
    1366,
)
_told(
    ValueRefused,
    "the table refuses a value",
    "compare the column types of both ends",
    1264,
    1265,
    1292,
    1406,
    1411,
    1416,
    1690,
)
_told(
    ValueRefused,
    "the table refuses a value",
    "compare the column types of both ends",
    1261,
    1262,
    3140,
    3156,
    3671,
    1300,
    1105,
)
_told(
    ValueRefused,
    "a row is larger than the server takes",
    "raise max_allowed_packet on both servers",
    1153,
    1118,
    1301,
    2020,
)
_told(
    TerminalError,
    "something of that name exists already",
    "drop or rename it, or choose `mode: recreate`",
    1050,
    1060,
    1061,
    1359,
    1826,
    3822,
)
_told(
    TerminalError,
    "the server does not take the foreign key",
    "compare types, character sets and keys of both tables",
    1005,
    1215,
    1822,
    3780,
)
_told(
    TerminalError,
    "a foreign key hangs on it",
    "drop the foreign key first, and make it again afterwards",
    1553,
    1832,
    1833,
    1834,
    3730,
)
_told(TerminalError, "a column that numbers rows needs a key of its own", "make the key with it, by hand", 1075)
_told(TerminalError, "another column or a CHECK is made of it", "", 3108, 3959)
_told(TerminalError, "a key is longer than the server takes", "let fewer characters count", 1071, 1170)
_told(
    Unsupported,
    "the server does not alter a table of which it keeps former rows",
    "alter it by hand, with system_versioning_alter_history = KEEP",
    4119,
)
_told(
    Unsupported,
    "the server is set not to take data from clients",
    "SET GLOBAL local_infile = 1",
    1148,
    3948,
    4166,
    2068,
)
_told(Unsupported, "the server does not support this", "", 1235, 1286, 1289, 1193, 1273, 1115, 1128)
_told(
    TerminalError,
    "the server does not accept the statement",
    "",
    1064,
    1052,
    1066,
    1111,
    1149,
    1241,
    1242,
    1267,
    1271,
    1582,
)

REFUSED: Verdict = (
    ConnectionLost,
    "nothing answers at this host and port",
    "check host and port; is the server running?",
)
UNNAMED: Verdict = (ConnectionLost, "the host's name cannot be resolved", "check the host")
SILENT: Verdict = (ConnectionLost, "the server does not answer", "check host, port and the network between")
STRANGER: Verdict = (LoginRefused, "what answers at this host and port is not MySQL or MariaDB", "check host and port")
PLAIN: Verdict = (LoginRefused, "the server does not offer TLS", "turn it on there, or set tls: {mode: disable}")
UNTRUSTED: Verdict = (LoginRefused, "the server's certificate is not trusted", "set tls: {mode: verify-full, ca: FILE}")
MISNAMED: Verdict = (LoginRefused, "the certificate is not for this host", "use the name it was made for")


def translate(error: pymysql.Error, where: str = "", stalled: str = "") -> ConnectorError:
    """What a driver's error means; `stalled` is what to say of a session that waited too long."""
    number, text = _number(error), str(error.args[-1]) if error.args else ""
    if number in (2006, 2013) and "timed out" in text and stalled:
        return ConnectionLost(stalled, where=where, todo="see what its sessions wait for: SHOW FULL PROCESSLIST")
    kind, what, todo = _verdict(number)
    found = next((match for shape in (KEY, COLUMN, CHECK) if (match := shape.search(text))), None)
    if found and kind is ValueRefused:
        what += f" ({found[found.lastindex or 1]})"
    return kind(what, where=where, todo=todo, code=str(number) if number else "")


def verdict(number: int, where: str) -> ConnectorError:
    """What an error number means."""
    kind, what, todo = _verdict(number)
    return kind(what, where=where, todo=todo, code=str(number) if number > 0 else "")


def _verdict(number: int) -> Verdict:
    return CODES.get(number) or (TerminalError, "the server reports an error", "")


def refused(error: pymysql.Error | OSError, where: str) -> ConnectorError:
    """Why a connection could not be made."""
    number, cause = _number(error), getattr(error, "original_exception", error)
    if number == 2026:
        kind, what, todo = PLAIN
    elif isinstance(cause, ssl.SSLCertVerificationError):
        mismatch = cause.verify_code in (62, 64)  # of a name, of an address
        kind, what, todo = MISNAMED if mismatch else UNTRUSTED
    elif isinstance(cause, ConnectionRefusedError | FileNotFoundError):
        kind, what, todo = REFUSED
    elif isinstance(cause, ssl.SSLError):
        kind, what, todo = LoginRefused, "the server and we agree on no way of TLS", "see `tls` of the environment"
    elif isinstance(cause, OSError) and not isinstance(cause, pymysql.Error):
        kind, what, todo = UNNAMED if type(cause).__name__ == "gaierror" else SILENT
    elif number in CODES and number:
        return translate(error, where) if isinstance(error, pymysql.Error) else ConnectionLost(SILENT[1], where=where)
    else:
        kind, what, todo = STRANGER
    return kind(what, where=where, todo=todo)


def _number(error: Exception) -> int:
    return error.args[0] if error.args and isinstance(error.args[0], int) else 0


def translated(where: str = "", stalled: str = "") -> AbstractContextManager[None]:
    """Driver errors inside the block leave it as connector errors that name `where`."""
    return translating(pymysql.Error, lambda error, place: translate(error, place, stalled), where)
