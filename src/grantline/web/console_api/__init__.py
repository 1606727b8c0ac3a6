"""The console's API: what the console's pages do, for programs, under `/console/api/v1`.

`table` lists every operation; `operations` says what an operation is; `caller` who calls and with which
rights; `problems` how a refusal is told (RFC 9457); `openapi` makes the description out of the table. A file
for each resource holds its schemas and what is done, by the same functions that the pages call.
"""

from grantline.web.console_api.answering import ADDRESSES, ROOT, answer_call, refuse_call

__all__ = ["ADDRESSES", "ROOT", "answer_call", "refuse_call"]
