"""A master by opendnp3, run as a process: each command of standard input is answered by one line of JSON."""

from __future__ import annotations

import json
import queue
import sys
import threading
from typing import Any

import opendnp3 as o


class Values(o.ISOEHandler):  # type: ignore[misc]  # opendnp3 has no types
    def __init__(self) -> None:
        super().__init__()
        self.found: list[list[Any]] = []

    def BeginFragment(self, info: Any) -> None:  # noqa: N802 - opendnp3's names
        pass

    def EndFragment(self, info: Any) -> None:  # noqa: N802
        pass

    def OnDeviceAttribute(self, *arguments: Any) -> None:  # noqa: N802
        pass

    def OnRawAPDU(self, *arguments: Any) -> None:  # noqa: N802
        pass

    def Process(self, info: Any, values: Any) -> None:  # noqa: N802
        for one in values:
            kind = {"Analog": "AI", "Binary": "BI"}.get(type(one.value).__name__, "?")
            self.found.append(
                [kind, one.index, int(one.value.value), int(one.value.flags.value), bool(info.isEventVariation)]
            )


class Application(o.IMasterApplication):  # type: ignore[misc]  # opendnp3 has no types
    def __init__(self, done: queue.Queue[str]) -> None:
        super().__init__()
        self.done, self.iin, self.restarts = done, [0, 0], 0
        self.opened = threading.Event()

    def OnReceiveIIN(self, iin: Any) -> None:  # noqa: N802
        self.iin = [int(iin.LSB), int(iin.MSB)]
        self.restarts += self.iin[0] >> 7

    def OnTaskStart(self, kind: Any, task: Any) -> None:  # noqa: N802
        pass

    def OnTaskComplete(self, info: Any) -> None:  # noqa: N802
        if "USER" in str(info.type):
            self.done.put(str(info.result))

    def OnOpen(self) -> None:  # noqa: N802
        self.opened.set()

    def OnClose(self) -> None:  # noqa: N802
        pass

    def AssignClassDuringStartup(self) -> bool:  # noqa: N802
        return False


class Channel(o.IChannelListener):  # type: ignore[misc]  # opendnp3 has no types
    def OnStateChange(self, state: Any) -> None:  # noqa: N802
        pass


def main() -> None:
    done: queue.Queue[str] = queue.Queue()
    manager = o.DNP3Manager(1)
    retry, endpoint = o.ChannelRetry.Default(), o.IPEndpoint("127.0.0.1", int(sys.argv[1]))
    channel = manager.AddTCPClient("client", o.levels.NOTHING, retry, [endpoint], "0.0.0.0", Channel())
    config = o.MasterStackConfig()
    config.link.LocalAddr, config.link.RemoteAddr = 1, 10
    config.master.disableUnsolOnStartup = False
    values, application = Values(), Application(done)
    master = channel.AddMaster("master", values, application, config)
    master.Enable()
    if not application.opened.wait(20):
        raise SystemExit("no connection")  # a scan before it fails at once
    for line in sys.stdin:
        sys.stdout.write(json.dumps(act(line.split(), master, values, application, done)) + "\n")
        sys.stdout.flush()
    manager.Shutdown()


def act(words: list[str], master: Any, values: Values, application: Application, done: queue.Queue[str]) -> Any:
    values.found = []
    if words[0] == "scan":
        field = {"integrity": o.ClassField.AllClasses, "events": o.ClassField.AllEventClasses}[words[1]]()
        master.ScanClasses(field, values)
        return {
            "result": done.get(timeout=20),
            "values": values.found,
            "iin": application.iin,
            "restarts": application.restarts,
        }
    answers: queue.Queue[Any] = queue.Queue()
    if words[0] == "restart":
        master.Restart(o.RestartType.COLD, lambda result: answers.put([str(result.summary)]))
        return finished(answers, done)
    command = o.AnalogOutputInt32(5)
    if words[0] == "crob":
        command = o.ControlRelayOutputBlock(o.OperationType.LATCH_ON)
    operate = master.SelectAndOperate if words[1] == "select" else master.DirectOperate
    operate(command, 0, lambda r: answers.put([str(r.summary), [str(one.status) for one in r.to_list()]]))
    return finished(answers, done)


def finished(answers: queue.Queue[Any], done: queue.Queue[str]) -> Any:
    done.get(timeout=20)  # told beside the answer; left there it would end the next scan
    return answers.get(timeout=20)


if __name__ == "__main__":
    main()
