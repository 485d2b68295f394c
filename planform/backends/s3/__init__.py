"""State in a bucket of S3, by conditional writes alone (S5.3).

For the state `team/main.json` the bucket holds

    team/main.json                          the state
    team/main.ledger.json                   the ledger of runs
    team/main.json.lock                     who holds it: written only if absent, touched every ten seconds
    team/main.json.journal/<lineage>/<n>    what happened since the state was written, one object an append
    team/main.json.backup                   the state before its last change

The journal is the fence. Its objects are numbered without a gap and written only if absent, and whoever takes the lock
first writes one of its own (an epoch). A former holder that wakes up finds its next number taken, and stops.
"""
