"""A component for Autobahn|Python with a procedure of two numbers, given by its name and
calculation.

It counts and logs as the components of the example caller-performance do."""

from autobahn.twisted.wamp import ApplicationSession
from autobahn.wamp.types import RegisterOptions

# Interval at which a quiet component logs that it is alive.
QUIET_CALLS = 10_000


def component(procedure, calculate, invoke="single"):
    """The class of a component that registers `procedure` when it joins."""

    class AppSession(ApplicationSession):
        calls = 0

        def onJoin(self, details):
            return self.register(self.answer, procedure, RegisterOptions(invoke=invoke))

        def answer(self, a, b, verbose=True):
            self.calls += 1
            result = calculate(a, b)
            if verbose or self.calls % QUIET_CALLS == 0:
                self.log.info("{procedure}: call {calls}, result {result}",
                              procedure=procedure, calls=self.calls, result=result)
            return result

    return AppSession
