"""HTTP as a stranger may speak it: to a real server, byte by byte."""

import json
import re
import signal
import socket
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from protolith.web.limits import ServerLimits
from web.serving import Running, heard, server

GET = b"GET /schemas HTTP/1.1\r\nHost: localhost\r\n"
POST = (
    b"POST /schemas/register-json HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
)
LAST = b"Connection: close\r\n\r\n"
SLOW = {
    "PROTOLITH_HTTP_HEAD_SECONDS": "2",
    "PROTOLITH_HTTP_BODY_SECONDS": "2",
    "PROTOLITH_HTTP_IDLE_SECONDS": "2",
}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with server(tmp_path_factory.mktemp("http") / "home", **SLOW) as opened:
        yield opened


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer else 0


def envelope(answer: bytes) -> dict[str, object]:
    found: dict[str, object] = json.loads(answer.partition(b"\r\n\r\n")[2])
    return found


def check_it_lives(running: Running) -> None:
    with urllib.request.urlopen(f"{running.url}/health", timeout=10) as answer:  # noqa: S310
        assert answer.status == 200


def eventually(call: Callable[[], object]) -> None:
    """Wait until something holds; what the server does a moment later is no fault."""
    end = time.monotonic() + 20
    while not call():
        assert time.monotonic() < end
        time.sleep(0.05)


