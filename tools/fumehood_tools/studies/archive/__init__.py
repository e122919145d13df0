"""Archives: a whole study in one zip file that a stranger verifies with a public key.

    README.md  CITATION.cff  notebook.md      for people
    ro-crate-metadata.json                    RO-Crate 1.3, with the runs as a Process Run Crate
    archive.intoto.json                       signed list of all other files, with the ledger's head
    receipts.intoto.jsonl                     every receipt, signed, as `fumehood verify --export`
    ledger.json                               MAC of every ledger line; line of every receipt
    plans/ reports/ variants/ weights/        what the receipts list by digest
    public-key.pem                            the key; trust only one that was published elsewhere

zips.py      write and read zip files whose every byte is decided by their content
crate.py     the RO-Crate metadata and CITATION.cff
writing.py   collect a study and write its archive
checking.py  check signatures, digests and ledger of an archive
honesty.py   check that its entries, plans, claims and reports are what its receipts say
rescoring.py score SAEs of an archive again
"""
