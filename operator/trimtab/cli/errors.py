"""What a person is told when a verb cannot do what was asked: a sentence, the next command, and an exit code for scripts.

UserError               1   it was looked at, and the answer is no
+-- Usage               2   the command was written in a way that means nothing (what typer itself finds ends with 2, too)
+-- NotThere            3   there is no such object
+-- TimedOut            4   it may still come; the time given was over
+-- NoCluster           5   the cluster does not answer, or does not let this person in
"""


class UserError(Exception):
    """A sentence, and in `hint` the command that comes next."""

    code = 1

    def __init__(self, sentence: str, hint: str = "") -> None:
        super().__init__(sentence)
        self.sentence, self.hint = sentence, hint


class Usage(UserError):  # noqa: N818
    code = 2


class NotThere(UserError):  # noqa: N818
    code = 3


class TimedOut(UserError):  # noqa: N818
    code = 4


class NoCluster(UserError):  # noqa: N818
    code = 5
