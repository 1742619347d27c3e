"""The rules that conftest.py lays on every test, tried on small test files."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.long

HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def _same_rules(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    pytester.makeconftest((HERE / "conftest.py").read_text("utf-8"))
    needs, counts = ((HERE / name).read_text("utf-8") for name in ("needs.py", "counts.py"))
    absent = 'NEEDS["absent"] = Need(lambda: False, "no way to get it", "voice")\n'
    pytester.makepyfile(needs=needs + absent, counts=counts)
    pytester.makeini("[pytest]\npythonpath = .\nmarkers = requires(name)\n")
    monkeypatch.delenv("LIVESDK_REQUIRE", raising=False)


def run(pytester: pytest.Pytester, *args: str) -> dict[str, int]:
    return pytester.runpytest_subprocess("-p", "no:cacheprovider", *args).parseoutcomes()


NEEDY = """
    import pytest

    @pytest.mark.requires("absent")
    def test_needy():
        pass

    def test_plain():
        pass
"""


def test_a_missing_need_skips_the_test(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(NEEDY)
    assert run(pytester) == {"passed": 1, "skipped": 1}


@pytest.mark.parametrize("value", ["all", "absent", "tk, absent"])
def test_a_required_need_fails_the_test(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("LIVESDK_REQUIRE", value)
    pytester.makepyfile(NEEDY)
    assert run(pytester) == {"passed": 1, "errors": 1}


def test_requiring_something_else_leaves_the_skip(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIVESDK_REQUIRE", "tk")
    pytester.makepyfile(NEEDY)
    assert run(pytester) == {"passed": 1, "skipped": 1}


def test_a_skip_in_the_body_counts_too(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIVESDK_REQUIRE", "all")
    pytester.makepyfile("""
        import pytest

        @pytest.mark.requires("fuzz")
        def test_needy():
            pytest.skip("changed my mind")
    """)
    assert run(pytester) == {"failed": 1}


def test_an_expected_failure_is_no_skip(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIVESDK_REQUIRE", "all")
    pytester.makepyfile("""
        import pytest

        @pytest.mark.requires("fuzz")
        @pytest.mark.xfail
        def test_needy():
            assert False
    """)
    assert run(pytester) == {"xfailed": 1}


def test_a_file_that_skips_as_a_whole_fails_where_all_is_required(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIVESDK_REQUIRE", "all")
    pytester.makepyfile("import pytest; pytest.importorskip('no_such_module')")
    assert run(pytester) == {"errors": 1}


@pytest.mark.parametrize(
    ("environment", "outcomes"),
    [("py", {"passed": 1, "deselected": 1}), ("voice", {"errors": 1, "deselected": 1})],
)
def test_an_environment_runs_only_its_own(
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    environment: str,
    outcomes: dict[str, int],
) -> None:
    monkeypatch.setenv("LIVESDK_REQUIRE", "all")
    pytester.makepyfile(NEEDY)
    assert run(pytester, "--environment", environment) == outcomes


def test_an_unknown_need_stops_the_run(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        import pytest

        @pytest.mark.requires("vioce")
        def test_needy():
            pass
    """)
    result = pytester.runpytest_subprocess()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*vioce*not in tests/needs.py*"])


def test_a_thread_left_behind_is_an_error_that_shows_where(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        import threading

        def wait_for_ever():
            threading.Event().wait()

        def test_leaves_one():
            threading.Thread(target=wait_for_ever, name="livesdk-reader-1", daemon=True).start()

        def test_is_not_blamed_for_it():
            pass

        def test_other_threads_are_not_ours():
            threading.Thread(target=wait_for_ever, name="elsewhere", daemon=True).start()
    """)
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(passed=3, errors=1)
    result.stdout.fnmatch_lines(["*threads left behind*", "livesdk-reader-1", "*wait_for_ever*"])


def test_a_thread_that_ends_in_time_is_fine(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        import threading

        def test_ends_a_moment_later():
            ends = threading.Timer(0.2, int)
            ends.daemon = True
            ends.name = "livesdk-tool-1-1"
            ends.start()
    """)
    assert run(pytester) == {"passed": 1}


def test_keys_and_proxies_of_the_machine_are_hidden(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", "not for tests")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    pytester.makepyfile("""
        import os

        def test_hidden():
            assert not os.environ.keys() & {"GEMINI_API_KEY", "HTTPS_PROXY"}
    """)
    assert run(pytester) == {"passed": 1}


def variables_in(source: Path) -> set[str]:
    """The names of variables in a module that reads the environment, those it exports aside."""
    text = source.read_text("utf-8")
    if not re.search(r"\b(environ|getenv)\b", text):
        return set()
    strings = [
        node.value
        for statement in ast.parse(text).body
        if "__all__" not in ast.unparse(statement).split(" = ")[0]
        for node in ast.walk(statement)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    return {text for text in strings if re.fullmatch("[A-Z0-9]+(_[A-Z0-9]+)+", text)}


def test_whatever_the_package_reads_of_the_machine_is_hidden(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = HERE.parent
    read = set().union(*map(variables_in, (root / "livesdk").rglob("*.py")))
    _, _, table = (root / "docs/endpoints.rst").read_text("utf-8").partition("\nThe environment\n")
    told = set(re.findall("``([A-Z0-9_]+)``", table))
    assert {"GOOGLE_API_KEY", "GOOGLE_GENAI_USE_ENTERPRISE", "SSL_CERT_DIR"} <= read
    assert read <= told
    for name in told:
        monkeypatch.setenv(name, "not for tests")
    pytester.makepyfile(f"""
        import os

        def test_hidden():
            assert not os.environ.keys() & {told}
    """)
    assert run(pytester) == {"passed": 1}


COUNTING = """
    import pytest

    @pytest.mark.parametrize("amount", [1, 2, 1300])
    def test_counts(tally, amount):
        tally("inputs tried", amount)
        tally("inputs tried")
        tally("messages lost", 0)

    times = []

    def test_of_two_runs_the_last_counts(tally):
        times.append(1)
        tally("runs", len(times))
        assert len(times) == 2

    def test_counts_nothing(tally):
        pass
"""


@pytest.mark.parametrize("args", [[], ["--numprocesses=2"]])
def test_what_tests_count_is_added_up_and_printed(
    pytester: pytest.Pytester, args: list[str]
) -> None:
    pytester.makepyfile(COUNTING)
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "--reruns=1", *args)
    assert result.parseoutcomes() == {"passed": 5, "rerun": 1}
    printed = str(result.stdout).partition("= counts =")[2].splitlines()[1:4]
    assert printed == ["inputs tried: 1,306", "messages lost: 0", "runs: 2"]


def test_without_counts_nothing_is_printed(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_plain(): pass")
    assert "= counts =" not in str(pytester.runpytest_subprocess().stdout)
