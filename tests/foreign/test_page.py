"""docs/clients.md agrees with the abilities of the clients in the tests."""

import re
from pathlib import Path

from clients import CLIENTS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "clients.md"


def test_the_page_lists_the_limits_of_each_client():
    sections = re.split(r"^## ", PAGE.read_text(), flags=re.MULTILINE)
    for client in CLIENTS:
        (section,) = [text for text in sections if f"`{client}`" in text]
        said = re.findall(r"^- (.*): (.*)$", section, flags=re.MULTILINE)
        assert dict(said) == client.cannot, client
