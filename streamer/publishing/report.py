"""What a publisher tells of itself: a small file beside its ledger, for those that monitor it.

A publisher is a process of its own. The daemon, or ``serve``, finds these files below the
snapshots, shows them on its page and serves them as metrics, also while no publisher runs.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from datetime import datetime, timezone
from pathlib import Path

import orjson

from streamer.publishing.state import use_of
from w2v_online.output import whole_file

FOLDER = ".published"
"""Where ledgers and reports lie, one folder for each store, below the snapshots."""

_FILE = "report.json"


@dataclass
class Report:
    """Figures of one store; sums are over all runs of its publisher."""

    to: str
    """URL of the store, without password."""
    snapshot: str = ""
    """Name of the snapshot that it holds; empty before the first."""
    published: str = ""
    """When it was stored, in ISO 8601."""
    words: int = 0
    """Words that it holds."""
    upserted: int = 0
    deleted: int = 0
    sent_bytes: int = 0
    failures: int = 0
    """Attempts that failed."""
    error: str = ""
    """Why the last attempt failed; empty if it did not."""

    def lag_seconds(self, newest: str) -> float:
        """How much older the snapshot that the store holds is than the ``newest``, by their names.

        Grows with every snapshot that is not published. Zero for a store that holds none yet.
        """
        if not self.snapshot or not newest:
            return 0.0
        return max(0.0, (_time_of(newest) - _time_of(self.snapshot)).total_seconds())

    def succeeded(self, snapshot: str, words: int) -> None:
        """The store holds a snapshot."""
        self.snapshot, self.words, self.error = snapshot, words, ""
        self.published = datetime.now(timezone.utc).isoformat(timespec="seconds")

    def failed(self, error: str) -> None:
        """An attempt has failed."""
        self.failures += 1
        self.error = error

    def write(self, folder: Path) -> None:
        """Put it in place of the one before; StateError if that fails."""
        path = folder / _FILE
        with use_of(path, "written"), whole_file(path) as file:
            file.write(orjson.dumps(asdict(self), option=orjson.OPT_INDENT_2))


def read(folder: Path, to: str = "") -> Report:
    """The report in a folder; one that begins at zero if there is none, or it is damaged."""
    try:
        document = orjson.loads((folder / _FILE).read_bytes())
        known = {field.name: document[field.name] for field in fields(Report)}
        return Report(**known)
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError):
        return Report(to)


def read_all(snapshots: Path) -> list[Report]:
    """The reports of all stores that a folder's snapshots were sent to, by their URLs."""
    found = [read(path.parent) for path in snapshots.glob(f"{FOLDER}/*/{_FILE}")]
    return sorted((report for report in found if report.to), key=lambda report: report.to)


def _time_of(snapshot: str) -> datetime:
    """When a snapshot was written, to the second; its name tells."""
    try:
        return datetime.strptime(snapshot.split("-")[1][:16], "%Y%m%dT%H%M%SZ")
    except (IndexError, ValueError):
        return datetime.min
