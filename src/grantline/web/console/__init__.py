"""The API console: pages for the people who build apps (R23–R50).

Every page needs a signed-in person, every change a form token, our own Origin and, where it could open the
account to an app, a password that is at most ten minutes old (T5). A client of somebody else is a client that
does not exist (T143). `entrance` sees to the first and the last, `confirm` to the password; the records
themselves are in `clients`.
"""
