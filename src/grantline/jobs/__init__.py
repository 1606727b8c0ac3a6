"""Jobs: work in the background that any node may do and one does at a time, claimed in the database.

What the jobs are is said in `web/background.py`.
"""

from grantline.jobs.claims import Claim, ClaimLost, claim_job
from grantline.jobs.runner import Job, do_due_jobs

__all__ = ["Claim", "ClaimLost", "Job", "claim_job", "do_due_jobs"]
