"""Bulk jobs: many records out as a CSV in a ZIP, or in from one.

`endpoints.py` takes and shows jobs, `jobs.py` stores them. A process of its own carries them out
(`worker.py`), batch by batch, in turns between the organizations; after each batch the job's row says how far
it came, so a job goes on where it stopped. `supervisor.py` lives in the server: it keeps that process running
and tells callbacks. `reading.py` and `writing.py` are the two kinds of job, `archive.py` and `lines.py` the
suspicion with which an upload is opened.
"""
