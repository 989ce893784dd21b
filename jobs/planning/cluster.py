"""What must be true of a Spark that others run before a plan may run on it: credentials and keys leave this machine, and
other machines must find what they are to read and write. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from jobs.planning.findings import Finding, error

SPARK = "Spark configuration"

PROTECTION = {
    "spark.authenticate": "whoever reaches the cluster could take part, and get credentials and keys",
    "spark.network.crypto.enabled": "credentials and keys would cross the network in the clear",
    "spark.io.encryption.enabled": "credentials and keys could lie on the executors' disks in the clear",
}
"""What a cluster must switch on, and what happens without it."""


def cluster_findings(setting: Callable[[str], str | None], files: Mapping[str, str], store_in_a_file: bool
                     ) -> list[Finding]:  # fmt: skip
    """What keeps a plan from running on the Spark with these settings. `files`: environments that are files, each with
    what its engine is called. Executors of a `local` master, `local-cluster` too, are on the driver's own machine."""

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
    found += [
        error(
            environment,
            f"{title} databases are files, and the cluster's executors do not see the files of this machine",
            "run this operation with `dbagent run` on the machine that has the file",
        )
        for environment, title in files.items()
    ]
    if store_in_a_file:
        what = "it is a file, which only this machine can look into; a cluster's driver may run on any"
        found.append(error("control store", what, "set DBAGENT_CONTROL to a server's: README, A team's server"))
    return found
