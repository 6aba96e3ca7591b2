"""Errors as a visitor sees them."""

from vlrouterbench.demo.errors import message_of


def test_a_message_shows_no_path_of_the_server_and_no_markup(tmp_path):
    upload = tmp_path / "uploads" / ("a" * 64) / "decisions.parquet"
    message = message_of(
        ValueError(f"{upload}: router <img src=x> of {tmp_path}/benchmark"), (tmp_path / "uploads", tmp_path)
    )
    assert message == "decisions.parquet: router &lt;img src=x&gt; of benchmark"
