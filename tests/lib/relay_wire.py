"""What passes over a Wire, as the messages of relay.proto; and a relay that
lies, by changing them."""
import collections

from relay_client import pb
from sotto_test.wire import BINARY, DOWN, UP, Wire

# kind: as in the oneof of ClientMessage and ServerMessage.
Said = collections.namedtuple("Said", "link way kind body")


def split(way, data):
    """The messages of a frame: [(kind, body)]."""
    frame = (pb.ClientFrame if way == UP else pb.ServerFrame).FromString(data)
    found = []
    for m in frame.messages:
        kind = m.WhichOneof("of")
        if kind:
            found.append((kind, getattr(m, kind)))
    return found


def join(way, said):
    """The frame of [(kind, body)]."""
    frame, message = (pb.ClientFrame, pb.ClientMessage) if way == UP else \
        (pb.ServerFrame, pb.ServerMessage)
    return frame(messages=[message(**{kind: body}) for kind, body in said]) \
        .SerializeToString()


def said(wire, way, kind=None):
    """All messages that came from that side, in order."""
    return [Said(m.link, way, k, body) for m in wire.recorded(way, BINARY)
            for k, body in split(way, m.data) if kind in (None, k)]


class Liar(Wire):
    """Between a relay and its clients. When a test has set it,
    lie(link, way, kind, body) sees each message and returns None to pass it on,
    or [(kind, body)] to pass instead. link.role is pb.OWNER or pb.SENDER."""

    def __init__(self, relay, lie=None, keep=False):
        self.lie = lie
        super().__init__(relay, keep, self._change)

    def _change(self, link, way, data):
        try:
            messages = split(way, data)
            for kind, body in messages:
                if kind == "hello":
                    link.role = body.role
            if not self.lie:
                return None
            out = []
            for kind, body in messages:
                instead = self.lie(link, way, kind, body)
                out += [(kind, body)] if instead is None else instead
        except Exception as e:
            # A mistake of the test itself must not pass for a fault.
            self.error = e
            raise
        return join(way, out) if out else []

    def owners(self):
        with self.changed:
            return [x for x in self.links
                    if x.open and getattr(x, "role", None) == pb.OWNER]

    def tell(self, link, *messages):
        """Says [(kind, body)] to the client, in the relay's name."""
        link.send(DOWN, join(DOWN, messages))
