"""Who runs a trainer on AWS."""

from __future__ import annotations

from planform.core.errors import ProviderError
from planform.core.executor import Executor
from planform.core.state import TUNING
from planform.core.tuning import is_tuning
from planform.core.values import Object
from planform.providers.aws.clients import Clients


def executor_for(clients: Clients, desired: Object) -> Executor:
    """The executor of a trainer: what it says, else the queue decides.

    Raises:
        ProviderError: it names an executor of another provider.
    """
    from planform.providers.aws.jobs.batch import BatchExecutor
    from planform.providers.aws.jobs.sagemaker import SageMakerExecutor

    if is_tuning(desired) or str(desired.get("executor")).endswith(TUNING):
        from planform.providers.aws.jobs.tuning import TuningExecutor

        return TuningExecutor(clients)
    chosen = desired.get("executor") or ("batch" if desired.get("queue") else "sagemaker")
    if chosen == "batch":
        return BatchExecutor(clients)
    if chosen == "sagemaker":
        return SageMakerExecutor(clients)
    raise ProviderError(
        f'executor "{chosen}" is not one of AWS.', suggestion="Use sagemaker or batch, or provider: local."
    )
