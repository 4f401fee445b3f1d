"""Installations for tests and measurements."""

import pickle

from tests.installation import Installation


def test_another_process_can_be_given_an_installation():
    one = Installation("other", redis_db=9, worker_port=16999, engines={"REDIS_PORT": "1"})
    assert pickle.loads(pickle.dumps(one)).variables() == one.variables()  # noqa: S301 - its own bytes
