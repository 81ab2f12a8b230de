"""Telling webhooks, in the worker."""

from backend.events import webhooks
from backend.jobs.periodic import periodic
from backend.jobs.resources import Resources
from backend.jobs.runner import JobRun, job_handler


@periodic("webhooks", seconds=5)
def find_untold_webhooks(resources: Resources) -> None:
    """Enqueues what `tell_webhook` does."""
    webhooks.enqueue_deliveries(resources.database)


@job_handler(webhooks.DELIVER)
def tell_webhook(run: JobRun) -> None:
    """Posts a webhook's events. A job of its own: an address that is slow or away holds up nothing else."""
    webhooks.deliver(run.resources.database, run.args["webhook_id"])
