"""The road between a client and the door: it carries bytes, and tells or loses them when a test says so."""

from __future__ import annotations

import contextlib
import socket
import threading

PIECE = 65_536


class Road:
    """Listens on a port of its own and carries each connection to the door's port."""

    def __init__(self, door: int) -> None:
        self.door = door
        self.turned_away = 0
        """Connections that found no door."""
        self.lost_answers = 0
        self._to_lose = 0
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = int(self._listener.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def lose_answers(self, count: int) -> None:
        """Cut the next connections that carry a POST when its answer comes: the door knows, the client does not."""
        with self._lock:
            self._to_lose = count

    def close(self) -> None:
        """Take no more connections."""
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return  # closed
            threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client: socket.socket) -> None:
        try:
            door = socket.create_connection(("127.0.0.1", self.door), 10)
        except OSError:
            self.turned_away += 1
            client.close()
            return
        posted = threading.Event()
        there = threading.Thread(target=self._there, args=(client, door, posted), daemon=True)
        there.start()
        # A killed door resets its connections; to the client that is the end of the connection.
        with contextlib.suppress(OSError):
            while piece := door.recv(PIECE):
                if posted.is_set() and self._loses():
                    break
                client.sendall(piece)
        for end in (client, door):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _there(self, client: socket.socket, door: socket.socket, posted: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while piece := client.recv(PIECE):
                if piece.startswith(b"POST "):
                    posted.set()
                door.sendall(piece)
            door.shutdown(socket.SHUT_WR)

    def _loses(self) -> bool:
        with self._lock:
            if not self._to_lose:
                return False
            self._to_lose -= 1
            self.lost_answers += 1
            return True
