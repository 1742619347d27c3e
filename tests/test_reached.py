"""What of ours the server is known to have: counted, without a connection."""

from __future__ import annotations

from livesdk.reached import Reached


def test_a_handle_stands_for_what_was_sent_before_the_model_last_began_to_speak() -> None:
    reached = Reached(had_handle=False)
    reached.opened((0, 0.0), owes_history=False)
    reached.model_spoke((2, 40.0))
    reached.handle_given()
    assert reached.had_handle
    assert reached.since_handle((3, 100.0)) == (1, 60.0)
    assert reached.has_all((2, 100.0))  # media counts for nothing
    assert not reached.has_all((3, 40.0))


def test_a_handle_given_before_the_model_spoke_stands_for_nothing_of_it() -> None:
    reached = Reached(had_handle=False)
    reached.opened((1, 0.0), owes_history=True)
    reached.handle_given()
    assert reached.since_handle((2, 20.0)) == (1, 20.0)
    assert not reached.has_all((1, 0.0))  # the history may not have arrived


def test_an_answer_shows_that_the_history_has_arrived() -> None:
    reached = Reached(had_handle=True)
    reached.opened((1, 0.0), owes_history=True)
    assert not reached.has_all((1, 0.0))
    reached.model_spoke((1, 0.0))
    reached.handle_given()
    assert (reached.awaits_model, reached.owes_history) == (False, False)
    assert reached.has_all((1, 0.0))


def test_another_connection_begins_to_count_anew() -> None:
    reached = Reached(had_handle=True)
    reached.model_spoke((1, 0.0))
    reached.opened((5, 300.0), owes_history=False)
    assert reached.awaits_model
    assert reached.since_handle((5, 300.0)) == (0, 0.0)