REFUSED: dict[str, tuple[bytes, int]] = {
    "noise": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20, 400),
    "no method": (b"/ HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "no host": (b"GET /schemas HTTP/1.1\r\n" + LAST, 400),
    "two hosts": (GET + b"Host: localhost\r\n" + LAST, 400),
    "another host": (b"GET /schemas HTTP/1.1\r\nHost: evil.example\r\n" + LAST, 400),
    "another host with ours in it": (
        b"GET /schemas HTTP/1.1\r\nHost: localhost.evil.example:8081\r\n" + LAST,
        400,
    ),
    "a path in the host": (b"GET /schemas HTTP/1.1\r\nHost: localhost/health?x=\r\n" + LAST, 400),
    "two lengths": (POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400),
    "length and chunks": (
        POST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    "no length": (POST + b"Content-Length: x\r\n\r\n", 400),
    "chunks of no size": (POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
    "a folded header": (GET + b"X-A: a\r\n b\r\n" + LAST, 400),
    "a header with NUL": (GET + b"X-A: a\x00b\r\n" + LAST, 400),
    "no line ends": (GET.replace(b"\r\n", b"\n") + b"\n", 400),
    "a header of 100 KB": (GET + b"X-A: " + b"a" * 100_000 + b"\r\n" + LAST, 431),
    "a path of 100 KB": (b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 431),
    "many headers": (GET + b"".join(b"X-%d: a\r\n" % n for n in range(200)) + LAST, 431),
    "a header name of 100 KB": (GET + b"a" * 100_000 + b": a\r\n" + LAST, 431),
    "a path that is not UTF-8": (b"GET /schemas/%ff HTTP/1.1\r\nHost: localhost\r\n" + LAST, 400),
    "two credentials, one answer": (GET + b"Authorization: a\r\n" * 2 + LAST, 200),
    "upgrade": (GET + b"Upgrade: websocket\r\nConnection: Upgrade, close\r\n\r\n", 200),
    "HTTP/1.0": (b"GET /schemas HTTP/1.0\r\nHost: localhost\r\n\r\n", 200),
}


@pytest.mark.parametrize(("data", "wanted"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_good_request(running: Running, data: bytes, wanted: int) -> None:
    answer = running.say(data)
    assert status(answer) == wanted, answer[:300]
    if wanted != 200:
        assert set(envelope(answer)) >= {"code", "message", "hint", "details", "request_id"}
        assert b"Traceback" not in answer
    check_it_lives(running)


def test_a_header_of_100_mb_is_cut_early(running: Running) -> None:
    sent = 0
    with running.connect() as opened:
        opened.sendall(GET + b"X-A: ")
        try:
            for _ in range(1_600):
                opened.sendall(b"a" * 65_536)
                sent += 65_536
        except (BrokenPipeError, ConnectionResetError):
            pass
    assert sent < 50_000_000
    check_it_lives(running)


def test_a_body_for_nobody_ends_the_connection(running: Running) -> None:
    """The route was refused; the rest is not read for ever."""
    with running.connect() as opened:
        opened.sendall(POST.replace(b"-json", b"-none") + b"Transfer-Encoding: chunked\r\n\r\n")
        sent = 0
        try:
            for _ in range(10_000):
                opened.sendall(b"10000\r\n" + b"a" * 65_536 + b"\r\n")
                sent += 65_536
        except (BrokenPipeError, ConnectionResetError):
            pass
    assert sent < 100_000_000
    check_it_lives(running)


def slow(running: Running, first: bytes, count: int) -> list[socket.socket]:
    opened = [running.connect() for _ in range(count)]
    for one in opened:
        one.sendall(first)
    return opened


@pytest.mark.parametrize(
    ("first", "drip"),
    [
        (b"", b""),
        (b"GET /sch", b"e"),
        (GET, b"X-A: a\r\n"),
        (POST + b"Content-Length: 100000\r\n\r\n", b"a"),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
        (POST + b"Content-Length: 100000\r\nExpect: 100-continue\r\n\r\n", b""),
        (GET + b"\r\n", b""),
    ],
    ids=["nothing", "line", "headers", "body", "chunks", "expect", "idle after an answer"],
)
def test_slow_clients_are_dropped(running: Running, first: bytes, drip: bytes) -> None:
    """Here the deadline is what is tested; it is 2 seconds, and none may stay for 20."""
    many = slow(running, first, 100)
    end = time.monotonic() + 20
    answered = 0
    while many and time.monotonic() < end:
        with urllib.request.urlopen(f"{running.url}/health", timeout=10) as answer:  # noqa: S310
            answered += answer.status == 200
        many = [one for one in many if stays(one, drip)]
        time.sleep(0.2)
    for one in many:
        one.close()
    assert many == []
    assert answered >= 1


def stays(opened: socket.socket, drip: bytes) -> bool:
    opened.settimeout(0.001)
    try:
        if drip:
            opened.sendall(drip)
        while opened.recv(65_536):
            pass
    except TimeoutError:
        return True
    except OSError:
        pass
    opened.close()
    return False


def test_too_many_connections(tmp_path: Path) -> None:
    with server(tmp_path, PROTOLITH_HTTP_CONNECTIONS="20") as running:
        held = [running.connect() for _ in range(20)]
        eventually(lambda: status(running.say(GET + LAST)) == 503)
        answers = [running.say(GET + LAST) for _ in range(5)]
        assert {status(answer) for answer in answers} == {503}
        assert all(b"retry-after" in answer for answer in answers)
        for one in held:
            one.close()
        eventually(lambda: status(running.say(GET + LAST)) == 200)


def test_too_many_requests_at_once(tmp_path: Path) -> None:
    with server(tmp_path, PROTOLITH_HTTP_REQUESTS="4") as running:
        held = slow(running, POST + b"Content-Length: 100\r\n\r\n", 4)
        eventually(lambda: status(running.say(GET + LAST)) == 503)
        answer = running.say(GET + LAST)
        assert envelope(answer)["code"] == "BUSY"
        assert b"retry-after: 5" in answer
        check_it_lives(running)
        for one in held:
            one.close()
        eventually(lambda: status(running.say(GET + LAST)) == 200)


def refuses(running: Running) -> bool:
    try:
        running.connect(1).close()
    except OSError:
        return True
    return False


def test_a_server_that_is_told_to_stop_finishes_what_it_has(tmp_path: Path) -> None:
    with server(tmp_path) as running:
        body = b'{"schema_json": [{"name": "a", "type": "STRING"}], "table_name": "t"}'
        opened = running.connect()
        opened.sendall(POST + b"Content-Length: %d\r\n\r\n" % len(body) + body[:-1])
        idle = running.connect()
        idle.sendall(GET + b"\r\n")
        assert idle.recv(15).startswith(b"HTTP/1.1 200")
        running.stop(signal.SIGTERM)
        eventually(lambda: refuses(running))  # nobody new
        opened.sendall(body[-1:])
        assert status(heard(opened)) == 200
        assert running.process.wait(20) == 0
        for one in (opened, idle):
            one.close()


def test_a_server_that_is_told_to_stop_does_not_wait_for_ever(tmp_path: Path) -> None:
    with server(tmp_path, PROTOLITH_HTTP_SHUTDOWN_SECONDS="1") as running:
        opened = running.connect()
        opened.sendall(POST + b"Content-Length: 100\r\n\r\n{")
        time.sleep(0.3)
        running.stop()
        assert running.process.wait(20) == 0
        opened.close()


def test_every_answer_has_its_headers(running: Running) -> None:
    names = set()
    for target in (b"/schemas", b"/health", b"/docs", b"/nothing", b"/schemas/no.such"):
        answer = running.say(b"GET " + target + b" HTTP/1.1\r\nHost: localhost\r\n" + LAST)
        head = answer.partition(b"\r\n\r\n")[0].lower().decode()
        for header in (
            "x-content-type-options: nosniff",
            "cache-control: no-store",
            "x-frame-options: deny",
            "frame-ancestors 'none'",
            "default-src 'none'",
        ):
            assert header in head, target
        assert "\r\nserver:" not in head
        assert "access-control" not in head
        names.add(re.search("x-request-id: ([0-9a-f]{16})", head)[1])  # type: ignore[index]
    assert len(names) == 5
    answer = running.say(GET + b"X-Request-Id: from-a-gateway.7\r\n" + LAST)
    assert b"x-request-id: from-a-gateway.7\r\n" in answer
    for bad in (b"short", b"a b c d e f g h", b"x" * 65, b"12345678<script>"):
        assert bad not in running.say(GET + b"X-Request-Id: " + bad + b"\r\n" + LAST)


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        (b"Origin: https://evil.example", 403),
        (b"Origin: null", 403),
        (b"Sec-Fetch-Site: cross-site", 403),
        (b"Sec-Fetch-Site: same-site", 403),
        (b"Origin: http://localhost", 400),
        (b"Sec-Fetch-Site: same-origin", 400),
        (b"Sec-Fetch-Site: none", 400),
    ],
)
def test_pages_of_other_sites_change_nothing(running: Running, header: bytes, wanted: int) -> None:
    answer = running.say(POST + header + b"\r\nContent-Length: 1\r\n" + LAST + b"x")
    assert status(answer) == wanted
    preflight = GET.replace(b"GET", b"OPTIONS") + b"Access-Control-Request-Method: PUT\r\n"
    answer = running.say(preflight + b"Origin: https://evil.example\r\n" + LAST)
    assert status(answer) == 405
    assert b"access-control-allow" not in answer


def test_clients_that_do_not_read_are_dropped(tmp_path: Path) -> None:
    environment = {"PROTOLITH_HTTP_ANSWER_SECONDS": "1", "PROTOLITH_HTTP_IDLE_SECONDS": "60"}
    with server(tmp_path, **environment) as running:
        with running.connect() as opened:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            opened.settimeout(0.5)
            end = time.monotonic() + 20
            dropped = False
            while not dropped and time.monotonic() < end:
                try:
                    opened.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * 50)
                except TimeoutError:
                    continue
                except OSError:
                    dropped = True
            assert dropped
        check_it_lives(running)


def test_limits_that_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    from protolith import MalformedError  # noqa: PLC0415
    from protolith.web.limits import server_limits  # noqa: PLC0415

    assert server_limits() == ServerLimits()
    for value in ("0", "-1", "x", "inf", "nan", "1.5"):
        monkeypatch.setenv("PROTOLITH_HTTP_BODY_BYTES", value)
        with pytest.raises(MalformedError, match="is not a limit"):
            server_limits()
    monkeypatch.setenv("PROTOLITH_HTTP_BODY_BYTES", "17")
    assert server_limits().body_bytes == 17


def test_normal_clients_are_answered_while_others_are_slow(running: Running) -> None:
    many = slow(running, GET, 150) + slow(running, POST + b"Content-Length: 9\r\n\r\n", 150)
    statuses: list[int] = []

    def ask() -> None:
        statuses.extend(status(running.say(GET + LAST)) for _ in range(20))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one in many:
        one.close()
    assert statuses == [200] * 80
