"""A server that keeps what it is sent, for those who replay the past against it."""

import asyncio
import json


class Kept:
    """A server: answers with `codes` in turn, the last one for ever, and keeps every body by its path."""

    def __init__(self, *codes: int, label_codes: tuple[int, ...] = (202,), pause: float = 0.0) -> None:
        self.codes, self.label_codes, self.pause = list(codes or (200,)), list(label_codes), pause
        self.asked, self.labels, self.connections = [], [], 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := (await reader.readuntil(b"\r\n\r\n")).decode():
                length = int(head.lower().split("content-length: ")[1].split("\r\n")[0])
                body = json.loads(await reader.readexactly(length))
                await asyncio.sleep(self.pause)
                codes, kept = (self.label_codes, self.labels) if "/labels" in head.split("\r\n")[0] else (self.codes, self.asked)
                code = codes.pop(0) if len(codes) > 1 else codes[0]
                if code in (200, 202):
                    kept.append(body)
                writer.write(f"HTTP/1.1 {code} Word\r\nx-trimtab-version: 7\r\ncontent-length: 2\r\n\r\n{{}}".encode())
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()

    @property
    def known(self) -> dict[str, str]:
        return {each["id"]: each["label"] for body in self.labels for each in body}
