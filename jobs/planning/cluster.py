"""What must be true of a Spark that others run before a plan may run on it: credentials and keys leave this machine, and
other machines must find what they are to read and write. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from ipaddress import ip_address

from connectors.contract import Endpoint
from connectors.facts import Facts
from jobs.planning.findings import Finding, error, warning

SPARK = "Spark configuration"

PROTECTION = {
    "spark.authenticate": "whoever reaches the cluster could take part, and get credentials and keys",
    "spark.network.crypto.enabled": "credentials and keys would cross the network in the clear",
    "spark.io.encryption.enabled": "credentials and keys could lie on the executors' disks in the clear",
}
"""What a cluster must switch on, and what happens without it."""


def cluster_findings(setting: Callable[[str], str | None], ends: Sequence[tuple[Endpoint, Facts]], store_in_a_file: bool
                     ) -> list[Finding]:  # fmt: skip
    """What keeps a plan with these ends from running on the Spark with these settings. Executors of a `local` master,
    `local-cluster` too, are on the driver's own machine."""

    def on(name: str) -> bool:
        return (setting(name) or "false").lower() == "true"

    found = []
    if on("spark.speculation"):
        what = "spark.speculation is on, which runs chunks twice for nothing"
        found.append(error(SPARK, what, "submit with --conf spark.speculation=false"))
    if (setting("spark.master") or "").startswith("local"):
        return found
    found += [
        error(SPARK, f"{name} is not on: {without}", f"submit with --conf {name}=true")
        for name, without in PROTECTION.items()
        if not on(name)
    ]
    for endpoint, facts in ends:
        found += _seen_from_elsewhere(endpoint, facts)
    if store_in_a_file:
        what = "it is a file, which only this machine can look into; a cluster's driver may run on any"
        found.append(error("control store", what, "set DBAGENT_CONTROL to a server's: README, A team's server"))
    return found


def _seen_from_elsewhere(endpoint: Endpoint, facts: Facts) -> list[Finding]:
    """What means something else, or nothing, on another machine."""
    if facts.file:
        what = f"{facts.title} databases are files, and the cluster's executors do not see the files of this machine"
        todo = "run this operation with `dbagent run` on the machine that has the file"
        return [error(endpoint.environment, what, todo)]
    found = []
    if endpoint.host is not None and _own(endpoint.host):
        what = f"each executor of the cluster takes {endpoint.host} for its own machine"
        found.append(warning(endpoint.environment, what, "name the address that all machines know"))
    if endpoint.tls.ca is not None:
        what = f"executors look for {endpoint.tls.ca} (tls: ca) on their own machines"
        found.append(warning(endpoint.environment, what, "put it at the same path on every node"))
    return found


def _own(host: str) -> bool:
    """Whether every machine takes this for itself: a socket's folder, or the loopback."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.startswith("/") or host.lower() == "localhost"
