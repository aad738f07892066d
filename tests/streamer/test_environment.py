"""Environment variables: options are taken, those of Kubernetes' services are left alone."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from streamer.cli import main
from streamer.errors import ConfigurationError

_OF_A_SERVICE = {
    "W2V_STREAM_SERVICE_HOST": "10.0.0.1",
    "W2V_STREAM_SERVICE_PORT": "8787",
    "W2V_STREAM_SERVICE_PORT_HTTP": "8787",
    "W2V_STREAM_PORT": "tcp://10.0.0.1:8787",
    "W2V_STREAM_PORT_8787_TCP": "tcp://10.0.0.1:8787",
    "W2V_STREAM_PORT_8787_TCP_PROTO": "tcp",
    "W2V_STREAM_PORT_8787_TCP_PORT": "8787",
    "W2V_STREAM_PORT_8787_TCP_ADDR": "10.0.0.1",
    "W2V_STREAM_METRICS_PORT": "tcp://10.0.0.2:80",
    "W2V_STREAM_METRICS_SERVICE_HOST": "10.0.0.2",
}


def _configuration(monkeypatch: pytest.MonkeyPatch, **variables: str) -> str:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    found = CliRunner().invoke(main, ["run", "--print-config"], standalone_mode=False)
    if found.exception is not None:
        raise found.exception
    return found.output


def test_a_service_of_our_name_is_no_option(monkeypatch: pytest.MonkeyPatch) -> None:
    told = _configuration(monkeypatch, W2V_STREAM_WINDOW="7", **_OF_A_SERVICE)
    assert "window = 7" in told


@pytest.mark.parametrize(
    ("name", "value"),
    [("W2V_STREAM_HTTP_PORT", "8787"), ("W2V_STREAM_WIDNOW", "7"), ("W2V_STREAM_PORT", "8787")],
)
def test_a_misspelt_option_is_refused(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigurationError, match=f"unknown environment variable {name}"):
        _configuration(monkeypatch, **{name: value})
